//! What a run would do about each step, and why.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::Error;
use crate::graph::{Kind, Node, NodeRef};
use crate::inputs::Inputs;
use crate::past::{Past, without_past};
use crate::pipeline::Pipeline;
use crate::plan::{Planned, State, plan};
use crate::reason::Reason;
use crate::store::{Disk, Store};
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
        wanted: &[NodeRef],
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
