//! Where networks run.

pub use burn::tensor::Device;

/// The processor: Burn's `flex` device with the kernels of `footpath-kernels`.
#[must_use]
pub fn cpu() -> Device {
    Device::flex()
}
