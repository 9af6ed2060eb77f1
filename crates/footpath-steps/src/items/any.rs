//! Collections whose item type only their step knows.

use std::sync::Arc;

use super::{Held, ItemError, Items, Memo};
use crate::digest::Digest;
use crate::graph::AnyValue;

/// Items of a type only their step knows.
pub(crate) trait AnyItems: Send + Sync {
    fn len(&self) -> usize;
    fn key(&self, index: usize) -> Digest;
    fn get(&self, index: usize) -> Result<AnyValue, ItemError>;
    /// The same items, held in memory as `values`.
    fn hold(&self, values: Vec<Result<AnyValue, ItemError>>) -> AnyValue;
    /// An `Items<T>` that computes what it is asked for.
    fn stream(&self) -> AnyValue;
}

impl<T: Send + Sync + 'static> AnyItems for Items<T> {
    fn len(&self) -> usize {
        self.len
    }

    fn key(&self, index: usize) -> Digest {
        self.source.key(index)
    }

    fn get(&self, index: usize) -> Result<AnyValue, ItemError> {
        Ok(self.source.get(index, &Memo::default())?)
    }

    fn hold(&self, values: Vec<Result<AnyValue, ItemError>>) -> AnyValue {
        let keys = (0..self.len).map(|index| self.source.key(index)).collect();
        let values = values
            .into_iter()
            .map(|value| value.map(typed::<T>))
            .collect();
        Arc::new(Self::from_source(Held { keys, values }))
    }

    fn stream(&self) -> AnyValue {
        Arc::new(self.clone())
    }
}

pub(super) fn typed<T: Send + Sync + 'static>(value: AnyValue) -> Arc<T> {
    Arc::downcast(value).expect("a step's items all have the step's type")
}
