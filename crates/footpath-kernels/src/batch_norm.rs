use burn::tensor::{Tensor, module};

use crate::Activation;

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
