//! The kernels as a Burn backend extension: on `flex` tensors, and on tensors that autodiff tracks over them.

mod batch_norm;
mod buffer;
mod concatenation;
mod convolution;
mod flex;
mod max_pool;
mod segmentation_loss;

use burn::{
    backend::{
        Autodiff, Backend, DispatchDevice, Flex,
        autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{DType, Tensor},
};

pub(crate) use self::{
    batch_norm::batch_norm_eval,
    convolution::{Convolution, Direction, inference},
    flex::adam_step,
};
use crate::{SegmentationLoss, cpu::max_pool::PoolGeometry};

/// What [`Kernels::batch_norm_fused`] returns: result, mean, biased variance, unbiased variance.
pub(crate) type Normalised<B> = (
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
);

/// Operations with kernels of their own. Shapes and meaning are those of the crate's public functions.
///
/// The dispatch macro takes no optional and no listed tensors, hence the variants.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait Kernels: Backend {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        operation: Convolution,
    ) -> FloatTensor<Self>;

    fn convolution_with_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        operation: Convolution,
    ) -> FloatTensor<Self>;

    /// Result, mean, biased variance, unbiased variance.
    fn batch_norm_fused(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

    /// Result, mean, biased variance, unbiased variance.
    fn batch_norm_with_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

    fn max_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self>;

    fn concatenation(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Total, cross entropy, dice.
    fn segmentation_loss_fused(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        weights: FloatTensor<Self>,
        settings: SegmentationLoss,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// Whether the kernels take this tensor: 32-bit floats on the `flex` device.
pub(crate) fn supports<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32
        && matches!(
            tensor.device().inner().as_dispatch(),
            DispatchDevice::Flex(_)
        )
}

impl Kernels for Flex {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        operation: Convolution,
    ) -> FloatTensor<Self> {
        operation.apply(&x, &weight, None)
    }

    fn convolution_with_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        operation: Convolution,
    ) -> FloatTensor<Self> {
        operation.apply(&x, &weight, Some(&bias))
    }

    fn batch_norm_fused(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> Normalised<Self> {
        let (y, statistics) = batch_norm::forward(&x, &gamma, &beta, None, epsilon, relu);
        batch_norm::outputs(&x, y, &statistics)
    }

    fn batch_norm_with_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> Normalised<Self> {
        let (y, statistics) =
            batch_norm::forward(&x, &gamma, &beta, Some(&residual), epsilon, relu);
        batch_norm::outputs(&x, y, &statistics)
    }

    fn max_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        max_pool::forward(&x, &geometry)
    }

    fn concatenation(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        concatenation::forward(&[left, right])
    }

    fn segmentation_loss_fused(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        weights: FloatTensor<Self>,
        settings: SegmentationLoss,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        segmentation_loss::Evaluation::new(&logits, &labels, &weights, settings).outputs()
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        operation: Convolution,
    ) -> FloatTensor<Self> {
        operation.track::<C>(x, weight, None)
    }

    fn convolution_with_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        operation: Convolution,
    ) -> FloatTensor<Self> {
        operation.track::<C>(x, weight, Some(bias))
    }

    fn batch_norm_fused(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> Normalised<Self> {
        batch_norm::track::<C>(x, gamma, beta, None, epsilon, relu)
    }

    fn batch_norm_with_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> Normalised<Self> {
        batch_norm::track::<C>(x, gamma, beta, Some(residual), epsilon, relu)
    }

    fn max_pool(x: FloatTensor<Self>, geometry: PoolGeometry) -> FloatTensor<Self> {
        max_pool::track::<C>(x, geometry)
    }

    fn concatenation(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        concatenation::track::<C>(left, right)
    }

    fn segmentation_loss_fused(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        weights: FloatTensor<Self>,
        settings: SegmentationLoss,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        segmentation_loss::track::<C>(logits, &labels, weights, settings)
    }
}
