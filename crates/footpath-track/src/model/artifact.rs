//! Artifacts: files that runs and models keep, by path, sharing equal contents.

use serde::{Deserialize, Serialize};

use super::{Digest, RunId};

/// Who owns an artifact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A run.
    Run(RunId),
    /// A logged model, by id.
    Model(String),
}

impl std::fmt::Display for Owner {
    /// `run/<id>` or `model/<id>`: also how the store names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(id) => write!(f, "run/{id}"),
            Self::Model(id) => write!(f, "model/{id}"),
        }
    }
}

/// A stored content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A file of a run or model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its path below the owner: `/` between names, checked.
    pub path: String,
    /// Its content.
    pub blob: Blob,
    /// When it was put there, Unix milliseconds.
    pub time_ms: i64,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A folder: its full path below the owner.
    Folder(String),
    /// A file.
    File(Artifact),
}
