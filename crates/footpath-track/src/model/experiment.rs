//! Experiments: named groups of runs within a project.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ExperimentId;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The project of experiments whose creator named none; MLflow's experiments live here.
pub const DEFAULT_PROJECT: &str = "default";

/// Whether a thing is in use or in the bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifecycle {
    /// In use.
    #[default]
    Active,
    /// Deleted, and restorable until deleted for good.
    Deleted,
}

/// Which lifecycles a search gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Only what is in use.
    #[default]
    Active,
    /// Only what is deleted.
    Deleted,
    /// Both.
    All,
}

impl View {
    /// Whether the view shows things of this lifecycle.
    #[must_use]
    pub fn shows(self, lifecycle: Lifecycle) -> bool {
        match self {
            Self::Active => lifecycle == Lifecycle::Active,
            Self::Deleted => lifecycle == Lifecycle::Deleted,
            Self::All => true,
        }
    }
}

/// An experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its number.
    pub id: ExperimentId,
    /// The project it belongs to.
    pub project: String,
    /// Its name, unique in the project among deleted ones too.
    pub name: String,
    /// Where MLflow's clients send artifacts; `None` for the server's own address.
    pub artifact_location: Option<String>,
    /// In use or deleted.
    pub lifecycle: Lifecycle,
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When its name, tags or lifecycle last changed, Unix milliseconds.
    pub updated_ms: i64,
    /// Its tags.
    pub tags: Tags,
}

/// What an experiment is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewExperiment {
    /// The project; made with its first experiment.
    pub project: String,
    /// The name: 1 to 500 characters, not blank, no control characters.
    pub name: String,
    /// Where MLflow's clients send artifacts, if not to the server.
    pub artifact_location: Option<String>,
    /// Its first tags.
    pub tags: Tags,
}

impl NewExperiment {
    /// An experiment without tags.
    #[must_use]
    pub fn new(project: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            name: name.into(),
            ..Self::default()
        }
    }
}

/// What changes in an experiment; what is `None` or empty stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExperimentChange {
    /// A new name.
    pub name: Option<String>,
    /// Delete or restore it. Its runs follow: those deleted with it come back with it.
    pub lifecycle: Option<Lifecycle>,
    /// Tags to set.
    pub set_tags: Tags,
    /// Tags to take away; one that is absent is [`NotFound`](crate::Error::NotFound).
    pub delete_tags: Vec<String>,
}

/// A project and how much it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// How many experiments are in use.
    pub experiments: u64,
    /// How many runs are in use.
    pub runs: u64,
    /// When something was last written to one of them, Unix milliseconds; `None` without runs.
    pub active_ms: Option<i64>,
    /// The size in bytes of the pictures and files of its runs, each content counted once.
    pub artifact_bytes: u64,
}
