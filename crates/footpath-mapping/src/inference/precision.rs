//! How precisely a network multiplies when it infers.

use footpath_vision::predictor::Precision;
use serde::{Deserialize, Serialize};

/// The type of the weights of convolutions in inference. Sums are always single precision, and so is training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightPrecision {
    /// Single precision: the same on every device.
    #[default]
    F32,
    /// bfloat16: faster on processors with AVX-512 BF16, and moves probabilities by about a hundredth.
    Bf16,
}

impl From<WeightPrecision> for Precision {
    fn from(precision: WeightPrecision) -> Self {
        match precision {
            WeightPrecision::F32 => Self::F32,
            WeightPrecision::Bf16 => Self::Bf16,
        }
    }
}
