//! Whole-work benchmarks beside the Python peers.

pub mod random;
