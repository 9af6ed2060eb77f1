//! How sure a metric is: intervals from images drawn again and again with replacement.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How intervals are found (Efron 1979, DOI 10.1214/aos/1176344552): percentiles of the metric over
/// samples drawn with replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// Samples drawn; 1000 unless told.
    pub samples: usize,
    /// Seed of the drawing.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            samples: 1000,
            seed: 0,
        }
    }
}

/// Part of the samples that lies within an interval.
pub const CONFIDENCE: f64 = 0.95;

impl Bootstrap {
    /// Calls `measure` once for each sample with a random stream of its own, and gives the interval
    /// of each of the `N` numbers; none where no sample has the number.
    ///
    /// The same for any number of threads.
    pub fn intervals<const N: usize>(
        &self,
        measure: impl Fn(&mut ChaCha8Rng) -> [Option<f64>; N] + Sync,
    ) -> [Option<[f64; 2]>; N] {
        let measured: Vec<[Option<f64>; N]> = (0..self.samples as u64)
            .into_par_iter()
            .map(|stream| {
                let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
                rng.set_stream(stream);
                measure(&mut rng)
            })
            .collect();
        std::array::from_fn(|number| {
            let mut values: Vec<f64> = measured.iter().filter_map(|m| m[number]).collect();
            values.sort_by(f64::total_cmp);
            let outside = (1.0 - CONFIDENCE) / 2.0;
            Some([
                quantile(&values, outside)?,
                quantile(&values, 1.0 - outside)?,
            ])
        })
    }
}

/// How often each of `count` things is drawn when `count` are drawn with replacement.
#[must_use]
pub fn draw(count: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut times = vec![0; count];
    for _ in 0..count {
        times[rng.random_range(0..count)] += 1;
    }
    times
}

/// The value below which `part` of the sorted values lie, linear between neighbours; none of none.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let place = part * sorted.len().checked_sub(1)? as f64;
    let low = place as usize;
    let high = (low + 1).min(sorted.len() - 1);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [1.0, 2.0, 4.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.25), Some(1.5));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn as_many_are_drawn_as_there_are() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let times = draw(50, &mut rng);
        assert_eq!(times.iter().sum::<u32>(), 50);
        assert!(times.contains(&0) && times.iter().any(|&t| t > 1));
    }

    /// The mean of 100 numbers of variance 1/12 has a standard error of 0.0289.
    #[test]
    fn the_interval_of_a_mean_has_its_textbook_width_for_any_number_of_threads() {
        let numbers: Vec<f64> = (0..100).map(|i| f64::from(i) / 99.0).collect();
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                Bootstrap::default().intervals(|rng| {
                    let times = draw(numbers.len(), rng);
                    let pairs = numbers.iter().zip(&times);
                    let sum: f64 = pairs.map(|(n, &t)| n * f64::from(t)).sum();
                    [Some(sum / 100.0), None]
                })
            })
        };
        let [mean, none] = fit(1);
        assert_eq!(none, None);
        let [low, high] = mean.unwrap();
        assert!(low < 0.5 && 0.5 < high);
        let expected = 2.0 * 1.96 * 0.0293;
        assert!(
            (high - low - expected).abs() < 0.15 * expected,
            "{low} {high}"
        );
        assert_eq!(fit(3)[0], mean);
    }
}
