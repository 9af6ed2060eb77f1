//! Building footprints from aerial images: data sets, targets, pipelines, evaluation, synthetic scenes.

#![cfg_attr(
    test,
    expect(clippy::float_cmp, reason = "tests state values that are exact")
)]

pub mod ablation;
pub mod config;
pub mod dataset;
pub mod evaluation;
pub mod inference;
pub mod morphology;
pub mod outline;
pub mod overlay;
pub use footpath_vision::plane;
pub mod postprocess;
pub mod problem;
pub mod rle;
pub mod second_level;
pub mod solution;
pub mod synth;
pub mod targets;
