//! Several networks look at one image.

use super::aggregate::{Aggregate, Join};
use crate::plane::Plane;
use footpath_vision::resample::resize_plane;

/// The networks' answers to one image as one, at the size of the first.
///
/// # Panics
/// If there is no answer.
#[must_use]
pub fn join_networks(answers: &[Plane<f32>], aggregate: Aggregate) -> Plane<f32> {
    assert!(!answers.is_empty(), "an ensemble without a network");
    let size = answers[0].size();
    let resized: Vec<Plane<f32>> = answers.iter().map(|a| resize_plane(a, size)).collect();
    let values: Vec<&[f32]> = resized.iter().map(Plane::values).collect();
    let mut joined = Vec::with_capacity(size.pixels());
    Join::new(aggregate, vec![1.0; values.len()], true).pixels(&values, &mut joined);
    Plane::new(size, joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_several_sizes_join_at_the_first_ones() {
        let small = Plane::filled((2, 2), 0.5);
        let large = Plane::filled((4, 6), 0.9);
        let joined = join_networks(&[small, large], Aggregate::Mean);
        assert_eq!(joined.size(), (2, 2).into());
        assert!(joined.values().iter().all(|p| (p - 0.7).abs() < 1e-6));
        let odds = |p: f32| {
            join_networks(
                &[Plane::filled((1, 1), 0.5), Plane::filled((1, 1), p)],
                Aggregate::Gmean,
            )
        };
        assert!((odds(0.9).values()[0] - 0.75).abs() < 1e-6);
    }
}
