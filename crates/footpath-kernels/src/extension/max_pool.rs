//! Maximum pooling, with its backward pass.

use burn::backend::{
    Autodiff, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind, unary},
    },
    tensor::FloatTensor,
};
use burn_flex::FlexTensor;

use super::{
    buffer::Buffer,
    flex::{contiguous, dims, tensor, values},
};
use crate::cpu::max_pool::{self, PoolGeometry};

/// The operation itself.
pub(super) fn forward(x: &FlexTensor, geometry: &PoolGeometry) -> FlexTensor {
    let [images, channels, ..] = dims::<4>(x);
    let mut y = Buffer::new(geometry.planes * geometry.output_pixels());
    max_pool::forward(geometry, values(&contiguous(x)), &mut y);
    tensor(
        y,
        [images, channels, geometry.output[0], geometry.output[1]],
    )
}

/// The operation recorded by autodiff.
pub(super) fn track<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    geometry: PoolGeometry,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (x, node) = x.into_parts();
    let x = contiguous(&x);
    let y = forward(&x, &geometry);
    match MaxPool.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((x, geometry), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}

#[derive(Clone, Copy, Debug)]
struct MaxPool;

impl Backward<Flex, 1> for MaxPool {
    type State = (FlexTensor, PoolGeometry);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (x, geometry) = ops.state;
        unary::<Flex, _>(ops.parents, ops.node, grads, |gradient| {
            let mut dx = Buffer::new(values(&x).len());
            max_pool::backward(
                &geometry,
                values(&x),
                values(&contiguous(&gradient)),
                &mut dx,
            );
            tensor(dx, dims::<4>(&x))
        });
    }
}
