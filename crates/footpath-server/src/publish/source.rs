//! Where the runs of a project are read from.

use std::io::Write;
use std::sync::Arc;

use footpath_track::search::{Query, RunQuery};
use footpath_track::series::PointRange;
use footpath_track::{
    Artifact, Artifacts, Digest, Entry, Error, Experiment, ImageRecord, MediaPage, MediaSeries,
    Owner, Point, Run, RunId, StepRecord, Store, TextRecord,
};
use futures_util::StreamExt;

/// What publishing reads. All calls block.
pub trait PublishSource {
    /// The experiments in use of a project.
    ///
    /// # Errors
    /// When the store fails.
    fn experiments(&self, project: &str) -> Result<Vec<Experiment>, Error>;

    /// The runs in use of a project, latest begun first.
    ///
    /// # Errors
    /// When the store fails.
    fn runs(&self, project: &str) -> Result<Vec<Run>, Error>;

    /// Points of a metric, by (step, time, value), at most `range.limit`.
    ///
    /// # Errors
    /// When the store fails.
    fn points(&self, run: &RunId, key: &str, range: &PointRange) -> Result<Vec<Point>, Error>;

    /// The text and image series of a run, by key.
    ///
    /// # Errors
    /// When the store fails.
    fn media(&self, run: &RunId) -> Result<Vec<MediaSeries>, Error>;

    /// All texts of a series, by (step, time).
    ///
    /// # Errors
    /// When the store fails.
    fn texts(&self, run: &RunId, key: &str) -> Result<Vec<TextRecord>, Error>;

    /// All images of a series, by (step, time).
    ///
    /// # Errors
    /// When the store fails.
    fn images(&self, run: &RunId, key: &str) -> Result<Vec<ImageRecord>, Error>;

    /// The steps of a run's pipelines.
    ///
    /// # Errors
    /// When the store fails.
    fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>, Error>;

    /// All files of a run, by path.
    ///
    /// # Errors
    /// When the store fails.
    fn files(&self, run: &RunId) -> Result<Vec<Artifact>, Error>;

    /// Writes a content out; gives its size in bytes.
    ///
    /// # Errors
    /// When it is not there; what `into` refuses, as [`Error::File`].
    fn copy_blob(&self, digest: Digest, into: &mut dyn Write) -> Result<u64, Error>;
}

/// A store on this machine, or in a database, with its contents.
pub struct LocalSource {
    store: Arc<dyn Store>,
    artifacts: Artifacts,
    runtime: tokio::runtime::Runtime,
}

impl LocalSource {
    /// Reads a store.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub fn new(store: Arc<dyn Store>, artifacts: Artifacts) -> std::io::Result<Self> {
        Ok(Self {
            store,
            artifacts,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }
}

/// Every page's items until there is no next.
fn all<T>(
    mut page: impl FnMut(Option<String>) -> Result<footpath_track::search::Page<T>, Error>,
) -> Result<Vec<T>, Error> {
    let (mut items, mut token) = (Vec::new(), None);
    loop {
        let found = page(token.take())?;
        items.extend(found.items);
        if found.next.is_none() {
            return Ok(items);
        }
        token = found.next;
    }
}

impl PublishSource for LocalSource {
    fn experiments(&self, project: &str) -> Result<Vec<Experiment>, Error> {
        all(|page_token| {
            let query = Query {
                limit: 1000,
                page_token,
                ..Query::default()
            };
            self.store.search_experiments(Some(project), &query)
        })
    }

    fn runs(&self, project: &str) -> Result<Vec<Run>, Error> {
        let experiments = self
            .experiments(project)?
            .into_iter()
            .map(|one| one.id)
            .collect::<Vec<_>>();
        all(|page_token| {
            self.store.search_runs(&RunQuery {
                experiments: experiments.clone(),
                limit: 500,
                page_token,
                ..RunQuery::default()
            })
        })
    }

    fn points(&self, run: &RunId, key: &str, range: &PointRange) -> Result<Vec<Point>, Error> {
        self.store.points(run, key, range)
    }

    fn media(&self, run: &RunId) -> Result<Vec<MediaSeries>, Error> {
        self.store.media(run)
    }

    fn texts(&self, run: &RunId, key: &str) -> Result<Vec<TextRecord>, Error> {
        all(|page_token| self.store.texts(run, key, &whole(page_token)))
    }

    fn images(&self, run: &RunId, key: &str) -> Result<Vec<ImageRecord>, Error> {
        all(|page_token| self.store.images(run, key, &whole(page_token)))
    }

    fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>, Error> {
        self.store.steps(run)
    }

    fn files(&self, run: &RunId) -> Result<Vec<Artifact>, Error> {
        let owner = Owner::Run(run.clone());
        let (mut files, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            for entry in self.store.artifacts(&owner, &folder)? {
                match entry {
                    Entry::Folder(path) => folders.push(path),
                    Entry::File(file) => files.push(file),
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn copy_blob(&self, digest: Digest, into: &mut dyn Write) -> Result<u64, Error> {
        self.runtime.block_on(async {
            let mut pieces = std::pin::pin!(self.artifacts.blobs().stream(digest, None).await?);
            let mut size = 0;
            while let Some(piece) = pieces.next().await {
                let piece = piece?;
                into.write_all(piece.as_ref())
                    .map_err(|cause| Error::File {
                        path: digest.to_string().into(),
                        cause,
                    })?;
                size += piece.as_ref().len() as u64;
            }
            Ok(size)
        })
    }
}

fn whole(page_token: Option<String>) -> MediaPage {
    MediaPage {
        limit: 1000,
        page_token,
        ..MediaPage::default()
    }
}
