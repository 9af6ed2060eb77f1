//! Segmentation networks, losses, augmentation and training on Burn.

pub mod atomic_file;
pub mod augment;
pub mod batch;
pub mod checkpoint;
pub mod device;
#[cfg(test)]
mod golden;
pub mod loss;
pub mod network;
mod normalise;
pub mod optimizer;
mod parameter_path;
pub mod plane;
pub mod predictor;
pub mod pretrained;
pub mod progress;
pub mod random;
pub mod resample;
pub mod sample;
pub mod schedule;
pub mod state_dict;
pub mod train;
pub mod train_config;
pub mod weights;
