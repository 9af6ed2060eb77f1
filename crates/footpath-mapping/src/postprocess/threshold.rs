//! Probabilities become masks.

use crate::plane::Plane;

/// 1 where the probability exceeds the threshold, 0 elsewhere (and where it is NaN).
#[must_use]
pub fn threshold(probabilities: &Plane<f32>, threshold: f32) -> Plane<u8> {
    probabilities.map(|probability| u8::from(probability > threshold))
}

/// Exactly `count` thresholds that cut 0..1 into equal parts: 19 give 0.05, 0.10, … 0.95.
#[must_use]
pub fn even_thresholds(count: u32) -> Vec<f32> {
    (1..=count)
        .map(|i| (f64::from(i) / f64::from(count + 1)) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_at_the_threshold_is_background() {
        let plane = Plane::new((4, 1), vec![0.4, 0.5, 0.6, f32::NAN]);
        assert_eq!(threshold(&plane, 0.5).values(), [0, 0, 1, 0]);
    }

    #[test]
    fn there_are_as_many_thresholds_as_asked() {
        let nineteen = even_thresholds(19);
        assert_eq!(nineteen.len(), 19);
        assert_eq!((nineteen[0], nineteen[9], nineteen[18]), (0.05, 0.5, 0.95));
        assert_eq!(even_thresholds(1), [0.5]);
    }
}
