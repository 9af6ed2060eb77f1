//! Steps of pipelines: which differ, and which of them first.

use std::collections::{BTreeMap, BTreeSet};

use super::Difference;
use crate::model::StepRecord;

/// What differs in the steps.
pub(super) struct Steps {
    pub(super) differences: Vec<Difference>,
    /// The steps that differ while none of what they read does.
    pub(super) first: Vec<String>,
}

/// So much of a key is shown.
const SHOWN: usize = 16;

type ByName<'a> = BTreeMap<(&'a str, &'a str), &'a StepRecord>;

pub(super) fn compare(left: &[StepRecord], right: &[StepRecord]) -> Steps {
    let (left, right) = (by_name(left), by_name(right));
    let names: BTreeSet<_> = left.keys().chain(right.keys()).copied().collect();
    let differing: BTreeSet<_> = names
        .into_iter()
        .filter(|name| {
            left.get(name).map(|step| &step.key) != right.get(name).map(|step| &step.key)
        })
        .collect();
    let (mut differences, mut first) = (Vec::new(), Vec::new());
    for name in &differing {
        let (pipeline, step) = name;
        let (one, other) = (left.get(name), right.get(name));
        let reads: BTreeSet<&str> = [one, other]
            .into_iter()
            .flatten()
            .flat_map(|step| step.inputs.iter().map(String::as_str))
            .filter(|input| differing.contains(&(*pipeline, *input)))
            .collect();
        let name = format!("{pipeline}/{step}");
        let note = if reads.is_empty() {
            first.push(name.clone());
            "differs first".to_owned()
        } else {
            let reads: Vec<&str> = reads.into_iter().collect();
            format!("follows from {}", reads.join(", "))
        };
        let key = |step: &&StepRecord| step.key.chars().take(SHOWN).collect::<String>();
        differences.push(Difference {
            name,
            left: one.map(key),
            right: other.map(key),
            note: Some(note),
        });
    }
    Steps { differences, first }
}

/// The last record of each step.
fn by_name(steps: &[StepRecord]) -> ByName<'_> {
    steps
        .iter()
        .map(|step| ((step.pipeline.as_str(), step.step.as_str()), step))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StepOutcome;

    fn step(name: &str, key: &str, inputs: &[&str]) -> StepRecord {
        StepRecord {
            pipeline: "unet".into(),
            step: name.into(),
            key: key.into(),
            outcome: StepOutcome::Computed,
            reason: None,
            inputs: inputs.iter().map(|input| (*input).into()).collect(),
            time_ms: 0,
            seconds: 0.0,
            bytes: None,
        }
    }

    #[test]
    fn the_first_step_that_differs_is_found() {
        let left = [
            step("targets", "a", &["annotations"]),
            step("loader", "b1", &["targets"]),
            step("model", "c1", &["loader", "targets"]),
        ];
        let right = [
            step("targets", "a", &["annotations"]),
            step("loader", "b0", &["targets"]),
            step("loader", "b2", &["targets"]),
            step("model", "c2", &["loader", "targets"]),
        ];
        let found = compare(&left, &right);
        assert_eq!(found.first, ["unet/loader"]);
        let notes: Vec<_> = found
            .differences
            .iter()
            .map(|found| (found.name.as_str(), found.note.as_deref().unwrap()))
            .collect();
        assert_eq!(
            notes,
            [
                ("unet/loader", "differs first"),
                ("unet/model", "follows from loader")
            ]
        );
        assert_eq!(
            found.differences[0].right.as_deref(),
            Some("b2"),
            "the last counts"
        );
        assert!(compare(&left, &left).differences.is_empty());
    }
}
