//! The queue between a program and its recorder: adding to it never waits for anything but
//! another's addition.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::model::{
    DatasetInput, ImageRecord, ModelOutput, Point, StateChange, StepRecord, TextRecord,
};

/// What a program told.
pub(super) enum Event {
    Metric(Box<str>, Point),
    Param(String, String),
    Tag(String, String),
    Text(TextRecord),
    /// A picture with the bytes of its layers, in order.
    Image(ImageRecord, Vec<Vec<u8>>),
    /// A file, opened when it was told, for a place in the run's artifacts.
    File(String, File),
    Bytes(String, Vec<u8>),
    Input(Box<DatasetInput>),
    ModelOutput(ModelOutput),
    Step(Box<StepRecord>),
    State(StateChange),
}

impl Event {
    /// The bytes of contents it holds.
    fn bytes(&self) -> usize {
        match self {
            Self::Image(_, layers) => layers.iter().map(Vec::len).sum(),
            Self::Bytes(_, bytes) => bytes.len(),
            Self::Text(text) => text.text.len(),
            Self::Param(_, value) | Self::Tag(_, value) => value.len(),
            _ => 0,
        }
    }
}

#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    bytes: usize,
    closed: bool,
    /// Somebody waits for all that is here to be recorded.
    hurry: bool,
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    dropped: AtomicU64,
    limit: usize,
    limit_bytes: usize,
}

impl Queue {
    pub(super) fn new(limit: usize, limit_bytes: usize) -> Self {
        let waiting = Mutex::new(Waiting::default());
        Self {
            waiting,
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
            limit: limit.max(1),
            limit_bytes,
        }
    }

    /// Adds an event, or counts it as dropped if there is no room. A state always has room.
    pub(super) fn push(&self, event: Event) {
        let bytes = event.bytes();
        let mut waiting = self.waiting.lock();
        let full = waiting.events.len() >= self.limit
            || waiting.bytes.saturating_add(bytes) > self.limit_bytes && bytes > 0;
        if (full || waiting.closed) && !matches!(event, Event::State(_)) {
            drop(waiting);
            self.drop_one();
            return;
        }
        waiting.bytes += bytes;
        waiting.events.push(event);
        let half = waiting.events.len() == self.limit / 2 || waiting.bytes > self.limit_bytes / 2;
        drop(waiting);
        if half {
            self.changed.notify_one();
        }
    }

    /// Counts something that could not be recorded.
    pub(super) fn drop_one(&self) {
        self.drop_many(1);
    }

    /// Counts several things that could not be recorded.
    pub(super) fn drop_many(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes the count of what was dropped since the last time.
    pub(super) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// Waits for a time, for half of the room to be taken, or for somebody in a hurry; then
    /// takes all events. Also tells whether the queue was closed.
    pub(super) fn take(&self, wait: Duration) -> (Vec<Event>, bool) {
        let mut waiting = self.waiting.lock();
        if !waiting.closed && !waiting.hurry && waiting.events.len() < self.limit / 2 {
            self.changed.wait_for(&mut waiting, wait);
        }
        waiting.bytes = 0;
        waiting.hurry = false;
        (std::mem::take(&mut waiting.events), waiting.closed)
    }

    /// Has the recorder take what is here at once.
    pub(super) fn hurry(&self) {
        self.waiting.lock().hurry = true;
        self.changed.notify_one();
    }

    /// Takes no more but states, and ends the recorder once it has taken all.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let queue = Queue::new(2, 10);
        let metric = || Event::Metric("m".into(), Point::new(0, 0, 0.0));
        queue.push(Event::Bytes("a".into(), vec![0; 11]));
        for _ in 0..3 {
            queue.push(metric());
        }
        assert_eq!(queue.take_dropped(), 2);
        assert_eq!(queue.take(Duration::ZERO).0.len(), 2);
        queue.close();
        queue.push(metric());
        assert_eq!((queue.take_dropped(), queue.take_dropped()), (1, 0));
        queue.push(Event::State(StateChange {
            status: crate::RunStatus::Finished,
            reason: None,
            end_ms: None,
        }));
        let (events, closed) = queue.take(Duration::from_mins(1));
        assert_eq!((events.len(), closed), (1, true));
    }
}
