//! The segmentation loss, with its backward pass.

use burn::backend::{
    Autodiff, AutodiffBackend, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind, unary},
    },
    tensor::FloatTensor,
};
use burn::tensor::DType;
use burn_flex::FlexTensor;

use super::{
    buffer::Buffer,
    flex::{contiguous, dims, tensor, values},
};
use crate::{
    SegmentationLoss,
    cpu::segmentation_loss::{self, Operands, Sums},
};

/// The loss of a batch and what its gradient needs.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    logits: FlexTensor,
    labels: Vec<u8>,
    weights: FlexTensor,
    settings: SegmentationLoss,
    sums: Sums,
}

impl Evaluation {
    pub(super) fn new(
        logits: &FlexTensor,
        labels: &FlexTensor,
        weights: &FlexTensor,
        settings: SegmentationLoss,
    ) -> Self {
        let (logits, weights) = (contiguous(logits), contiguous(weights));
        let labels = label_values(labels, dims::<4>(&logits)[1]);
        let operands = operands(&logits, &labels, &weights);
        let sums = segmentation_loss::sums(operands);
        Self {
            logits,
            labels,
            weights,
            settings,
            sums,
        }
    }

    /// Total, cross entropy, dice.
    pub(super) fn outputs(&self) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (cross_entropy, dice) = self.sums.losses(&self.settings);
        let total =
            self.settings.cross_entropy_factor * cross_entropy + self.settings.dice_factor * dice;
        let scalar = |value: f64| tensor(vec![value as f32], [1]);
        (scalar(total), scalar(cross_entropy), scalar(dice))
    }
}

fn operands<'a>(logits: &'a FlexTensor, labels: &'a [u8], weights: &'a FlexTensor) -> Operands<'a> {
    let [images, classes, height, width] = dims(logits);
    assert_eq!(
        dims(weights),
        [images, height, width],
        "weights of a loss differ from its logits"
    );
    assert_eq!(
        labels.len(),
        images * height * width,
        "labels of a loss differ from its logits"
    );
    Operands {
        images,
        classes,
        pixels: height * width,
        logits: values(logits),
        labels,
        weights: values(weights),
    }
}

/// Labels as bytes, checked.
fn label_values(labels: &FlexTensor, classes: usize) -> Vec<u8> {
    fn checked<T: Copy + TryInto<u8> + std::fmt::Display>(labels: &[T], classes: usize) -> Vec<u8> {
        labels
            .iter()
            .map(|label| match (*label).try_into() {
                Ok(value) if usize::from(value) < classes => value,
                _ => panic!("label {label} in a loss over {classes} classes"),
            })
            .collect()
    }
    let labels = contiguous(labels);
    match labels.dtype() {
        DType::I64 => checked(labels.storage::<i64>(), classes),
        DType::I32 => checked(labels.storage::<i32>(), classes),
        DType::I16 => checked(labels.storage::<i16>(), classes),
        DType::I8 => checked(labels.storage::<i8>(), classes),
        DType::U64 => checked(labels.storage::<u64>(), classes),
        DType::U32 => checked(labels.storage::<u32>(), classes),
        DType::U16 => checked(labels.storage::<u16>(), classes),
        DType::U8 => checked(labels.storage::<u8>(), classes),
        other => panic!("labels of type {other:?}"),
    }
}

/// Total, cross entropy, dice.
type Losses<B> = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

/// The operation recorded by autodiff.
pub(super) fn track<C: CheckpointStrategy>(
    logits: FloatTensor<Autodiff<Flex, C>>,
    labels: &FlexTensor,
    weights: FloatTensor<Autodiff<Flex, C>>,
    settings: SegmentationLoss,
) -> Losses<Autodiff<Flex, C>> {
    let (logits, node) = logits.into_parts();
    let evaluation = Evaluation::new(&logits, labels, weights.primitive(), settings);
    let (total, cross_entropy, dice) = evaluation.outputs();
    let total = match Loss.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(evaluation, total),
        OpsKind::UnTracked(prep) => prep.finish(total),
    };
    let detached = |tensor| <Autodiff<Flex, C> as AutodiffBackend>::from_inner(tensor);
    (total, detached(cross_entropy), detached(dice))
}

#[derive(Clone, Copy, Debug)]
struct Loss;

impl Backward<Flex, 1> for Loss {
    type State = Evaluation;

    fn backward(
        self,
        ops: Ops<Evaluation, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let Evaluation {
            logits,
            labels,
            weights,
            settings,
            sums,
        } = ops.state;
        unary::<Flex, _>(ops.parents, ops.node, grads, |gradient| {
            let scale = values(&contiguous(&gradient))[0];
            let mut result = Buffer::new(values(&logits).len());
            let operands = operands(&logits, &labels, &weights);
            segmentation_loss::gradient(operands, &sums, &settings, scale, &mut result);
            tensor(result, dims::<4>(&logits))
        });
    }
}
