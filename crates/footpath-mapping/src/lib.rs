//! Building footprints from aerial images: data sets, targets, pipelines, evaluation, synthetic scenes.

pub mod dataset;
pub mod plane;
pub mod problem;
pub mod rle;
