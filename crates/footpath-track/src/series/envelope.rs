//! Exact zoom: what a plot needs of a series, from as few of its points as can be.
//!
//! A chunk that falls into one pixel is taken by its statistics alone, others by their
//! roll-up. A roll-up's bucket across the border of two pixels stands by itself if it is no
//! wider than a pixel; if it is wider, or crosses the edge of the plot, its chunk's points are
//! read. So each bucket given is the exact envelope of contiguous points.

use super::{Bucket, Scale, Zoom};
use crate::error::Error;
use crate::model::Point;

/// A contiguous part of a series, read as far as needed.
pub(crate) trait Segment {
    /// The envelope of its points.
    fn bucket(&self) -> Bucket;
    /// The envelopes of short runs of its points, in order.
    fn rollup(&self) -> Result<Vec<Bucket>, Error>;
    /// Its points, in order.
    fn points(&self) -> Result<Vec<Point>, Error>;
}

/// The buckets of a plot, from a series' segments in order.
pub(crate) fn envelope<S: Segment>(segments: &[S], zoom: &Zoom) -> Result<Vec<Bucket>, Error> {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return Ok(Vec::new());
    };
    let from = zoom.from_step.max(first.bucket().first.step);
    let to = zoom.to_step.min(last.bucket().last.step);
    if from > to {
        return Ok(Vec::new());
    }
    let mut plot = Plot {
        pixels: Pixels::new(from, to, zoom),
        buckets: Vec::new(),
        open: None,
    };
    for segment in segments {
        let whole = segment.bucket();
        if whole.last.step < from || whole.first.step > to {
            continue;
        }
        if plot.pixels.pixel_of(whole).is_some() {
            plot.add(whole);
            continue;
        }
        let rollup = segment.rollup()?;
        if rollup.iter().all(|bucket| plot.pixels.takes(*bucket)) {
            for bucket in rollup {
                plot.add(bucket);
            }
        } else {
            let points = segment.points()?;
            for point in points
                .into_iter()
                .filter(|point| (from..=to).contains(&point.step))
            {
                plot.add(Bucket::of(point));
            }
        }
    }
    plot.close();
    Ok(plot.buckets)
}

/// Steps to pixels.
struct Pixels {
    from: i64,
    to: i64,
    origin: f64,
    per_step: f64,
    scale: Scale,
}

impl Pixels {
    fn new(from: i64, to: i64, zoom: &Zoom) -> Self {
        let mut pixels = Self {
            from,
            to,
            origin: 0.0,
            per_step: 1.0,
            scale: zoom.scale,
        };
        let (left, right) = (pixels.position(from), pixels.position(to));
        let width = f64::from(zoom.width_px.max(1));
        pixels.origin = left;
        // The last step falls just within the last pixel.
        pixels.per_step = if right > left {
            width * (1.0 - 1e-12) / (right - left)
        } else {
            0.0
        };
        pixels
    }

    /// Where a step is, in pixels from the left edge.
    fn position(&self, step: i64) -> f64 {
        let place = match self.scale {
            Scale::Linear => step as f64,
            Scale::Log => (step as f64).max(1.0).log10(),
        };
        (place - self.origin) * self.per_step
    }

    fn contains(&self, bucket: Bucket) -> bool {
        bucket.first.step >= self.from && bucket.last.step <= self.to
    }

    /// The pixel that a bucket falls into whole.
    fn pixel_of(&self, bucket: Bucket) -> Option<i64> {
        let pixel = self.position(bucket.first.step).floor() as i64;
        (self.contains(bucket) && self.position(bucket.last.step).floor() as i64 == pixel)
            .then_some(pixel)
    }

    /// Whether a bucket can be drawn as it is: within the plot, and no wider than a pixel.
    fn takes(&self, bucket: Bucket) -> bool {
        self.contains(bucket)
            && self.position(bucket.last.step) - self.position(bucket.first.step) <= 1.0
    }
}

struct Plot {
    pixels: Pixels,
    buckets: Vec<Bucket>,
    /// The bucket that grows, and its pixel.
    open: Option<(i64, Bucket)>,
}

impl Plot {
    fn add(&mut self, bucket: Bucket) {
        let Some(pixel) = self.pixels.pixel_of(bucket) else {
            self.close();
            self.buckets.push(bucket);
            return;
        };
        match &mut self.open {
            Some((open, grown)) if *open == pixel => *grown = grown.merge(bucket),
            _ => {
                self.close();
                self.open = Some((pixel, bucket));
            }
        }
    }

    fn close(&mut self) {
        self.buckets
            .extend(self.open.take().map(|(_, bucket)| bucket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Chunk(Vec<Point>);

    impl Segment for Chunk {
        fn bucket(&self) -> Bucket {
            Bucket::of_all(&self.0).unwrap()
        }
        fn rollup(&self) -> Result<Vec<Bucket>, Error> {
            Ok(self.0.chunks(4).filter_map(Bucket::of_all).collect())
        }
        fn points(&self) -> Result<Vec<Point>, Error> {
            Ok(self.0.clone())
        }
    }

    proptest! {
        #[test]
        fn no_point_is_hidden_and_no_bucket_is_wide(
            steps in prop::collection::vec((0..9i64, -5.0..5.0f64), 1..400),
            chunk in 1..50usize, width_px in 1..60u32, from in -10..500i64, span in 0..3000i64, log in any::<bool>(),
        ) {
            let mut step = 0;
            let points: Vec<Point> = steps.iter().enumerate().map(|(i, (stride, value))| {
                step += stride;
                Point::new(step, i as i64, *value)
            }).collect();
            let segments: Vec<Chunk> = points.chunks(chunk).map(|points| Chunk(points.to_vec())).collect();
            let zoom = Zoom { from_step: from, to_step: from + span, width_px, scale: if log { Scale::Log } else { Scale::Linear } };
            let buckets = envelope(&segments, &zoom).unwrap();

            let shown: Vec<Point> = points.iter().copied().filter(|point| (from..=from + span).contains(&point.step)).collect();
            let mut rest = &shown[..];
            for bucket in &buckets {
                let (within, behind) = rest.split_at(bucket.count as usize);
                prop_assert_eq!(Bucket::of_all(within), Some(*bucket));
                rest = behind;
            }
            prop_assert!(rest.is_empty(), "{} points are hidden", rest.len());
            prop_assert!(buckets.len() <= 2 * width_px as usize + 1, "{} buckets", buckets.len());
            if let (Some(first), Some(last)) = (shown.first(), shown.last()) {
                let low = zoom.from_step.max(points[0].step);
                let high = zoom.to_step.min(points[points.len() - 1].step);
                let pixels = Pixels::new(low, high, &zoom);
                prop_assert!(pixels.position(first.step) >= 0.0 && pixels.position(last.step) < f64::from(width_px));
                prop_assert!(buckets.iter().all(|bucket| pixels.takes(*bucket)));
            }
        }
    }

    #[test]
    fn one_spike_among_a_million_is_seen() {
        let points: Vec<Point> = (0..1_000_000)
            .map(|i| Point::new(i, i, if i == 123_456 { 9.0 } else { 0.0 }))
            .collect();
        let segments: Vec<Chunk> = points
            .chunks(4096)
            .map(|points| Chunk(points.to_vec()))
            .collect();
        let buckets = envelope(&segments, &Zoom::whole(2000)).unwrap();
        let spikes: Vec<Point> = buckets
            .iter()
            .filter_map(|bucket| bucket.max)
            .filter(|point| point.value > 0.0)
            .collect();
        assert_eq!(spikes, [points[123_456]]);
    }
}
