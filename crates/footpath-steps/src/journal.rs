//! What happened to each node while a run goes on.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::digest::Digest;
use crate::each::Meter;
use crate::error::{SharedError, StepFailure, chain};
use crate::graph::Node;
use crate::item_errors::ItemErrors;
use crate::reason::Reason;
use crate::report::{ItemCounts, ItemReport, Outcome, RunReport, StepReport};

/// What happened to one node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) key: Option<Digest>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) elapsed_secs: f64,
    pub(crate) bytes: Option<u64>,
    pub(crate) items: Option<ItemCounts>,
    pub(crate) meter: Option<Arc<Meter>>,
    /// The step's own failure.
    pub(crate) failure: Option<StepFailure>,
    /// Items that failed, where no meter counts them.
    pub(crate) failed_items: Vec<(usize, SharedError)>,
}

/// Entries for all nodes of a graph, filled from many threads.
pub(crate) struct Journal {
    entries: Vec<Mutex<Entry>>,
    pub(crate) item_errors: Arc<ItemErrors>,
}

impl Journal {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            entries: (0..nodes).map(|_| Mutex::default()).collect(),
            item_errors: Arc::default(),
        }
    }

    pub(crate) fn note(&self, node: usize, change: impl FnOnce(&mut Entry)) {
        change(&mut self.entries[node].lock());
    }

    pub(crate) fn explain(&self, reasons: Vec<Vec<Reason>>) {
        for (entry, reasons) in self.entries.iter().zip(reasons) {
            entry.lock().reasons = reasons;
        }
    }

    pub(crate) fn outcome(&self, node: usize) -> Option<Outcome> {
        self.entries[node].lock().outcome
    }

    pub(crate) fn failures(&self) -> Vec<StepFailure> {
        self.entries
            .iter()
            .filter_map(|entry| entry.lock().failure.clone())
            .collect()
    }

    pub(crate) fn report(
        &self,
        pipeline: &str,
        nodes: &[Node],
        started_unix_ms: u64,
        elapsed: Duration,
    ) -> RunReport {
        let steps = nodes
            .iter()
            .zip(&self.entries)
            .filter_map(|(node, entry)| step(node, &entry.lock()));
        RunReport {
            pipeline: pipeline.to_owned(),
            started_unix_ms,
            elapsed_secs: elapsed.as_secs_f64(),
            steps: steps.collect(),
        }
    }
}

fn step(node: &Node, entry: &Entry) -> Option<StepReport> {
    let mut elapsed_secs = entry.elapsed_secs;
    let mut items = entry.items;
    let mut failures = entry.failed_items.clone();
    if let Some(meter) = &entry.meter {
        elapsed_secs = meter.seconds();
        failures = meter.failures();
        if let Some(counts) = &mut items {
            counts.computed = meter.computed();
            counts.failed = failures.len() as u64;
        }
    }
    let report = |(item, cause): &(usize, SharedError)| ItemReport {
        item: *item as u64,
        cause: chain(cause.as_ref()),
    };
    Some(StepReport {
        name: node.name.to_string(),
        kind: node.kind,
        key: entry.key,
        outcome: entry.outcome?,
        reasons: entry.reasons.clone(),
        elapsed_secs,
        bytes: entry.bytes,
        items,
        failures: failures.iter().map(report).collect(),
    })
}
