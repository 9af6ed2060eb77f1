//! What takes a run in: a store, or a server.

use std::path::Path;
use std::sync::Arc;

use crate::artifact::{Artifacts, Blobs};
use crate::error::{Error, Kind};
use crate::model::{
    Appended, Batch, Digest, Experiment, ForeignModel, ForeignRegistration, LoggedModel,
    NewExperiment, NewRun, Owner, RunId, RunInfo, RunStart, WriterPosition,
};
use crate::store::Store;

/// Takes runs in. Every call may be repeated: twice is the same as once.
pub trait Destination: Send {
    /// Makes the run, and its experiment, if they are not there.
    ///
    /// # Errors
    /// [`Error::is_transient`] tells whether to try again.
    fn begin(&self, start: &RunStart) -> Result<(), Error>;

    /// Takes a content in from a file.
    ///
    /// # Errors
    /// [`Error::is_transient`] tells whether to try again.
    fn put_blob(&self, digest: Digest, file: &Path) -> Result<(), Error>;

    /// Applies a batch exactly once.
    ///
    /// # Errors
    /// [`Error::is_transient`] tells whether to try again.
    fn append(
        &self,
        run: &RunId,
        position: &WriterPosition,
        batch: &Batch,
    ) -> Result<Appended, Error>;

    /// Keeps a logged model of another store as it is, unless it is there; says whether it was
    /// new.
    ///
    /// # Errors
    /// [`Error::is_transient`] tells whether to try again.
    fn keep_model(&self, from: &ForeignModel) -> Result<bool, Error>;

    /// Keeps a registered model of another store as it is, but for what is there; says whether
    /// anything was new.
    ///
    /// # Errors
    /// [`Error::is_transient`] tells whether to try again.
    fn keep_registration(&self, from: &ForeignRegistration) -> Result<bool, Error>;
}

/// Makes a run, and its experiment if that is not there: what a server does for a client.
///
/// # Errors
/// As [`Store::create_experiment`] and [`Store::create_run`].
pub fn begin_run(store: &dyn Store, start: &RunStart) -> Result<RunInfo, Error> {
    let experiment = experiment_of(store, &start.project, &start.experiment)?;
    store.create_run(&NewRun {
        id: start.id.clone(),
        experiment: experiment.id,
        name: start.name.clone(),
        user: start.user.clone(),
        start_ms: start.start_ms,
        lease_ms: start.lease_ms,
        tags: start.tags.clone(),
    })
}

/// The experiment of this name, made if absent.
fn experiment_of(store: &dyn Store, project: &str, name: &str) -> Result<Experiment, Error> {
    let named = || store.experiment_named(project, name);
    match named() {
        Err(Error::NotFound { .. }) => {
            match store.create_experiment(&NewExperiment::new(project, name)) {
                // Another client was quicker.
                Err(Error::Exists {
                    kind: Kind::Experiment,
                    ..
                }) => named(),
                made => made,
            }
        }
        found => found,
    }
}

/// Keeps a logged model of another store as it is, unless it is there, and gives its files their
/// names; says whether it was new: what a server does for a client.
///
/// # Errors
/// As [`Store::create_experiment`], [`Store::create_logged_model`] and [`Store::link_artifact`].
pub fn keep_model(store: &dyn Store, from: &ForeignModel) -> Result<bool, Error> {
    let experiment = experiment_of(store, &from.project, &from.experiment)?;
    let model = LoggedModel {
        experiment: experiment.id,
        ..from.model.clone()
    };
    let fresh = match store.create_logged_model(&model) {
        Err(Error::Exists {
            kind: Kind::LoggedModel,
            ..
        }) if store.logged_model(&model.id)?.experiment == experiment.id => false,
        made => made.map(|()| true)?,
    };
    let owner = Owner::Model(model.id);
    for file in &from.files {
        store.link_artifact(&owner, &file.path, file.digest)?;
    }
    Ok(fresh)
}

/// A store in this process.
pub struct StoreDestination {
    store: Arc<dyn Store>,
    artifacts: Artifacts,
    runtime: tokio::runtime::Runtime,
}

impl StoreDestination {
    /// A store and where its artifacts' contents are.
    ///
    /// # Errors
    /// When no runtime for the contents can be made.
    pub fn new(store: Arc<dyn Store>, blobs: Blobs) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::database)?;
        Ok(Self {
            artifacts: Artifacts::new(Arc::clone(&store), blobs),
            store,
            runtime,
        })
    }

    /// Runs work on the contents.
    pub(crate) fn block_on<T>(
        &self,
        work: impl AsyncFnOnce(&Artifacts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.runtime.block_on(work(&self.artifacts))
    }
}

impl Destination for StoreDestination {
    fn begin(&self, start: &RunStart) -> Result<(), Error> {
        begin_run(&*self.store, start).map(drop)
    }

    fn put_blob(&self, digest: Digest, path: &Path) -> Result<(), Error> {
        let file = std::fs::File::open(path).map_err(Error::file(path))?;
        let pieces = futures_util::stream::iter(Pieces(file));
        let blob = self
            .runtime
            .block_on(self.artifacts.put_blob_stream(pieces))?;
        if blob.digest != digest {
            return Err(Error::Damaged {
                place: path.display().to_string(),
                detail: "its digest is wrong".into(),
            });
        }
        Ok(())
    }

    fn append(
        &self,
        run: &RunId,
        position: &WriterPosition,
        batch: &Batch,
    ) -> Result<Appended, Error> {
        self.store.append(run, Some(position), batch.clone())
    }

    fn keep_model(&self, from: &ForeignModel) -> Result<bool, Error> {
        keep_model(&*self.store, from)
    }

    fn keep_registration(&self, from: &ForeignRegistration) -> Result<bool, Error> {
        self.store.keep_registration(from)
    }
}

/// A file piece by piece.
struct Pieces(std::fs::File);

impl Iterator for Pieces {
    type Item = std::io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = Vec::new();
        match std::io::Read::read_to_end(&mut std::io::Read::take(&mut self.0, 1 << 20), &mut piece)
        {
            Ok(0) => None,
            Ok(_) => Some(Ok(piece)),
            Err(error) => Some(Err(error)),
        }
    }
}
