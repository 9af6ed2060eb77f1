//! Whole-work benchmarks beside the Python peers.
