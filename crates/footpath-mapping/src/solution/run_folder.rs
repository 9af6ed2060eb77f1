//! What is left to read of a training: a folder for each, beside the store.
//!
//! | file | holds |
//! | --- | --- |
//! | `config.yaml` | the whole configuration, as it was resolved |
//! | `environment.json` | program, commit, machine, threads, features, devices |
//! | `data.json` | how many tiles there were, and digests of their content |
//! | `metrics.jsonl` | a line for each step and epoch |
//! | `curves.svg` | losses, score and learning rate as curves |
//! | `last.safetensors` | the last checkpoint, where `training.checkpoint.keep_finished` asks for it |
//!
//! A run that was killed and resumed leaves the same `metrics.jsonl`, `data.json` and checkpoint as
//! one that was not.

use super::stages::Stage;
use footpath_steps::{BoxError, Digest};
use footpath_vision::atomic_file::{WriteError, replace_file};
use footpath_vision::run_log::RunLog;
use footpath_vision::train::{LAST, TrainEvent};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the folders of trainings are made, and what they hold besides numbers.
#[derive(Debug, Clone)]
pub struct RunReports {
    /// The folder of folders.
    pub runs: PathBuf,
    /// The configuration as YAML.
    pub config: String,
    /// The environment as JSON.
    pub environment: String,
}

/// What a network learns from and is validated on, known by its content.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataFingerprint {
    pub(super) training_tiles: usize,
    pub(super) training_images: Digest,
    pub(super) training_targets: Digest,
    pub(super) validation_tiles: usize,
    pub(super) validation_images: Digest,
    pub(super) validation_buildings: Digest,
    pub(super) pretrained_weights: Option<Digest>,
}

impl RunReports {
    /// The folder of the training whose step has this name and key.
    #[must_use]
    pub fn folder(&self, step: &str, key: &Digest) -> PathBuf {
        self.runs.join(format!("{step}-{}", key.short()))
    }

    /// Makes or goes on with the folder of a training.
    pub(super) fn open(
        &self,
        stage: &Stage,
        key: &Digest,
        data: &DataFingerprint,
    ) -> Result<RunFolder, BoxError> {
        let folder = self.folder(&stage.step, key);
        let open = || -> Result<RunFolder, BoxError> {
            let log = RunLog::open(&folder)?;
            let data = serde_json::to_string_pretty(data)?;
            write(&folder, "config.yaml", &self.config)?;
            write(&folder, "environment.json", &self.environment)?;
            write(&folder, "data.json", &format!("{data}\n"))?;
            Ok(RunFolder {
                folder: folder.clone(),
                log,
                is_failing: false,
            })
        };
        open().map_err(|cause| {
            let folder = folder.display();
            format!("cannot write the run's folder {folder}: {cause}").into()
        })
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), WriteError> {
    replace_file(&folder.join(name), |path| fs::write(path, text))
}

/// The folder of one training, while it goes on.
#[derive(Debug)]
pub(super) struct RunFolder {
    folder: PathBuf,
    log: RunLog,
    is_failing: bool,
}

impl RunFolder {
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes down what happened. A full disk is told once; training itself goes on.
    pub(super) fn on_event(&mut self, event: &TrainEvent<'_>) {
        match self.log.on_event(event) {
            Ok(()) => self.is_failing = false,
            Err(_) if self.is_failing => {}
            Err(error) => {
                let folder = self.folder.display();
                tracing::warn!(
                    "metrics in {folder} cannot be written, and are tried again: {error}"
                );
                self.is_failing = true;
            }
        }
    }

    /// Keeps the checkpoint of a finished training, which stays in `scratch` as well.
    pub(super) fn keep_checkpoint(&self, scratch: &Path) -> Result<(), WriteError> {
        let last = scratch.join(LAST);
        replace_file(&self.folder.join(LAST), |path| {
            // Left behind by a killed run, it may be another name of the very file.
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::hard_link(&last, path).or_else(|_| fs::copy(&last, path).map(drop))
        })
    }
}
