//! Several answers about the same pixels become one.

#![expect(
    clippy::inline_always,
    reason = "the loops take the instruction set of the function that they are inlined into"
)]

use footpath_kernels::vectorised;
use serde::{Deserialize, Serialize};

/// How answers are joined, pixel by pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Arithmetic mean.
    Mean,
    /// Geometric mean of the probabilities of both classes, then normalised: the mean of the log odds.
    Gmean,
    /// The lowest probability of building.
    Min,
    /// The highest probability of building.
    Max,
}

/// Pixels joined at once: a few vectors' worth.
const LANES: usize = 32;

/// An [`Aggregate`] of so many answers, each with its weight.
#[derive(Debug, Clone)]
pub(super) struct Join {
    aggregate: Aggregate,
    /// Of each answer; above 0.
    weights: Vec<f64>,
    /// Whether a geometric mean is normalised over both classes.
    normalised: bool,
}

impl Join {
    pub(super) fn new(aggregate: Aggregate, weights: Vec<f64>, normalised: bool) -> Self {
        Self {
            aggregate,
            weights,
            normalised,
        }
    }

    /// Appends the joined pixels to `out`. Every answer has as many.
    ///
    /// In f64, so that equal f32 join to themselves exactly.
    pub(super) fn pixels(&self, answers: &[&[f32]], out: &mut Vec<f32>) {
        let equal = self.weights.iter().all(|&weight| weight == self.weights[0]);
        match (self.aggregate, answers) {
            (Aggregate::Mean, _) if equal => mean(answers, out),
            (Aggregate::Gmean, &[a, b]) if equal && self.normalised => {
                mean_odds([a, b], out);
            }
            (Aggregate::Gmean, &[a, b, c, d]) if equal && self.normalised => {
                mean_odds([a, b, c, d], out);
            }
            (Aggregate::Gmean, &[a, b, c, d, e, f, g, h]) if equal && self.normalised => {
                mean_odds([a, b, c, d, e, f, g, h], out);
            }
            _ => {
                let mut values = vec![0.0; answers.len()];
                out.extend((0..answers[0].len()).map(|pixel| {
                    for (value, answer) in values.iter_mut().zip(answers) {
                        *value = answer[pixel];
                    }
                    self.pixel(&values)
                }));
            }
        }
    }

    /// One pixel.
    fn pixel(&self, values: &[f32]) -> f32 {
        let mean = |of: &dyn Fn(f64) -> f64| {
            let pairs = values.iter().zip(&self.weights);
            let sum: f64 = pairs.map(|(&v, &w)| w * of(f64::from(v))).sum();
            sum / self.weights.iter().sum::<f64>()
        };
        match self.aggregate {
            Aggregate::Mean => mean(&|p| p) as f32,
            Aggregate::Min => values.iter().copied().fold(f32::INFINITY, f32::min),
            Aggregate::Max => values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            Aggregate::Gmean => {
                let building = mean(&libm::log).min(0.0);
                let building = libm::exp(building);
                if !self.normalised {
                    return building as f32;
                }
                let background = libm::exp(mean(&|p| libm::log(1.0 - p)));
                let both = building + background;
                // Answers that are sure of opposite things leave nothing of either.
                if both > 0.0 {
                    (building / both) as f32
                } else {
                    0.5
                }
            }
        }
    }
}

fn mean(answers: &[&[f32]], out: &mut Vec<f32>) {
    let mut sums = vec![0.0_f64; answers[0].len()];
    for answer in answers {
        for (sum, &value) in sums.iter_mut().zip(*answer) {
            *sum += f64::from(value);
        }
    }
    let count = answers.len() as f64;
    out.extend(sums.into_iter().map(|sum| (sum / count) as f32));
}

/// The geometric mean of N odds as a probability, N a power of two; equal answers are their own mean.
/// Products and square roots only, which vectors compute, where logarithms would take twenty times
/// as long.
fn mean_odds<const N: usize>(answers: [&[f32]; N], out: &mut Vec<f32>) {
    vectorised(
        #[inline(always)]
        || {
            let split = answers.map(<[f32]>::as_chunks::<LANES>);
            for chunk in 0..split[0].0.len() {
                let lanes: [_; N] = split.map(|(chunks, _)| &chunks[chunk]);
                out.extend_from_slice(&mean_odds_of_lanes(lanes));
            }
            let rest = split[0].1.len();
            let mut padded = [[0.5; LANES]; N];
            for (padded, (_, answer)) in padded.iter_mut().zip(split) {
                padded[..rest].copy_from_slice(&answer[..rest]);
            }
            out.extend_from_slice(&mean_odds_of_lanes(padded.each_ref())[..rest]);
        },
    );
}

