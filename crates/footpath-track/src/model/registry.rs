//! Models: those that runs logged, and the registry of named, versioned ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ArtifactLink, ExperimentId, RunId, Tags};

/// Where a logged model stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ModelStatus {
    /// Its files are on their way.
    #[default]
    #[serde(rename = "LOGGED_MODEL_PENDING")]
    Pending,
    /// Its files are there.
    #[serde(rename = "LOGGED_MODEL_READY")]
    Ready,
    /// Its files did not come.
    #[serde(rename = "LOGGED_MODEL_UPLOAD_FAILED")]
    UploadFailed,
}

/// A model that a run logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedModel {
    /// Its id: `m-` and 32 hexadecimal digits.
    pub id: String,
    /// The experiment it belongs to.
    pub experiment: ExperimentId,
    /// Its name; several may share one.
    pub name: String,
    /// What wrote it, such as `sklearn`.
    pub model_type: String,
    /// The run that wrote it.
    pub source_run: Option<RunId>,
    /// Where it stands.
    pub status: ModelStatus,
    /// Why, if it failed.
    pub status_message: Option<String>,
    /// In use or deleted.
    pub lifecycle: super::Lifecycle,
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When it last changed, Unix milliseconds.
    pub updated_ms: i64,
    /// Its tags.
    pub tags: Tags,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its metrics: the last point each, with the data set it was measured on.
    pub metrics: Vec<ModelMetric>,
}

/// A metric of a logged model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMetric {
    /// The metric.
    pub key: String,
    /// The point, as one [`Points`](super::Points) entry.
    pub points: super::Points,
    /// The run that measured it.
    pub run: RunId,
    /// The data set's name and fingerprint, if told.
    pub dataset: Option<(String, String)>,
}

/// What changes in a logged model; what is `None` or empty stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedModelChange {
    /// A new status.
    pub status: Option<ModelStatus>,
    /// Why it has it.
    pub status_message: Option<String>,
    /// Delete or restore it.
    pub lifecycle: Option<super::Lifecycle>,
    /// Tags to set.
    pub set_tags: Tags,
    /// Tags to take away; one that is absent is [`NotFound`](crate::Error::NotFound).
    pub delete_tags: Vec<String>,
    /// Parameters to add.
    pub set_params: BTreeMap<String, String>,
    /// Metrics to add; one of the same key and data set keeps its latest point.
    pub set_metrics: Vec<ModelMetric>,
}

/// A name in the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredModel {
    /// Its name, unique.
    pub name: String,
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When it last changed, Unix milliseconds.
    pub updated_ms: i64,
    /// Who made it.
    pub user: String,
    /// What it is, Markdown.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
    /// Versions by alias.
    pub aliases: BTreeMap<String, u64>,
    /// MLflow's deployment job, if one is set.
    pub deployment_job: Option<String>,
    /// The greatest version number given out; numbers are never used again.
    pub last_version: u64,
}

/// What changes in a registered model; what is `None` or empty stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegisteredModelChange {
    /// A new name; its versions follow.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// A new deployment job.
    pub deployment_job: Option<String>,
    /// Tags to set.
    pub set_tags: Tags,
    /// Tags to take away; absent ones are passed over, as MLflow does here.
    pub delete_tags: Vec<String>,
    /// Aliases to set, as name and version; the version must exist.
    pub set_aliases: BTreeMap<String, u64>,
    /// Aliases to take away; absent ones are passed over, as MLflow does here.
    pub delete_aliases: Vec<String>,
}

/// A version of a registered model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelVersion {
    /// The registered model.
    pub name: String,
    /// The version: 1 for the first.
    pub version: u64,
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When it last changed, Unix milliseconds.
    pub updated_ms: i64,
    /// Who made it.
    pub user: String,
    /// What it is, Markdown.
    pub description: String,
    /// MLflow's stage: `None`, `Staging`, `Production` or `Archived`.
    pub stage: String,
    /// Where its files are, such as `models:/m-…`.
    pub source: String,
    /// The run it came from.
    pub run: Option<RunId>,
    /// A link to that run in another server.
    pub run_link: String,
    /// The logged model it came from.
    pub model_id: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What changes in a version; what is `None` or empty stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelVersionChange {
    /// A new description.
    pub description: Option<String>,
    /// A new stage.
    pub stage: Option<String>,
    /// Move the other versions that have the new stage to `Archived`.
    pub archive_others: bool,
    /// Tags to set.
    pub set_tags: Tags,
    /// Tags to take away; absent ones are passed over, as MLflow does here.
    pub delete_tags: Vec<String>,
}

/// A logged model of another store, with its identity, times and files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignModel {
    /// The project.
    pub project: String,
    /// The experiment's name, made if absent.
    pub experiment: String,
    /// The model; its experiment's number means nothing here.
    pub model: LoggedModel,
    /// Its files, whose contents are stored already.
    #[serde(default)]
    pub files: Vec<ArtifactLink>,
}

/// A registered model of another store, with its versions as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignRegistration {
    /// The model.
    pub model: RegisteredModel,
    /// Its versions.
    pub versions: Vec<ModelVersion>,
}
