//! The second level: many candidates for each building, ranked by a model that learnt to tell how
//! well a candidate fits.
//!
//! Each of several thresholds gives a layer of [`Candidate`]s. A model of regression trees learns from
//! their [`features`](FEATURES) the `IoU` with the annotation that fits best; its prediction is the
//! score, and non-maximum suppression ([`suppress`]) keeps the best of those that overlap.
//!
//! # Why the trees are our own
//! Compared on 15,503 candidates of 112 real tiles under maps that are wrong here and there (the bench
//! `learners`; five folds of tiles, root of the mean squared error of the `IoU`, where a constant has
//! 0.345; seconds on a busy machine, one thread):
//!
//! | | error | time, s |
//! | --- | --- | --- |
//! | gradient boosting here (a fold to stop by) | 0.1056 | 6 |
//! | random forest here, 500 trees | 0.113 | 26 |
//! | LightGBM 4.7, options as here or as in 2018 (a fold to stop by) | 0.106 | 1 or 9 |
//! | `perpetual` 3.0.0-rc.2, budget 0.5 or 1 | 0.113 or 0.107 | 49 or 31 |
//! | `smartcore` 0.7, boosting, 100 trees | 0.104 | 125 |
//! | `smartcore` 0.7, random forest, 100 trees | 0.112 | 4 |
//!
//! `perpetual`'s stable versions need a nightly compiler, `forust-ml` 0.8 names no licence,
//! `smartcore`'s boosting sorts every feature for every tree and cannot stop early; its forest is as
//! good as ours. A regression tree over binned features is a page that serves both learners; with it
//! boosting stops early, folds run side by side, and the same data gives the same trees for any number
//! of threads. LightGBM itself is there behind the feature `lightgbm`.

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
