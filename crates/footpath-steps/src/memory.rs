//! What the store remembers of a run, for `explain` and for collecting garbage.

use std::collections::HashMap;

use crate::error::StoreError;
use crate::explain::states;
use crate::fingerprint::Listing;
use crate::graph::Node;
use crate::plan::Planned;
use crate::report::{Outcome, RunReport};
use crate::store::Disk;
use crate::store::disk::Sync;
use crate::store::records::RunRecord;

/// Remembers what the run sets out to do, so that what a killed run leaves is not garbage.
pub(crate) fn remember_start(
    disk: &Disk,
    pipeline: &str,
    nodes: &[Node],
    planned: &[Planned],
    listings: &HashMap<usize, Listing>,
) -> Result<(), StoreError> {
    let mut objects = HashMap::new();
    for (input, listing) in listings.iter().filter(|(_, listing)| !listing.is_empty()) {
        let bytes = serde_json::to_vec(listing).map_err(|cause| StoreError::Codec {
            action: "encode",
            type_tag: "listing".to_owned(),
            cause: cause.into(),
        })?;
        objects.insert(*input, disk.objects.put(&bytes, Sync::ToSystem)?);
    }
    let states = states(nodes, planned, |index| objects.get(&index).copied());
    disk.update_latest(pipeline, |latest| {
        for (name, mut state) in states {
            state.finished = latest.steps.get(&name).and_then(|before| before.finished);
            latest.steps.insert(name, state);
        }
    })
}

/// Remembers how the run ended.
pub(crate) fn remember_end(disk: &Disk, report: &RunReport) -> Result<(), StoreError> {
    let mut logs = Vec::new();
    disk.update_latest(&report.pipeline, |latest| {
        for step in &report.steps {
            let Some(entry) = latest.steps.get_mut(&step.name) else {
                continue;
            };
            logs.extend(entry.log);
            if matches!(
                step.outcome,
                Outcome::Given | Outcome::Computed | Outcome::Hit
            ) {
                entry.finished = step.key;
            }
        }
    })?;
    disk.put_run(&RunRecord {
        report: report.clone(),
        logs,
    })
}
