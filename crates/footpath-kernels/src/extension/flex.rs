//! Between `flex` tensors and slices.

use burn::{
    backend::Flex,
    tensor::{DType, Shape, Tensor},
};
use burn_flex::{FlexTensor, Layout};

use super::buffer::Buffer;
use crate::{AdamSettings, AdamState, cpu::adam};

/// A tensor over a buffer.
pub(super) fn tensor<const D: usize>(values: impl Into<Buffer>, shape: [usize; D]) -> FlexTensor {
    let bytes = values.into().into_bytes();
    FlexTensor::new(bytes, Layout::contiguous(Shape::from(shape)), DType::F32)
}

/// The tensor with its values in row-major order, from the start of its buffer to the end.
pub(super) fn contiguous(tensor: &FlexTensor) -> FlexTensor {
    tensor.to_contiguous()
}

/// The values of a tensor that is [`contiguous`].
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.storage::<f32>()
}

/// The tensor's values to change: its own buffer if nobody else holds it, otherwise a copy.
pub(super) fn into_mutable(tensor: FlexTensor) -> FlexTensor {
    let contiguous = contiguous(&tensor);
    // `contiguous` may share the buffer: now it is the only holder, unless somebody else is.
    drop(tensor);
    contiguous
}

/// Shape of a tensor whose rank the caller knows.
pub(super) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}

/// The contiguous primitive of a tensor that is known to live untracked on the `flex` device.
pub(super) fn untracked<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    match tensor.try_into_primitive::<Flex>() {
        Ok(primitive) => into_mutable(primitive),
        Err(error) => panic!("an untracked flex tensor was promised: {error:?}"),
    }
}

/// Adam on untracked `flex` tensors.
pub(crate) fn adam_step<const D: usize>(
    param: Tensor<D>,
    grad: Tensor<D>,
    state: AdamState<D>,
    settings: &AdamSettings,
) -> (Tensor<D>, AdamState<D>) {
    let shape = param.dims();
    assert!(
        grad.dims() == shape
            && state.first_moment.dims() == shape
            && state.second_moment.dims() == shape,
        "Adam on a parameter of shape {shape:?} with a gradient of shape {:?} and moments of shape {:?} and {:?}",
        grad.dims(),
        state.first_moment.dims(),
        state.second_moment.dims(),
    );
    let (mut param, grad) = (untracked(param), untracked(grad));
    let mut first = untracked(state.first_moment);
    let mut second = untracked(state.second_moment);
    adam::step(
        param.storage_mut(),
        values(&grad),
        first.storage_mut(),
        second.storage_mut(),
        settings,
    );
    let wrap = Tensor::from_primitive::<Flex>;
    (
        wrap(param),
        AdamState {
            first_moment: wrap(first),
            second_moment: wrap(second),
        },
    )
}