#[inline(always)]
fn mean_odds_of_lanes<const N: usize>(answers: [&[f32; LANES]; N]) -> [f32; LANES] {
    // In f64, whose exponents hold products of eight f32 that are not absurdly small.
    let (mut yes, mut no) = ([1.0_f64; LANES], [1.0_f64; LANES]);
    let mut differ = [false; LANES];
    let first = answers[0];
    for answer in answers {
        for lane in 0..LANES {
            let p = f64::from(answer[lane]);
            yes[lane] *= p;
            no[lane] *= 1.0 - p;
            differ[lane] |= answer[lane] != first[lane];
        }
    }
    let mut joined = [0.0; LANES];
    for lane in 0..LANES {
        joined[lane] = 1.0 / (1.0 + root::<N>(no[lane] / yes[lane]));
    }
    for lane in 0..LANES {
        // Answers that are sure of opposite things leave nothing of either.
        let sure_of_none = if no[lane] == 0.0 { 0.5 } else { 0.0 };
        let mean = if yes[lane] == 0.0 {
            sure_of_none
        } else {
            joined[lane]
        };
        joined[lane] = if differ[lane] { mean } else { first[lane] };
    }
    joined
}

/// The N-th root of a positive number, N a power of two, as precise as f32 and not beyond its range.
#[inline(always)]
fn root<const N: usize>(value: f64) -> f32 {
    const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    const BIAS: i32 = f64::MAX_EXP - 1;
    // value = mantissa 2^exponent, exponent = N whole + part: the mantissa and the part fit f32,
    // which has roots many times as fast.
    let bits = value.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32 - BIAS;
    let mantissa = f64::from_bits(bits & ((1 << MANTISSA_BITS) - 1) | 1.0_f64.to_bits()) as f32;
    let (whole, part) = (exponent >> N.ilog2(), exponent & (N as i32 - 1));
    let mut root = mantissa * power_of_two(part);
    for _ in 0..N.ilog2() {
        root = root.sqrt();
    }
    root * power_of_two(whole.clamp(f32::MIN_EXP - 1, f32::MAX_EXP - 1))
}

/// 2 to the power of an exponent that normal f32 have.
#[inline(always)]
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((exponent + f32::MAX_EXP - 1) as u32) << (f32::MANTISSA_DIGITS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn join(aggregate: Aggregate, answers: &[Vec<f32>]) -> Vec<f32> {
        let answers: Vec<&[f32]> = answers.iter().map(Vec::as_slice).collect();
        let mut out = Vec::new();
        Join::new(aggregate, vec![1.0; answers.len()], true).pixels(&answers, &mut out);
        out
    }

    #[test]
    fn sure_answers_that_disagree_leave_one_half() {
        for count in [2, 3, 4, 8] {
            let of = |first: f32, others: f32| {
                let mut answers = vec![vec![others]; count];
                answers[0] = vec![first];
                join(Aggregate::Gmean, &answers)[0]
            };
            assert_eq!((of(0.0, 1.0), of(0.0, 0.0), of(1.0, 1.0)), (0.5, 0.0, 1.0));
        }
    }

    proptest! {
        #[test]
        fn roots_of_products_equal_means_of_logarithms(
            pixels in prop::collection::vec(prop::array::uniform8(prop_oneof![0.0001f32..0.9999, 1e-30f32..1e-20, Just(1.0 - f32::EPSILON)]), 1..40),
            count in 1usize..=8,
        ) {
            let answers: Vec<Vec<f32>> = (0..count).map(|i| pixels.iter().map(|p| p[i]).collect()).collect();
            let exact = Join::new(Aggregate::Gmean, vec![1.0; count], true);
            let joined = join(Aggregate::Gmean, &answers);
            prop_assert_eq!(joined.len(), pixels.len());
            prop_assert_eq!(join(Aggregate::Gmean, &vec![pixels.iter().map(|p| p[0]).collect(); count]), answers[0].clone());
            for (pixel, joined) in pixels.iter().zip(joined) {
                prop_assert!((joined - exact.pixel(&pixel[..count])).abs() < 1e-6);
            }
        }
    }
}
