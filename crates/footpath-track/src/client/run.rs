//! A run, as the program that it is sees it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::options::{Resume, RunOptions, Target};
use super::picture::{Layer, Picture};
use super::queue::{Event, Queue};
use super::recording::{Recording, record};
use super::{environment, guard, nested, source};
use crate::model::{
    DatasetInput, Digest, ImageLayer, ImageRecord, ModelOutput, Point, RunId, RunStart, RunStatus,
    StateChange, StepRecord, TextRecord,
};
use crate::sql::now_ms;

/// A run that tells of itself.
///
/// No call waits for a disk or a network, and none fails: what cannot be recorded is counted
/// on the run, and told through `tracing`. What is told goes by way of a spool on this
/// machine's disk, so a target that is away, or a process that is killed, loses nothing that
/// was spooled (see [`RunOptions::flush_every`]).
///
/// A run that is dropped without [`finish`](Self::finish) has failed: by the panic under way,
/// or else by leaving early.
///
/// ```
/// use footpath_track::client::{Run, RunOptions, Target};
///
/// # let folder = tempfile::tempdir()?;
/// let run = Run::start_with("maps", "unet", RunOptions::new(Target::Folder(folder.path().into())));
/// run.param("lr", 0.01);
/// for step in 0..3 {
///     run.metric("loss", step, 1.0 / (1.0 + step as f64));
/// }
/// run.finish();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Run {
    id: RunId,
    start_ms: i64,
    queue: Arc<Queue>,
    /// `None` once the run has ended, or if it is recorded nowhere.
    recording: Option<Recording>,
}

impl Run {
    /// Begins a run of an experiment, recorded where the environment variable `FOOTPATH_TRACK`
    /// says ([`Target::parse`]), or else in `.footpath/track`.
    #[must_use]
    pub fn start(project: &str, experiment: &str) -> Self {
        let target = std::env::var("FOOTPATH_TRACK").unwrap_or_else(|_| ".footpath/track".into());
        let mut target = Target::parse(&target);
        if let Target::Server { token, .. } = &mut target {
            *token = std::env::var("FOOTPATH_TOKEN").ok();
        }
        Self::start_with(project, experiment, RunOptions::new(target))
    }

