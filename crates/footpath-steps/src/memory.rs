//! What the store remembers of a run, for `explain` and for collecting garbage.

use std::collections::{BTreeMap, HashMap};

use crate::error::StoreError;
use crate::fingerprint::Listing;
use crate::graph::{Kind, Node, Work};
use crate::key::{self, InputPart, KeyParts};
use crate::plan::{Planned, State};
use crate::report::{Outcome, RunReport};
use crate::store::disk::Sync;
use crate::store::records::{LatestStep, RunRecord};
use crate::store::{Disk, Object};

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

/// The newest state of the nodes of a run, to be remembered.
fn states(
    nodes: &[Node],
    planned: &[Planned],
    mut listing_object: impl FnMut(usize) -> Option<Object>,
) -> BTreeMap<String, LatestStep> {
    let involved = nodes.iter().zip(planned).enumerate();
    let involved =
        involved.filter(|(_, (_, planned))| !matches!(planned.state, State::NotInvolved));
    let state = |(index, (node, entry)): (usize, (&Node, &Planned))| {
        let log = matches!(node.work, Work::Each(_)).then(|| {
            let model =
                (node.kind == Kind::ApplyEach).then(|| planned[node.inputs[0].0].output_key);
            key::item_code(node, model)
        });
        let parts = parts_of(nodes, planned, node);
        let state = LatestStep {
            key: entry.key,
            log,
            parts,
            finished: None,
            listing: listing_object(index),
        };
        (node.name.to_string(), state)
    };
    involved.map(state).collect()
}

/// The parts of a node's planned key.
pub(crate) fn parts_of(nodes: &[Node], planned: &[Planned], node: &Node) -> KeyParts {
    let part = |input: usize| InputPart {
        name: nodes[input].name.to_string(),
        key: planned[input].output_key,
    };
    key::parts(
        node,
        node.inputs.iter().map(|(input, _)| part(*input)).collect(),
    )
}
