//! The narrow interface of every store.

use crate::error::Error;
use crate::model::{
    Appended, Artifact, Batch, Blob, DatasetSummary, Digest, Entry, Experiment, ExperimentChange,
    ExperimentId, ForeignRegistration, Freed, ImageRecord, LatestRun, LoggedModel,
    LoggedModelChange, MediaSeries, ModelVersion, ModelVersionChange, NewExperiment, NewRun, Owner,
    Point, Project, RegisteredModel, RegisteredModelChange, Run, RunChange, RunId, RunInfo,
    StepRecord, TextRecord, WriterPosition,
};
use crate::search::{Page, Query, RunQuery};
use crate::series::{Bucket, PointRange, Zoom};

/// A store of runs.
///
/// All calls block: from async code, call them on a blocking thread. They may come from any
/// number of threads at once. A call that returns `Ok` from a writing method is durable: it
/// survives the loss of power. Each writing method is one transaction: all or nothing.
///
/// Times are Unix milliseconds. Names and texts are checked by the store, whoever calls.
pub trait Store: Send + Sync + 'static {
    // --- experiments -------------------------------------------------------------------------

    /// The projects that have experiments in use, by name.
    ///
    /// # Errors
    /// When the database fails.
    fn projects(&self) -> Result<Vec<Project>, Error>;

    /// Makes an experiment.
    ///
    /// # Errors
    /// [`Error::Exists`] if the project has one of this name, even deleted; [`Error::Invalid`]
    /// for a bad name.
    fn create_experiment(&self, new: &NewExperiment) -> Result<Experiment, Error>;

    /// An experiment, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn experiment(&self, id: ExperimentId) -> Result<Experiment, Error>;

    /// The experiment of a project with this name, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn experiment_named(&self, project: &str, name: &str) -> Result<Experiment, Error>;

    /// Experiments of a project, or of all. Latest made first, then by number, unless ordered.
    ///
    /// # Errors
    /// [`Error::PageToken`].
    fn search_experiments(
        &self,
        project: Option<&str>,
        query: &Query,
    ) -> Result<Page<Experiment>, Error>;

    /// Changes an experiment. A name or tags are changed only of one in use.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::Exists`] for a taken name.
    fn update_experiment(
        &self,
        id: ExperimentId,
        change: &ExperimentChange,
    ) -> Result<Experiment, Error>;

    /// Removes an experiment and all its runs and models for good.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for experiment 0.
    fn purge_experiment(&self, id: ExperimentId) -> Result<Freed, Error>;

    // --- runs --------------------------------------------------------------------------------

    /// Makes a run. If one with this id exists in the experiment already, gives that one, so
    /// that retries are safe.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Deleted`] for its experiment; [`Error::Exists`] if the
    /// id belongs to a run elsewhere; [`Error::Invalid`] if name and tag `mlflow.runName` differ.
    fn create_run(&self, new: &NewRun) -> Result<RunInfo, Error>;

    /// What a run is, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn run_info(&self, id: &RunId) -> Result<RunInfo, Error>;

    /// A run with its parameters, tags, statistics and inputs, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn run(&self, id: &RunId) -> Result<Run, Error>;

    /// Changes a run. A deleted run can only be restored. A run that ends has its series
    /// sealed.
    ///
    /// # Errors
    /// [`Error::NotFound`] (of the run, or of a tag to take away), [`Error::Deleted`].
    fn update_run(&self, id: &RunId, change: &RunChange) -> Result<RunInfo, Error>;

    /// Removes a run for good: points, records and names of artifacts. Contents that nothing
    /// refers to any more go with the next [collection](crate::Artifacts::collect).
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn purge_run(&self, id: &RunId) -> Result<Freed, Error>;

    /// Applies a batch to a run in use, finished or not. With a position it is applied exactly
    /// once: a batch whose sequence is not above the writer's last is passed over.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::ParamChanged`], [`Error::Invalid`].
    fn append(
        &self,
        run: &RunId,
        position: Option<&WriterPosition>,
        batch: Batch,
    ) -> Result<Appended, Error>;

    /// The last sequence applied of a writer of a run; 0 if none.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn last_sequence(&self, run: &RunId, writer: &str) -> Result<u64, Error>;

    /// Runs that match.
    ///
    /// # Errors
    /// [`Error::PageToken`]; [`Error::Filter`] for a field that runs do not have.
    fn search_runs(&self, query: &RunQuery) -> Result<Page<Run>, Error>;

    /// Runs that match, as MLflow's clients read them; all their keys, whatever is
    /// [`shown`](RunQuery::shown).
    ///
    /// # Errors
    /// As [`search_runs`](Self::search_runs).
    fn search_latest(&self, query: &RunQuery) -> Result<Page<LatestRun>, Error>;

    /// How many runs match, whatever the query's order, limit and page.
    ///
    /// # Errors
    /// [`Error::Filter`] for a field that runs do not have.
    fn count_runs(&self, query: &RunQuery) -> Result<u64, Error>;

    /// The keys of metrics, parameters and tags that runs of these experiments have, for
    /// columns and completion.
    ///
    /// # Errors
    /// When the database fails.
    fn columns(&self, experiments: &[ExperimentId]) -> Result<Columns, Error>;

    // --- series ------------------------------------------------------------------------------

    /// Points of a metric in a range of steps, by (step, time, value), at most `limit`,
    /// beginning after a point if one is given. Empty if the run has no such metric.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the run; [`Error::Damaged`] for a chunk.
    fn points(&self, run: &RunId, key: &str, range: &PointRange) -> Result<Vec<Point>, Error>;

    /// A metric as a plot of a given width needs it: contiguous buckets, each the exact
    /// envelope of its points, none wider than a pixel unless its points share one step.
    /// Every point of the zoom's range is in one bucket; the count is about two a pixel at most.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the run; [`Error::Damaged`] for a chunk.
    fn envelope(&self, run: &RunId, key: &str, zoom: &Zoom) -> Result<Vec<Bucket>, Error>;

    /// Compresses what the series of a run have in their heads.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn seal(&self, run: &RunId) -> Result<(), Error>;

    /// The text and image series of a run, by key.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn media(&self, run: &RunId) -> Result<Vec<MediaSeries>, Error>;

    /// Texts of a series in a range of steps, by (step, time).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PageToken`].
    fn texts(&self, run: &RunId, key: &str, page: &MediaPage) -> Result<Page<TextRecord>, Error>;

    /// Images of a series in a range of steps, by (step, time), then in the order logged.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PageToken`].
    fn images(&self, run: &RunId, key: &str, page: &MediaPage) -> Result<Page<ImageRecord>, Error>;

    /// The steps of the run's pipelines, in the order they ended.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>, Error>;

    /// The data sets that runs of these experiments read.
    ///
    /// # Errors
    /// When the database fails.
    fn datasets(&self, experiments: &[ExperimentId]) -> Result<Vec<DatasetSummary>, Error>;

    // --- artifacts: their names; `Artifacts` keeps the contents --------------------------------

    /// Notes that a content is in the blob store. Nothing refers to it yet.
    ///
    /// # Errors
    /// When the database fails.
    fn add_blob(&self, blob: &Blob) -> Result<(), Error>;

    /// Gives a stored content a path, in place of what was there.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the owner or the content; [`Error::Invalid`] for the path, or
    /// when a file would become a folder or a folder a file.
    fn link_artifact(&self, owner: &Owner, path: &str, digest: Digest) -> Result<Artifact, Error>;

    /// The file at a path.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a folder.
    fn artifact(&self, owner: &Owner, path: &str) -> Result<Artifact, Error>;

    /// What a folder holds, by name; the empty path is the owner's root. Empty if there is
    /// no such folder.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the path.
    fn artifacts(&self, owner: &Owner, folder: &str) -> Result<Vec<Entry>, Error>;

    /// Removes a file, or a folder with all in it; says how much the next collection frees.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn unlink_artifact(&self, owner: &Owner, path: &str) -> Result<Freed, Error>;

    /// Forgets the contents that nothing refers to and that were last added before a time,
    /// and gives them, to be removed from the blob store.
    ///
    /// # Errors
    /// When the database fails.
    fn take_unreferenced(&self, added_before_ms: i64) -> Result<Vec<Blob>, Error>;

    // --- models ------------------------------------------------------------------------------

    /// Keeps a new logged model.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Deleted`] for its experiment, [`Error::Exists`] for its id.
    fn create_logged_model(&self, model: &LoggedModel) -> Result<(), Error>;

    /// A logged model, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn logged_model(&self, id: &str) -> Result<LoggedModel, Error>;

    /// Changes a logged model.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the model, or of a tag to take away.
    fn update_logged_model(
        &self,
        id: &str,
        change: &LoggedModelChange,
    ) -> Result<LoggedModel, Error>;

    /// Logged models of experiments. Latest made first, then by id, unless ordered.
    ///
    /// # Errors
    /// [`Error::PageToken`].
    fn search_logged_models(
        &self,
        experiments: &[ExperimentId],
        query: &Query,
    ) -> Result<Page<LoggedModel>, Error>;

    /// Registers a name. Times are the store's.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Invalid`].
    fn create_registered_model(&self, model: &RegisteredModel) -> Result<RegisteredModel, Error>;

    /// A registered model.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn registered_model(&self, name: &str) -> Result<RegisteredModel, Error>;

    /// Changes a registered model.
    ///
    /// # Errors
    /// [`Error::NotFound`] (also of an alias' version), [`Error::Exists`] for a taken name,
    /// [`Error::Invalid`] for a bad name or alias.
    fn update_registered_model(
        &self,
        name: &str,
        change: &RegisteredModelChange,
    ) -> Result<RegisteredModel, Error>;

    /// Removes a registered model and its versions.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn delete_registered_model(&self, name: &str) -> Result<(), Error>;

    /// Registered models, by name unless ordered.
    ///
    /// # Errors
    /// [`Error::PageToken`].
    fn search_registered_models(&self, query: &Query) -> Result<Page<RegisteredModel>, Error>;

    /// Adds a version with the next number; the given number and times are passed over.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the name.
    fn create_model_version(&self, version: &ModelVersion) -> Result<ModelVersion, Error>;

    /// A version.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn model_version(&self, name: &str, version: u64) -> Result<ModelVersion, Error>;

    /// All versions of a registered model, by number.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the name.
    fn model_versions(&self, name: &str) -> Result<Vec<ModelVersion>, Error>;

    /// Changes a version.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn update_model_version(
        &self,
        name: &str,
        version: u64,
        change: &ModelVersionChange,
    ) -> Result<ModelVersion, Error>;

    /// Removes a version and the aliases of it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn delete_model_version(&self, name: &str, version: u64) -> Result<(), Error>;

    /// Keeps a registered model of another store as it is, with its times and the numbers of its
    /// versions; of one that is there, the versions and aliases that it lacks. Says whether
    /// anything was new.
    ///
    /// # Errors
    /// [`Error::Exists`] for a version whose number another one has; [`Error::Invalid`] for a bad
    /// name or alias.
    fn keep_registration(&self, from: &ForeignRegistration) -> Result<bool, Error>;

    /// Versions of all registered models: latest changed first, then by name and number,
    /// unless ordered.
    ///
    /// # Errors
    /// [`Error::PageToken`].
    fn search_model_versions(&self, query: &Query) -> Result<Page<ModelVersion>, Error>;

    // --- the disk ------------------------------------------------------------------------------

    /// Gives what was deleted back to the disk, as far as the database can; gives the bytes freed.
    /// Writers wait meanwhile, for a time that grows with the store.
    ///
    /// # Errors
    /// When the database fails.
    fn compact(&self) -> Result<u64, Error>;

    // --- documents: users, tokens, saved views --------------------------------------------------

    /// Keeps a document of a collection in place of what its key had.
    ///
    /// # Errors
    /// When the database fails.
    fn put_document(&self, collection: &str, key: &str, value: &str) -> Result<(), Error>;

    /// A document.
    ///
    /// # Errors
    /// When the database fails.
    fn document(&self, collection: &str, key: &str) -> Result<Option<String>, Error>;

    /// All documents of a collection as (key, value), by key.
    ///
    /// # Errors
    /// When the database fails.
    fn documents(&self, collection: &str) -> Result<Vec<(String, String)>, Error>;

    /// Removes a document; says whether it was there.
    ///
    /// # Errors
    /// When the database fails.
    fn delete_document(&self, collection: &str, key: &str) -> Result<bool, Error>;
}

/// The keys that runs have.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Columns {
    /// Keys of metrics.
    pub metrics: Vec<String>,
    /// Keys of parameters.
    pub params: Vec<String>,
    /// Keys of tags.
    pub tags: Vec<String>,
}

/// Which records of a text or image series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPage {
    /// The least step.
    pub from_step: i64,
    /// The greatest step.
    pub to_step: i64,
    /// At most how many; at least 1.
    pub limit: usize,
    /// Where the last page ended: its [`next`](Page::next).
    pub page_token: Option<String>,
}

impl Default for MediaPage {
    /// The first 100 of all steps.
    fn default() -> Self {
        Self {
            from_step: i64::MIN,
            to_step: i64::MAX,
            limit: 100,
            page_token: None,
        }
    }
}
