//! What the tracker is told of a command: its configuration, data, pipeline and results, and how it
//! ended. Whatever the tracker cannot do is said by the tracker's client; the command goes on.

mod pictures;
mod pipeline;
mod resume;
mod training;

pub(crate) use pictures::Pictures;
pub(crate) use resume::TrackedBefore;
pub(crate) use training::observer;

use crate::interrupt::was_asked;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use footpath_mapping::dataset::Split;
use footpath_mapping::solution::Imagery;
use footpath_steps::{Digest, Pipeline, RunReport};
use footpath_track::client::{Run, RunOptions, Target};
use footpath_track::{DATASET_CONTEXT_TAG, Dataset, DatasetInput, Tags};
use resume::Origin;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The project of runs whose project is not told.
const PROJECT: &str = "footpath";

/// Where a command tells of itself.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrackArgs {
    #[arg(
        long,
        value_name = "off|DIR|URL",
        help = "Where this run is tracked: off, a folder, or a server's address \
                [default: $FOOTPATH_TRACK, or .footpath/track; `footpath ui` shows it]"
    )]
    pub(crate) track: Option<String>,

    /// The run's project in the tracker
    #[arg(long, value_name = "NAME", default_value = PROJECT)]
    pub(crate) project: String,

    /// The run's experiment in the tracker [default: the pipeline's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) experiment: Option<String>,

    /// The run's name in the tracker [default: a random one]
    #[arg(long, value_name = "NAME")]
    pub(crate) run_name: Option<String>,
}

/// A run of the tracker that a command tells of itself.
#[derive(Clone)]
pub(crate) struct Tracked(Arc<Telling>);

struct Telling {
    run: Run,
    origin: Origin,
    /// The folders of trainings that name the run.
    folders: Mutex<BTreeSet<PathBuf>>,
}

/// Does a command's work as a run of the tracker, which ends as the work does: a new one, or the one
/// that it was `before`, if that is of the same command, configuration and place.
pub(crate) fn tracked<T>(
    args: &TrackArgs,
    session: &Session,
    command: (&str, &str),
    before: Option<&TrackedBefore>,
    work: impl FnOnce(&Tracked) -> Result<T>,
) -> Result<T> {
    let telling = Arc::new(start(args, session, command, before));
    let done = work(&Tracked(Arc::clone(&telling)));
    // All that told of the work are gone with it.
    let Some(Telling { run, folders, .. }) = Arc::into_inner(telling) else {
        tracing::warn!("the tracked run ends with the program, not with its work");
        return done;
    };
    match &done {
        Ok(_) => {
            run.finish();
            let folders = folders.into_inner().unwrap_or_else(PoisonError::into_inner);
            let earlier = before.map_or(&[][..], TrackedBefore::folders);
            TrackedBefore::forget(folders.iter().chain(earlier));
        }
        Err(_) if was_asked() => run.kill("stopped by Ctrl-C or SIGTERM"),
        Err(error) => run.fail(error.as_ref()),
    }
    done
}

