//! Why each step of a run hits or is computed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::digest::Digest;
use crate::error::{Error, StoreError};
use crate::fingerprint::Listing;
use crate::graph::{Keep, Kind, Node, Work};
use crate::inputs::Inputs;
use crate::key::{self, InputPart, KeyParts};
use crate::pipeline::Pipeline;
use crate::plan::{Planned, State, plan};
use crate::store::records::{Latest, LatestStep};
use crate::store::{Disk, Store, read_object_json};
use crate::wires::Targets;

/// What a run would do, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The pipeline's name.
    pub pipeline: String,
    /// The steps that lead to the targets, in the pipeline's order.
    pub steps: Vec<PlannedStep>,
}

/// What a run would do about one step, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The step's name.
    pub name: String,
    /// What kind of step it is.
    pub kind: Kind,
    /// Its key.
    pub key: Digest,
    /// What would be done.
    pub action: Action,
    /// Why; empty where there is nothing to tell.
    pub reasons: Vec<Reason>,
    /// The size of its kept output, in bytes.
    pub bytes: Option<u64>,
}

/// What a run would do about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An input: its value is taken.
    Given,
    /// Its kept output is used.
    Hit,
    /// It is computed.
    Compute,
    /// Nothing: what depends on it is kept.
    Unneeded,
}

/// Why a step hits, is computed, or is not needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The store does not remember the step.
    NeverRun,
    /// Its output is kept nowhere, and something needs it.
    NotKept,
    /// It always runs.
    AlwaysRuns,
    /// A step it depends on always runs.
    AfterAlwaysRuns {
        /// That step.
        step: String,
    },
    /// Its last run was killed, cancelled or failed.
    Unfinished,
    /// What was kept is gone or damaged.
    Gone,
    /// It was kept before by another pipeline or run with this very key.
    KeptElsewhere,
    /// A parameter changed.
    Config {
        /// Where, such as `loader.batch_size`; empty for a config that is one value.
        path: String,
        /// The value before; null if there was none.
        old: Json,
        /// The value now; null if there is none.
        new: Json,
    },
    /// The version of its code changed.
    CodeVersion {
        /// Before.
        old: u32,
        /// Now.
        new: u32,
    },
    /// Another transformer does its work.
    Code {
        /// The transformer before.
        old: String,
        /// The transformer now.
        new: String,
    },
    /// Its seed changed.
    Seed {
        /// Before.
        old: Option<u64>,
        /// Now.
        new: Option<u64>,
    },
    /// An input's content changed.
    Input {
        /// The input.
        name: String,
        /// What of it, such as `3 files changed`.
        detail: Option<String>,
    },
    /// A step it depends on has another key.
    Upstream {
        /// That step.
        step: String,
    },
    /// It is fed by other steps.
    Rewired {
        /// Their names before.
        old: Vec<String>,
        /// Their names now.
        new: Vec<String>,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed =
            |seed: &Option<u64>| seed.map_or_else(|| "none".to_owned(), |seed| seed.to_string());
        match self {
            Self::NeverRun => write!(f, "never run before"),
            Self::NotKept => write!(f, "its output is not kept"),
            Self::AlwaysRuns => write!(f, "always runs"),
            Self::AfterAlwaysRuns { step } => write!(f, "`{step}` always runs"),
            Self::Unfinished => write!(f, "did not finish the last time"),
            Self::Gone => write!(f, "its kept output is gone or damaged"),
            Self::KeptElsewhere => write!(f, "kept by an earlier run with the same key"),
            Self::Config { path, old, new } if path.is_empty() => write!(f, "config {old} → {new}"),
            Self::Config { path, old, new } => write!(f, "`{path}` {old} → {new}"),
            Self::CodeVersion { old, new } => write!(f, "code version {old} → {new}"),
            Self::Code { old, new } => write!(f, "transformer `{old}` → `{new}`"),
            Self::Seed { old, new } => write!(f, "seed {} → {}", seed(old), seed(new)),
            Self::Input {
                name,
                detail: Some(detail),
            } => write!(f, "input `{name}`: {detail}"),
            Self::Input { name, detail: None } => write!(f, "input `{name}` changed"),
            Self::Upstream { step } => write!(f, "`{step}` changed"),
            Self::Rewired { old, new } => write!(
                f,
                "fed by ({}) instead of ({})",
                new.join(", "),
                old.join(", ")
            ),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Given => "given",
            Self::Hit => "hit",
            Self::Compute => "compute",
            Self::Unneeded => "unneeded",
        })
    }
}

