//! What a setting does: variants of a configuration, and how sure their effects are.
//!
//! A variant's effect on a metric is the mean difference to the base over the seeds, both measured
//! on the same images. Its interval comes from samples of images **and** seeds, drawn with
//! replacement; base and variant are measured on the same sample each time, so what is hard about
//! an image or unlucky about a seed cancels. With one seed the interval knows nothing of the chance
//! in training.

mod effect;
mod matrix;
mod table;

pub use effect::{AblationError, Effect, Effects, SeedRun, Verdict, effects};
pub use matrix::{Axis, MatrixError, Variant, variants};
pub use table::{Ablation, Row};
