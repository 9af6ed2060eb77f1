//! Items that could not be had in a run, noted where they failed.
//!
//! A step that reads items may swallow an error (`items.iter().flatten()`) or
//! panic over it. Either way what it gave is not used, and the failure is told
//! with the step and the item it began with.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::items::ItemError;

/// The first error of each step, except of items that their step skips.
#[derive(Debug, Default)]
pub(crate) struct ItemErrors {
    any: AtomicBool,
    first_of_each: Mutex<Vec<ItemError>>,
}

impl ItemErrors {
    pub(crate) fn note(&self, error: &ItemError) {
        let mut known = self.first_of_each.lock();
        if known.iter().all(|other| other.step != error.step) {
            known.push(error.clone());
            self.any.store(true, Ordering::Release);
        }
    }

    /// An error of a step among these.
    pub(crate) fn find(&self, is_among: impl Fn(&str) -> bool) -> Option<ItemError> {
        let known = self.first_of_each.lock();
        known.iter().find(|error| is_among(&error.step)).cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    pub(crate) fn clear(&self) {
        self.first_of_each.lock().clear();
        self.any.store(false, Ordering::Release);
    }
}
