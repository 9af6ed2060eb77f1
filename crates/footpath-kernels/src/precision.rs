use burn::tensor::{FloatDType, Tensor};

use crate::cpu::bf16;

/// How precisely convolutions multiply in inference: the type of their weights. Sums are always single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Single precision, 24 significant bits.
    #[default]
    F32,
    /// bfloat16, 8 significant bits: what is multiplied is rounded to it.
    Bf16,
}

impl Precision {
    /// A convolution's weight in this precision, for [`conv2d_inference`](crate::conv2d_inference) and
    /// [`conv_transpose2d_inference`](crate::conv_transpose2d_inference).
    #[must_use]
    pub fn of_weight<const D: usize>(self, weight: Tensor<D>) -> Tensor<D> {
        match self {
            Self::F32 => weight.cast(FloatDType::F32),
            Self::Bf16 => weight.cast(FloatDType::BF16),
        }
    }

    /// Refuses a precision that this processor has no instructions for.
    ///
    /// # Errors
    /// If `self` is [`Bf16`](Self::Bf16) and the processor has no AVX-512 BF16 (Zen 4, Cooper Lake, Sapphire Rapids
    /// and later have), or `FOOTPATH_SIMD` forbids it.
    pub fn check(self) -> Result<(), UnsupportedPrecision> {
        match self {
            Self::Bf16 if !bf16::is_supported() => Err(UnsupportedPrecision),
            _ => Ok(()),
        }
    }
}

/// This processor has no instructions for bfloat16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedPrecision;

impl std::fmt::Display for UnsupportedPrecision {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("this processor has no AVX-512 BF16 instructions; use the precision f32")
    }
}

impl std::error::Error for UnsupportedPrecision {}
