//! Where items come from: memory, a closure, the store.

use std::sync::Arc;

use super::any::typed;
use super::{ItemError, Items, Memo, Source};
use crate::digest::Digest;
use crate::error::BoxError;
use crate::graph::AnyValue;
use crate::item_errors::ItemErrors;
use crate::store::{ItemTable, ObjectReader};

/// Items in memory; a failed one is a hole.
pub(crate) struct Held<T> {
    pub(crate) keys: Vec<Digest>,
    pub(crate) values: Vec<Result<Arc<T>, ItemError>>,
}

impl<T: Send + Sync> Source<T> for Held<T> {
    fn len(&self) -> Option<usize> {
        Some(self.values.len())
    }

    fn key(&self, index: usize) -> Digest {
        self.keys[index]
    }

    fn get(&self, index: usize, _: &Memo) -> Result<Arc<T>, ItemError> {
        self.values[index].clone()
    }
}

/// Items made when asked for.
pub(super) struct Lazy<F> {
    pub(super) digests: Vec<Digest>,
    pub(super) get: F,
}

impl<T, F> Source<T> for Lazy<F>
where
    F: Fn(usize) -> Result<T, BoxError> + Send + Sync,
{
    fn len(&self) -> Option<usize> {
        Some(self.digests.len())
    }

    fn key(&self, index: usize) -> Digest {
        self.digests[index]
    }

    fn get(&self, index: usize, _: &Memo) -> Result<Arc<T>, ItemError> {
        (self.get)(index).map(Arc::new).map_err(|cause| ItemError {
            step: "input".into(),
            index,
            cause: cause.into(),
        })
    }
}

/// Items in a store.
pub(crate) struct KeptItems {
    pub(crate) step: Arc<str>,
    pub(crate) table: ItemTable,
    pub(crate) objects: ObjectReader,
    pub(crate) item_errors: Arc<ItemErrors>,
    pub(crate) decode: fn(Vec<u8>) -> Result<AnyValue, BoxError>,
}

impl KeptItems {
    /// As `Items<T>`.
    pub(crate) fn open<T: Send + Sync + 'static>(self) -> AnyValue {
        Arc::new(Items::<T>::from_source(self))
    }
}

impl<T: Send + Sync + 'static> Source<T> for KeptItems {
    fn len(&self) -> Option<usize> {
        Some(self.table.rows.len())
    }

    fn key(&self, index: usize) -> Digest {
        self.table.rows[index].key
    }

    fn get(&self, index: usize, _: &Memo) -> Result<Arc<T>, ItemError> {
        let error = |cause: BoxError| ItemError {
            step: Arc::clone(&self.step),
            index,
            cause: cause.into(),
        };
        let row = &self.table.rows[index];
        let object = row.object.as_ref();
        let object = object.map_err(|failure| error(failure.clone().into()))?;
        let read = || (self.decode)(self.objects.read(object)?);
        read().map(typed::<T>).map_err(|cause| {
            let error = error(cause);
            self.item_errors.note(&error);
            error
        })
    }
}
