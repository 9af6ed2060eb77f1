//! The solution as pipelines: from tiles and annotations to scored footprints.
//!
//! One graph serves every command, each of which runs it as far as it needs:
//!
//! ```text
//! train images ───────────────────────┐
//! train buildings ─► targets (each) ──┤
//! val images ─────────┬───────────────┴► unet (fit) ─► model
//! val buildings ──┬───┼────────────────────▲            │
//!                 │   └► probabilities (each) ◄─────────┘
//!                 │          └► objects (each) ─► metrics
//!                 └────────────────────────────────▲
//! ```
//!
//! With a second level, `objects` is `candidates (each) ─► second_level (fit) ─► objects (each)`,
//! where the fit also takes the validation buildings and scores each tile by trees that never
//! saw it.
//!
//! `inference.ensemble` puts more networks beside the model, and `postprocess.crf` a step `refined
//! (each)` between probabilities and what follows.
//!
//! A training may have several stages (`training.stages`): each is a `unet` step of its own, fed
//! by the network of the one before.
//!
//! `prepare` also decodes each image (`images (each)`), which nothing else depends on: a training
//! comes upon a broken one itself.
//!
//! Images and annotations are separate inputs, so a corrected validation polygon recomputes
//! the metrics and, as the best checkpoint is chosen on them, the training; but a data set that
//! is only moved or renamed recomputes nothing.

mod check_image;
mod ensemble;
mod graph;
mod learning_rate;
mod objects;
mod pixel_loss;
mod probabilities;
mod ranks;
mod refine;
mod run_folder;
mod scoring;
mod settings;
mod stages;
mod targets;
mod tiles;
mod train_unet;

pub use check_image::{CheckImage, DecodedSize};
pub use ensemble::{Ensemble, PredictTogether};
pub use graph::{MeasuredGraph, PipelineKind, PipelineName, PredictionGraph, Setup, TrainingGraph};
pub use learning_rate::try_learning_rates;
pub use objects::{FindObjects, Measure, TileObjects, measured};
pub use probabilities::{PredictProbabilities, ProbabilityMap};
pub use ranks::{Ranks, follow};
pub use refine::RefineProbabilities;
pub use run_folder::{DataFingerprint, RunReports};
pub use scoring::{ChooseCandidates, FindCandidates, FitSecondLevel};
pub use settings::SolutionConfig;
pub use stages::{Stage, UNET_STEP, final_step, stages};
pub use targets::PrepareTargets;
pub use tiles::{Imagery, TileBuildings, TileImage, images_of};
pub use train_unet::{
    PretrainedFile, TrainObserver, TrainOptions, TrainPlace, TrainUnet, TrainedUnet,
};
