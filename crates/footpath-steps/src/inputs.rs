//! The values a run is given.

use std::collections::HashMap;
use std::sync::Arc;

use crate::digest::{Digest, Digester};
use crate::error::{BoxError, Error};
use crate::fingerprint::{Fingerprint, Listing};
use crate::graph::{Graph, NodeRef, Slot};
use crate::handle::Handle;
use crate::store::Kept;

/// An input's value, and what it is made of.
pub(crate) struct Given {
    pub(crate) slot: Slot,
    pub(crate) listing: Listing,
}

/// The values of a pipeline's inputs in one run, each with its content digest.
#[derive(Default)]
pub struct Inputs {
    values: Vec<(NodeRef, Result<Given, BoxError>)>,
}

impl std::fmt::Debug for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.values.iter().map(|(node, _)| node.name()))
            .finish()
    }
}

impl Inputs {
    /// No values yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `value` to the input behind `handle`; the last value given counts.
    #[must_use]
    pub fn with<T: Fingerprint + Send + Sync + 'static>(
        self,
        handle: &Handle<T>,
        value: T,
    ) -> Self {
        self.with_shared(handle, Arc::new(value))
    }

    /// Like [`Inputs::with`], for a value already shared.
    #[must_use]
    pub fn with_shared<T: Fingerprint + Send + Sync + 'static>(
        mut self,
        handle: &Handle<T>,
        value: Arc<T>,
    ) -> Self {
        let mut digester = Digester::new("input");
        let listing = value.listing();
        let slot = value.fingerprint(&mut digester).map(|()| Given {
            slot: Slot {
                key: digester.finish(),
                value,
            },
            listing,
        });
        self.values.push((handle.node().clone(), slot));
        self
    }

    /// Gives a value another pipeline keeps: its digest is known already.
    #[must_use]
    pub fn with_kept<T: Send + Sync + 'static>(self, handle: &Handle<T>, kept: Kept<T>) -> Self {
        self.with_digest(handle, kept.value, kept.digest)
    }

    /// Gives a value whose content digest the caller knows.
    ///
    /// The digest must change whenever the content does.
    #[must_use]
    pub fn with_digest<T: Send + Sync + 'static>(
        mut self,
        handle: &Handle<T>,
        value: Arc<T>,
        digest: Digest,
    ) -> Self {
        let key = Digester::new("input").digest(&digest).finish();
        self.values.push((
            handle.node().clone(),
            Ok(Given {
                slot: Slot { key, value },
                listing: Listing::new(),
            }),
        ));
        self
    }

    /// The values and their listings by node of `graph`.
    pub(crate) fn resolve(self, graph: &Arc<Graph>) -> Result<Resolved, Error> {
        let (mut slots, mut listings) = (HashMap::new(), HashMap::new());
        for (node, given) in self.values {
            if let Some(foreign) = graph.foreign(&node, None) {
                return Err(foreign.into());
            }
            let given = given.map_err(|cause| Error::Input {
                name: node.name().to_string(),
                cause,
            })?;
            slots.insert(node.index, given.slot);
            listings.insert(node.index, given.listing);
        }
        Ok((slots, listings))
    }
}

/// Values and listings by node.
type Resolved = (HashMap<usize, Slot>, HashMap<usize, Listing>);
