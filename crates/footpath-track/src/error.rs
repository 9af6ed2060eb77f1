//! What can go wrong in a store, told so that the caller can act on it.

use std::path::PathBuf;

use crate::search::FilterError;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The thing asked for does not exist.
    #[error("there is no {kind} `{id}`")]
    NotFound {
        /// `run`, `experiment`, …
        kind: Kind,
        /// Its name or number.
        id: String,
    },
    /// A name is taken.
    #[error("{kind} `{id}` exists already{}", if *.deleted { ", but is deleted: restore it, or delete it for good" } else { "" })]
    Exists {
        /// `experiment`, `registered model`, …
        kind: Kind,
        /// The name.
        id: String,
        /// Whether the holder of the name is deleted.
        deleted: bool,
    },
    /// A deleted thing was written to.
    #[error("{kind} `{id}` is deleted: restore it before writing to it")]
    Deleted {
        /// `run` or `experiment`.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// A parameter was given another value than it has; parameters never change.
    #[error(
        "parameter `{key}` of run `{run}` is `{old}` and cannot become `{new}`: a run's parameters do not change{}",
        if *.more == 0 { String::new() } else { format!(" (and {} more)", .more) }
    )]
    ParamChanged {
        /// The run.
        run: String,
        /// The parameter.
        key: String,
        /// The value it has.
        old: String,
        /// The value it was to get.
        new: String,
        /// How many others of the batch would change too.
        more: usize,
    },
    /// A value breaks a rule.
    #[error("{what} is refused: {why}")]
    Invalid {
        /// What was given.
        what: String,
        /// The rule.
        why: String,
    },
    /// A filter or an order could not be read.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A page token is of another query, or made up.
    #[error("the page token does not belong to this query: ask for the first page again")]
    PageToken,
    /// A stored chunk, spool record or blob does not have the checksum it was written with.
    #[error("{place} is damaged: {detail}")]
    Damaged {
        /// Which one.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The store was written by a newer version of this program.
    #[error(
        "{store} has schema version {found}, this program knows up to {known}: use the newer program"
    )]
    TooNew {
        /// The store's address, without password.
        store: String,
        /// Its version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// SQLite's write-ahead log would not be safe there.
    #[error(
        "{} is on a network file system ({filesystem}), where SQLite's write-ahead log loses data: \
         put the store on a local disk and let others reach it through `footpath serve`, or use PostgreSQL",
        .path.display()
    )]
    NetworkFilesystem {
        /// The store's folder.
        path: PathBuf,
        /// The file system's name.
        filesystem: String,
    },
    /// Another process has the store open.
    #[error("{} is open in another process: reach the store through that one, or end it first", .path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// The folder holds no store.
    #[error("there is no store in {}: the first run that is tracked there makes one", .path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
    /// The store was opened to be read alone.
    #[error("{} is open for reading alone", .path.display())]
    ReadOnly {
        /// The store's folder.
        path: PathBuf,
    },
    /// A server is away, or refuses for now.
    #[error("the server {url}: {why}")]
    Server {
        /// Its address.
        url: String,
        /// What it said, or why it cannot be reached.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{}: {cause}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object store of the artifacts failed.
    #[error("the artifact store failed: {0}")]
    Objects(#[from] object_store::Error),
    /// The store is closed, or its writer is gone.
    #[error("the store is closed")]
    Closed,
}

/// The kinds of things a store holds, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An experiment.
    Experiment,
    /// A run.
    Run,
    /// A tag of a run, an experiment or a model.
    Tag,
    /// A metric series.
    Series,
    /// An artifact of a run or a model.
    Artifact,
    /// A logged model.
    LoggedModel,
    /// A registered model.
    RegisteredModel,
    /// A version of a registered model.
    ModelVersion,
    /// A name for a version of a registered model.
    Alias,
    /// The content with a digest.
    Blob,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Experiment => "experiment",
            Self::Run => "run",
            Self::Tag => "tag",
            Self::Series => "metric",
            Self::Artifact => "artifact",
            Self::LoggedModel => "logged model",
            Self::RegisteredModel => "registered model",
            Self::ModelVersion => "model version",
            Self::Alias => "alias",
            Self::Blob => "blob",
        })
    }
}

impl Error {
    /// Whether the same call may succeed later: the store, not the caller, is at fault.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Database(_)
                | Self::Objects(_)
                | Self::File { .. }
                | Self::Server { .. }
                | Self::Closed
                | Self::Locked { .. }
        )
    }

    pub(crate) fn invalid(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            what: what.into(),
            why: why.into(),
        }
    }

    pub(crate) fn not_found(kind: Kind, id: impl std::fmt::Display) -> Self {
        Self::NotFound {
            kind,
            id: id.to_string(),
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }

    pub(crate) fn database(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Database(cause.into())
    }
}
