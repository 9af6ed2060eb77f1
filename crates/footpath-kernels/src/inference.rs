use burn::tensor::{DType, Tensor};

use crate::{Activation, KeptFilters, extension::supports};

/// What follows a convolution in inference.
#[derive(Clone, Debug)]
pub struct InferenceOptions<'a> {
    /// A tensor of the result's shape to add before the activation: the end of a `ResNet` block whose batch norm is
    /// folded into the convolution.
    pub residual: Option<Tensor<4>>,
    /// The activation.
    pub activation: Activation,
    /// Where what is made of the weight stays for the next call.
    pub filters: Option<&'a KeptFilters>,
}

impl InferenceOptions<'_> {
    /// Whether the kernels take these operands: all of them untracked and on the CPU.
    pub(crate) fn apply_to(
        &self,
        x: &Tensor<4>,
        weight: &Tensor<4>,
        bias: Option<&Tensor<1>>,
    ) -> bool {
        fn untracked<const D: usize>(tensor: &Tensor<D>) -> bool {
            supports(tensor) && !tensor.device().is_autodiff()
        }
        untracked(x)
            && (untracked(weight) || weight.dtype() == DType::BF16)
            && bias.is_none_or(untracked)
            && self.residual.as_ref().is_none_or(untracked)
    }

    /// The options on top of a convolution that takes an activation.
    pub(crate) fn compose(self, convolve: impl FnOnce(Activation) -> Tensor<4>) -> Tensor<4> {
        match self.residual {
            Some(residual) => self.activation.apply(convolve(Activation::None) + residual),
            None => convolve(self.activation),
        }
    }
}
