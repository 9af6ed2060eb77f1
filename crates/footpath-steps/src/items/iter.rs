//! Items in order, a few ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use rayon::prelude::*;

use super::{ItemError, Items};

/// Iterates over [`Items`], looking a few items ahead on all threads.
#[derive(Debug)]
pub struct ItemsIter<'a, T> {
    items: &'a Items<T>,
    next: usize,
    ready: VecDeque<Result<Arc<T>, ItemError>>,
}

impl<'a, T> ItemsIter<'a, T> {
    pub(super) fn new(items: &'a Items<T>) -> Self {
        Self {
            items,
            next: 0,
            ready: VecDeque::new(),
        }
    }
}

impl<T: Send + Sync + 'static> Iterator for ItemsIter<'_, T> {
    type Item = Result<Arc<T>, ItemError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            // Twice the threads: one slow item then leaves the others something to do.
            let end = self
                .items
                .len
                .min(self.next + 2 * rayon::current_num_threads());
            let chunk: Vec<_> = (self.next..end)
                .into_par_iter()
                .map(|index| self.items.get(index))
                .collect();
            self.next = end;
            self.ready.extend(chunk);
        }
        self.ready.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.items.len - self.next + self.ready.len();
        (left, Some(left))
    }
}

impl<T: Send + Sync + 'static> ExactSizeIterator for ItemsIter<'_, T> {}

impl<'a, T: Send + Sync + 'static> IntoIterator for &'a Items<T> {
    type Item = Result<Arc<T>, ItemError>;
    type IntoIter = ItemsIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
