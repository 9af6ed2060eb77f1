//! The kernels themselves, on plain slices of `f32` in row-major `[N, C, H, W]` order.
//!
//! Nothing here knows of Burn. Work is cut into pieces by the shapes alone, never by the number of threads, and every
//! sum has one order, so results are the same bits for any number of threads.

#![expect(
    clippy::inline_always,
    reason = "the innermost loops take the instruction set of the function that they are inlined into"
)]

pub(crate) mod adam;
pub(crate) mod batch_norm;
pub(crate) mod bf16;
pub(crate) mod convolution;
pub(crate) mod geometry;
pub(crate) mod max_pool;
mod microkernel;
pub(crate) mod packing;
pub(crate) mod rectifier;
pub(crate) mod scratch;
pub(crate) mod segmentation_loss;
pub(crate) mod shared;
pub(crate) mod simd;
pub(crate) mod weight_gradient;
mod weights;
mod winograd;

#[cfg(test)]
mod tests;
