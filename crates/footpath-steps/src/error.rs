//! What can go wrong, told with the step, the input and what was expected.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::ConfigError;
use crate::report::RunReport;

/// Any error of a transformer; `?` turns every error type into it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error that several places may report: the run's report and every asker for the item.
pub type SharedError = Arc<dyn std::error::Error + Send + Sync + 'static>;

/// Why a pipeline was not built, planned or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline was put together wrongly.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// No step has this name.
    #[error(
        "pipeline `{pipeline}` has no step `{name}`{}",
        .nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
    )]
    UnknownStep {
        /// The pipeline.
        pipeline: String,
        /// The name asked for.
        name: String,
        /// The most similar existing name.
        nearest: Option<String>,
    },
    /// A step was asked for by name with another type than it gives.
    #[error("step `{step}` gives `{found}`, but `{expected}` was asked for")]
    WrongType {
        /// The step.
        step: String,
        /// The type asked for.
        expected: &'static str,
        /// The type the step gives.
        found: &'static str,
    },
    /// An input has no value.
    #[error(
        "input `{name}` has no value: add `.with(&{name}, …)` to the `Inputs` (step `{needed_by}` needs it)"
    )]
    MissingInput {
        /// The input.
        name: String,
        /// A step that needs it.
        needed_by: String,
    },
    /// An input's content digest could not be computed.
    #[error("input `{name}` cannot be fingerprinted: {cause}")]
    Input {
        /// The input.
        name: String,
        /// Why.
        cause: BoxError,
    },
    /// One or more steps failed.
    #[error("{}", .0.summary())]
    Failed(Box<Failed>),
    /// The run was cancelled; what had finished is kept.
    #[error("the run was cancelled; finished steps and items are kept")]
    Cancelled(Box<RunReport>),
    /// The threads for the run could not be started.
    #[error("{threads} threads cannot be started: {cause}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The system's answer.
        cause: String,
    },
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a pipeline was put together wrongly.
///
/// Found while building, reported by whatever is done with the pipeline next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two steps or inputs of one pipeline share a name.
    #[error("pipeline `{pipeline}` has two steps named `{name}`; give each step its own name")]
    DuplicateName {
        /// The pipeline.
        pipeline: String,
        /// The name used twice.
        name: String,
    },
    /// A name is empty or holds control characters.
    #[error("pipeline `{pipeline}`: `{name}` cannot name a step; use printable text")]
    BadName {
        /// The pipeline.
        pipeline: String,
        /// The refused name.
        name: String,
    },
    /// A handle was used with a pipeline that did not make it.
    #[error(
        "`{handle}` belongs to pipeline `{owner}` and cannot be used in pipeline `{pipeline}`{}",
        .step.as_ref().map(|step| format!(" (as an input of step `{step}`)")).unwrap_or_default()
    )]
    ForeignHandle {
        /// The pipeline it was given to.
        pipeline: String,
        /// The step it was to feed, if any.
        step: Option<String>,
        /// The name behind the handle.
        handle: String,
        /// The pipeline that made it.
        owner: String,
    },
    /// A step's parameters have no stable form, so they cannot be part of its key.
    #[error("step `{step}`: {cause}")]
    Config {
        /// The step.
        step: String,
        /// What is wrong, and where.
        #[source]
        cause: ConfigError,
    },
}

/// The steps that failed in a run, and the report of everything else.
#[derive(Debug)]
pub struct Failed {
    /// Each failed step once, in the pipeline's order; never empty.
    pub steps: Vec<StepFailure>,
    /// What happened to every step.
    pub report: RunReport,
}

impl Failed {
    fn summary(&self) -> String {
        let lines: Vec<String> = self.steps.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

/// One failed step.
#[derive(Debug, Clone, thiserror::Error)]
#[error("step `{step}` failed{}: {}", .item.map(|i| format!(" at item {i}")).unwrap_or_default(), chain(.cause.as_ref()))]
pub struct StepFailure {
    /// The step.
    pub step: String,
    /// The position of the failed item, counted from 0, for an `each` step.
    pub item: Option<usize>,
    /// The transformer's error.
    pub cause: SharedError,
}

/// An error with its causes, `: ` between them.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // `#[error(transparent)]` and "x: {source}" styles already hold the cause's text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Why the store could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file operation failed.
    #[error("cannot {action} {}: {cause}", .path.display())]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
    /// The store was written by a newer version of this crate.
    #[error("the store {} has format {found}, this program reads up to {supported}; use the newer program or another store", .path.display())]
    NewerFormat {
        /// The store's folder.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest version this program reads.
        supported: u32,
    },
    /// The folder holds something else than a store.
    #[error("{} is not a footpath store: {problem}; choose an empty or new folder", .path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// An object's content is not what its name says.
    #[error("object {} is damaged: its content has another digest; it is removed and will be computed again by the next run", .0.short())]
    Damaged(crate::Digest),
    /// An object is not there.
    #[error("object {} is missing from the store; run the pipeline again to compute it", .0.short())]
    MissingObject(crate::Digest),
    /// A value could not become bytes, or bytes not a value.
    #[error("cannot {action} a value of `{type_tag}`: {cause}")]
    Codec {
        /// `encode` or `decode`.
        action: &'static str,
        /// The artifact's type tag.
        type_tag: String,
        /// Why.
        cause: BoxError,
    },
    /// Nothing is kept under this name.
    #[error("pipeline `{pipeline}` keeps no output of step `{step}` in this store; run it first")]
    NothingKept {
        /// The pipeline.
        pipeline: String,
        /// The step.
        step: String,
    },
    /// Kept bytes are of another type than asked for.
    #[error("step `{step}` keeps `{found}`, but `{expected}` was asked for")]
    WrongArtifact {
        /// The step.
        step: String,
        /// The type tag asked for.
        expected: String,
        /// The type tag found.
        found: String,
    },
    /// Another process or run uses the store.
    #[error("the store {} is in use by a run; wait until it has finished", .path.display())]
    InUse {
        /// The store's folder.
        path: PathBuf,
    },
    /// What the store remembers of a pipeline cannot be read, so what is garbage is not known.
    #[error("{} is damaged, so nothing is removed: run the pipeline again, which writes it anew from what is kept", .path.display())]
    DamagedMemory {
        /// The file.
        path: PathBuf,
    },
    /// A bundle file is not one of ours or is damaged.
    #[error("{} cannot be imported: {problem}", .path.display())]
    BadBundle {
        /// The file.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
}
