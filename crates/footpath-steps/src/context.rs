//! What a transformer may ask of the run it works in.

use std::path::PathBuf;
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::BoxError;
use crate::event::{CancelToken, Cancelled, Event, Observer};
use crate::scratch::Scratch;

/// The run, as a transformer sees it: cancellation, progress, seed, scratch folder.
#[derive(Clone)]
pub struct Context {
    pub(crate) inner: Arc<ContextInner>,
}

pub(crate) struct ContextInner {
    pub(crate) step: Arc<str>,
    pub(crate) key: Option<Digest>,
    pub(crate) seed: Option<u64>,
    pub(crate) cancel: CancelToken,
    pub(crate) observer: Option<Observer>,
    pub(crate) scratch: Scratch,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("step", &self.inner.step)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// A context outside any run, to call a transformer directly (in a test, say).
    ///
    /// It has seed 0, is never cancelled, and its scratch folder is a
    /// temporary one that goes with the context.
    #[must_use]
    pub fn detached() -> Self {
        Self {
            inner: Arc::new(ContextInner {
                step: "detached".into(),
                key: None,
                seed: Some(0),
                cancel: CancelToken::new(),
                observer: None,
                scratch: Scratch::temporary(),
            }),
        }
    }

    /// The step's name.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.inner.step
    }

    /// The step's key, which names whatever is written down about its work; `None` outside a run.
    #[must_use]
    pub fn key(&self) -> Option<Digest> {
        self.inner.key
    }

    /// Whether the run should stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancel.is_cancelled()
    }

    /// The run's token, for work that stops by one.
    #[must_use]
    pub fn cancel_token(&self) -> &CancelToken {
        &self.inner.cancel
    }

    /// An error once the run should stop: `context.check()?` in a long loop.
    ///
    /// # Errors
    /// [`Cancelled`] when stopping has been asked for.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    /// Tells that `done` of `total` units of work are done.
    pub fn progress(&self, done: u64, total: impl Into<Option<u64>>) {
        self.emit(|step| Event::Progress {
            step,
            done,
            total: total.into(),
        });
    }

    /// Tells the run's observer something.
    pub fn message(&self, text: impl Into<String>) {
        self.emit(|step| Event::Message {
            step,
            text: text.into(),
        });
    }

    /// The step's seed.
    ///
    /// # Errors
    /// When the step was given none: chance without a seed in the key would
    /// make kept results unrepeatable. Use [`Handle::seed`](crate::Handle::seed).
    pub fn seed(&self) -> Result<u64, BoxError> {
        self.inner.seed.ok_or_else(|| {
            format!(
                "step `{0}` uses chance but has no seed; add `.seed(…)` to it",
                self.step()
            )
            .into()
        })
    }

    /// A folder for the step's own use, made when first asked for.
    ///
    /// It belongs to the step's key: a run of the same work after a kill finds
    /// what was there, so a long fit resumes from its checkpoints. It is
    /// removed when the step has succeeded. Not for `each` steps, whose items
    /// would share it.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn scratch(&self) -> Result<PathBuf, BoxError> {
        Ok(self.inner.scratch.folder()?)
    }

    pub(crate) fn emit(&self, event: impl FnOnce(Arc<str>) -> Event) {
        if let Some(observer) = &self.inner.observer {
            observer(&event(Arc::clone(&self.inner.step)));
        }
    }
}
