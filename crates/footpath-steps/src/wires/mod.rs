//! How handles are put together to feed a step: the adapters.

use std::sync::Arc;

use crate::graph::Slot;

mod feeds;
mod feeds_each;
mod targets;
mod whole;

pub use feeds::Feeds;
pub use feeds_each::FeedsEach;
pub use targets::Targets;
pub use whole::{Whole, whole};

/// The value of the next handle.
fn next_value<T: Send + Sync + 'static>(slots: &mut std::slice::Iter<'_, Slot>) -> Arc<T> {
    let slot = slots
        .next()
        .expect("the engine gives one slot for each node");
    slot.value::<T>()
}
