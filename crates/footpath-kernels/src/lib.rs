//! CPU kernels for convolutional networks as a Burn backend extension.
//!
//! Every function takes and returns ordinary Burn tensors, tracked by autodiff or not, on any device. On the `flex`
//! CPU device with 32-bit floats they run this crate's own kernels, forward and backward; elsewhere they are composed
//! of Burn's operations.
//!
//! | function | what it fuses |
//! | --- | --- |
//! | [`conv2d`] | convolution, bias, activation |
//! | [`conv2d_inference`] | convolution, bias, residual sum, activation, to infer with in either [`Precision`] |
//! | [`conv_transpose2d`], [`conv_transpose2d_inference`] | transposed convolution, bias, activation |
//! | [`batch_norm_train`], [`batch_norm_eval`] | batch norm, residual sum, activation |
//! | [`max_pool2d`] | maximum pooling |
//! | [`concat_channels`] | concatenation along channels |
//! | [`upsample_bilinear`] | bilinear upsampling |
//! | [`segmentation_loss`] | soft-max, pixel-weighted cross entropy, soft dice |
//! | [`adam_step`] | Adam or `AdamW` on one parameter |
//!
//! [`vectorised`] runs other plain loops as the kernels run theirs, [`transpose`] turns rows into columns.

mod activation;
mod adam;
mod batch_norm;
mod concatenation;
mod convolution;
mod cpu;
#[cfg(test)]
mod determinism_tests;
mod extension;
#[cfg(test)]
mod finite_differences;
#[cfg(test)]
mod fused_tests;
mod inference;
mod kept_filters;
mod max_pool;
mod precision;
mod segmentation_loss;
mod transpose;
mod transposed_convolution;
mod upsampling;

pub use activation::Activation;
pub use adam::{AdamSettings, AdamState, WeightDecay, adam_step};
pub use batch_norm::{BatchStatistics, batch_norm_eval, batch_norm_train};
pub use concatenation::concat_channels;
pub use convolution::{conv2d, conv2d_inference};
pub use cpu::simd::vectorised;
pub use inference::InferenceOptions;
pub use kept_filters::KeptFilters;
pub use max_pool::max_pool2d;
pub use precision::{Precision, UnsupportedPrecision};
pub use segmentation_loss::{
    CrossEntropyReduction, LossValue, SegmentationLoss, segmentation_loss,
};
pub use transpose::transpose;
pub use transposed_convolution::{conv_transpose2d, conv_transpose2d_inference};
pub use upsampling::upsample_bilinear;
