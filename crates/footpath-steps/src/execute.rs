//! Executing a plan: each node as soon as its inputs are there, on rayon's threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use rayon::Scope;
use rayon::prelude::*;

use crate::context::{Context, ContextInner};
use crate::digest::Digest;
use crate::each::{Meter, catching_panics};
use crate::error::{BoxError, Error, SharedError, StepFailure, StoreError, chain};
use crate::event::Event;
use crate::graph::{EachSetup, Keep, Kind, Node, OnFailure, Slot, Work};
use crate::items::{AnyItems, ItemError};
use crate::journal::Journal;
use crate::key;
use crate::plan::{Delivery, Planned, State, deliveries};
use crate::report::{ItemCounts, Outcome};
use crate::run::Runner;
use crate::scratch::Scratch;
use crate::store::InUse;

/// How a wave ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Finished,
    Failed,
    Cancelled,
    /// Something was not as planned (a damaged object, other items failed): plan again.
    PlanChanged,
    /// A kept item turned out to be gone or damaged: plan again, trusting nothing at hand.
    ItemLost,
}

/// Why a node gave nothing.
pub(crate) enum Stopped {
    Failed(StepFailure),
    Store(StoreError),
    Cancelled,
    PlanChanged,
    ItemLost,
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One pass over a plan.
pub(crate) struct Wave<'a> {
    pub(crate) runner: &'a Runner<'a>,
    pub(crate) nodes: &'a [Node],
    pub(crate) planned: &'a [Planned],
    pub(crate) journal: &'a Journal,
    pub(crate) pipeline: &'a str,
    pub(crate) in_use: Option<InUse>,
    /// How often the run may still be planned again because a kept item was lost.
    repairs_left: u32,
    deliveries: Vec<Delivery>,
    slots: Vec<Mutex<Option<Slot>>>,
    /// How many nodes still need a slot; targets count one more.
    users: Vec<AtomicUsize>,
    /// How many inputs a node waits for.
    missing: Vec<AtomicUsize>,
    dependents: Vec<Vec<usize>>,
    plan_changed: AtomicBool,
    item_lost: AtomicBool,
    failed: AtomicBool,
    store_error: Mutex<Option<StoreError>>,
}

impl<'a> Wave<'a> {
    pub(crate) fn new(
        runner: &'a Runner<'a>,
        pipeline: &'a str,
        nodes: &'a [Node],
        targets: &[usize],
        planned: &'a [Planned],
        journal: &'a Journal,
        in_use: Option<InUse>,
    ) -> Self {
        let mut users = vec![0; nodes.len()];
        let mut missing = vec![0; nodes.len()];
        let mut dependents = vec![Vec::new(); nodes.len()];
        for target in targets {
            users[*target] += 1;
        }
        for (index, node) in nodes.iter().enumerate() {
            if !matches!(planned[index].state, State::Compute) {
                continue;
            }
            for (input, _) in node.inputs.iter() {
                users[*input] += 1;
                if matches!(planned[*input].state, State::Compute | State::Kept(_)) {
                    missing[index] += 1;
                    dependents[*input].push(index);
                }
            }
        }
        Self {
            runner,
            nodes,
            planned,
            journal,
            pipeline,
            in_use,
            repairs_left: 0,
            deliveries: deliveries(nodes, targets, planned),
            slots: nodes.iter().map(|_| Mutex::default()).collect(),
            users: users.into_iter().map(AtomicUsize::new).collect(),
            missing: missing.into_iter().map(AtomicUsize::new).collect(),
            dependents,
            plan_changed: AtomicBool::new(false),
            item_lost: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            store_error: Mutex::new(None),
        }
    }

    /// Says how often a lost item may still be repaired; without it, it fails its step.
    pub(crate) fn with_repairs_left(mut self, repairs_left: u32) -> Self {
        self.repairs_left = repairs_left;
        self
    }

    /// Runs everything that can run; gives the values still at hand.
    pub(crate) fn run(self) -> Result<(Ended, HashMap<usize, Slot>), Error> {
        let mut ready = Vec::new();
        for (index, planned) in self.planned.iter().enumerate() {
            let outcome = match &planned.state {
                State::NotInvolved => continue,
                State::AtHand(slot) => {
                    *self.slots[index].lock() = Some(slot.clone());
                    if self.nodes[index].is_given() {
                        Outcome::Given
                    } else {
                        continue;
                    }
                }
                State::Cached(slot) => {
                    *self.slots[index].lock() = Some(slot.clone());
                    self.emit(index, |step| Event::Hit { step });
                    Outcome::Hit
                }
                State::Unneeded => Outcome::Unneeded,
                State::Kept(_) | State::Compute => {
                    if self.missing[index].load(Ordering::Relaxed) == 0 {
                        ready.push(index);
                    }
                    Outcome::NotReached
                }
            };
            self.journal.note(index, |entry| {
                entry.key = Some(planned.key);
                // A node computed in an earlier wave stays so.
                if !matches!(entry.outcome, Some(Outcome::Computed | Outcome::Hit)) {
                    entry.outcome = Some(outcome);
                }
            });
        }
        let wave = &self;
        rayon::scope(|scope| {
            for index in ready {
                scope.spawn(move |scope| wave.visit(scope, index));
            }
        });
        if let Some(error) = self.store_error.lock().take() {
            return Err(error.into());
        }
        let ended = if self.failed.load(Ordering::Relaxed) {
            Ended::Failed
        } else if self.runner.cancel.is_cancelled() && self.left_undone() {
            Ended::Cancelled
        } else if self.item_lost.load(Ordering::Relaxed) {
            Ended::ItemLost
        } else if self.plan_changed.load(Ordering::Relaxed) {
            Ended::PlanChanged
        } else {
            Ended::Finished
        };
        let slots = self.slots.into_iter().enumerate();
        Ok((
            ended,
            slots
                .filter_map(|(index, slot)| Some((index, slot.into_inner()?)))
                .collect(),
        ))
    }

