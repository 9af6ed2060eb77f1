//! How good predictions are: COCO's average precision and recall, pixel `IoU`, borders, intervals.
//!
//! # Which crate computes AP
//! Two crates restate pycocotools' `COCOeval`: `vernier-core` 0.6 (with
//! `vernier-mask`) and `hotcoco` 1.3. Both were tried on the same files
//! (1,280 images, 16,100 truths, 19,000 detections; from the files to the twelve
//! numbers, one thread): both agree with each other to the last bit and with
//! pycocotools' numbers; `vernier` took 0.12 s, `hotcoco` 0.47 s, pycocotools
//! 4.9 s. `vernier` was chosen because
//! - it is the quicker one;
//! - its mask crate stands alone with one dependency and serves the whole
//!   project (targets, post-processing) as its RLE type, so a mask is encoded
//!   once and never converted; evaluation shares the runs without a copy;
//! - truth and detections are typed values and what is wrong comes back as an
//!   error, where `hotcoco` prints warnings to stderr from within the library;
//! - any list of area ranges is evaluated in one pass, it computes boundary
//!   `IoU` too, and it caches the truth between the epochs of a training;
//! - it is licensed like this project (MIT OR Apache-2.0; `hotcoco`: MIT) and
//!   has no format converters aboard (`quick-xml`, `png`, `rand`).
//!
//! `hotcoco` has reached 1.x and `vernier` has not; everything used of it
//! stands behind [`Evaluator`], some hundred lines.
//!
//! # Undefined values
//! A metric without any truth it could count is **-1**, as pycocotools prints
//! it; so is [`Metrics::iou`] where neither truth nor prediction has a pixel.

mod bootstrap;
mod evaluator;
mod examine;
mod outcomes;
mod ranking;
mod results;
mod score;

pub use bootstrap::{Bootstrap, CONFIDENCE, draw};
pub use evaluator::{
    BOUNDARY_RATIO, EvaluationError, Evaluator, Metrics, Prediction, SMALL_AREA_PX2, Truth,
    TruthImage,
};
pub use examine::{Detail, Examination, ImageScore, SizeScore};
pub use outcomes::{MEASURES, Measures, Outcomes};
pub use results::read_predictions;
pub use score::{ScoreError, score};
