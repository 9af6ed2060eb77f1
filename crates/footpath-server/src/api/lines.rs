//! Lines through envelopes, packed so that a page has not to read digits: for plots of many series.
//!
//! ```text
//! length of the head: u32 · zero: u32 · head: JSON, blanks up to a multiple of 8 bytes
//! of each series, as long as the head says: steps · times, if they were asked for · values
//! ```
//!
//! All numbers are 64-bit floats, little endian; times are milliseconds since the series' `time_ms`.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use footpath_track::series::Bucket;
use footpath_track::{Point, RunId};
use serde::Serialize;

use crate::failure::Failure;

/// The media type of packed lines.
const KIND: &str = "application/octet-stream";

/// What the head says of a series.
#[derive(Serialize)]
struct Head<'a> {
    run: &'a RunId,
    key: &'a str,
    points: usize,
    /// The time of the first point, Unix milliseconds.
    time_ms: i64,
}

#[derive(Serialize)]
struct Heads<'a> {
    series: &'a [Head<'a>],
}

/// Lines, one after the other.
pub(super) struct Lines<'a> {
    heads: Vec<Head<'a>>,
    numbers: Vec<u8>,
    times: bool,
}

impl<'a> Lines<'a> {
    /// None yet; with the points' times if wanted.
    pub(super) fn new(times: bool) -> Self {
        Self {
            heads: Vec::new(),
            numbers: Vec::new(),
            times,
        }
    }

    pub(super) fn add(&mut self, run: &'a RunId, key: &'a str, buckets: &[Bucket]) {
        let points = through(buckets);
        let Some(first) = points.first() else { return };
        let time_ms = first.time_ms;
        let columns = if self.times { 3 } else { 2 };
        self.numbers.reserve(points.len() * columns * 8);
        let mut put = |of: &dyn Fn(&Point) -> f64| {
            for point in &points {
                self.numbers.extend_from_slice(&of(point).to_le_bytes());
            }
        };
        put(&|point| point.step as f64);
        if self.times {
            put(&|point| point.time_ms.saturating_sub(time_ms) as f64);
        }
        put(&|point| point.value);
        self.heads.push(Head {
            run,
            key,
            points: points.len(),
            time_ms,
        });
    }

    /// The answer.
    pub(super) fn pack(self) -> Result<Response, Failure> {
        let mut packed = vec![0; 8];
        let heads = Heads {
            series: &self.heads,
        };
        serde_json::to_writer(&mut packed, &heads)
            .map_err(|error| Failure::internal(error.to_string()))?;
        packed.resize(packed.len().next_multiple_of(8), b' ');
        let length = u32::try_from(packed.len() - 8)
            .map_err(|error| Failure::internal(error.to_string()))?;
        packed[..4].copy_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&self.numbers);
        Ok(([(header::CONTENT_TYPE, KIND)], packed).into_response())
    }
}

/// The line through an envelope: each bucket's first, least, greatest and last point, in order.
fn through(buckets: &[Bucket]) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::with_capacity(buckets.len() * 2);
    for bucket in buckets {
        let mut own = [
            Some(bucket.first),
            bucket.min,
            bucket.max,
            Some(bucket.last),
        ];
        own.sort_unstable();
        for point in own.into_iter().flatten() {
            if points.last() != Some(&point) {
                points.push(point);
            }
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_gives_its_own_points_once() {
        let points: Vec<Point> = [1.0, 5.0, 0.0, 2.0, 7.0]
            .iter()
            .enumerate()
            .map(|(step, value)| Point::new(step as i64, 0, *value))
            .collect();
        let whole = Bucket::of_all(&points[..4]).unwrap();
        let steps = |buckets: &[Bucket]| {
            let points = through(buckets);
            points.iter().map(|point| point.step).collect::<Vec<_>>()
        };
        assert_eq!(steps(&[whole, Bucket::of(points[4])]), [0, 1, 2, 3, 4]);
        let falling = Bucket::of_all(&points[1..3]).unwrap();
        assert_eq!(steps(&[falling]), [1, 2]);
        assert!(steps(&[]).is_empty());
    }
}
