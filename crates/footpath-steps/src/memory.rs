//! What the store remembers of a run, for `explain` and for collecting garbage.

use crate::error::StoreError;
use crate::graph::{Node, Work};
use crate::key::{self, InputPart};
use crate::plan::{Planned, State};
use crate::report::{Outcome, RunReport};
use crate::store::Disk;
use crate::store::records::{LatestStep, RunRecord};

/// Remembers what the run sets out to do, so that what a killed run leaves is not garbage.
pub(crate) fn remember_start(
    disk: &Disk,
    pipeline: &str,
    nodes: &[Node],
    planned: &[Planned],
) -> Result<(), StoreError> {
    disk.update_latest(pipeline, |latest| {
        for (node, entry) in nodes.iter().zip(planned) {
            if matches!(entry.state, State::NotInvolved) {
                continue;
            }
            let finished = latest.steps.get(&*node.name).and_then(|step| step.finished);
            let part = |input: &usize| InputPart {
                name: nodes[*input].name.to_string(),
                key: planned[*input].output_key,
            };
            let inputs = node.inputs.iter().map(|(input, _)| part(input)).collect();
            let parts = key::parts(node, inputs);
            let log = matches!(node.work, Work::Each(_)).then(|| item_log(node, planned));
            latest.steps.insert(
                node.name.to_string(),
                LatestStep {
                    key: entry.key,
                    log,
                    parts,
                    finished,
                },
            );
        }
    })
}

/// The log of an `each` step's items.
pub(crate) fn item_log(node: &Node, planned: &[Planned]) -> crate::Digest {
    let model = (node.kind == crate::Kind::ApplyEach).then(|| planned[node.inputs[0].0].output_key);
    key::item_code(node, model)
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