    /// Begins a run of an experiment. If it cannot be recorded, says why through `tracing` and
    /// records nothing: the program goes on all the same.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are made for one run"
    )]
    pub fn start_with(project: &str, experiment: &str, options: RunOptions) -> Self {
        let user = std::env::var("USER")
            .or_else(|_| std::env::var("USERNAME"))
            .unwrap_or_default();
        let mut tags = options.tags.clone();
        if options.target != Target::Off {
            tags.extend(environment::tags());
        }
        tags.entry("mlflow.user".into())
            .or_insert_with(|| user.clone());
        if let Some(program) = std::env::args().next() {
            tags.entry("mlflow.source.name".into()).or_insert(program);
        }
        let Resume { id, start_ms } = options.resume.clone().unwrap_or_else(|| Resume {
            id: RunId::random(),
            start_ms: now_ms(),
        });
        let start = RunStart {
            project: project.to_owned(),
            experiment: experiment.to_owned(),
            id,
            name: options.name.clone(),
            user,
            start_ms,
            lease_ms: i64::try_from(options.lease.as_millis()).ok(),
            tags,
        };
        let queue = Arc::new(Queue::new(options.queue_limit, options.queue_bytes));
        if options.resume.is_some() {
            go_on(&queue, &start);
        }
        let id = start.id.clone();
        let recording = match options.target {
            Target::Off => Ok(None),
            _ => record(&queue, start, &options).map(Some),
        };
        let recording = recording.unwrap_or_else(|error| {
            tracing::error!("the run is not tracked: {error}");
            None
        });
        if recording.is_none() {
            queue.close();
        }
        Self {
            id,
            start_ms,
            queue,
            recording,
        }
    }

    /// The run's identity.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// What a later process needs to go on with this run: see [`RunOptions::resume`].
    #[must_use]
    pub fn to_resume(&self) -> Resume {
        Resume {
            id: self.id.clone(),
            start_ms: self.start_ms,
        }
    }

    /// Whether the run is recorded at all.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    fn push(&self, event: impl FnOnce() -> Event) {
        if self.recording.is_some() {
            self.queue.push(event());
        }
    }

    /// Logs a metric's value at a step, now.
    pub fn metric(&self, key: &str, step: i64, value: f64) {
        self.push(|| Event::Metric(key.into(), Point::new(step, now_ms(), value)));
    }

    /// Logs a metric's value at a step and a time (Unix milliseconds).
    pub fn metric_at(&self, key: &str, step: i64, time_ms: i64, value: f64) {
        self.push(|| Event::Metric(key.into(), Point::new(step, time_ms, value)));
    }

    /// Sets a parameter, or those of a structure or map by dotted keys below this one. A
    /// parameter does not change: another value later is dropped and counted.
    pub fn param(&self, key: &str, value: impl Serialize) {
        self.flat(key, &value);
    }

    /// Sets the parameters of a structure or map, nested ones by dotted keys.
    pub fn params(&self, config: &impl Serialize) {
        self.flat("", config);
    }

    fn flat(&self, key: &str, value: &impl Serialize) {
        if self.recording.is_none() {
            return;
        }
        match nested::flatten(key, value) {
            Ok(params) => params
                .into_iter()
                .for_each(|(key, value)| self.queue.push(Event::Param(key, value))),
            Err(error) => {
                tracing::warn!("the tracker drops parameters: {error}");
                self.queue.drop_one();
            }
        }
    }

    /// Sets a tag in place of what it was.
    pub fn tag(&self, key: &str, value: &str) {
        self.push(|| Event::Tag(key.to_owned(), value.to_owned()));
    }

    /// Sets the run's note, in Markdown: MLflow's tag `mlflow.note.content`.
    pub fn note(&self, markdown: &str) {
        self.tag("mlflow.note.content", markdown);
    }

    /// Adds a text to a text series.
    pub fn text(&self, key: &str, step: i64, text: &str) {
        self.push(|| {
            Event::Text(TextRecord {
                key: key.to_owned(),
                step,
                time_ms: now_ms(),
                text: text.to_owned(),
            })
        });
    }

    /// Adds a picture to an image series.
    pub fn picture(&self, key: &str, step: i64, picture: Picture) {
        self.push(|| {
            let Picture {
                sample,
                score,
                caption,
                layers,
            } = picture;
            let (layers, contents) = layers
                .into_iter()
                .map(|layer| {
                    let Layer {
                        role,
                        media_type,
                        width_px,
                        height_px,
                        bytes,
                    } = layer;
                    // The recorder computes the digest.
                    let digest = Digest::of(&[]);
                    (
                        ImageLayer {
                            role,
                            digest,
                            media_type,
                            width_px,
                            height_px,
                        },
                        bytes,
                    )
                })
                .unzip();
            let record = ImageRecord {
                key: key.to_owned(),
                step,
                time_ms: now_ms(),
                sample,
                score,
                caption,
                layers,
            };
            Event::Image(record, contents)
        });
    }

    /// Keeps a file as an artifact. It is opened now and copied beside the program: replace it
    /// by renaming another over it, rather than by writing into it.
    pub fn file(&self, path: &str, from: &Path) {
        match std::fs::File::open(from) {
            Ok(file) => self.push(|| Event::File(path.to_owned(), file)),
            Err(error) => {
                tracing::warn!(
                    "the tracker drops the artifact {path}: {}: {error}",
                    from.display()
                );
                self.queue.drop_one();
            }
        }
    }

    /// Keeps the files of a folder, and of those in it, as artifacts below a path. Links are
    /// not followed.
    pub fn folder(&self, path: &str, from: &Path) {
        let entries = match std::fs::read_dir(from) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(
                    "the tracker drops the artifacts {path}: {}: {error}",
                    from.display()
                );
                return self.queue.drop_one();
            }
        };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let below = if path.is_empty() {
                name.to_string_lossy().into_owned()
            } else {
                format!("{path}/{}", name.to_string_lossy())
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&below, &entry.path()),
                Ok(kind) if kind.is_file() => self.file(&below, &entry.path()),
                _ => {}
            }
        }
    }

    /// Keeps bytes as an artifact.
    pub fn bytes(&self, path: &str, bytes: Vec<u8>) {
        self.push(|| Event::Bytes(path.to_owned(), bytes));
    }

    /// Tells of a data set that the run reads.
    pub fn input(&self, input: DatasetInput) {
        self.push(|| Event::Input(Box::new(input)));
    }

    /// Tells of a logged model that the run wrote.
    pub fn model_output(&self, output: ModelOutput) {
        self.push(|| Event::ModelOutput(output));
    }

    /// Tells of a step of the run's pipeline that ended.
    pub fn step(&self, step: StepRecord) {
        self.push(|| Event::Step(Box::new(step)));
    }

    /// Tells of the git repository that a folder is in (commit, branch, address, and what was
    /// changed since as the artifact `source/dirty.diff`), beside the program.
    pub fn source(&self, folder: &Path) {
        let Some(recording) = &self.recording else {
            return;
        };
        let (queue, folder) = (Arc::clone(&self.queue), folder.to_owned());
        let look = move || source::snapshot(&folder, &queue);
        if let Ok(helper) = std::thread::Builder::new()
            .name("track-source".into())
            .spawn(look)
        {
            recording.helpers.lock().push(helper);
        }
    }

    /// Waits until all that was told is on this machine's disk; `false` if that takes longer.
    pub fn flush(&self, timeout: Duration) -> bool {
        let Some(recording) = &self.recording else {
            return true;
        };
        self.queue.hurry();
        recording.progress.wait_recorded(timeout)
    }

    /// Ends the run well. Waits up to [`RunOptions::finish_timeout`] for the target; what it
    /// does not have then stays in the spool for [`sync`](super::sync).
    pub fn finish(mut self) {
        self.end(RunStatus::Finished, None);
    }

    /// Ends the run with an error: its message and its sources' are told.
    pub fn fail(mut self, error: &dyn std::error::Error) {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason = format!("{reason}\n{error}");
            source = error.source();
        }
        self.end(RunStatus::Failed, Some(reason));
    }

    /// Ends the run as killed, by a signal such as `SIGINT` or for another reason.
    pub fn kill(mut self, reason: &str) {
        self.end(RunStatus::Killed, Some(reason.to_owned()));
    }

    fn end(&mut self, status: RunStatus, reason: Option<String>) {
        let Some(recording) = self.recording.take() else {
            return;
        };
        drop(recording.signals);
        drop(recording.load);
        for helper in recording.helpers.into_inner() {
            // A helper that panicked told so itself.
            let _ = helper.join();
        }
        self.queue.push(Event::State(StateChange {
            status,
            reason,
            end_ms: Some(now_ms()),
        }));
        self.queue.close();
        let _ = recording.recorder.join();
        let delivered = recording.progress.wait_delivered(recording.finish_timeout);
        recording.progress.abandon();
        if !delivered {
            tracing::info!(
                "run {} waits in {} for its target",
                self.id,
                recording.spool.folder().display()
            );
            return;
        }
        let _ = recording.delivery.join();
        // Who waits for the lock finds nothing left to deliver.
        if let Err(error) = recording.spool.remove() {
            tracing::warn!("the spool of a delivered run could not be removed: {error}");
        }
        drop(recording.lock);
    }
}

/// Tells that a run runs again, and what it was begun with this time.
fn go_on(queue: &Queue, start: &RunStart) {
    queue.push(Event::State(StateChange {
        status: RunStatus::Running,
        reason: None,
        end_ms: None,
    }));
    let name = start.name.iter().map(|name| ("mlflow.runName", name));
    let tags = start.tags.iter().map(|(key, value)| (key.as_str(), value));
    for (key, value) in name.chain(tags) {
        queue.push(Event::Tag(key.to_owned(), value.clone()));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.recording.is_some() {
            let reason = guard::panic_message()
                .unwrap_or_else(|| "the program left the run before it finished".into());
            self.end(RunStatus::Failed, Some(reason));
        }
    }
}
