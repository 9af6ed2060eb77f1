//! Collecting garbage: what no remembered run can reach.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{self, Result, Sync, at};
use super::inspect::files_below;
use super::item_log::{self, ItemLog};
use super::records::{Latest, RunRecord};
use super::{Disk, Output, Store, locks, read_json};
use crate::digest::Digest;
use crate::error::StoreError;

/// What is kept, and whether anything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcOptions {
    /// Only tells what would be removed.
    pub dry_run: bool,
    /// The outputs of this many of the newest runs of each pipeline are kept,
    /// besides the newest state of each of its steps.
    pub keep_runs: usize,
}

impl Default for GcOptions {
    /// Removes everything but the newest state of each step and what the newest run used.
    fn default() -> Self {
        Self {
            dry_run: false,
            keep_runs: 1,
        }
    }
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcReport {
    /// Kept outputs that no remembered run can reach.
    pub outputs: u64,
    /// Objects nothing refers to.
    pub objects: u64,
    /// The bytes that become free, of objects and of everything else.
    pub bytes_freed: u64,
    /// The bytes of the objects that stay.
    pub bytes_kept: u64,
}

/// What the remembered runs reach.
#[derive(Default)]
struct Reached {
    keys: BTreeSet<Digest>,
    /// Logs of steps that have not finished: every item of theirs counts.
    open_logs: BTreeSet<Digest>,
    objects: BTreeSet<Digest>,
    /// Item keys of finished steps.
    items: BTreeSet<Digest>,
}

impl Store {
    /// Removes what no remembered run can reach.
    ///
    /// Reached are: the newest state of each step of each pipeline, finished or
    /// not (so a killed run can go on), and what the newest
    /// [`keep_runs`](GcOptions::keep_runs) runs of each pipeline used.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while a run goes on, or its lazily read [`Items`](crate::Items) live.
    pub fn gc(&self, options: GcOptions) -> Result<GcReport> {
        let Some(disk) = self.disk() else {
            return Ok(GcReport::default());
        };
        let alone = locks::try_lock_alone(&disk.use_lock())?;
        let Some(_alone) = alone else {
            return Err(StoreError::InUse {
                path: disk.root.clone(),
            });
        };
        disk.collect(options)
    }
}

impl Disk {
    fn collect(&self, options: GcOptions) -> Result<GcReport> {
        let reached = self.reach(options.keep_runs)?;
        let mut report = GcReport::default();
        let mut doomed: Vec<PathBuf> = Vec::new();
        for manifest in self.manifests()? {
            if !reached.keys.contains(&manifest.key) {
                report.outputs += 1;
                doomed.push(self.manifest_path(&manifest.key));
            }
        }
        for digest in self.all_objects()? {
            let path = self.objects.path(&digest);
            if reached.objects.contains(&digest) {
                report.bytes_kept += disk::length(&path)?.unwrap_or(0);
            } else {
                report.objects += 1;
                doomed.push(path);
            }
        }
        doomed.extend(files_below(&self.root.join("tmp"))?);
        doomed.extend(files_below(&self.root.join("locks"))?);
        for path in files_below(&self.root.join("scratch"))? {
            if !self.is_scratch_of(&path, &reached.keys) {
                doomed.push(path);
            }
        }
        for path in &doomed {
            report.bytes_freed += disk::length(path)?.unwrap_or(0);
        }
        // Removing comes before writing: the disk may be full.
        if !options.dry_run {
            doomed.iter().try_for_each(|path| disk::remove(path))?;
            remove_empty_folders(&self.root.join("scratch"))?;
        }
        for path in files_below(&self.root.join("items"))? {
            report.bytes_freed += self.trim_log(&path, &reached, options.dry_run)?;
        }
        Ok(report)
    }

    fn reach(&self, keep_runs: usize) -> Result<Reached> {
        let mut reached = Reached::default();
        for path in files_below(&self.root.join("latest"))? {
            // What it remembers is not garbage only because it cannot be read.
            let latest: Latest = read_json(&path)?
                .ok_or_else(|| StoreError::DamagedMemory { path: path.clone() })?;
            for step in latest.steps.values() {
                reached.keys.insert(step.key);
                reached.keys.extend(step.finished);
                reached
                    .objects
                    .extend(step.listing.map(|listing| listing.digest));
                if step.finished != Some(step.key) {
                    reached.open_logs.extend(step.log);
                }
            }
        }
        let mut pipelines: BTreeSet<PathBuf> = BTreeSet::new();
        let runs = files_below(&self.root.join("runs"))?;
        pipelines.extend(
            runs.iter()
                .filter_map(|path| path.parent().map(Path::to_owned)),
        );
        for pipeline in pipelines {
            // File names start with the time of the run.
            let newest = runs
                .iter()
                .rev()
                .filter(|path| path.parent() == Some(&pipeline))
                .take(keep_runs);
            for path in newest {
                let Some(record) = read_json::<RunRecord>(path)? else {
                    continue;
                };
                reached
                    .keys
                    .extend(record.report.steps.iter().filter_map(|step| step.key));
            }
        }
        for key in &reached.keys {
            let Some(manifest) = self.manifest(key)? else {
                continue;
            };
            reached.objects.extend(
                self.objects_of(&manifest)?
                    .into_iter()
                    .map(|object| object.digest),
            );
            if let Output::Items { table, failed, .. } = &manifest.output
                && self.objects.has(table)?
            {
                reached.items.extend(
                    self.item_table(table, failed)?
                        .rows
                        .iter()
                        .map(|row| row.key),
                );
            }
        }
        for log in &reached.open_logs {
            let items = item_log::read(&ItemLog::path(&self.root, log))?;
            reached
                .objects
                .extend(items.values().map(|object| object.digest));
        }
        Ok(reached)
    }

    fn is_scratch_of(&self, path: &Path, keys: &BTreeSet<Digest>) -> bool {
        let below = path.strip_prefix(self.root.join("scratch")).ok();
        let key = below.and_then(|below| {
            below
                .components()
                .next()?
                .as_os_str()
                .to_str()?
                .parse()
                .ok()
        });
        key.is_some_and(|key: Digest| keys.contains(&key))
    }

    /// Leaves in a log what is reached; gives the bytes that become free.
    fn trim_log(&self, path: &Path, reached: &Reached, dry_run: bool) -> Result<u64> {
        let shard = path
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let rest = path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let name: Option<Digest> = format!("{shard}{rest}").parse().ok();
        if name.is_some_and(|name| reached.open_logs.contains(&name)) {
            return Ok(0);
        }
        let before = disk::length(path)?.unwrap_or(0);
        let mut items = item_log::read(path)?;
        items.retain(|key, _| reached.items.contains(key));
        let bytes = item_log::encode_all(&items);
        if !dry_run {
            if bytes.is_empty() {
                disk::remove(path)?;
            } else if (bytes.len() as u64) < before {
                disk::write_whole(path, &self.root.join("tmp"), &bytes, Sync::ToSystem)?;
            }
        }
        Ok(before.saturating_sub(bytes.len() as u64))
    }
}

fn remove_empty_folders(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(at("list", folder))?,
    };
    for entry in entries {
        let path = entry.map_err(at("list", folder))?.path();
        if path.is_dir() {
            remove_empty_folders(&path)?;
            if files_below(&path)?.is_empty() {
                std::fs::remove_dir_all(&path).map_err(at("remove", &path))?;
            }
        }
    }
    Ok(())
}
