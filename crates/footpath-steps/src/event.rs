//! What a run tells while it runs, and how it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step starts its work.
    Started {
        /// The step.
        step: Arc<str>,
    },
    /// Another process computes a step; its output is waited for.
    Waiting {
        /// The step.
        step: Arc<str>,
    },
    /// A step's kept output is used.
    Hit {
        /// The step.
        step: Arc<str>,
    },
    /// Part of a step's work is done: items of an `each` step, or whatever a transformer counts.
    Progress {
        /// The step.
        step: Arc<str>,
        /// Units done so far.
        done: u64,
        /// All units; `None` when not known.
        total: Option<u64>,
    },
    /// A transformer says something.
    Message {
        /// The step.
        step: Arc<str>,
        /// Its words.
        text: String,
    },
    /// An item of an `each` step failed.
    ItemFailed {
        /// The step.
        step: Arc<str>,
        /// The item's position, from 0.
        item: usize,
        /// The error with its causes.
        cause: String,
        /// Whether the step ends with it instead of leaving a hole.
        ends_step: bool,
    },
    /// A step has done its work.
    Finished {
        /// The step.
        step: Arc<str>,
        /// How long it took.
        elapsed: Duration,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: Arc<str>,
        /// The error with its causes.
        cause: String,
    },
}

/// Whoever listens to a run; called from its threads, so it must be quick.
pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Tells a run to stop. Clones share one flag, so a Ctrl-C handler may hold one.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that holds this token to stop soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether stopping has been asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for work that knows nothing of pipelines.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }
}

/// The work was given up because the run was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;
