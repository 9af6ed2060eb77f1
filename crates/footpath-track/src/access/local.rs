//! A store in this process.

use std::io::Write;
use std::sync::Arc;

use futures_util::StreamExt as _;

use super::{Access, Search, all_pages};
use crate::artifact::Blobs;
use crate::client::{Destination, StoreDestination};
use crate::error::Error;
use crate::model::{
    Artifact, Digest, Entry, Experiment, ExperimentId, Freed, ImageRecord, Lifecycle, MediaSeries,
    Owner, Point, Project, Run, RunChange, RunId, StepRecord, TextRecord, View,
};
use crate::search::{Filter, OrderBy, Page, Query, RunQuery, Scope};
use crate::series::PointRange;
use crate::store::{MediaPage, Store};

/// The runs of a store that this process has open.
pub struct LocalAccess {
    store: Arc<dyn Store>,
    destination: StoreDestination,
    /// Nobody else adds contents.
    owned: bool,
}

impl LocalAccess {
    /// The runs of a store with its contents.
    ///
    /// # Errors
    /// When no runtime for the contents can be made.
    pub fn new(store: Arc<dyn Store>, blobs: Blobs) -> Result<Self, Error> {
        Ok(Self {
            destination: StoreDestination::new(Arc::clone(&store), blobs)?,
            store,
            owned: false,
        })
    }

    /// Says that no other process adds contents, so that those without a name may go at once.
    #[must_use]
    pub(super) fn owned(self) -> Self {
        Self {
            owned: true,
            ..self
        }
    }
}

impl Access for LocalAccess {
    fn projects(&self) -> Result<Vec<Project>, Error> {
        self.store.projects()
    }

    fn experiments(&self, project: Option<&str>, view: View) -> Result<Vec<Experiment>, Error> {
        all_pages(|page_token| {
            let query = Query {
                view,
                limit: 1000,
                page_token,
                ..Query::default()
            };
            self.store.search_experiments(project, &query)
        })
    }

    fn search(&self, search: &Search) -> Result<Page<Run>, Error> {
        let mut experiments = search.experiments.clone();
        if search.project.is_some() || experiments.is_empty() {
            let found = self.experiments(search.project.as_deref(), View::Active)?;
            experiments.extend(found.iter().map(|experiment| experiment.id));
        }
        let order = search
            .order
            .iter()
            .map(|order| OrderBy::parse(order, Scope::Runs));
        self.store.search_runs(&RunQuery {
            experiments,
            filter: Filter::parse(&search.filter, Scope::Runs)?,
            view: search.view,
            order: order.collect::<Result<_, _>>()?,
            limit: search.limit.clamp(1, 10_000),
            page_token: search.page_token.clone(),
            shown: None,
        })
    }

    fn run(&self, id: &RunId) -> Result<Run, Error> {
        self.store.run(id)
    }

    fn experiment(&self, id: ExperimentId) -> Result<Experiment, Error> {
        self.store.experiment(id)
    }

    fn points(&self, run: &RunId, key: &str, range: &PointRange) -> Result<Vec<Point>, Error> {
        let limit = range.limit.min(100_000);
        self.store.points(run, key, &PointRange { limit, ..*range })
    }

    fn media(&self, run: &RunId) -> Result<Vec<MediaSeries>, Error> {
        self.store.media(run)
    }

    fn texts(&self, run: &RunId, key: &str) -> Result<Vec<TextRecord>, Error> {
        all_pages(|page_token| self.store.texts(run, key, &page(page_token)))
    }

    fn images(&self, run: &RunId, key: &str) -> Result<Vec<ImageRecord>, Error> {
        all_pages(|page_token| self.store.images(run, key, &page(page_token)))
    }

    fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>, Error> {
        self.store.steps(run)
    }

    fn files(&self, run: &RunId) -> Result<Vec<Artifact>, Error> {
        self.store.run_info(run)?;
        let owner = Owner::Run(run.clone());
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for entry in self.store.artifacts(&owner, &folder)? {
                match entry {
                    Entry::Folder(path) => folders.push(path),
                    Entry::File(file) => files.push(file),
                }
            }
        }
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(files)
    }

    fn copy_blob(&self, digest: Digest, into: &mut dyn Write) -> Result<u64, Error> {
        self.destination.block_on(async |artifacts| {
            let mut content = Box::pin(artifacts.blobs().stream(digest, None).await?);
            let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
            while let Some(piece) = content.next().await {
                let piece = piece?;
                hasher.update(piece.as_ref());
                size += piece.as_ref().len() as u64;
                into.write_all(piece.as_ref())
                    .map_err(Error::file("the copy of a content"))?;
            }
            if Digest::from(hasher.finalize()) != digest {
                return Err(Error::Damaged {
                    place: format!("blob {digest}"),
                    detail: "its digest is wrong".into(),
                });
            }
            Ok(size)
        })
    }

    fn set_lifecycle(&self, run: &RunId, lifecycle: Lifecycle) -> Result<(), Error> {
        let change = RunChange {
            lifecycle: Some(lifecycle),
            ..RunChange::default()
        };
        self.store.update_run(run, &change).map(drop)
    }

    fn purge(&self, run: &RunId) -> Result<Freed, Error> {
        self.store.purge_run(run)
    }

    fn purge_experiment(&self, id: ExperimentId) -> Result<Freed, Error> {
        self.store.purge_experiment(id)
    }

    fn collect(&self) -> Result<Freed, Error> {
        let mut freed = self.destination.block_on(async |artifacts| {
            if self.owned {
                artifacts.collect_added_before(i64::MAX).await
            } else {
                artifacts.collect().await
            }
        })?;
        freed.database_bytes += self.store.compact()?;
        Ok(freed)
    }

    fn destination(&self) -> &dyn Destination {
        &self.destination
    }
}

fn page(page_token: Option<String>) -> MediaPage {
    MediaPage {
        limit: 1000,
        page_token,
        ..MediaPage::default()
    }
}
