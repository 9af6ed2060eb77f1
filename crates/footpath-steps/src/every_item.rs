//! The items of one step, all in parallel; a failed one stops the step, or is left as a hole.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::digest::Digest;
use crate::error::{StepFailure, StoreError};
use crate::event::Event;
use crate::execute::{Stopped, Wave};
use crate::graph::{OnFailure, Slot};
use crate::items::{AnyItems, ItemError};
use crate::key;

/// Why an item gave nothing.
pub(crate) enum ItemStopped {
    Item(ItemError),
    Store(StoreError),
}

impl From<ItemError> for ItemStopped {
    fn from(error: ItemError) -> Self {
        Self::Item(error)
    }
}

impl From<StoreError> for ItemStopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ItemError> for StepFailure {
    fn from(error: ItemError) -> Self {
        Self {
            step: error.step.to_string(),
            item: Some(error.index),
            cause: error.cause,
        }
    }
}

impl Wave<'_> {
    pub(crate) fn hold_items(
        &self,
        index: usize,
        key: Digest,
        items: &dyn AnyItems,
    ) -> Result<Slot, Stopped> {
        let values = self.every_item(index, items.len(), |item| Ok(items.get(item)?))?;
        let holes: Vec<Digest> = (0..items.len())
            .filter(|i| values[*i].is_err())
            .map(|i| items.key(i))
            .collect();
        Ok(Slot {
            key: key::with_holes(key, &holes),
            value: items.hold(values),
        })
    }

    /// Calls `work` for every item in parallel; a failed item stops the step or is left as a hole.
    pub(crate) fn every_item<T: Send>(
        &self,
        index: usize,
        len: usize,
        work: impl Fn(usize) -> Result<T, ItemStopped> + Sync,
    ) -> Result<Vec<Result<T, ItemError>>, Stopped> {
        let stop = AtomicBool::new(false);
        let done = AtomicU64::new(0);
        let results: Vec<Option<Result<T, ItemStopped>>> = (0..len)
            .into_par_iter()
            .map(|item| {
                if stop.load(Ordering::Relaxed) || self.runner.cancel.is_cancelled() {
                    return None;
                }
                let result = work(item);
                match &result {
                    Err(ItemStopped::Item(error)) if self.skips(index, error) => {}
                    Err(_) => stop.store(true, Ordering::Relaxed),
                    Ok(_) => {}
                }
                if self.runner.observer.is_some() {
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    self.emit(index, |step| Event::Progress {
                        step,
                        done,
                        total: Some(len as u64),
                    });
                }
                Some(result)
            })
            .collect();
        let mut kept = Vec::with_capacity(len);
        for result in results {
            match result {
                Some(Ok(value)) => kept.push(Ok(value)),
                Some(Err(ItemStopped::Item(error))) if self.skips(index, &error) => {
                    kept.push(Err(error));
                }
                Some(Err(_)) if self.runner.cancel.is_cancelled() => {
                    return Err(Stopped::Cancelled);
                }
                Some(Err(ItemStopped::Item(error))) => return Err(self.item_stops(error)),
                Some(Err(ItemStopped::Store(error))) => return Err(error.into()),
                // Skipped because of a failure further on, or because the run was cancelled.
                None => {}
            }
        }
        if kept.len() < len {
            Err(Stopped::Cancelled)
        } else {
            Ok(kept)
        }
    }

    /// Whether the failed item is left out: the step where it failed says so.
    fn skips(&self, index: usize, error: &ItemError) -> bool {
        let failed = self
            .nodes
            .iter()
            .find(|node| node.name == error.step)
            .unwrap_or(&self.nodes[index]);
        failed.on_failure == OnFailure::Skip
            && !self.runner.cancel.is_cancelled()
            && !self.can_repair(error)
    }

    /// What an item that cannot be had means for the step that reads it.
    pub(crate) fn item_stops(&self, error: ItemError) -> Stopped {
        if self.runner.cancel.is_cancelled() {
            Stopped::Cancelled
        } else if self.can_repair(&error) {
            tracing::warn!(%error, "a kept item cannot be used and is computed again");
            Stopped::ItemLost
        } else {
            Stopped::Failed(error.into())
        }
    }

    fn can_repair(&self, error: &ItemError) -> bool {
        self.repairs_left > 0 && error.is_lost()
    }
}