impl Plan {
    /// The plan for one step.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The names of the steps with this action, in the pipeline's order.
    #[must_use]
    pub fn with_action(&self, action: Action) -> Vec<&str> {
        self.steps
            .iter()
            .filter(|step| step.action == action)
            .map(|step| step.name.as_str())
            .collect()
    }
}

impl Pipeline {
    /// What a run for `targets` would do, and why; nothing is run or written.
    ///
    /// # Errors
    /// When the pipeline was built wrongly, an input is missing or the store cannot be read.
    pub fn plan<G: Targets>(
        &self,
        targets: G,
        inputs: Inputs,
        store: &Store,
    ) -> Result<Plan, Error> {
        let mut wanted = Vec::new();
        targets.nodes(&mut wanted);
        self.plan_nodes(&wanted, inputs, store)
    }

    pub(crate) fn plan_nodes(
        &self,
        wanted: &[crate::graph::NodeRef],
        inputs: Inputs,
        store: &Store,
    ) -> Result<Plan, Error> {
        let graph = self.graph();
        if let Some(foreign) = wanted.iter().find_map(|target| graph.foreign(target, None)) {
            return Err(foreign.into());
        }
        let nodes = graph.nodes()?;
        let (given, listings) = inputs.resolve(graph)?;
        let targets: Vec<usize> = wanted.iter().map(|target| target.index).collect();
        let _in_use = store.disk().map(Disk::start_use).transpose()?;
        let planned = plan(&nodes, &targets, &given, &HashMap::new(), store)?;
        let reasons = match store.disk() {
            Some(disk) => Past::of(disk, &graph.name)?.explain(&nodes, &planned, &listings)?,
            None => without_past(&nodes, &planned),
        };
        let steps = nodes.iter().zip(&planned).zip(reasons);
        let steps = steps
            .filter_map(|((node, planned), reasons)| planned_step(node, planned, reasons))
            .collect();
        Ok(Plan {
            pipeline: graph.name.clone(),
            steps,
        })
    }
}

fn planned_step(node: &Node, planned: &Planned, reasons: Vec<Reason>) -> Option<PlannedStep> {
    let (action, bytes) = match &planned.state {
        State::NotInvolved => return None,
        State::AtHand(_) => (Action::Given, None),
        State::Cached(_) => (Action::Hit, None),
        State::Kept(kept) => (Action::Hit, Some(kept.manifest.output.bytes())),
        State::Unneeded if node.is_given() => (Action::Given, None),
        State::Unneeded => (Action::Unneeded, None),
        State::Compute => (Action::Compute, None),
    };
    Some(PlannedStep {
        name: node.name.to_string(),
        kind: node.kind,
        key: planned.key,
        action,
        reasons,
        bytes,
    })
}

/// Reasons that need no memory of earlier runs.
pub(crate) fn without_past(nodes: &[Node], planned: &[Planned]) -> Vec<Vec<Reason>> {
    let reasons = nodes
        .iter()
        .zip(planned)
        .map(|(node, entry)| match entry.state {
            State::Compute => from_policy(nodes, planned, node)
                .or_else(|| (node.keep == Keep::Nowhere).then_some(Reason::NotKept)),
            _ => None,
        });
    reasons.map(|reason| reason.into_iter().collect()).collect()
}

