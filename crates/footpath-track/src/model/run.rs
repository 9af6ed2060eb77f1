//! Runs: one execution of a program, and all it told of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    DatasetInput, ExperimentId, Lifecycle, ModelOutput, Point, RunId, SeriesSummary, Tags,
};

/// The state a run was last told to have, by MLflow's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// Running.
    #[default]
    Running,
    /// Waiting to run.
    Scheduled,
    /// Ended well.
    Finished,
    /// Ended with an error.
    Failed,
    /// Ended by a signal or a user.
    Killed,
}

impl RunStatus {
    /// MLflow's name, as stored and filtered by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Scheduled => "SCHEDULED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Running,
            Self::Scheduled,
            Self::Finished,
            Self::Failed,
            Self::Killed,
        ]
        .into_iter()
        .find(|status| status.name() == name)
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Killed)
    }
}

/// The state a run is seen in: what it was told to be, and what its silence tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservedState {
    /// Waiting to run.
    Scheduled,
    /// Running, and heard of lately.
    Running,
    /// Its client lives, or it never had a lease, but it told nothing for [`STALLED_AFTER_MS`].
    Stalled,
    /// Its lease lapsed: the process died without a word. A late client may go on.
    Crashed,
    /// Ended well.
    Finished,
    /// Ended with an error.
    Failed,
    /// Ended by a signal or a user.
    Killed,
}

/// How long a running run may tell nothing before it is seen as stalled, in milliseconds.
pub const STALLED_AFTER_MS: i64 = 30 * 60 * 1000;

/// What a run is, without what it logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Its identity.
    pub id: RunId,
    /// The experiment it belongs to.
    pub experiment: ExperimentId,
    /// Its name, which also is the tag `mlflow.runName`.
    pub name: String,
    /// Who ran it.
    pub user: String,
    /// The state it was last told to have.
    pub status: RunStatus,
    /// Why it has that state: an error's last lines, the signal's name.
    pub status_reason: Option<String>,
    /// When it began, Unix milliseconds.
    pub start_ms: i64,
    /// When it ended, Unix milliseconds. A resumed run keeps its former end.
    pub end_ms: Option<i64>,
    /// Until when its client promised to be heard of, Unix milliseconds by the store's clock;
    /// MLflow's clients promise nothing.
    pub lease_until_ms: Option<i64>,
    /// When something was last written to it, Unix milliseconds by the store's clock.
    pub active_ms: i64,
    /// In use or deleted.
    pub lifecycle: Lifecycle,
    /// How many points and records its client had to drop.
    pub dropped: u64,
}

impl RunInfo {
    /// The state as seen at a time (Unix milliseconds): derived and so reversible, for a run
    /// believed dead goes on the moment it is heard of.
    #[must_use]
    pub fn observed_state(&self, now_ms: i64) -> ObservedState {
        match self.status {
            RunStatus::Finished => ObservedState::Finished,
            RunStatus::Failed => ObservedState::Failed,
            RunStatus::Killed => ObservedState::Killed,
            RunStatus::Scheduled => ObservedState::Scheduled,
            RunStatus::Running if self.lease_until_ms.is_some_and(|until| until < now_ms) => {
                ObservedState::Crashed
            }
            RunStatus::Running if now_ms - self.active_ms > STALLED_AFTER_MS => {
                ObservedState::Stalled
            }
            RunStatus::Running => ObservedState::Running,
        }
    }
}

/// A run with all but its points: what a table's row or a run's page begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What it is.
    pub info: RunInfo,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Tags,
    /// The statistics of its metric series, by key.
    pub metrics: BTreeMap<String, SeriesSummary>,
    /// Bytes of its files and pictures, each content counted once.
    #[serde(default)]
    pub artifact_bytes: u64,
    /// The data sets it read.
    pub inputs: Vec<DatasetInput>,
    /// The logged models it read.
    pub model_inputs: Vec<String>,
    /// The logged models it wrote.
    pub model_outputs: Vec<ModelOutput>,
}

/// A run as MLflow's clients read it: with the latest point of each metric alone. All by key, sorted.
#[derive(Clone, Debug, PartialEq)]
pub struct LatestRun {
    /// What it is.
    pub info: RunInfo,
    /// Its parameters.
    pub params: Vec<(Arc<str>, String)>,
    /// Its tags.
    pub tags: Vec<(Arc<str>, String)>,
    /// The greatest points by (step, time, value) of its metrics.
    pub metrics: Vec<(Arc<str>, Point)>,
    /// The data sets it read.
    pub inputs: Vec<DatasetInput>,
    /// The logged models it read.
    pub model_inputs: Vec<String>,
    /// The logged models it wrote.
    pub model_outputs: Vec<ModelOutput>,
}

