//! Segmentation networks, losses, augmentation and training on Burn.

#[cfg(test)]
mod golden;
pub mod network;
mod parameter_path;
pub mod plane;
pub mod random;
pub mod state_dict;
