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
//! Images and annotations are separate inputs, so a corrected validation polygon recomputes
//! the metrics and, as the best checkpoint is chosen on them, the training; but a data set that
//! is only moved or renamed recomputes nothing.

mod ensemble;
mod graph;
mod objects;
mod probabilities;
mod refine;
mod scoring;
mod settings;
mod targets;
mod tiles;
mod train_unet;

pub use ensemble::{Ensemble, PredictTogether};
pub use graph::{
    MeasuredGraph, PipelineKind, PipelineName, PredictionGraph, SCORING_STEP, Setup, TrainingGraph,
    UNET_STEP,
};
pub use objects::{FindObjects, Measure, TileObjects, measured};
pub use probabilities::{PredictProbabilities, ProbabilityMap};
pub use refine::RefineProbabilities;
pub use scoring::{ChooseCandidates, FindCandidates, FitSecondLevel};
pub use settings::SolutionConfig;
pub use targets::PrepareTargets;
pub use tiles::{Imagery, TileBuildings, TileImage, images_of};
pub use train_unet::{PretrainedFile, TrainObserver, TrainUnet, TrainedUnet};
