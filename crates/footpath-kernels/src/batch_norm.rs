use burn::{
    backend::Dispatch,
    tensor::{Tensor, module},
};

use crate::{
    Activation,
    extension::{self, Kernels, supports},
};

/// Mean and variance of each channel over a batch, detached from autodiff.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// Mean, `[C]`.
    pub mean: Tensor<1>,
    /// Biased (population) variance, `[C]`: the one that normalised the batch.
    pub variance: Tensor<1>,
    /// Unbiased variance, `[C]`: the one that belongs into the running estimate, as in `PyTorch`. With a single value
    /// a channel it equals the biased variance, which is zero.
    pub unbiased_variance: Tensor<1>,
}

/// Batch norm in training mode, then an optional residual sum, then the activation.
///
/// Each channel is normalised by its mean and biased variance over `N`, `H` and `W`, scaled by `gamma` and shifted by
/// `beta` (Ioffe and Szegedy 2015, <https://arxiv.org/abs/1502.03167>). The residual is added before the activation,
/// which is the end of a `ResNet` block.
///
/// # Shapes
/// - `x`, `residual`, result: `[N, C, H, W]`
/// - `gamma`, `beta`: `[C]`
///
/// # Panics
/// If the shapes do not fit together.
#[must_use]
pub fn batch_norm_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> (Tensor<4>, BatchStatistics) {
    if supports(&x) {
        let relu = activation == Activation::Relu;
        let (x, gamma, beta) = (
            x.into_dispatch(),
            gamma.into_dispatch(),
            beta.into_dispatch(),
        );
        let (y, mean, variance, unbiased) = match residual {
            Some(residual) => {
                let residual = residual.into_dispatch();
                Dispatch::batch_norm_with_residual(x, gamma, beta, residual, epsilon, relu)
            }
            None => Dispatch::batch_norm_fused(x, gamma, beta, epsilon, relu),
        };
        let statistics = BatchStatistics {
            mean: Tensor::from_dispatch(mean),
            variance: Tensor::from_dispatch(variance),
            unbiased_variance: Tensor::from_dispatch(unbiased),
        };
        return (Tensor::from_dispatch(y), statistics);
    }
    composed(x, gamma, beta, epsilon, residual, activation)
}

/// [`batch_norm_train`] of Burn's operations.
fn composed(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> (Tensor<4>, BatchStatistics) {
    let [images, _, height, width] = x.dims();
    let normalised = module::batch_norm_train(x, gamma, beta, epsilon);
    let statistics = BatchStatistics::new(
        normalised.mean,
        normalised.variance,
        images * height * width,
    );
    let sum = match residual {
        Some(residual) => normalised.output + residual,
        None => normalised.output,
    };
    (activation.apply(sum), statistics)
}

/// Batch norm with fixed statistics, then an optional residual sum, then the activation.
///
/// Shapes and order are those of [`batch_norm_train`]; `running_mean` and `running_var` are `[C]`.
///
/// # Panics
/// If the shapes do not fit together.
#[must_use]
#[expect(
    clippy::too_many_arguments,
    reason = "the operands of one formula, of which callers name all"
)]
pub fn batch_norm_eval(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    running_mean: Tensor<1>,
    running_var: Tensor<1>,
    epsilon: f64,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> Tensor<4> {
    if supports(&x) && !x.device().is_autodiff() {
        let statistics = [running_mean, running_var];
        return extension::batch_norm_eval(
            x,
            [gamma, beta],
            statistics,
            epsilon,
            residual,
            activation,
        );
    }
    let normalised = module::batch_norm(x, gamma, beta, running_mean, running_var, epsilon);
    activation.apply(match residual {
        Some(residual) => normalised + residual,
        None => normalised,
    })
}

impl BatchStatistics {
    /// Completes the statistics of channels with `count` values each.
    fn new(mean: Tensor<1>, variance: Tensor<1>, count: usize) -> Self {
        let correction = count as f64 / count.saturating_sub(1).max(1) as f64;
        Self {
            mean,
            unbiased_variance: variance.clone() * correction,
            variance,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;
    use proptest::prelude::*;

    use super::{batch_norm_eval, batch_norm_train, composed};
    use crate::{
        Activation,
        fused_tests::{assert_agree, assert_same_gradients, constant, leaf},
    };

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn equals_composition(
            shape in [1..4_usize, 1..9_usize, 1..70_usize, 2..70_usize],
            relu: bool,
        ) {
            let x = leaf(shape, 1);
            let residual = leaf(shape, 2);
            let (gamma, beta) = (leaf([shape[1]], 3), leaf([shape[1]], 4));
            let activation = if relu { Activation::Relu } else { Activation::None };
            let run = |normalise: fn(_, _, _, _, _, _) -> _| {
                normalise(
                    x.clone(),
                    gamma.clone(),
                    beta.clone(),
                    1e-3,
                    Some(residual.clone()),
                    activation,
                )
            };
            let (fused, statistics) = run(batch_norm_train);
            let (composed, expected) = run(composed);
            assert_agree(&statistics.mean, &expected.mean, "mean");
            assert_agree(&statistics.variance, &expected.variance, "variance");
            assert_agree(&statistics.unbiased_variance, &expected.unbiased_variance, "unbiased");
            assert_same_gradients::<4, 4>(fused, composed, [&x, &residual], &[&gamma, &beta]);
        }
    }

    #[test]
    fn without_residual() {
        let x = leaf([2, 3, 5, 7], 1);
        let (gamma, beta) = (leaf([3], 3), leaf([3], 4));
        let run = |normalise: fn(_, _, _, _, _, _) -> _| {
            normalise(
                x.clone(),
                gamma.clone(),
                beta.clone(),
                1e-5,
                None,
                Activation::Relu,
            )
        };
        let ((fused, _), (composed, _)) = (run(batch_norm_train), run(composed));
        assert_same_gradients::<4, 4>(fused, composed, [&x, &x], &[&gamma, &beta]);
    }

    #[test]
    fn evaluation_uses_the_given_statistics() {
        let x = constant([2, 3, 5, 7], 1);
        let residual = constant([2, 3, 5, 7], 2);
        let [gamma, beta, mean] = [3, 4, 5].map(|seed| constant([3], seed));
        let variance: Tensor<1> = constant([3], 6).abs() + 0.5;
        let column = |t: &Tensor<1>| t.clone().reshape([1, 3, 1, 1]);
        let scale = column(&gamma) / (column(&variance) + 1e-5).sqrt();
        let expected = (x.clone() - column(&mean)) * scale + column(&beta) + residual.clone();
        let expected = expected.clamp_min(0.0);
        let actual = batch_norm_eval(
            x,
            gamma,
            beta,
            mean,
            variance,
            1e-5,
            Some(residual),
            Activation::Relu,
        );
        assert_agree(&actual, &expected, "result");
    }

    #[test]
    fn variance_survives_a_large_mean() {
        let x = constant([2, 1, 64, 64], 1) + 10_000.0;
        let (gamma, beta) = (constant([1], 3), constant([1], 4));
        let (_, statistics) = batch_norm_train(x, gamma, beta, 1e-5, None, Activation::None);
        let variance = statistics.variance.into_scalar::<f32>();
        // Uniform values in [-1, 1), rounded to the 1/1024 that singles near 10,000 resolve.
        assert!((variance - 1.0 / 3.0).abs() < 0.01, "{variance}");
    }
}
