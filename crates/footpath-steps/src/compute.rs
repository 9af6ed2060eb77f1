//! Computing one node: its work is called, its failures are told.

use std::sync::Arc;
use std::time::Instant;

use crate::context::{Context, ContextInner};
use crate::digest::Digest;
use crate::each::{Meter, catching_panics};
use crate::error::{BoxError, SharedError, StepFailure};
use crate::event::Event;
use crate::execute::{Stopped, Wave};
use crate::graph::{AnyValue, EachSetup, Keep, Kind, Slot, StepWork, Work};
use crate::items::{AnyItems, ItemError};
use crate::key;
use crate::plan::{Delivery, involved};
use crate::report::{ItemCounts, Outcome};
use crate::scratch::Scratch;

impl Wave<'_> {
    pub(crate) fn compute(&self, index: usize) -> Result<Slot, Stopped> {
        let node = &self.nodes[index];
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for (input, _) in node.inputs.iter() {
            let slot = self.slots[*input]
                .lock()
                .clone()
                .expect("a node runs after its inputs");
            if slot.key != self.planned[*input].output_key {
                return Err(Stopped::PlanChanged);
            }
            inputs.push(slot);
        }
        let key = self.planned[index].key;
        match (node.keep, self.runner.store.disk()) {
            (Keep::Disk, Some(disk)) => self.compute_kept(disk, index, key, &inputs),
            (keep, _) => {
                let context = self.context(index, Scratch::temporary());
                let slot = self.compute_held(index, key, &inputs, context)?;
                if keep != Keep::Nowhere {
                    self.runner.store.cache(key, slot.clone());
                }
                Ok(slot)
            }
        }
    }

    /// Computes a node whose output stays in memory, or streams.
    fn compute_held(
        &self,
        index: usize,
        key: Digest,
        inputs: &[Slot],
        context: Context,
    ) -> Result<Slot, Stopped> {
        let node = &self.nodes[index];
        self.emit(index, |step| Event::Started { step });
        let start = Instant::now();
        let slot = match &node.work {
            Work::Input | Work::Constant(_) => unreachable!("given nodes are not computed"),
            Work::Step(work) => {
                let value = self.call(index, work.as_ref(), inputs, &context)?;
                Slot { key, value }
            }
            Work::Each(_) => {
                let items = self.set_up_each(index, inputs, context)?;
                match self.deliveries[index] {
                    Delivery::Stream { .. } => Slot {
                        key,
                        value: items.stream(),
                    },
                    Delivery::Whole => self.hold_items(index, key, items.as_ref())?,
                }
            }
        };
        let elapsed = start.elapsed();
        self.journal.note(index, |entry| {
            entry.outcome = Some(Outcome::Computed);
            entry.elapsed_secs = elapsed.as_secs_f64();
        });
        self.emit(index, |step| Event::Finished { step, elapsed });
        Ok(slot)
    }

    /// Calls the work of a step over whole values.
    pub(crate) fn call(
        &self,
        index: usize,
        work: &StepWork,
        inputs: &[Slot],
        context: &Context,
    ) -> Result<AnyValue, Stopped> {
        let value = catching_panics(|| work(inputs, context))
            .map_err(|cause| self.failure(index, cause))?;
        match self.item_error_before(index) {
            Some(error) => Err(self.item_stops(error)),
            None => Ok(value),
        }
    }

    /// The stream of an `each` step's outputs.
    pub(crate) fn set_up_each(
        &self,
        index: usize,
        inputs: &[Slot],
        context: Context,
    ) -> Result<Arc<dyn AnyItems>, Stopped> {
        let node = &self.nodes[index];
        let Work::Each(work) = &node.work else {
            unreachable!("only `each` steps are set up")
        };
        let meter = Arc::new(Meter::new(
            self.nodes[index].on_failure,
            &self.journal.item_errors,
        ));
        let setup = EachSetup {
            node: index,
            slots: inputs,
            code: self.item_code(index, inputs),
            context,
            shared: self.deliveries[index] == Delivery::Stream { shared: true },
            meter: Arc::clone(&meter),
        };
        let items = catching_panics(|| work(setup)).map_err(|cause| self.failure(index, cause))?;
        let counts = ItemCounts {
            total: items.len() as u64,
            ..ItemCounts::default()
        };
        self.journal.note(index, |entry| {
            entry.meter = Some(meter);
            entry.items = Some(counts);
        });
        Ok(items)
    }

    /// What an item's key needs besides the item.
    pub(crate) fn item_code(&self, index: usize, inputs: &[Slot]) -> Digest {
        let node = &self.nodes[index];
        let model = (node.kind == Kind::ApplyEach).then(|| inputs[0].key);
        key::item_code(node, model)
    }

    pub(crate) fn context(&self, index: usize, scratch: Scratch) -> Context {
        Context {
            inner: Arc::new(ContextInner {
                step: Arc::clone(&self.nodes[index].name),
                key: Some(self.planned[index].key),
                seed: self.nodes[index].seed,
                cancel: self.runner.cancel.clone(),
                observer: self.runner.observer.clone(),
                scratch,
            }),
        }
    }

    pub(crate) fn failure(&self, index: usize, cause: BoxError) -> Stopped {
        if self.runner.cancel.is_cancelled() {
            return Stopped::Cancelled;
        }
        // An item that failed in a stream this step reads: tell where it happened.
        let item = match cause.downcast::<ItemError>() {
            Ok(item) => Ok(*item),
            Err(cause) => self.item_error_before(index).ok_or(cause),
        };
        match item {
            Ok(item) => self.item_stops(item),
            Err(cause) => Stopped::Failed(StepFailure {
                step: self.nodes[index].name.to_string(),
                item: None,
                cause: SharedError::from(cause),
            }),
        }
    }

    /// An item that could not be had, of a step that leads to this one.
    fn item_error_before(&self, index: usize) -> Option<ItemError> {
        if self.journal.item_errors.is_empty() {
            return None;
        }
        let before = involved(self.nodes, &[index]);
        self.journal.item_errors.find(|step| {
            let mut nodes = self.nodes.iter().zip(&before);
            nodes.any(|(node, is_before)| *is_before && &*node.name == step)
        })
    }
}
