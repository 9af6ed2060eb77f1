//! What the store remembers of runs: the newest state of each step, and reports.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::disk::{Result, Sync};
use super::{Disk, Object, locks, read_json};
use crate::digest::Digest;
use crate::key::KeyParts;
use crate::report::RunReport;

/// The newest state of one step of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LatestStep {
    pub(crate) key: Digest,
    /// The log of its items, for an `each` step.
    pub(crate) log: Option<Digest>,
    pub(crate) parts: KeyParts,
    /// The newest key it has succeeded with; another one than `key` after a failed or killed run.
    pub(crate) finished: Option<Digest>,
    /// The labelled parts of an input.
    pub(crate) listing: Option<Object>,
}

/// The newest state of each step of one pipeline, by the step's name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub(crate) pipeline: String,
    pub(crate) steps: BTreeMap<String, LatestStep>,
}

/// A past run: its report, and what it may have left in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) report: RunReport,
    pub(crate) logs: Vec<Digest>,
}

/// A pipeline's name as a file name: anything unusual becomes `%xx`.
pub(crate) fn file_name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "%{byte:02x}");
        }
    }
    text
}

impl Disk {
    pub(crate) fn latest_path(&self, pipeline: &str) -> PathBuf {
        self.root
            .join("latest")
            .join(format!("{}.json", file_name(pipeline)))
    }

    pub(crate) fn latest(&self, pipeline: &str) -> Result<Latest> {
        Ok(read_json(&self.latest_path(pipeline))?.unwrap_or_default())
    }

    /// Changes what is remembered of a pipeline's steps; other processes wait.
    pub(crate) fn update_latest(
        &self,
        pipeline: &str,
        change: impl FnOnce(&mut Latest),
    ) -> Result<()> {
        let _lock = locks::lock_file(&self.root.join("locks").join("latest"))?;
        let before = self.latest(pipeline)?;
        let mut latest = before.clone();
        pipeline.clone_into(&mut latest.pipeline);
        change(&mut latest);
        if latest == before {
            return Ok(());
        }
        self.write_json(&self.latest_path(pipeline), &latest, Sync::ToSystem)
    }

    pub(crate) fn runs_folder(&self, pipeline: &str) -> PathBuf {
        self.root.join("runs").join(file_name(pipeline))
    }

    pub(crate) fn put_run(&self, record: &RunRecord) -> Result<()> {
        let name = format!(
            "{:013}-{}.json",
            record.report.started_unix_ms,
            super::disk::unique_name("run")
        );
        let path = self.runs_folder(&record.report.pipeline).join(name);
        self.write_json(&path, record, Sync::ToSystem)
    }
}
