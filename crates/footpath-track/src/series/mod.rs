//! Metric series: statistics, chunks, and exact zoom.

mod bucket;
pub(crate) mod chunk;
pub(crate) mod envelope;
pub(crate) mod merge;
mod range;
pub(crate) mod rollup;
mod varint;

pub use bucket::Bucket;
pub use range::{PointRange, Scale, Zoom};
