//! What takes a run in: a store, or a server.

use std::path::Path;
use std::sync::Arc;

use crate::artifact::{Artifacts, Blobs};
use crate::error::{Error, Kind};
use crate::model::{
    Appended, Batch, Digest, NewExperiment, NewRun, RunId, RunInfo, RunStart, WriterPosition,
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
}

/// Makes a run, and its experiment if that is not there: what a server does for a client.
///
/// # Errors
/// As [`Store::create_experiment`] and [`Store::create_run`].
pub fn begin_run(store: &dyn Store, start: &RunStart) -> Result<RunInfo, Error> {
    let named = || store.experiment_named(&start.project, &start.experiment);
    let experiment = match named() {
        Err(Error::NotFound { .. }) => {
            match store.create_experiment(&NewExperiment::new(&start.project, &start.experiment)) {
                // Another client was quicker.
                Err(Error::Exists {
                    kind: Kind::Experiment,
                    ..
                }) => named()?,
                made => made?,
            }
        }
        found => found?,
    };
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
