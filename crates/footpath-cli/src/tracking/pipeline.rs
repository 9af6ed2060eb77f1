//! The steps of a pipeline, as the tracker draws them.

use footpath_steps::{Outcome, Pipeline, RunReport};
use footpath_track::{StepOutcome, StepRecord};

/// What became of each step that a run reached, with the steps and inputs that feed it.
pub(super) fn records(pipeline: &Pipeline, report: &RunReport) -> Vec<StepRecord> {
    let Ok(diagram) = pipeline.diagram() else {
        return Vec::new();
    };
    let feeding = |name: &str| {
        let place = diagram.nodes.iter().position(|node| node.name == name);
        let edges = diagram.edges.iter();
        edges
            .filter(|(_, to)| Some(*to as usize) == place)
            .map(|(from, _)| diagram.nodes[*from as usize].name.clone())
            .collect()
    };
    let mut ended_s = report.started_unix_ms as f64 / 1000.0;
    let mut records = Vec::new();
    for step in &report.steps {
        let outcome = match step.outcome {
            Outcome::Computed => StepOutcome::Computed,
            Outcome::Hit => StepOutcome::Hit,
            Outcome::Failed => StepOutcome::Failed,
            // Nothing happened there.
            Outcome::Given | Outcome::Unneeded | Outcome::NotReached => continue,
        };
        ended_s += step.elapsed_secs;
        let reasons: Vec<_> = step.reasons.iter().map(ToString::to_string).collect();
        records.push(StepRecord {
            pipeline: report.pipeline.clone(),
            step: step.name.clone(),
            key: step.key.map_or_else(String::new, |key| key.to_string()),
            outcome,
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            inputs: feeding(&step.name),
            time_ms: (ended_s * 1000.0) as i64,
            seconds: step.elapsed_secs,
            bytes: step.bytes,
        });
    }
    records
}