impl From<Run> for LatestRun {
    fn from(run: Run) -> Self {
        fn named<T>(map: BTreeMap<String, T>) -> impl Iterator<Item = (Arc<str>, T)> {
            map.into_iter().map(|(key, value)| (key.into(), value))
        }
        Self {
            info: run.info,
            params: named(run.params).collect(),
            tags: named(run.tags).collect(),
            metrics: named(run.metrics)
                .map(|(key, series)| (key, series.last))
                .collect(),
            inputs: run.inputs,
            model_inputs: run.model_inputs,
            model_outputs: run.model_outputs,
        }
    }
}

/// What a run is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRun {
    /// Its identity, chosen by the caller so that making it twice is making it once.
    pub id: RunId,
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its name; `None` takes the tag `mlflow.runName`, or else a random one is made.
    pub name: Option<String>,
    /// Who runs it.
    pub user: String,
    /// When it began, Unix milliseconds.
    pub start_ms: i64,
    /// For how long from now on, by the store's clock, its client promises to be heard of, in
    /// milliseconds.
    pub lease_ms: Option<i64>,
    /// Its first tags.
    pub tags: Tags,
}

impl NewRun {
    /// A run of an experiment that begins at a time (Unix milliseconds), with a new identity.
    #[must_use]
    pub fn new(experiment: ExperimentId, start_ms: i64) -> Self {
        Self {
            id: RunId::random(),
            experiment,
            name: None,
            user: String::new(),
            start_ms,
            lease_ms: None,
            tags: Tags::new(),
        }
    }
}

/// What a client begins a run with: all that it takes to make it, in one go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStart {
    /// The project.
    pub project: String,
    /// The experiment's name, made if absent.
    pub experiment: String,
    /// The run's identity, chosen by the client.
    pub id: RunId,
    /// The run's name; `None` for a random one.
    #[serde(default)]
    pub name: Option<String>,
    /// Who runs it.
    #[serde(default)]
    pub user: String,
    /// When it began, Unix milliseconds.
    pub start_ms: i64,
    /// For how long from now on its client promises to be heard of, in milliseconds.
    #[serde(default)]
    pub lease_ms: Option<i64>,
    /// Its first tags.
    #[serde(default)]
    pub tags: Tags,
}

/// What changes in a run; what is `None` or empty stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunChange {
    /// A new name; the tag `mlflow.runName` follows.
    pub name: Option<String>,
    /// A new status. A run told to run again loses neither end time nor points.
    pub status: Option<RunStatus>,
    /// Why it has the new status. A new status without reason clears the old reason.
    pub status_reason: Option<String>,
    /// A new end, Unix milliseconds.
    pub end_ms: Option<i64>,
    /// A new lease from now on, in milliseconds.
    pub lease_ms: Option<i64>,
    /// Delete or restore it. Allowed on deleted runs; all else is not.
    pub lifecycle: Option<Lifecycle>,
    /// Tags to take away; one that is absent is [`NotFound`](crate::Error::NotFound).
    pub delete_tags: Vec<String>,
}

/// What deleting for good gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freed {
    /// Runs removed.
    pub runs: u64,
    /// Points removed.
    pub points: u64,
    /// Bytes of points, texts and records removed from the database.
    pub database_bytes: u64,
    /// Bytes of artifacts that nothing refers to any more, freed by the next
    /// [collection](crate::Artifacts::collect).
    pub artifact_bytes: u64,
}

impl std::ops::AddAssign for Freed {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.points += other.points;
        self.database_bytes += other.database_bytes;
        self.artifact_bytes += other.artifact_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(lease: Option<i64>, active: i64) -> RunInfo {
        RunInfo {
            id: RunId::random(),
            experiment: ExperimentId::DEFAULT,
            name: String::new(),
            user: String::new(),
            status: RunStatus::Running,
            status_reason: None,
            start_ms: 0,
            end_ms: None,
            lease_until_ms: lease,
            active_ms: active,
            lifecycle: Lifecycle::Active,
            dropped: 0,
        }
    }

    #[test]
    fn silence_tells_the_state() {
        assert_eq!(
            running(Some(100), 0).observed_state(100),
            ObservedState::Running
        );
        assert_eq!(
            running(Some(100), 0).observed_state(101),
            ObservedState::Crashed
        );
        assert_eq!(
            running(None, 0).observed_state(STALLED_AFTER_MS),
            ObservedState::Running
        );
        assert_eq!(
            running(None, 0).observed_state(STALLED_AFTER_MS + 1),
            ObservedState::Stalled
        );
        let done = RunInfo {
            status: RunStatus::Finished,
            ..running(Some(1), 0)
        };
        assert_eq!(done.observed_state(i64::MAX), ObservedState::Finished);
    }

    #[test]
    fn statuses_are_read_as_written() {
        assert_eq!(
            serde_json::to_string(&RunStatus::Killed).unwrap(),
            "\"KILLED\""
        );
        assert_eq!(RunStatus::from_name("KILLED"), Some(RunStatus::Killed));
        assert_eq!(RunStatus::from_name("killed"), None);
    }
}
