//! What a run read and wrote: data sets, models, and the steps of its pipeline.

use serde::{Deserialize, Serialize};

use super::Tags;

/// A data set, unique in an experiment by name and digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its fingerprint.
    pub digest: String,
    /// What `source` is: `local`, `http`, `s3`, …
    pub source_type: String,
    /// Where it came from, in the terms of `source_type`.
    pub source: String,
    /// Its columns and their types, usually JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its size and statistics, usually JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A data set as read by a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInput {
    /// The data set.
    pub dataset: Dataset,
    /// Tags of this use; `mlflow.data.context` says what for (`training`, `validation`, …).
    #[serde(default)]
    pub tags: Tags,
}

/// The tag of a [`DatasetInput`] that says what the data set was read for.
pub const DATASET_CONTEXT_TAG: &str = "mlflow.data.context";

impl DatasetInput {
    /// What the data set was read for, if told.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.tags.get(DATASET_CONTEXT_TAG).map(String::as_str)
    }
}

/// A data set as some runs of an experiment read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatasetSummary {
    /// The experiment.
    pub experiment: super::ExperimentId,
    /// The data set's name.
    pub name: String,
    /// Its fingerprint.
    pub digest: String,
    /// What for, if told.
    pub context: Option<String>,
}

/// A logged model that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelOutput {
    /// The model's id.
    pub model_id: String,
    /// The step it was written at.
    pub step: i64,
}

/// One step of the run's pipeline, as it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The pipeline's name.
    pub pipeline: String,
    /// The step's name, unique in the pipeline.
    pub step: String,
    /// The step's cache key, hexadecimal.
    pub key: String,
    /// Found in the cache, computed, or failed.
    pub outcome: StepOutcome,
    /// Why it was computed: the part of the key that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The steps and inputs it reads, by name.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// When it ended, Unix milliseconds.
    pub time_ms: i64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The size of its result in bytes, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// How a step of a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// Its result was found and verified.
    Hit,
    /// It was computed.
    Computed,
    /// It failed.
    Failed,
}
