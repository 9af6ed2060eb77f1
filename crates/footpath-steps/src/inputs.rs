//! The values a run is given.

use std::collections::HashMap;
use std::sync::Arc;

use crate::digest::{Digest, Digester};
use crate::error::{BoxError, Error};
use crate::fingerprint::Fingerprint;
use crate::graph::{Graph, NodeRef, Slot};
use crate::handle::Handle;
use crate::store::Kept;

/// The values of a pipeline's inputs in one run, each with its content digest.
#[derive(Default)]
pub struct Inputs {
    values: Vec<(NodeRef, Result<Slot, BoxError>)>,
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
        let slot = value.fingerprint(&mut digester).map(|()| Slot {
            key: digester.finish(),
            value,
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
        self.values
            .push((handle.node().clone(), Ok(Slot { key, value })));
        self
    }

    /// The slots by node of `graph`.
    pub(crate) fn resolve(self, graph: &Arc<Graph>) -> Result<HashMap<usize, Slot>, Error> {
        let mut slots = HashMap::with_capacity(self.values.len());
        for (node, slot) in self.values {
            if let Some(foreign) = graph.foreign(&node, None) {
                return Err(foreign.into());
            }
            let slot = slot.map_err(|cause| Error::Input {
                name: node.name().to_string(),
                cause,
            })?;
            slots.insert(node.index, slot);
        }
        Ok(slots)
    }
}
