//! What a run is told at once: applied whole or not at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DatasetInput, ImageRecord, ModelOutput, Points, RunStatus, StepRecord, Tags, TextRecord,
};

/// What a run logs in one go. The parts are applied in one transaction.
///
/// Metric points are kept as a set: one sent again (same step, time and bits) changes
/// nothing. Parameters never change: the same value again is fine, another refuses the batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Batch {
    /// Parameters to set, as key and value; a key twice with two values is refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<(String, String)>,
    /// Tags to set; the last value wins. `mlflow.runName` also renames the run.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Points by metric.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Points>,
    /// Texts of text series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<TextRecord>,
    /// Images of image series. Their contents are stored first, as blobs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageRecord>,
    /// Data sets read; the first record of (run, data set) wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<DatasetInput>,
    /// Logged models read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_inputs: Vec<String>,
    /// Logged models written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_outputs: Vec<ModelOutput>,
    /// Steps of the pipeline that ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
    /// Files whose contents are stored already, to be named in the run's artifacts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactLink>,
    /// A new state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateChange>,
    /// For how long from now on, by the store's clock, the client promises to be heard of, in
    /// milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<i64>,
    /// How many points and records the client dropped since it last told.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// Whether the program went back to an earlier step, as a training does that goes on from a
    /// checkpoint: points, texts and pictures that their series have of a step already are passed
    /// over. Meant for series of one point a step, and of one picture a sample and step.
    #[serde(skip_serializing_if = "is_false")]
    pub repeats: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_false(truth: &bool) -> bool {
    !*truth
}

impl Batch {
    /// Whether the batch tells nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many points it holds.
    #[must_use]
    pub fn points(&self) -> usize {
        self.metrics.values().map(|points| points.0.len()).sum()
    }
}

/// A run's new state, as its client tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The state.
    pub status: RunStatus,
    /// Why: an error's last lines, the signal's name.
    #[serde(default)]
    pub reason: Option<String>,
    /// When the run ended, Unix milliseconds; `None` keeps what is known.
    #[serde(default)]
    pub end_ms: Option<i64>,
}

/// A name for a stored content in a run's artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactLink {
    /// The logical path, checked by [`ArtifactPath`](crate::ArtifactPath)'s rules.
    pub path: String,
    /// The content.
    pub digest: super::Digest,
}

/// Where a batch stands in what one writer of a run has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterPosition {
    /// The writer, unique in the run: a process's name of itself.
    pub writer: String,
    /// The batch's number: 1 for a writer's first, then rising.
    pub sequence: u64,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// Whether this call applied it; `false` if it, or a later one of the writer, was there
    /// already.
    pub applied: bool,
    /// The writer's last sequence in the store; 0 for batches without position.
    pub last_sequence: u64,
}
