//! Concatenation along channels, with its backward pass.

use burn::backend::{
    Autodiff, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::{
    buffer::Buffer,
    flex::{contiguous, dims, tensor, values},
};

/// The operation itself.
pub(super) fn forward(parts: &[FlexTensor; 2]) -> FlexTensor {
    let [images, _, height, width] = dims::<4>(&parts[0]);
    for part in parts {
        let [n, _, h, w] = dims::<4>(part);
        assert_eq!(
            [n, h, w],
            [images, height, width],
            "concatenated parts differ in size"
        );
    }
    let parts = parts.each_ref().map(contiguous);
    let lengths = lengths(&parts);
    let mut y = Buffer::new(images * lengths.iter().sum::<usize>());
    y.par_chunks_exact_mut(lengths.iter().sum::<usize>().max(1))
        .enumerate()
        .for_each(|(image, y)| {
            let mut rest = y;
            for (part, len) in parts.iter().zip(&lengths) {
                let (target, after) = rest.split_at_mut(*len);
                target.copy_from_slice(&values(part)[image * len..][..*len]);
                rest = after;
            }
        });
    let channels = parts.iter().map(|part| dims::<4>(part)[1]).sum();
    tensor(y, [images, channels, height, width])
}

/// Values of one image of each part.
fn lengths(parts: &[FlexTensor]) -> Vec<usize> {
    parts
        .iter()
        .map(|part| dims::<4>(part)[1..].iter().product())
        .collect()
}

/// The operation recorded by autodiff.
pub(super) fn track<C: CheckpointStrategy>(
    left: FloatTensor<Autodiff<Flex, C>>,
    right: FloatTensor<Autodiff<Flex, C>>,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (left, left_node) = left.into_parts();
    let (right, right_node) = right.into_parts();
    let parts = [left, right];
    let y = forward(&parts);
    match Concatenate
        .prepare::<C>([left_node, right_node])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => prep.finish(parts.each_ref().map(dims), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}

#[derive(Clone, Copy, Debug)]
struct Concatenate;

impl Backward<Flex, 2> for Concatenate {
    /// The parts' shapes.
    type State = [[usize; 4]; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = contiguous(&grads.consume::<Flex>(&ops.node));
        let len_of = |shape: [usize; 4]| shape[1..].iter().product::<usize>();
        let image_len: usize = ops.state.iter().map(|shape| len_of(*shape)).sum();
        let mut start = 0;
        for (parent, shape) in ops.parents.into_iter().zip(ops.state) {
            let len = len_of(shape);
            if let Some(node) = parent {
                let mut dx = Buffer::new(shape[0] * len);
                dx.par_chunks_exact_mut(len.max(1))
                    .enumerate()
                    .for_each(|(image, dx)| {
                        dx.copy_from_slice(&values(&gradient)[image * image_len + start..][..len]);
                    });
                grads.register::<Flex>(node.id, tensor(dx, shape));
            }
            start += len;
        }
    }
}
