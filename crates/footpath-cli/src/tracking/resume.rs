//! Which run of the tracker a training goes on with.
//!
//! While a training is tracked, its folder names the run. Who gives the command again, after it was
//! stopped or killed, goes on with that run; once the command is done, the name goes.

use super::TrackArgs;
use crate::output::write_file;
use crate::session::{Session, TrainingData};
use anyhow::Result;
use footpath_mapping::solution::{PipelineName, SolutionConfig};
use footpath_steps::Digest;
use footpath_track::client::{Resume, Target};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file in the folder of a training that names its run.
const FILE: &str = "tracked.json";

/// What a run is of: a training of another command, configuration or place is another run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The store's folder or the server's address.
    target: String,
    project: String,
    experiment: String,
    command: String,
    pipeline: String,
    /// Of the whole configuration: a run's parameters do not change.
    config: Digest,
}

impl Origin {
    pub(super) fn new(
        target: &Target,
        args: &TrackArgs,
        (command, pipeline): (&str, &str),
        config: &SolutionConfig,
    ) -> Self {
        let target = match target {
            Target::Off => "off".to_owned(),
            Target::Spool => "spool".to_owned(),
            Target::Server { url, .. } => url.clone(),
            Target::Folder(folder) => std::path::absolute(folder)
                .unwrap_or_else(|_| folder.clone())
                .display()
                .to_string(),
        };
        // Where it cannot be written, no two runs are of the same configuration.
        let config = serde_json::to_vec(config)
            .unwrap_or_else(|_| footpath_track::RunId::random().to_string().into_bytes());
        Self {
            target,
            project: args.project.clone(),
            experiment: args.experiment.as_deref().unwrap_or(pipeline).to_owned(),
            command: command.to_owned(),
            pipeline: pipeline.to_owned(),
            config: Digest::of_bytes(&config),
        }
    }
}

/// The run that a training was tracked as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrackedBefore {
    #[serde(flatten)]
    origin: Origin,
    run: Resume,
    /// The folders that may name it.
    #[serde(skip)]
    folders: Vec<PathBuf>,
}

impl TrackedBefore {
    /// The run of a training that did not come to its end, told by the folders of its stages.
    /// `None` if there is none, or if it starts anew.
    pub(crate) fn of_training(
        session: &Session,
        pipeline: PipelineName,
        data: &TrainingData,
    ) -> Option<Self> {
        if session.restart {
            return None;
        }
        // What is wrong here will be told by the training itself.
        let folders = session.training_folders(pipeline, data).ok()?;
        let known = folders.iter().rev().find_map(|folder| Self::read(folder));
        known.map(|known| Self { folders, ..known })
    }

    fn read(folder: &Path) -> Option<Self> {
        let bytes = std::fs::read(folder.join(FILE)).ok()?;
        serde_json::from_slice(&bytes)
            .inspect_err(|error| {
                let file = folder.join(FILE);
                tracing::warn!("{} is passed over: {error}", file.display());
            })
            .ok()
    }

    pub(super) fn new(origin: &Origin, run: Resume) -> Self {
        Self {
            origin: origin.clone(),
            run,
            folders: Vec::new(),
        }
    }

    /// The run, if it is of this origin.
    pub(super) fn run_of(&self, origin: &Origin) -> Option<&Resume> {
        (self.origin == *origin).then_some(&self.run)
    }

    /// The run, whatever it is of.
    pub(super) fn run(&self) -> &Resume {
        &self.run
    }

    /// Names the run in a training's folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        write_file(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// The folders that may name it.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Takes the names of runs out of the folders of a training that came to its end.
    pub(super) fn forget<'a>(folders: impl IntoIterator<Item = &'a PathBuf>) {
        for folder in folders {
            let file = folder.join(FILE);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!("{} stays: {error}", file.display());
                }
                _ => {}
            }
        }
    }
}
