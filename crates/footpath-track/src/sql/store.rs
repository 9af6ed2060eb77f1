//! Every call of the store as one transaction.

use super::engine::{Engine, Sql};
use super::{
    append, artifacts, documents, experiments, load, media, models, points, purge, registry, runs,
    search,
};
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
use crate::store::{Columns, MediaPage, Store};

/// A store in a database.
pub(crate) struct SqlStore<E>(pub(crate) E);

impl<E: Engine> Store for SqlStore<E> {
    fn projects(&self) -> Result<Vec<Project>, Error> {
        self.0.read(|sql| experiments::projects(sql))
    }

    fn experiment(&self, id: ExperimentId) -> Result<Experiment, Error> {
        self.0.read(|sql| experiments::get(sql, id))
    }

    fn experiment_named(&self, project: &str, name: &str) -> Result<Experiment, Error> {
        self.0.read(|sql| experiments::named(sql, project, name))
    }

    fn search_experiments(
        &self,
        project: Option<&str>,
        query: &Query,
    ) -> Result<Page<Experiment>, Error> {
        self.0.read(|sql| experiments::search(sql, project, query))
    }

    fn run_info(&self, id: &RunId) -> Result<RunInfo, Error> {
        self.0.read(|sql| Ok(runs::find(sql, id)?.info))
    }

    fn run(&self, id: &RunId) -> Result<Run, Error> {
        self.0.read(|sql| load::get(sql, id))
    }

    fn last_sequence(&self, run: &RunId, writer: &str) -> Result<u64, Error> {
        self.0.read(|sql| {
            let run = runs::find(sql, run)?.id;
            append::last_sequence(sql, run, writer)
        })
    }

    fn search_runs(&self, query: &RunQuery) -> Result<Page<Run>, Error> {
        self.0.read(|sql| search::search(sql, query))
    }

    fn search_latest(&self, query: &RunQuery) -> Result<Page<LatestRun>, Error> {
        self.0.read(|sql| search::search_latest(sql, query))
    }

    fn count_runs(&self, query: &RunQuery) -> Result<u64, Error> {
        self.0.read(|sql| search::count(sql, query))
    }

    fn columns(&self, experiments: &[ExperimentId]) -> Result<Columns, Error> {
        self.0.read(|sql| columns(sql, experiments))
    }

    fn points(&self, run: &RunId, key: &str, range: &PointRange) -> Result<Vec<Point>, Error> {
        self.0.read(|sql| points::points(sql, run, key, range))
    }

    fn envelope(&self, run: &RunId, key: &str, zoom: &Zoom) -> Result<Vec<Bucket>, Error> {
        self.0.read(|sql| points::envelope(sql, run, key, zoom))
    }

    fn media(&self, run: &RunId) -> Result<Vec<MediaSeries>, Error> {
        self.0.read(|sql| media::series(sql, run))
    }

    fn texts(&self, run: &RunId, key: &str, page: &MediaPage) -> Result<Page<TextRecord>, Error> {
        self.0.read(|sql| media::texts(sql, run, key, page))
    }

    fn images(&self, run: &RunId, key: &str, page: &MediaPage) -> Result<Page<ImageRecord>, Error> {
        self.0.read(|sql| media::images(sql, run, key, page))
    }

    fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>, Error> {
        self.0.read(|sql| media::steps(sql, run))
    }

    fn datasets(&self, experiments: &[ExperimentId]) -> Result<Vec<DatasetSummary>, Error> {
        self.0.read(|sql| media::datasets(sql, experiments))
    }

    fn artifact(&self, owner: &Owner, path: &str) -> Result<Artifact, Error> {
        self.0.read(|sql| artifacts::get(sql, owner, path))
    }

    fn artifacts(&self, owner: &Owner, folder: &str) -> Result<Vec<Entry>, Error> {
        self.0.read(|sql| artifacts::list(sql, owner, folder))
    }

    fn logged_model(&self, id: &str) -> Result<LoggedModel, Error> {
        self.0.read(|sql| models::get(sql, id))
    }

    fn search_logged_models(
        &self,
        experiments: &[ExperimentId],
        query: &Query,
    ) -> Result<Page<LoggedModel>, Error> {
        self.0.read(|sql| models::search(sql, experiments, query))
    }

    fn registered_model(&self, name: &str) -> Result<RegisteredModel, Error> {
        self.0.read(|sql| registry::get(sql, name))
    }

    fn search_registered_models(&self, query: &Query) -> Result<Page<RegisteredModel>, Error> {
        self.0.read(|sql| registry::search(sql, query))
    }

    fn model_version(&self, name: &str, version: u64) -> Result<ModelVersion, Error> {
        self.0.read(|sql| registry::version(sql, name, version))
    }

    fn model_versions(&self, name: &str) -> Result<Vec<ModelVersion>, Error> {
        self.0.read(|sql| registry::versions(sql, name))
    }

    fn search_model_versions(&self, query: &Query) -> Result<Page<ModelVersion>, Error> {
        self.0.read(|sql| registry::search_versions(sql, query))
    }

    fn document(&self, collection: &str, key: &str) -> Result<Option<String>, Error> {
        self.0.read(|sql| documents::get(sql, collection, key))
    }

    fn documents(&self, collection: &str) -> Result<Vec<(String, String)>, Error> {
        self.0.read(|sql| documents::all(sql, collection))
    }

    fn create_experiment(&self, new: &NewExperiment) -> Result<Experiment, Error> {
        let new = new.clone();
        self.0.write(move |sql| experiments::create(sql, &new))
    }

