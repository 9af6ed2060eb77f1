//! Whole-work benchmarks beside the Python peers.

pub mod random;
pub mod unet;
