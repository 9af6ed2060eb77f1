//! Batch norm in training mode, with its backward pass.

use burn::{
    backend::{
        Autodiff, AutodiffBackend, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, NodeGuard, Ops, OpsKind},
        },
        tensor::FloatTensor,
    },
    tensor::Tensor,
};
use burn_flex::FlexTensor;

use super::{
    Normalised,
    buffer::Buffer,
    flex::{contiguous, dims, into_mutable, tensor, untracked, values},
};
use crate::{
    Activation,
    cpu::batch_norm::{self, Operands, Planes, Statistics},
};

/// The result and the batch's statistics.
pub(super) fn forward(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    residual: Option<&FlexTensor>,
    epsilon: f64,
    relu: bool,
) -> (FlexTensor, Statistics) {
    let shape = dims::<4>(x);
    let planes = Planes::new(shape);
    let (x, gamma, beta) = (contiguous(x), contiguous(gamma), contiguous(beta));
    let residual = residual.map(contiguous);
    let operands = Operands {
        x: values(&x),
        gamma: values(&gamma),
        beta: values(&beta),
        residual: residual.as_ref().map(values),
        epsilon,
        relu,
    };
    let mut y = Buffer::new(planes.len());
    let statistics = batch_norm::normalise_batch(planes, operands, &mut y);
    (tensor(y, shape), statistics)
}

/// The extension's result.
pub(super) fn outputs(x: &FlexTensor, y: FlexTensor, statistics: &Statistics) -> Normalised<Flex> {
    let [images, channels, height, width] = dims(x);
    let count = images * height * width;
    let correction = count as f32 / count.saturating_sub(1).max(1) as f32;
    let unbiased: Vec<f32> = statistics
        .variance
        .iter()
        .map(|variance| variance * correction)
        .collect();
    (
        y,
        tensor(statistics.mean.clone(), [channels]),
        tensor(statistics.variance.clone(), [channels]),
        tensor(unbiased, [channels]),
    )
}

/// Batch norm with fixed statistics, on untracked `flex` tensors.
pub(crate) fn batch_norm_eval(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f64,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> Tensor<4> {
    let shape = x.dims();
    let (x, gamma, beta) = (untracked(x), untracked(gamma), untracked(beta));
    let (mean, variance) = (untracked(mean), untracked(variance));
    let residual = residual.map(untracked);
    let operands = Operands {
        x: values(&x),
        gamma: values(&gamma),
        beta: values(&beta),
        residual: residual.as_ref().map(values),
        epsilon,
        relu: activation == Activation::Relu,
    };
    let planes = Planes::new(shape);
    let mut y = Buffer::new(planes.len());
    batch_norm::normalise(planes, operands, values(&mean), values(&variance), &mut y);
    Tensor::from_primitive::<Flex>(tensor(y, shape))
}

/// The operation recorded by autodiff.
pub(super) fn track<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    gamma: FloatTensor<Autodiff<Flex, C>>,
    beta: FloatTensor<Autodiff<Flex, C>>,
    residual: Option<FloatTensor<Autodiff<Flex, C>>>,
    epsilon: f64,
    relu: bool,
) -> Normalised<Autodiff<Flex, C>> {
    let (x, x_node) = x.into_parts();
    let (gamma, gamma_node) = gamma.into_parts();
    let (beta, beta_node) = beta.into_parts();
    let (y, mean, variance, unbiased) = if let Some(residual) = residual {
        let (residual, node) = residual.into_parts();
        let nodes = [x_node, gamma_node, beta_node, node];
        record::<C, 4>(nodes, &x, &gamma, &beta, Some(&residual), epsilon, relu)
    } else {
        record::<C, 3>(
            [x_node, gamma_node, beta_node],
            &x,
            &gamma,
            &beta,
            None,
            epsilon,
            relu,
        )
    };
    let detached = |tensor| <Autodiff<Flex, C> as AutodiffBackend>::from_inner(tensor);
    (y, detached(mean), detached(variance), detached(unbiased))
}

fn record<C: CheckpointStrategy, const N: usize>(
    nodes: [NodeGuard; N],
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    residual: Option<&FlexTensor>,
    epsilon: f64,
    relu: bool,
) -> (
    FloatTensor<Autodiff<Flex, C>>,
    FlexTensor,
    FlexTensor,
    FlexTensor,
) {
    let (y, statistics) = forward(x, gamma, beta, residual, epsilon, relu);
    let (y, mean, variance, unbiased) = outputs(x, y, &statistics);
    let y = match Normalise.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let saved = Saved {
                x: contiguous(x),
                gamma: contiguous(gamma),
                mean: mean.clone(),
                variance: variance.clone(),
                epsilon,
                rectified: relu.then(|| y.clone()),
            };
            prep.finish(saved, y)
        }
        OpsKind::UnTracked(prep) => prep.finish(y),
    };
    (y, mean, variance, unbiased)
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
struct Saved {
    x: FlexTensor,
    gamma: FlexTensor,
    mean: FlexTensor,
    variance: FlexTensor,
    epsilon: f64,
    /// The result, if a rectifier made it.
    rectified: Option<FlexTensor>,
}

#[derive(Clone, Copy, Debug)]
struct Normalise;

impl<const N: usize> Backward<Flex, N> for Normalise {
    type State = Saved;

    /// Parents are `x`, `gamma`, `beta` and, if there is one, the residual.
    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved {
            x,
            gamma,
            mean,
            variance,
            epsilon,
            rectified,
        } = ops.state;
        let mut gradient = into_mutable(grads.consume::<Flex>(&ops.node));
        let planes = Planes::new(dims(&x));
        // The operand's buffer becomes its gradient: most often nobody else holds it by now.
        let mut dx = into_mutable(x);
        let statistics = Statistics {
            mean: values(&mean).to_vec(),
            variance: values(&variance).to_vec(),
        };
        let parameters = batch_norm::backward(
            planes,
            values(&gamma),
            &statistics,
            epsilon,
            rectified.as_ref().map(values),
            gradient.storage_mut(),
            dx.storage_mut(),
        );
        let per_channel = |values: Vec<f32>| tensor(values, [planes.channels]);
        if let Some(node) = &ops.parents[0] {
            grads.register::<Flex>(node.id, dx);
        }
        if let Some(node) = &ops.parents[1] {
            grads.register::<Flex>(node.id, per_channel(parameters.gamma));
        }
        if let Some(node) = &ops.parents[2] {
            grads.register::<Flex>(node.id, per_channel(parameters.beta));
        }
        if let Some(Some(node)) = ops.parents.get(3) {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}
