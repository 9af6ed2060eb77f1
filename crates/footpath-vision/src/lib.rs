//! Segmentation networks, losses, augmentation and training on Burn.

pub mod augment;
#[cfg(test)]
mod golden;
pub mod loss;
pub mod network;
mod parameter_path;
pub mod plane;
pub mod random;
pub mod resample;
pub mod sample;
pub mod state_dict;