    fn left_undone(&self) -> bool {
        let due = |planned: &Planned| matches!(planned.state, State::Compute | State::Kept(_));
        (0..self.nodes.len()).any(|index| {
            due(&self.planned[index]) && self.journal.outcome(index) == Some(Outcome::NotReached)
        })
    }

    /// Does a node, then those that waited for it alone: the first here, others where there is time.
    fn visit<'s>(&'s self, scope: &Scope<'s>, first: usize) {
        let mut next = Some(first);
        while let Some(index) = next.take() {
            if !self.finish(index) {
                continue;
            }
            for dependent in &self.dependents[index] {
                if self.missing[*dependent].fetch_sub(1, Ordering::AcqRel) != 1 {
                    continue;
                }
                if next.is_none() {
                    next = Some(*dependent);
                } else {
                    let dependent = *dependent;
                    scope.spawn(move |scope| self.visit(scope, dependent));
                }
            }
        }
    }

    /// Does a node; false when those that need it cannot run.
    fn finish(&self, index: usize) -> bool {
        if self.runner.cancel.is_cancelled()
            || self.plan_changed.load(Ordering::Relaxed)
            || self.item_lost.load(Ordering::Relaxed)
            || self.store_error.lock().is_some()
        {
            return false;
        }
        let result = match &self.planned[index].state {
            State::Kept(kept) => self.load(index, kept),
            _ => self.compute(index),
        };
        match result {
            Ok(slot) => {
                *self.slots[index].lock() = Some(slot);
                self.release_inputs(index);
                true
            }
            Err(Stopped::Failed(failure)) => {
                let cause = chain(failure.cause.as_ref());
                self.emit(index, |step| Event::Failed { step, cause });
                self.journal.note(index, |entry| {
                    entry.outcome = Some(Outcome::Failed);
                    entry.failure = Some(failure);
                });
                self.failed.store(true, Ordering::Relaxed);
                false
            }
            Err(Stopped::Store(error)) => {
                self.store_error.lock().get_or_insert(error);
                false
            }
            Err(Stopped::Cancelled) => false,
            Err(Stopped::PlanChanged) => {
                self.plan_changed.store(true, Ordering::Relaxed);
                false
            }
            Err(Stopped::ItemLost) => {
                self.item_lost.store(true, Ordering::Relaxed);
                false
            }
        }
    }

    fn compute(&self, index: usize) -> Result<Slot, Stopped> {
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
                let value = catching_panics(|| work(inputs, &context))
                    .map_err(|cause| self.failure(index, cause))?;
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
        let meter = Arc::<Meter>::default();
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

    fn hold_items(&self, index: usize, key: Digest, items: &dyn AnyItems) -> Result<Slot, Stopped> {
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

    pub(crate) fn context(&self, index: usize, scratch: Scratch) -> Context {
        Context {
            inner: Arc::new(ContextInner {
                step: Arc::clone(&self.nodes[index].name),
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
        match cause.downcast::<ItemError>() {
            Ok(item) => self.item_stops(*item),
            Err(cause) => Stopped::Failed(StepFailure {
                step: self.nodes[index].name.to_string(),
                item: None,
                cause: SharedError::from(cause),
            }),
        }
    }

    fn item_stops(&self, error: ItemError) -> Stopped {
        if self.can_repair(&error) {
            tracing::warn!(%error, "a kept item cannot be used and is computed again");
            Stopped::ItemLost
        } else {
            Stopped::Failed(error.into())
        }
    }

    fn can_repair(&self, error: &ItemError) -> bool {
        self.repairs_left > 0 && error.is_lost()
    }

    /// Lets go of inputs nobody else needs.
    fn release_inputs(&self, index: usize) {
        if !matches!(self.planned[index].state, State::Compute) {
            return;
        }
        for (input, _) in self.nodes[index].inputs.iter() {
            let last = self.users[*input].fetch_sub(1, Ordering::AcqRel) == 1;
            // A collection with holes stays: planning again must see the same holes.
            if last && self.nodes[*input].on_failure == OnFailure::Stop {
                *self.slots[*input].lock() = None;
            }
        }
    }

    pub(crate) fn emit(&self, index: usize, event: impl FnOnce(Arc<str>) -> Event) {
        if let Some(observer) = &self.runner.observer {
            observer(&event(Arc::clone(&self.nodes[index].name)));
        }
    }
}

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
