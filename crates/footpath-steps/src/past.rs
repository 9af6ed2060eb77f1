//! A plan beside what the store remembers: the reason for each step's state.

use std::collections::HashMap;

use crate::difference::{changed_parameters, changed_parts};
use crate::error::StoreError;
use crate::fingerprint::Listing;
use crate::graph::{Keep, Kind, Node};
use crate::key::InputPart;
use crate::memory::parts_of;
use crate::plan::{Planned, State};
use crate::reason::Reason;
use crate::store::records::{Latest, LatestStep};
use crate::store::{Disk, read_object_json};

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
        changed_parameters(&before.parts.config, &now.config, "", &mut reasons);
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
        Ok(changed_parts(&before, now))
    }
}
