//! The exact envelope of contiguous points.

use crate::model::Point;

/// The exact envelope of contiguous points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// How many points.
    pub count: u64,
    /// How many of them are NaN.
    pub nan_count: u64,
    /// The first.
    pub first: Point,
    /// The last.
    pub last: Point,
    /// The earliest with the least value; `None` if all are NaN.
    pub min: Option<Point>,
    /// The earliest with the greatest value; `None` if all are NaN.
    pub max: Option<Point>,
}

impl Bucket {
    /// The envelope of one point.
    #[must_use]
    pub fn of(point: Point) -> Self {
        let number = (!point.value.is_nan()).then_some(point);
        Self {
            count: 1,
            nan_count: u64::from(number.is_none()),
            first: point,
            last: point,
            min: number,
            max: number,
        }
    }

    /// The envelope of points in any order; `None` of none.
    #[must_use]
    pub fn of_all(points: &[Point]) -> Option<Self> {
        points
            .iter()
            .map(|point| Self::of(*point))
            .reduce(Self::merge)
    }

    /// The envelope of both's points; the order of merging does not matter.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            nan_count: self.nan_count + other.nan_count,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            min: extreme(self.min, other.min, |candidate, best| candidate < best),
            max: extreme(self.max, other.max, |candidate, best| candidate > best),
        }
    }
}

/// The better of two points; of equal values the earlier.
fn extreme(
    left: Option<Point>,
    right: Option<Point>,
    better: impl Fn(f64, f64) -> bool,
) -> Option<Point> {
    let (Some(left), Some(right)) = (left, right) else {
        return left.or(right);
    };
    let take_right = better(right.value, left.value) || (right.value == left.value && right < left);
    Some(if take_right { right } else { left })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nan_is_counted_but_never_an_extreme() {
        let points = [
            Point::new(0, 0, f64::NAN),
            Point::new(1, 0, 2.0),
            Point::new(2, 0, 2.0),
            Point::new(3, 0, -1.0),
        ];
        let bucket = Bucket::of_all(&points).unwrap();
        assert_eq!((bucket.count, bucket.nan_count), (4, 1));
        assert_eq!((bucket.first, bucket.last), (points[0], points[3]));
        assert_eq!((bucket.min, bucket.max), (Some(points[3]), Some(points[1])));
        assert_eq!(Bucket::of(points[0]).max, None);
    }

    proptest! {
        #[test]
        fn the_order_of_merging_does_not_matter(
            values in prop::collection::vec((0..20i64, 0..3i64, prop_oneof![Just(f64::NAN), Just(-0.0), Just(0.0), -3.0..3.0f64]), 1..30),
            cut in 0..30usize,
        ) {
            let points: Vec<Point> = values.into_iter().map(|(step, time, value)| Point::new(step, time, value)).collect();
            let whole = Bucket::of_all(&points);
            let mut turned = points.clone();
            turned.rotate_left(cut % points.len());
            turned.reverse();
            prop_assert_eq!(Bucket::of_all(&turned), whole);
        }
    }
}
