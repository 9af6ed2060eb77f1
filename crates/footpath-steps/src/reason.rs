//! Why a step hits, is computed or is not needed, in words.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

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