    fn update_experiment(
        &self,
        id: ExperimentId,
        change: &ExperimentChange,
    ) -> Result<Experiment, Error> {
        let change = change.clone();
        self.0
            .write(move |sql| experiments::update(sql, id, &change))
    }

    fn purge_experiment(&self, id: ExperimentId) -> Result<Freed, Error> {
        self.0.write(move |sql| purge::experiment(sql, id))
    }

    fn create_run(&self, new: &NewRun) -> Result<RunInfo, Error> {
        let new = new.clone();
        self.0.write(move |sql| runs::create(sql, &new))
    }

    fn update_run(&self, id: &RunId, change: &RunChange) -> Result<RunInfo, Error> {
        let id = id.clone();
        let change = change.clone();
        self.0.write(move |sql| runs::update(sql, &id, &change))
    }

    fn purge_run(&self, id: &RunId) -> Result<Freed, Error> {
        let id = id.clone();
        self.0.write(move |sql| purge::run(sql, &id))
    }

    fn append(
        &self,
        run: &RunId,
        position: Option<&WriterPosition>,
        batch: Batch,
    ) -> Result<Appended, Error> {
        let run = run.clone();
        let position = position.cloned();
        self.0
            .write(move |sql| append::append(sql, &run, position.as_ref(), batch))
    }

    fn seal(&self, run: &RunId) -> Result<(), Error> {
        let run = run.clone();
        self.0.write(move |sql| {
            let run = runs::find(sql, &run)?.id;
            points::seal_run(sql, run)
        })
    }

    fn add_blob(&self, blob: &Blob) -> Result<(), Error> {
        let blob = *blob;
        self.0.write(move |sql| artifacts::add_blob(sql, &blob))
    }

    fn link_artifact(&self, owner: &Owner, path: &str, digest: Digest) -> Result<Artifact, Error> {
        let owner = owner.clone();
        let path = path.to_owned();
        self.0
            .write(move |sql| artifacts::link(sql, &owner, &path, digest))
    }

    fn unlink_artifact(&self, owner: &Owner, path: &str) -> Result<Freed, Error> {
        let owner = owner.clone();
        let path = path.to_owned();
        self.0
            .write(move |sql| artifacts::unlink(sql, &owner, &path))
    }

    fn take_unreferenced(&self, added_before_ms: i64) -> Result<Vec<Blob>, Error> {
        self.0
            .write(move |sql| artifacts::take_unreferenced(sql, added_before_ms))
    }

    fn create_logged_model(&self, model: &LoggedModel) -> Result<(), Error> {
        let model = model.clone();
        self.0.write(move |sql| models::create(sql, &model))
    }

    fn update_logged_model(
        &self,
        id: &str,
        change: &LoggedModelChange,
    ) -> Result<LoggedModel, Error> {
        let id = id.to_owned();
        let change = change.clone();
        self.0.write(move |sql| models::update(sql, &id, &change))
    }

    fn create_registered_model(&self, model: &RegisteredModel) -> Result<RegisteredModel, Error> {
        let model = model.clone();
        self.0.write(move |sql| registry::create(sql, &model))
    }

    fn update_registered_model(
        &self,
        name: &str,
        change: &RegisteredModelChange,
    ) -> Result<RegisteredModel, Error> {
        let name = name.to_owned();
        let change = change.clone();
        self.0
            .write(move |sql| registry::update(sql, &name, &change))
    }

    fn delete_registered_model(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.0.write(move |sql| registry::delete(sql, &name))
    }

    fn create_model_version(&self, version: &ModelVersion) -> Result<ModelVersion, Error> {
        let version = version.clone();
        self.0
            .write(move |sql| registry::create_version(sql, &version))
    }

    fn keep_registration(&self, from: &ForeignRegistration) -> Result<bool, Error> {
        let from = from.clone();
        self.0.write(move |sql| registry::keep(sql, &from))
    }

    fn update_model_version(
        &self,
        name: &str,
        version: u64,
        change: &ModelVersionChange,
    ) -> Result<ModelVersion, Error> {
        let name = name.to_owned();
        let change = change.clone();
        self.0
            .write(move |sql| registry::update_version(sql, &name, version, &change))
    }

    fn delete_model_version(&self, name: &str, version: u64) -> Result<(), Error> {
        let name = name.to_owned();
        self.0
            .write(move |sql| registry::delete_version(sql, &name, version))
    }

    fn put_document(&self, collection: &str, key: &str, value: &str) -> Result<(), Error> {
        let collection = collection.to_owned();
        let key = key.to_owned();
        let value = value.to_owned();
        self.0
            .write(move |sql| documents::put(sql, &collection, &key, &value))
    }

    fn compact(&self) -> Result<u64, Error> {
        self.0.compact()
    }

    fn delete_document(&self, collection: &str, key: &str) -> Result<bool, Error> {
        let collection = collection.to_owned();
        let key = key.to_owned();
        self.0
            .write(move |sql| documents::delete(sql, &collection, &key))
    }
}

fn columns(sql: &mut dyn Sql, experiments: &[ExperimentId]) -> Result<Columns, Error> {
    let within = experiments
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let mut of = |table: &str| {
        if within.is_empty() {
            return Ok(Vec::new());
        }
        // One look a key: whether any run of the experiments has it.
        let statement = format!(
            "SELECT k.name FROM keys k WHERE EXISTS (SELECT 1 FROM {table} t WHERE t.experiment IN ({within}) AND t.key = k.id) ORDER BY k.name"
        );
        sql.query(&statement, &[])?
            .iter_mut()
            .map(super::cell::Row::text)
            .collect::<Result<Vec<_>, Error>>()
    };
    Ok(Columns {
        metrics: of("series")?,
        params: of("params")?,
        tags: of("tags")?,
    })
}
