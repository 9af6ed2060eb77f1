//! Executing a plan: each node as soon as its inputs are there, on rayon's threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rayon::Scope;

use crate::error::{Error, StepFailure, StoreError, chain};
use crate::event::Event;
use crate::graph::{Node, OnFailure, Slot};
use crate::journal::Journal;
use crate::plan::{Delivery, Planned, State, deliveries};
use crate::report::Outcome;
use crate::run::Runner;
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
    pub(crate) repairs_left: u32,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) slots: Vec<Mutex<Option<Slot>>>,
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
                State::Unneeded if self.nodes[index].is_given() => Outcome::Given,
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