fn from_policy(nodes: &[Node], planned: &[Planned], node: &Node) -> Option<Reason> {
    if node.always_run {
        return Some(Reason::AlwaysRuns);
    }
    let (cause, _) = node
        .inputs
        .iter()
        .find(|(input, _)| planned[*input].forced)?;
    Some(Reason::AfterAlwaysRuns {
        step: nodes[*cause].name.to_string(),
    })
}

/// What the store remembers of a pipeline.
pub(crate) struct Past<'a> {
    disk: &'a Disk,
    latest: Latest,
}

impl<'a> Past<'a> {
    pub(crate) fn of(disk: &'a Disk, pipeline: &str) -> Result<Self, StoreError> {
        Ok(Self {
            disk,
            latest: disk.latest(pipeline)?,
        })
    }

    /// For each node the reasons for its state.
    pub(crate) fn explain(
        &self,
        nodes: &[Node],
        planned: &[Planned],
        listings: &HashMap<usize, Listing>,
    ) -> Result<Vec<Vec<Reason>>, StoreError> {
        let mut reasons = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            reasons.push(self.reasons(nodes, planned, listings, index, node)?);
        }
        Ok(reasons)
    }

    fn reasons(
        &self,
        nodes: &[Node],
        planned: &[Planned],
        listings: &HashMap<usize, Listing>,
        index: usize,
        node: &Node,
    ) -> Result<Vec<Reason>, StoreError> {
        let entry = &planned[index];
        let before = self.latest.steps.get(&*node.name);
        match (&entry.state, before) {
            (State::AtHand(_), Some(before))
                if node.kind == Kind::Input && before.key != entry.key =>
            {
                let name = node.name.to_string();
                Ok(vec![Reason::Input {
                    name,
                    detail: self.what_changed(before, listings.get(&index))?,
                }])
            }
            (State::NotInvolved | State::Unneeded | State::AtHand(_), _) => Ok(Vec::new()),
            (State::Cached(_) | State::Kept(_), Some(before))
                if before.finished == Some(entry.key) =>
            {
                Ok(Vec::new())
            }
            (State::Cached(_) | State::Kept(_), _) => Ok(vec![Reason::KeptElsewhere]),
            (State::Compute, before) => {
                if let Some(reason) = from_policy(nodes, planned, node) {
                    return Ok(vec![reason]);
                }
                let Some(before) = before else {
                    return Ok(vec![Reason::NeverRun]);
                };
                if before.key != entry.key {
                    return self.differences(nodes, planned, listings, node, before);
                }
                Ok(vec![if node.keep == Keep::Nowhere {
                    Reason::NotKept
                } else if before.finished == Some(entry.key) {
                    Reason::Gone
                } else {
                    Reason::Unfinished
                }])
            }
        }
    }

    fn differences(
        &self,
        nodes: &[Node],
        planned: &[Planned],
        listings: &HashMap<usize, Listing>,
        node: &Node,
        before: &LatestStep,
    ) -> Result<Vec<Reason>, StoreError> {
        let now = parts_of(nodes, planned, node);
        let mut reasons = Vec::new();
        if before.parts.code != now.code {
            reasons.push(Reason::Code {
                old: before.parts.code.clone(),
                new: now.code.clone(),
            });
        } else if before.parts.code_version != now.code_version {
            reasons.push(Reason::CodeVersion {
                old: before.parts.code_version,
                new: now.code_version,
            });
        }
        compare(&before.parts.config, &now.config, "", &mut reasons);
        if before.parts.seed != now.seed {
            reasons.push(Reason::Seed {
                old: before.parts.seed,
                new: now.seed,
            });
        }
        let names = |inputs: &[InputPart]| {
            inputs
                .iter()
                .map(|input| input.name.clone())
                .collect::<Vec<_>>()
        };
        let (old, new) = (names(&before.parts.inputs), names(&now.inputs));
        if old != new {
            reasons.push(Reason::Rewired { old, new });
            return Ok(reasons);
        }
        let inputs = before
            .parts
            .inputs
            .iter()
            .zip(&now.inputs)
            .zip(node.inputs.iter());
        for ((old, new), (input, _)) in inputs {
            if old.key == new.key {
                continue;
            }
            let name = new.name.clone();
            reasons.push(if nodes[*input].kind == Kind::Input {
                let detail = match self.latest.steps.get(&name) {
                    Some(before) => self.what_changed(before, listings.get(input))?,
                    None => None,
                };
                Reason::Input { name, detail }
            } else {
                Reason::Upstream { step: name }
            });
        }
        Ok(reasons)
    }

    /// How many labelled parts of an input changed, came and went.
    fn what_changed(
        &self,
        before: &LatestStep,
        now: Option<&Listing>,
    ) -> Result<Option<String>, StoreError> {
        let (Some(object), Some(now)) = (&before.listing, now) else {
            return Ok(None);
        };
        let Some(before) = read_object_json::<Listing>(self.disk, object)? else {
            return Ok(None);
        };
        Ok(compare_listings(&before, now))
    }
}

