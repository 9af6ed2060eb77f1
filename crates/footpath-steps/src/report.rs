//! What a run did.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::graph::Kind;
use crate::reason::Reason;

/// What happened to every step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The pipeline's name.
    pub pipeline: String,
    /// When the run started, in milliseconds since 1970 (UTC).
    pub started_unix_ms: u64,
    /// How long it took, in seconds.
    pub elapsed_secs: f64,
    /// The steps that lead to the wanted outputs, in the pipeline's order.
    pub steps: Vec<StepReport>,
}

/// What happened to one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// The step's name.
    pub name: String,
    /// What kind of step it is.
    pub kind: Kind,
    /// Its key, when it was known.
    pub key: Option<Digest>,
    /// What happened.
    pub outcome: Outcome,
    /// Why, as far as the store remembers earlier runs.
    pub reasons: Vec<Reason>,
    /// How long its own work took, in seconds; for a streamed step, added over its items.
    pub elapsed_secs: f64,
    /// The size of its kept output, in bytes.
    pub bytes: Option<u64>,
    /// The items of an `each` step.
    pub items: Option<ItemCounts>,
    /// The items that failed, by position.
    pub failures: Vec<ItemReport>,
}

/// What happened to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An input's value was taken.
    Given,
    /// Its work was done.
    Computed,
    /// Its kept output was used.
    Hit,
    /// Nobody needed it: what depends on it was kept.
    Unneeded,
    /// It failed.
    Failed,
    /// The run ended before it.
    NotReached,
}

/// How many items of an `each` step there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemCounts {
    /// All items.
    pub total: u64,
    /// Those computed in this run.
    pub computed: u64,
    /// Those found in the store.
    pub reused: u64,
    /// Those that failed.
    pub failed: u64,
}

/// One failed item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemReport {
    /// Its position, from 0.
    pub item: u64,
    /// The error with its causes.
    pub cause: String,
}

impl RunReport {
    /// The report of one step.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&StepReport> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The names of the steps with this outcome, in the pipeline's order.
    #[must_use]
    pub fn with_outcome(&self, outcome: Outcome) -> Vec<&str> {
        self.steps
            .iter()
            .filter(|step| step.outcome == outcome)
            .map(|step| step.name.as_str())
            .collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Given => "given",
            Self::Computed => "computed",
            Self::Hit => "hit",
            Self::Unneeded => "unneeded",
            Self::Failed => "failed",
            Self::NotReached => "not reached",
        })
    }
}
