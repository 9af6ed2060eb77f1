//! A collection whose items come one at a time: from memory, from the store, or computed when asked.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;
use rayon::prelude::*;

use crate::digest::{Digest, Digester};
use crate::error::{BoxError, SharedError, StoreError, chain};
use crate::fingerprint::{Fingerprint, Listing, listing};

mod any;
mod iter;
mod sources;

pub(crate) use any::AnyItems;
pub use iter::ItemsIter;
pub(crate) use sources::{Held, KeptItems};

use sources::Lazy;

/// An ordered collection of items, each with its own content key.
///
/// This is what [`each`](crate::Pipeline::each) steps take and give. Items
/// need not be in memory: kept ones are read (and verified) when asked for,
/// streamed ones are computed when asked for, and the caller holds only what
/// it holds. Cloning is cheap, and any number of threads may ask at once.
///
/// A position whose item failed under the *skip* policy stays, as a hole: so
/// position `i` means the same item all along a chain of `each` steps.
pub struct Items<T> {
    pub(crate) source: Arc<dyn Source<T>>,
    len: usize,
    listing: Arc<Listing>,
}

/// An item that cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("item {index} of `{step}`: {}", chain(.cause.as_ref()))]
pub struct ItemError {
    /// The step (or input) that gives the item.
    pub step: Arc<str>,
    /// Its position, from 0.
    pub index: usize,
    /// Why.
    pub cause: SharedError,
}

impl ItemError {
    /// Whether the item was kept, but its bytes are gone or damaged: computing it again helps.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(
            self.cause.downcast_ref::<StoreError>(),
            Some(StoreError::Damaged(_) | StoreError::MissingObject(_))
        )
    }
}

/// Where items come from. `len` is `None` for a value that stands beside every item.
pub(crate) trait Source<T>: Send + Sync {
    fn len(&self) -> Option<usize>;
    fn key(&self, index: usize) -> Digest;
    fn get(&self, index: usize, memo: &Memo) -> Result<Arc<T>, ItemError>;
}

/// Outputs already computed for the item at hand, by step, where several steps need them.
#[derive(Default)]
pub(crate) struct Memo(Mutex<Vec<(usize, Arc<dyn Any + Send + Sync>)>>);

impl Memo {
    pub(crate) fn find<T: Send + Sync + 'static>(&self, step: usize) -> Option<Arc<T>> {
        let known = self.0.lock();
        let (_, value) = known.iter().find(|(known_step, _)| *known_step == step)?;
        Arc::downcast(Arc::clone(value)).ok()
    }

    pub(crate) fn add<T: Send + Sync + 'static>(&self, step: usize, value: Arc<T>) {
        self.0.lock().push((step, value));
    }
}

impl<T> Clone for Items<T> {
    fn clone(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            len: self.len,
            listing: Arc::clone(&self.listing),
        }
    }
}

impl<T> std::fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Items<T> {
    /// Items held in memory, keyed by their content.
    ///
    /// # Errors
    /// When an item's content cannot be digested, with its position.
    pub fn new(values: Vec<T>) -> Result<Self, BoxError>
    where
        T: Fingerprint,
    {
        Self::of_shared(values.into_iter().map(Arc::new).collect())
    }

    pub(crate) fn of_shared(values: Vec<Arc<T>>) -> Result<Self, BoxError>
    where
        T: Fingerprint,
    {
        let digest = |(index, value): (usize, &Arc<T>)| {
            let mut digester = Digester::new("item");
            value.fingerprint(&mut digester).map_err(|cause| {
                BoxError::from(format!("item {index}: {}", chain(cause.as_ref())))
            })?;
            Ok(digester.finish())
        };
        let keys = values
            .par_iter()
            .enumerate()
            .map(|(i, v)| digest((i, v)))
            .collect::<Result<_, BoxError>>()?;
        let listing = listing(values.iter().map(Arc::as_ref));
        let held = Self::from_source(Held {
            keys,
            values: values.into_iter().map(Ok).collect(),
        });
        Ok(Self {
            listing: Arc::new(listing),
            ..held
        })
    }

    /// Items made when asked for: item `i` has content digest `digests[i]` and is `get(i)`.
    ///
    /// The digest must change whenever the item does.
    pub fn lazy<F>(digests: Vec<Digest>, get: F) -> Self
    where
        F: Fn(usize) -> Result<T, BoxError> + Send + Sync + 'static,
    {
        Self::from_source(Lazy { digests, get })
    }

    pub(crate) fn from_source(source: impl Source<T> + 'static) -> Self {
        let len = source.len().unwrap_or(0);
        Self {
            source: Arc::new(source),
            len,
            listing: Arc::default(),
        }
    }

    /// The number of positions, holes included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no position at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item at position `index`.
    ///
    /// # Errors
    /// When the item failed, or its kept bytes are missing or damaged.
    ///
    /// # Panics
    /// When `index` is not below [`Items::len`].
    pub fn get(&self, index: usize) -> Result<Arc<T>, ItemError> {
        assert!(index < self.len, "item {index} of {} asked for", self.len);
        self.source.get(index, &Memo::default())
    }

    /// The content key of the item at position `index`.
    ///
    /// # Panics
    /// When `index` is not below [`Items::len`].
    #[must_use]
    pub fn key(&self, index: usize) -> Digest {
        assert!(index < self.len, "item {index} of {} asked for", self.len);
        self.source.key(index)
    }

    /// All items in order, a few at a time on all threads of the run; memory stays bounded.
    #[must_use]
    pub fn iter(&self) -> ItemsIter<'_, T> {
        ItemsIter::new(self)
    }

    /// The digest of all keys in order.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::new("items");
        digester.list(self.len as u64);
        for index in 0..self.len {
            digester.digest(&self.source.key(index));
        }
        digester.finish()
    }
}

impl<T: Send + Sync + 'static> Fingerprint for Items<T> {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.digest(&self.digest());
        Ok(())
    }

    fn listing(&self) -> Listing {
        self.listing.as_ref().clone()
    }
}
