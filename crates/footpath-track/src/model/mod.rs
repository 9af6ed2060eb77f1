//! The words of the tracker: project, experiment, run, and what a run tells.

mod artifact;
mod batch;
mod experiment;
mod id;
mod input;
mod media;
mod name;
mod point;
mod registry;
mod run;

pub use artifact::{Artifact, Blob, Entry, Owner};
pub use batch::{Appended, ArtifactLink, Batch, StateChange, WriterPosition};
pub use experiment::{
    DEFAULT_PROJECT, Experiment, ExperimentChange, Lifecycle, NewExperiment, Project, Tags, View,
};
pub use id::{Digest, ExperimentId, RunId};
pub use input::{
    DATASET_CONTEXT_TAG, Dataset, DatasetInput, DatasetSummary, ModelOutput, StepOutcome,
    StepRecord,
};
pub use media::{ImageLayer, ImageRecord, MediaKind, MediaSeries, TextRecord};
pub(crate) use name::{check_batch, check_experiment_name, check_key, check_text, random_run_name};
pub use point::{Point, Points, SeriesSummary};
pub use registry::{
    ForeignModel, ForeignRegistration, LoggedModel, LoggedModelChange, ModelMetric, ModelStatus,
    ModelVersion, ModelVersionChange, RegisteredModel, RegisteredModelChange,
};
pub use run::{
    Freed, LatestRun, NewRun, ObservedState, Run, RunChange, RunInfo, RunStart, RunStatus,
    STALLED_AFTER_MS,
};
