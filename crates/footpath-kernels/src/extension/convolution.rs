//! Convolutions in both directions, with their backward passes.

use std::sync::OnceLock;

use burn::backend::{
    Autodiff, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, NodeGuard, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use burn::tensor::{DType, Tensor};
use burn_flex::FlexTensor;

use super::{
    buffer::Buffer,
    flex::{contiguous, dims, into_mutable, tensor, untracked, values},
};
use crate::{
    Activation, InferenceOptions, Precision,
    cpu::{
        batch_norm::Planes,
        convolution::{Epilogue, convolve, convolve_transposed},
        geometry::ConvGeometry,
        rectifier,
        weight_gradient::weight_gradient,
    },
};

/// Which way an operation runs through the convolution that its geometry describes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    /// From the convolution's input to its output.
    Forward,
    /// From its output to its input: a transposed convolution.
    Transposed,
}

/// A convolution or transposed convolution, with or without a rectifier behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    pub(crate) direction: Direction,
    pub(crate) geometry: ConvGeometry,
    pub(crate) relu: bool,
}

impl Convolution {
    /// The operation itself.
    pub(super) fn apply(
        self,
        x: &FlexTensor,
        weight: &FlexTensor,
        bias: Option<&FlexTensor>,
    ) -> FlexTensor {
        let (x, weight, bias) = (contiguous(x), contiguous(weight), bias.map(contiguous));
        let epilogue = Epilogue {
            bias: bias.as_ref().map(values),
            residual: None,
            relu: self.relu,
        };
        self.direction
            .run(&self.geometry, &x, &weight, epilogue, Precision::F32, None)
    }

    /// The operation recorded by autodiff.
    pub(super) fn track<C: CheckpointStrategy>(
        self,
        x: FloatTensor<Autodiff<Flex, C>>,
        weight: FloatTensor<Autodiff<Flex, C>>,
        bias: Option<FloatTensor<Autodiff<Flex, C>>>,
    ) -> FloatTensor<Autodiff<Flex, C>> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (x, weight) = (contiguous(&x), contiguous(&weight));
        match bias {
            Some(bias) => {
                let (bias, bias_node) = bias.into_parts();
                self.record::<C, 3>([x_node, weight_node, bias_node], x, weight, Some(&bias))
            }
            None => self.record::<C, 2>([x_node, weight_node], x, weight, None),
        }
    }

    fn record<C: CheckpointStrategy, const N: usize>(
        self,
        nodes: [NodeGuard; N],
        x: FlexTensor,
        weight: FlexTensor,
        bias: Option<&FlexTensor>,
    ) -> FloatTensor<Autodiff<Flex, C>> {
        let y = self.apply(&x, &weight, bias);
        match self.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let rectified = self.relu.then(|| y.clone());
                prep.finish(
                    Saved {
                        x,
                        weight,
                        rectified,
                    },
                    y,
                )
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

/// A convolution to infer with, on untracked `flex` tensors.
pub(crate) fn inference(
    direction: Direction,
    geometry: &ConvGeometry,
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: InferenceOptions,
) -> Tensor<4> {
    let InferenceOptions {
        residual,
        activation,
        filters,
    } = options;
    let precision = match weight.dtype() {
        DType::BF16 => Precision::Bf16,
        _ => Precision::F32,
    };
    if let Err(error) = precision.check() {
        panic!("{error}");
    }
    let kept = filters.map(|filters| filters.of(&untracked(weight.clone())));
    let [x, weight] = [x, Precision::F32.of_weight(weight)].map(untracked);
    let bias = bias.map(untracked);
    let residual = residual.map(untracked);
    if let Some(residual) = &residual {
        let len = match direction {
            Direction::Forward => geometry.output_len(),
            Direction::Transposed => geometry.input_len(),
        };
        assert_eq!(
            values(residual).len(),
            len,
            "a convolution's residual of shape {:?} differs from its result",
            dims::<4>(residual)
        );
    }
    let epilogue = Epilogue {
        bias: bias.as_ref().map(values),
        residual: residual.as_ref().map(values),
        relu: activation == Activation::Relu,
    };
    let y = direction.run(geometry, &x, &weight, epilogue, precision, kept.as_deref());
    Tensor::from_primitive::<Flex>(y)
}

impl Direction {
    fn run(
        self,
        geometry: &ConvGeometry,
        x: &FlexTensor,
        weight: &FlexTensor,
        epilogue: Epilogue,
        precision: Precision,
        kept: Option<&OnceLock<Vec<f32>>>,
    ) -> FlexTensor {
        let images = geometry.images;
        match self {
            Self::Forward => {
                let mut y = Buffer::new(geometry.output_len());
                convolve(
                    geometry,
                    values(x),
                    values(weight),
                    epilogue,
                    precision,
                    kept,
                    &mut y,
                );
                let [height, width] = geometry.output;
                tensor(y, [images, geometry.channels_out, height, width])
            }
            Self::Transposed => {
                let mut y = Buffer::new(geometry.input_len());
                convolve_transposed(
                    geometry,
                    values(x),
                    values(weight),
                    epilogue,
                    precision,
                    kept,
                    &mut y,
                );
                let [height, width] = geometry.input;
                tensor(y, [images, geometry.channels_in, height, width])
            }
        }
    }

    fn reversed(self) -> Self {
        match self {
            Self::Forward => Self::Transposed,
            Self::Transposed => Self::Forward,
        }
    }
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    x: FlexTensor,
    weight: FlexTensor,
    /// The result, if a rectifier made it.
    rectified: Option<FlexTensor>,
}

impl<const N: usize> Backward<Flex, N> for Convolution {
    type State = Saved;

    /// Parents are `x`, `weight` and, if there is one, the bias.
    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved {
            x,
            weight,
            rectified,
        } = ops.state;
        let geometry = self.geometry;
        let mut gradient = contiguous(&grads.consume::<Flex>(&ops.node));
        let bias_node = ops.parents.get(2).and_then(Option::as_ref);
        if rectified.is_some() || bias_node.is_some() {
            gradient = into_mutable(gradient);
            let planes = Planes::new(dims(&gradient));
            let y = rectified.as_ref().map(values);
            let bias = rectifier::backward(planes, y, gradient.storage_mut());
            if let Some(node) = bias_node {
                let channels = bias.len();
                grads.register::<Flex>(node.id, tensor(bias, [channels]));
            }
        }
        drop(rectified);
        if let Some(node) = &ops.parents[1] {
            let mut result = Buffer::new(geometry.weight_len());
            let (input, output) = match self.direction {
                Direction::Forward => (&x, &gradient),
                Direction::Transposed => (&gradient, &x),
            };
            weight_gradient(&geometry, values(input), values(output), &mut result);
            grads.register::<Flex>(node.id, tensor(result, dims::<4>(&weight)));
        }
        drop(x);
        if let Some(node) = &ops.parents[0] {
            let reversed = self.direction.reversed();
            let dx = reversed.run(
                &geometry,
                &gradient,
                &weight,
                Epilogue::default(),
                Precision::F32,
                None,
            );
            grads.register::<Flex>(node.id, dx);
        }
    }
}