fn start(
    args: &TrackArgs,
    session: &Session,
    (command, pipeline): (&str, &str),
    before: Option<&TrackedBefore>,
) -> Telling {
    let told = args.track.clone();
    let target = told.or_else(|| std::env::var("FOOTPATH_TRACK").ok());
    let mut target = Target::parse(target.as_deref().unwrap_or(".footpath/track"));
    if let Target::Server { token, .. } = &mut target {
        *token = std::env::var("FOOTPATH_TOKEN").ok();
    }
    let origin = Origin::new(&target, args, (command, pipeline), &session.config);
    let mut options = RunOptions::new(target);
    options.resume = before.and_then(|before| before.run_of(&origin)).cloned();
    options.name.clone_from(&args.run_name);
    // The command stops in its own time at signals, and then says so.
    options.record_signals = false;
    let line: Vec<_> = std::env::args().collect();
    options.tags = Tags::from([
        ("footpath.command".to_owned(), command.to_owned()),
        ("footpath.pipeline".to_owned(), pipeline.to_owned()),
        (
            "footpath.version".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        ("footpath.command_line".to_owned(), line.join(" ")),
    ]);
    if let (None, Some(before)) = (&options.resume, before) {
        // The same training, but what it was tracked as cannot take this in.
        let id = before.run().id.to_string();
        options.tags.insert("footpath.continues".to_owned(), id);
    }
    let experiment = args.experiment.as_deref().unwrap_or(pipeline);
    let run = Run::start_with(&args.project, experiment, options);
    if run.is_recording() {
        run.params(&session.config);
        run.source(Path::new("."));
        if let Some(reports) = session.reports() {
            run.bytes("config.yaml", reports.config.into_bytes());
            run.bytes("environment.json", reports.environment.into_bytes());
        }
    }
    Telling {
        run,
        origin,
        folders: Mutex::default(),
    }
}

impl Tracked {
    pub(crate) fn is_recording(&self) -> bool {
        self.0.run.is_recording()
    }

    /// Has a training that is stopped or killed from here on go on as this run: its folder names it.
    fn remember(&self, folder: &Path) {
        let known = TrackedBefore::new(&self.0.origin, self.0.run.to_resume());
        match known.write(folder) {
            Ok(()) => {
                let folders = self.0.folders.lock();
                let mut folders = folders.unwrap_or_else(PoisonError::into_inner);
                folders.insert(folder.to_owned());
            }
            Err(error) => tracing::warn!(
                "if this training is interrupted, it goes on as another run of the tracker: {error:#}"
            ),
        }
    }

    /// Tells which tiles are read, known by their content.
    pub(crate) fn data(&self, session: &Session, split: Split, tiles: &Imagery) {
        #[derive(Serialize)]
        struct Profile {
            tiles: usize,
            images: Digest,
            buildings: Digest,
        }
        let profile = Profile {
            tiles: tiles.tiles.len(),
            images: tiles.images.digest(),
            buildings: tiles.buildings.digest(),
        };
        let folders = session
            .config
            .data
            .iter()
            .map(|path| path.display().to_string());
        let context = match split {
            Split::Train => "training",
            Split::Val => "validation",
        };
        let both = [profile.images.to_string(), profile.buildings.to_string()].concat();
        self.0.run.input(DatasetInput {
            dataset: Dataset {
                name: split.folder().to_owned(),
                digest: Digest::of_bytes(both.as_bytes()).short(),
                source_type: "local".to_owned(),
                source: folders.collect::<Vec<_>>().join(", "),
                schema: None,
                profile: serde_json::to_string(&profile).ok(),
            },
            tags: Tags::from([(DATASET_CONTEXT_TAG.to_owned(), context.to_owned())]),
        });
    }

    /// Tells what became of each step of a pipeline.
    pub(crate) fn pipeline(&self, pipeline: &Pipeline, report: &RunReport) {
        for step in pipeline::records(pipeline, report) {
            self.0.run.step(step);
        }
    }

    /// Tells the metrics of an evaluation.
    pub(crate) fn metrics(&self, metrics: &impl Serialize) {
        let Ok(serde_json::Value::Object(numbers)) = serde_json::to_value(metrics) else {
            return;
        };
        for (name, value) in &numbers {
            if let Some(value) = value.as_f64() {
                self.0.run.metric(&format!("evaluation/{name}"), 0, value);
            }
        }
        self.json("metrics.json", metrics);
    }

    /// Keeps a value as a JSON file.
    pub(crate) fn json(&self, path: &str, value: &impl Serialize) {
        if !self.is_recording() {
            return;
        }
        match serde_json::to_vec(value) {
            Ok(bytes) => self.0.run.bytes(path, bytes),
            Err(error) => tracing::warn!("the tracker drops {path}: {error}"),
        }
    }

    /// Keeps bytes as a file.
    pub(crate) fn file(&self, path: &str, bytes: &[u8]) {
        if self.is_recording() {
            self.0.run.bytes(path, bytes.to_vec());
        }
    }

    /// Tells a number.
    pub(crate) fn number(&self, name: &str, value: f64) {
        self.0.run.metric(name, 0, value);
    }
}
