//! Signals that end the process, recorded first.

use std::sync::Arc;

use super::progress::Progress;
use super::queue::Queue;

#[cfg(unix)]
pub(super) use unix::{Watch, watch};

#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};

    use super::{Arc, Progress, Queue};
    use crate::client::queue::Event;
    use crate::model::{RunStatus, StateChange};
    use crate::sql::now_ms;

    /// How long the end of the process may wait for the target.
    const LAST_WORDS: Duration = Duration::from_secs(3);

    /// Watches until it is dropped.
    pub(in super::super) struct Watch(Handle);

    impl Drop for Watch {
        fn drop(&mut self) {
            self.0.close();
        }
    }

    /// Records a signal as the run's end, then lets it do what it does by default.
    pub(in super::super) fn watch(queue: &Arc<Queue>, progress: &Arc<Progress>) -> Option<Watch> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
            .inspect_err(|error| tracing::warn!("signals are not recorded: {error}"))
            .ok()?;
        let handle = signals.handle();
        let (queue, progress) = (Arc::clone(queue), Arc::clone(progress));
        let wait = move || {
            let Some(signal) = signals.forever().next() else {
                return;
            };
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
            let state = StateChange {
                status: RunStatus::Killed,
                reason: Some(name.to_owned()),
                end_ms: Some(now_ms()),
            };
            queue.push(Event::State(state));
            queue.close();
            if progress.wait_complete(LAST_WORDS) {
                progress.wait_delivered(LAST_WORDS);
            }
            // Ends the process; if it does not, the program lives on and may end the run.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        };
        std::thread::Builder::new()
            .name("track-signals".into())
            .spawn(wait)
            .ok()?;
        Some(Watch(handle))
    }
}

#[cfg(not(unix))]
pub(super) struct Watch;

/// Elsewhere than on Unix, signals are not recorded: a killed run is seen as crashed.
#[cfg(not(unix))]
pub(super) fn watch(_: &Arc<Queue>, _: &Arc<Progress>) -> Option<Watch> {
    None
}
