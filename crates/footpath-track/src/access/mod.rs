//! Runs wherever they are: one way to look at and change those of a folder, of PostgreSQL and of a
//! server. `footpath runs` is written on it.

mod local;
mod place;
mod remote;
mod resolve;

use std::io::Write;

use crate::client::Destination;
use crate::error::Error;
use crate::model::{
    Artifact, Digest, Experiment, ExperimentId, Freed, ImageRecord, Lifecycle, MediaSeries, Point,
    Project, Run, RunId, StepRecord, TextRecord, View,
};
use crate::search::Page;
use crate::series::PointRange;

pub use local::LocalAccess;
pub use place::Place;
pub use remote::RemoteAccess;
pub use resolve::{every_run, find_run, find_scope};

/// A search of runs in words, so that a server can be asked the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Of the experiments in use of this project; with no experiments either, of all projects.
    pub project: Option<String>,
    /// Of these experiments, besides the project's.
    pub experiments: Vec<ExperimentId>,
    /// Which runs, as [`Filter::parse`](crate::search::Filter::parse) reads it; blank for all.
    pub filter: String,
    /// In which order, each as [`OrderBy::parse`](crate::search::OrderBy::parse) reads it.
    pub order: Vec<String>,
    /// In use, deleted, or both.
    pub view: View,
    /// At most how many at once; from 1 to 10,000.
    pub limit: usize,
    /// Where the last page ended.
    pub page_token: Option<String>,
}

/// Runs that can be looked at and changed. All calls block.
pub trait Access {
    /// The projects with experiments in use, by name.
    ///
    /// # Errors
    /// When the store fails or the server refuses.
    fn projects(&self) -> Result<Vec<Project>, Error>;

    /// The experiments of a project, or of all, latest made first.
    ///
    /// # Errors
    /// When the store fails or the server refuses.
    fn experiments(&self, project: Option<&str>, view: View) -> Result<Vec<Experiment>, Error>;

    /// One page of the runs that match.
    ///
    /// # Errors
    /// [`Error::Filter`], [`Error::PageToken`]; [`Error::Invalid`] with a server's words.
    fn search(&self, search: &Search) -> Result<Page<Run>, Error>;

    /// A run, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn run(&self, id: &RunId) -> Result<Run, Error>;

    /// The experiment of a run.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn experiment(&self, id: ExperimentId) -> Result<Experiment, Error>;

    /// Points of a metric, by (step, time, value): at most `range.limit` and at most 100,000.
    /// Ask again [after](PointRange::after) the last for more; there are none when none come.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the run.
    fn points(&self, run: &RunId, key: &str, range: &PointRange) -> Result<Vec<Point>, Error>;

    /// The text and image series of a run, by key.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn media(&self, run: &RunId) -> Result<Vec<MediaSeries>, Error>;

    /// All texts of a series, by (step, time).
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn texts(&self, run: &RunId, key: &str) -> Result<Vec<TextRecord>, Error>;

    /// All images of a series, by (step, time).
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn images(&self, run: &RunId, key: &str) -> Result<Vec<ImageRecord>, Error>;

    /// The steps of the run's pipelines, in the order they ended.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>, Error>;

    /// All files of a run, by path.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn files(&self, run: &RunId) -> Result<Vec<Artifact>, Error>;

    /// Writes a content out; gives its size in bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Damaged`] if what came does not have the digest; what `into`
    /// refuses, as [`Error::File`].
    fn copy_blob(&self, digest: Digest, into: &mut dyn Write) -> Result<u64, Error>;

    /// Deletes or restores a run; deleted runs can be restored until they are purged.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ReadOnly`].
    fn set_lifecycle(&self, run: &RunId, lifecycle: Lifecycle) -> Result<(), Error>;

    /// Removes a run for good. The room comes back with [`collect`](Self::collect).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ReadOnly`].
    fn purge(&self, run: &RunId) -> Result<Freed, Error>;

    /// Removes an experiment and all its runs for good.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ReadOnly`]; [`Error::Invalid`] for experiment 0.
    fn purge_experiment(&self, id: ExperimentId) -> Result<Freed, Error>;

    /// Removes the contents that nothing refers to, and gives the room of what was purged back to
    /// the disk. Contents younger than [`BLOB_GRACE_MS`](crate::BLOB_GRACE_MS) that nothing refers
    /// to stay on a server, which others may be about to use.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; when the store fails or the server refuses.
    fn collect(&self) -> Result<Freed, Error>;

    /// Where runs can be put.
    fn destination(&self) -> &dyn Destination;
}

/// Calls with every page's items until `next` is absent.
fn all_pages<T>(
    mut page: impl FnMut(Option<String>) -> Result<Page<T>, Error>,
) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    let mut token = None;
    loop {
        let Page { items: found, next } = page(token.take())?;
        items.extend(found);
        if next.is_none() {
            return Ok(items);
        }
        token = next;
    }
}
