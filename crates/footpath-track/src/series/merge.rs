//! Late points find their places among the chunks.

use super::chunk::CHUNK_POINTS;
use crate::model::Point;

/// Sorts points and drops those that are there twice.
pub(crate) fn sort(points: &mut Vec<Point>) {
    if !points.is_sorted_by(|left, right| left < right) {
        points.sort_unstable();
        points.dedup();
    }
}

/// Deals sorted points out to the chunks they fall into: one list for each chunk (by its last
/// point, ascending) and one for those behind the last.
pub(crate) fn deal(chunk_lasts: &[Point], points: &[Point]) -> Vec<Vec<Point>> {
    let mut rest = points;
    let mut dealt = Vec::with_capacity(chunk_lasts.len() + 1);
    for last in chunk_lasts {
        let (within, behind) = rest.split_at(rest.partition_point(|point| point <= last));
        dealt.push(within.to_vec());
        rest = behind;
    }
    dealt.push(rest.to_vec());
    dealt
}

/// Merges two sorted lists without duplicates into one.
pub(crate) fn merge(left: Vec<Point>, right: Vec<Point>) -> Vec<Point> {
    let mut points = left;
    points.extend(right);
    sort(&mut points);
    points
}

/// Cuts points into as few chunks of at most [`CHUNK_POINTS`] as can be, of even sizes.
pub(crate) fn cut(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    let chunks = points.len().div_ceil(CHUNK_POINTS).max(1);
    points.chunks(points.len().div_ceil(chunks).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chunks_are_even() {
        let points: Vec<Point> = (0..5000).map(|i| Point::new(i, 0, 0.0)).collect();
        assert_eq!(
            cut(&points).map(<[Point]>::len).collect::<Vec<_>>(),
            [2500, 2500]
        );
        assert_eq!(cut(&points[..0]).count(), 0);
    }

    proptest! {
        #[test]
        fn dealt_points_keep_the_chunks_in_order(steps in prop::collection::btree_set(0..100i64, 0..40), lasts in prop::collection::btree_set(0..100i64, 0..6)) {
            let points: Vec<Point> = steps.into_iter().map(|step| Point::new(step, 0, 0.0)).collect();
            let lasts: Vec<Point> = lasts.into_iter().map(|step| Point::new(step, 0, 0.0)).collect();
            let dealt = deal(&lasts, &points);
            prop_assert_eq!(dealt.concat(), points);
            for (at, last) in lasts.iter().enumerate() {
                prop_assert!(dealt[at].iter().all(|point| point <= last));
                prop_assert!(dealt[at + 1].iter().all(|point| point > last));
            }
        }
    }
}
