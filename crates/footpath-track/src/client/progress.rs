//! How far recording and delivery are.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// How often the recorder has emptied the queue.
    rounds: u64,
    /// Bytes in the log.
    spooled: u64,
    /// Bytes of it that the target has.
    delivered: u64,
    /// The recorder has ended.
    complete: bool,
    /// Nothing more is delivered, or nobody waits for it.
    abandoned: bool,
}

#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

impl Progress {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }

    pub(super) fn recorded(&self, spooled: u64) {
        self.change(|state| {
            state.rounds += 1;
            state.spooled = spooled;
        });
    }

    pub(super) fn complete(&self) {
        self.change(|state| state.complete = true);
    }

    pub(super) fn delivered(&self, bytes: u64) {
        self.change(|state| state.delivered = bytes);
    }

    pub(super) fn abandon(&self) {
        self.change(|state| state.abandoned = true);
    }

    /// Waits until there is something to deliver; `false` if there will be nothing more.
    pub(super) fn wait_for_more(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.abandoned || state.complete && state.delivered >= state.spooled {
                return false;
            }
            if state.delivered < state.spooled {
                return true;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Waits before the next try; `false` if there should be none.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        let until = Instant::now() + time;
        while !state.abandoned && !self.changed.wait_until(&mut state, until).timed_out() {}
        !state.abandoned
    }

    /// Waits until what was queued before this call is in the log.
    pub(super) fn wait_recorded(&self, timeout: Duration) -> bool {
        let rounds = self.state.lock().rounds;
        // The round under way may have begun before the call.
        self.wait(timeout, |state| {
            state.complete || state.rounds >= rounds + 2
        })
    }

    /// Waits until the recorder has ended.
    pub(super) fn wait_complete(&self, timeout: Duration) -> bool {
        self.wait(timeout, |state| state.complete)
    }

    /// Waits until the target has all of the log; `false` if it will not, or not in time.
    pub(super) fn wait_delivered(&self, timeout: Duration) -> bool {
        self.wait(timeout, |state| {
            state.abandoned || state.delivered >= state.spooled
        });
        let state = self.state.lock();
        state.delivered >= state.spooled
    }

    fn wait(&self, timeout: Duration, done: impl Fn(&State) -> bool) -> bool {
        let until = Instant::now() + timeout;
        let mut state = self.state.lock();
        while !done(&state) {
            if self.changed.wait_until(&mut state, until).timed_out() {
                return done(&state);
            }
        }
        true
    }
}
