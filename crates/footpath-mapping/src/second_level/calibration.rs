//! Scores that are probabilities.
//!
//! The second level's score ranks buildings by the `IoU` it expects. What a map wants to know is how
//! often a building of that score is one: [`Calibration`] learns that from scores that trees gave to
//! tiles they never saw, by isotonic regression (pool adjacent violators; Zadrozny and Elkan 2002,
//! DOI 10.1145/775047.775151).

use serde::{Deserialize, Serialize};

/// A rising map from scores to probabilities, linear between its points.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Score and probability, both rising.
    points: Vec<(f64, f64)>,
}

/// Neighbouring scores that share a probability.
struct Pool {
    low: f64,
    high: f64,
    hits: f64,
    members: f64,
}

impl Pool {
    fn share(&self) -> f64 {
        self.hits / self.members
    }

    /// Its middle, and its share of hits with one more of each kind, which keeps pools of few
    /// members from certainty (Laplace's rule of succession).
    fn point(&self) -> (f64, f64) {
        let middle = self.low + (self.high - self.low) / 2.0;
        (middle, (self.hits + 1.0) / (self.members + 2.0))
    }
}

impl Calibration {
    /// Learns from scores and whether each was a building. Without any, every probability is the
    /// score itself.
    #[must_use]
    pub fn fit(scored: &[(f64, bool)]) -> Self {
        let mut sorted = scored.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut pools: Vec<Pool> = Vec::new();
        for (score, hit) in sorted {
            let mut pool = Pool {
                low: score,
                high: score,
                hits: f64::from(u8::from(hit)),
                members: 1.0,
            };
            while let Some(last) = pools.last() {
                if last.high < pool.low && last.share() < pool.share() {
                    break;
                }
                pool = Pool {
                    low: last.low,
                    high: pool.high,
                    hits: last.hits + pool.hits,
                    members: last.members + pool.members,
                };
                pools.pop();
            }
            pools.push(pool);
        }
        let mut points: Vec<(f64, f64)> = pools.iter().map(Pool::point).collect();
        // Which may turn small pools around.
        for i in 1..points.len() {
            points[i].1 = points[i].1.max(points[i - 1].1);
        }
        Self { points }
    }

    /// The probability that something of this score is a building, in 0..1.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return score.clamp(0.0, 1.0);
        };
        let above = self.points.partition_point(|point| point.0 <= score);
        if above == 0 {
            return first.1;
        }
        let Some(&(high, to)) = self.points.get(above) else {
            return last.1;
        };
        let (low, from) = self.points[above - 1];
        from + (to - from) * (score - low) / (high - low)
    }
}

/// Mean gap between told probabilities and what came of them, over ten bins of equal width, each as
/// heavy as its members (expected calibration error; Naeini et al. 2015).
#[must_use]
pub fn calibration_error(told: &[(f64, bool)]) -> f64 {
    const BINS: usize = 10;
    let mut bins = [(0.0, 0.0); BINS];
    for &(probability, hit) in told {
        let bin = &mut bins[((probability * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += probability;
        bin.1 += f64::from(u8::from(hit));
    }
    let gaps: f64 = bins.iter().map(|(told, came)| (told - came).abs()).sum();
    gaps / told.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn violators_are_pooled() {
        // 0.2 hit, 0.4 missed: pooled at 0.3 with one hit of two; 0.8 hit twice.
        let scored = [
            (0.8, true),
            (0.4, false),
            (0.2, true),
            (0.8, true),
            (0.1, false),
        ];
        let found = Calibration::fit(&scored);
        let expected = [(0.1, 1.0 / 3.0), (0.3, 0.5), (0.8, 0.75)];
        for (found, expected) in found.points.iter().zip(expected) {
            assert!((found.0 - expected.0).abs() < 1e-12 && (found.1 - expected.1).abs() < 1e-12);
        }
        assert_eq!(found.points.len(), 3);
        assert!((found.probability(0.55) - 0.625).abs() < 1e-12);
        assert_eq!(
            (found.probability(-1.0), found.probability(2.0)),
            (1.0 / 3.0, 0.75)
        );
        assert_eq!(Calibration::default().probability(0.3), 0.3);
    }

    #[test]
    fn the_error_of_ten_equal_probabilities_is_their_gap() {
        let told: Vec<(f64, bool)> = (0..10).map(|i| (0.75, i < 5)).collect();
        assert!((calibration_error(&told) - 0.25).abs() < 1e-12);
        assert_eq!(calibration_error(&[]), 0.0);
    }

    proptest! {
        #[test]
        fn it_rises_and_keeps_to_probabilities(
            scored in prop::collection::vec((0.0..1.0f64, any::<bool>()), 0..60),
            low in -0.5..1.5f64,
            step in 0.0..1.0f64,
        ) {
            let found = Calibration::fit(&scored);
            let (a, b) = (found.probability(low), found.probability(low + step));
            prop_assert!(a <= b && (0.0..=1.0).contains(&a) && (0.0..=1.0).contains(&b), "{} {}", a, b);
        }
    }
}
