//! What changes, told to those who watch.

use footpath_track::{ExperimentId, RunId};
use parking_lot::Mutex;
use tokio::sync::broadcast;

/// How many changes a slow watcher may fall behind before it is told to read all anew.
const BACKLOG: usize = 4096;

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// A run got points, tags, a state, …
    Run(RunId),
    /// An experiment was made or changed.
    Experiment(ExperimentId),
}

/// The changes made through this server.
pub(crate) struct Events(Mutex<Option<broadcast::Sender<Change>>>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(broadcast::channel(BACKLOG).0)))
    }

    /// Tells a change; free when no one watches.
    pub(crate) fn tell(&self, change: Change) {
        if let Some(sender) = &*self.0.lock()
            && sender.receiver_count() > 0
        {
            // No receiver left in between: no one to tell.
            let _unheard = sender.send(change);
        }
    }

    /// The changes from now on; `None` once the server ends.
    pub(crate) fn watch(&self) -> Option<broadcast::Receiver<Change>> {
        self.0.lock().as_ref().map(broadcast::Sender::subscribe)
    }

    /// Ends all watching, so that no watcher holds up the server's end.
    pub(crate) fn end(&self) {
        *self.0.lock() = None;
    }
}