fn compare_listings(before: &Listing, now: &Listing) -> Option<String> {
    let changed =
        |label: &String, digest: &Digest| before.get(label).is_some_and(|old| old != digest);
    let changed: Vec<_> = now
        .iter()
        .filter(|(label, digest)| changed(label, digest))
        .map(|(label, _)| label)
        .collect();
    let added: Vec<_> = now
        .keys()
        .filter(|label| !before.contains_key(*label))
        .collect();
    let removed: Vec<_> = before
        .keys()
        .filter(|label| !now.contains_key(*label))
        .collect();
    let told: Vec<String> = [("changed", changed), ("added", added), ("removed", removed)]
        .into_iter()
        .filter(|(_, labels)| !labels.is_empty())
        .map(|(what, labels)| {
            let first = labels[0];
            match labels.len() {
                1 => format!("`{first}` {what}"),
                count => format!("{count} files {what} (`{first}`, …)"),
            }
        })
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
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

/// The newest state of the nodes of a run, to be remembered.
pub(crate) fn states(
    nodes: &[Node],
    planned: &[Planned],
    mut listing_object: impl FnMut(usize) -> Option<crate::Object>,
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

fn compare(old: &Json, new: &Json, path: &str, reasons: &mut Vec<Reason>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            for (name, value) in old {
                compare(
                    value,
                    new.get(name).unwrap_or(&Json::Null),
                    &below(name),
                    reasons,
                );
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                compare(&Json::Null, value, &below(name), reasons);
            }
        }
        (Json::Array(old), Json::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(old, new, &below(&index.to_string()), reasons);
            }
        }
        (old, new) if old == new => {}
        (old, new) => reasons.push(Reason::Config {
            path: path.to_owned(),
            old: old.clone(),
            new: new.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_parameter_is_told_by_its_path() {
        let mut reasons = Vec::new();
        let old = json!({"loader": {"batch_size": 20, "shuffle": true}, "lr": [1, 2]});
        let new = json!({"loader": {"batch_size": 16, "shuffle": true}, "lr": [1, 3]});
        compare(&old, &new, "", &mut reasons);
        let told: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["`loader.batch_size` 20 → 16", "`lr.1` 2 → 3"]);
    }

    #[test]
    fn listings_are_compared_by_label() {
        let digest = |text: &str| Digest::of_bytes(text.as_bytes());
        let before = Listing::from([
            ("a".into(), digest("1")),
            ("b".into(), digest("2")),
            ("c".into(), digest("3")),
        ]);
        let now = Listing::from([
            ("a".into(), digest("9")),
            ("b".into(), digest("8")),
            ("d".into(), digest("4")),
        ]);
        let told = compare_listings(&before, &now).unwrap();
        assert_eq!(told, "2 files changed (`a`, …), `d` added, `c` removed");
        assert_eq!(compare_listings(&now, &now), None);
    }
}
