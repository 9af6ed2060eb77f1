//! The second level: many candidates for each building, ranked by a model that learnt to tell how
//! well a candidate fits.
//!
//! Each of several thresholds gives a layer of [`Candidate`]s. A model of regression trees learns from
//! their [`features`](FEATURES) the `IoU` with the annotation that fits best; its prediction is the
//! score, and non-maximum suppression ([`suppress`]) keeps the best of those that overlap.
//!
//! # Why the trees are our own
//! Tried: `perpetual` (1.9 and 2.3 need a nightly compiler), `forust-ml` 0.8 (its manifest names no
//! licence), `smartcore` 0.7 (sound; one thread, sorts every feature for every tree, cannot stop
//! early). A regression tree over binned features is a page; with it boosting stops early, folds
//! run side by side, and the same data gives the same trees on every machine.

mod boosting;
mod calibration;
mod candidates;
mod features;
mod forest;
#[cfg(feature = "lightgbm")]
mod lightgbm;
mod lightgbm_text;
mod model;
mod nms;
mod options;
mod tree;

pub use calibration::{Calibration, calibration_error};
pub use candidates::{Candidate, TileCandidates, find_candidates};
pub use features::{FEATURES, Features, measure};
pub use lightgbm_text::{ModelTextError, TreeSum};
pub use model::{LabelledTile, SecondLevel};
pub use nms::{Suppressed, suppress};
pub use options::{Learner, ScoringCompat, ScoringError, ScoringOptions};
