//! Working memory that each thread keeps between calls.

use std::cell::RefCell;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` on a buffer of `len` values of any content, kept by this thread for its next use.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    // Taken out while in use: work that meets another scratch user on this thread gets another buffer.
    let mut buffer = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    let result = work(&mut buffer[..len]);
    BUFFERS.with_borrow_mut(|buffers| buffers.push(buffer));
    result
}
