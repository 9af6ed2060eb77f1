//! Roll-ups: the envelopes of each 64 points of a chunk, so that a plot of a million points
//! need not read them.

use super::{Bucket, chunk};
use crate::model::Point;

/// How many points a roll-up's bucket holds; the last of a chunk may hold fewer.
pub(crate) const BUCKET_POINTS: usize = 64;

/// The roll-up of a chunk's points: four blocks of points in one (first, last, least and
/// greatest of each bucket), then a byte a bucket: how many are NaN.
pub(crate) fn encode(points: &[Point]) -> Vec<u8> {
    let buckets: Vec<Bucket> = points
        .chunks(BUCKET_POINTS)
        .filter_map(Bucket::of_all)
        .collect();
    let mut parts = Vec::with_capacity(buckets.len() * 4);
    parts.extend(buckets.iter().map(|bucket| bucket.first));
    parts.extend(buckets.iter().map(|bucket| bucket.last));
    parts.extend(
        buckets
            .iter()
            .map(|bucket| bucket.min.unwrap_or(bucket.first)),
    );
    parts.extend(
        buckets
            .iter()
            .map(|bucket| bucket.max.unwrap_or(bucket.first)),
    );
    let mut rollup: Vec<u8> = buckets
        .iter()
        .map(|bucket| bucket.nan_count as u8)
        .collect();
    rollup.extend_from_slice(&chunk::encode(&parts));
    rollup
}

/// The buckets of the roll-up of a chunk with so many points.
///
/// # Errors
/// What is wrong with the bytes; no bytes panic.
pub(crate) fn decode(points: usize, rollup: &[u8]) -> Result<Vec<Bucket>, &'static str> {
    let count = points.div_ceil(BUCKET_POINTS);
    let (nan_counts, block) = rollup.split_at_checked(count).ok_or("it is too short")?;
    let parts = chunk::decode(block)?;
    if parts.len() != count * 4 {
        return Err("its buckets do not fit its chunk");
    }
    let number = |point: Point| (!point.value.is_nan()).then_some(point);
    Ok((0..count)
        .map(|at| Bucket {
            count: BUCKET_POINTS.min(points - at * BUCKET_POINTS) as u64,
            nan_count: u64::from(nan_counts[at]),
            first: parts[at],
            last: parts[count + at],
            min: number(parts[2 * count + at]),
            max: number(parts[3 * count + at]),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_come_back(values in prop::collection::vec(prop_oneof![Just(f64::NAN), -1.0..1.0f64], 0..300)) {
            let points: Vec<Point> = values.iter().enumerate().map(|(i, value)| Point::new(i as i64, 0, *value)).collect();
            let buckets: Vec<Bucket> = points.chunks(BUCKET_POINTS).filter_map(Bucket::of_all).collect();
            prop_assert_eq!(decode(points.len(), &encode(&points)).unwrap(), buckets);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), points in 0..10_000usize) {
            let _ = decode(points, &bytes);
        }
    }
}
