//! Points as files: several series together, and none longer than a plot can show.

use std::collections::BTreeMap;

use footpath_track::access::Access;
use footpath_track::series::{Bucket, PointRange};
use footpath_track::{Error, Point, RunId, SeriesSummary};

use super::PublishError;
use super::folder::Folder;
use crate::api::{PointOut, point};

/// Longer series are thinned: to the first, least, greatest and last point of each of [`BUCKETS`]
/// equal parts of their steps, so that no extreme is lost.
const WHOLE: u64 = 20_000;
/// How many parts.
const BUCKETS: i128 = 5_000;
/// A file holds about so many points.
const PACK_POINTS: usize = 20_000;
/// So many points are read at once.
const PAGE: usize = 50_000;

/// A series as it is published.
pub(super) fn thinned(
    source: &dyn Access,
    run: &RunId,
    key: &str,
    series: &SeriesSummary,
) -> Result<Vec<Point>, Error> {
    let mut thin = Thin::new(series);
    let mut kept = Vec::new();
    let mut after = None;
    loop {
        let range = PointRange {
            from_step: i64::MIN,
            to_step: i64::MAX,
            after,
            limit: PAGE,
        };
        let points = source.points(run, key, &range)?;
        after = points.last().copied();
        let whole = points.len() < PAGE;
        if series.count <= WHOLE {
            kept.extend(points);
        } else {
            for point in points {
                thin.add(point);
            }
        }
        if whole {
            kept.extend(thin.finish());
            return Ok(kept);
        }
    }
}

/// Points in equal parts of a range of steps.
struct Thin {
    from: i64,
    span: i128,
    open: Option<(i128, Bucket)>,
    kept: Vec<Point>,
}

impl Thin {
    fn new(series: &SeriesSummary) -> Self {
        let (from, to) = (series.first.step, series.last.step);
        Self {
            from,
            span: (i128::from(to) - i128::from(from)).max(1),
            open: None,
            kept: Vec::new(),
        }
    }

    fn add(&mut self, point: Point) {
        let part = (i128::from(point.step) - i128::from(self.from)) * BUCKETS / (self.span + 1);
        match &mut self.open {
            Some((open, bucket)) if *open == part => *bucket = bucket.merge(Bucket::of(point)),
            _ => {
                self.close();
                self.open = Some((part, Bucket::of(point)));
            }
        }
    }

    fn close(&mut self) {
        let Some((_, bucket)) = self.open.take() else {
            return;
        };
        let mut points: Vec<Point> = [
            Some(bucket.first),
            bucket.min,
            bucket.max,
            Some(bucket.last),
        ]
        .into_iter()
        .flatten()
        .collect();
        points.sort_unstable();
        points.dedup();
        self.kept.extend(points);
    }

    fn finish(mut self) -> Vec<Point> {
        self.close();
        self.kept
    }
}

/// The files of a run's points.
pub(super) struct Packs {
    run: usize,
    next: usize,
    open: BTreeMap<String, Vec<PointOut>>,
    places: BTreeMap<String, usize>,
}

impl Packs {
    /// Of the run with this number.
    pub(super) fn new(run: usize) -> Self {
        Self {
            run,
            next: 0,
            open: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        key: &str,
        points: &[Point],
        folder: &mut Folder,
    ) -> Result<(), PublishError> {
        let held: usize = self.open.values().map(Vec::len).sum();
        if held > 0 && held + points.len() > PACK_POINTS {
            self.close(folder)?;
        }
        self.places.insert(key.to_owned(), self.next);
        self.open.insert(
            key.to_owned(),
            points.iter().map(|one| point(*one)).collect(),
        );
        Ok(())
    }

    fn close(&mut self, folder: &mut Folder) -> Result<(), PublishError> {
        let pack = std::mem::take(&mut self.open);
        folder.put_json(
            &format!("data/runs/{}/points-{}.json", self.run, self.next),
            &pack,
        )?;
        self.next += 1;
        Ok(())
    }

    /// Which file each metric is in.
    pub(super) fn finish(
        mut self,
        folder: &mut Folder,
    ) -> Result<BTreeMap<String, usize>, PublishError> {
        if !self.open.is_empty() {
            self.close(folder)?;
        }
        Ok(self.places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let points: Vec<Point> = (0..100_000)
            .map(|step| {
                Point::new(
                    step,
                    step,
                    if step == 77_777 {
                        9.0
                    } else {
                        (step % 7) as f64 / 10.0
                    },
                )
            })
            .collect();
        let whole = Bucket::of_all(&points).unwrap();
        let series = SeriesSummary {
            count: whole.count,
            nan_count: whole.nan_count,
            first: whole.first,
            last: whole.last,
            min: whole.min,
            max: whole.max,
        };
        let mut thin = Thin::new(&series);
        for point in &points {
            thin.add(*point);
        }
        let kept = thin.finish();
        assert!(
            kept.len() <= 4 * 5_000 && kept.len() > 5_000,
            "{}",
            kept.len()
        );
        assert!(kept.is_sorted());
        let thinned = Bucket::of_all(&kept).unwrap();
        assert_eq!(
            (thinned.first, thinned.last, thinned.min, thinned.max),
            (whole.first, whole.last, whole.min, whole.max)
        );
    }
}
