//! Artifacts: contents in the blob store, names in the store.

use std::sync::Arc;

use futures_util::Stream;
use tokio::sync::RwLock;

use super::{ArtifactPath, Blobs};
use crate::error::Error;
use crate::model::{Artifact, Blob, Digest, Freed, Owner};
use crate::sql::now_ms;
use crate::store::Store;

/// How long a content may be without name before a collection takes it, in milliseconds: the
/// time between its upload and the batch that names it.
pub const BLOB_GRACE_MS: i64 = 60 * 60 * 1000;

/// The artifacts of runs and models: names in a [`Store`], contents in [`Blobs`].
///
/// A content is stored first and named then, so a name always has its content. Equal contents
/// are stored once. Removing a name frees the content when no other name is left, at the next
/// [collection](Self::collect).
#[derive(Clone)]
pub struct Artifacts {
    store: Arc<dyn Store>,
    blobs: Blobs,
    /// Held for writing while contents are removed, so that none is added again meanwhile.
    collecting: Arc<RwLock<()>>,
}

impl Artifacts {
    /// The artifacts of a store with their contents in `blobs`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, blobs: Blobs) -> Self {
        Self {
            store,
            blobs,
            collecting: Arc::default(),
        }
    }

    /// Where the contents are.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Stores a content without name, for images or a later batch to refer to.
    ///
    /// # Errors
    /// [`Error::Objects`], [`Error::Database`].
    pub async fn put_blob(&self, bytes: Vec<u8>) -> Result<Blob, Error> {
        let _collecting = self.collecting.read().await;
        let blob = self.blobs.put(bytes).await?;
        self.blocking(move |store| store.add_blob(&blob)).await?;
        Ok(blob)
    }

    /// Stores what a stream gives without name.
    ///
    /// # Errors
    /// As [`Blobs::put_stream`]; [`Error::Database`].
    pub async fn put_blob_stream<B: AsRef<[u8]>>(
        &self,
        stream: impl Stream<Item = std::io::Result<B>> + Send,
    ) -> Result<Blob, Error> {
        let _collecting = self.collecting.read().await;
        let blob = self.blobs.put_stream(stream).await?;
        self.blocking(move |store| store.add_blob(&blob)).await?;
        Ok(blob)
    }

    /// Stores what a stream gives as a file of a run or model, in place of what was there.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the path, [`Error::NotFound`] for the owner, and as
    /// [`Blobs::put_stream`].
    pub async fn put<B: AsRef<[u8]>>(
        &self,
        owner: &Owner,
        path: &ArtifactPath,
        stream: impl Stream<Item = std::io::Result<B>> + Send,
    ) -> Result<Artifact, Error> {
        let blob = self.put_blob_stream(stream).await?;
        let (owner, path) = (owner.clone(), path.clone());
        self.blocking(move |store| store.link_artifact(&owner, path.as_str(), blob.digest))
            .await
    }

    /// The file at a path and its content, piece by piece.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Objects`].
    pub async fn get(
        &self,
        owner: &Owner,
        path: &ArtifactPath,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<
        (
            Artifact,
            impl Stream<Item = Result<impl AsRef<[u8]> + use<>, Error>> + Send + use<>,
        ),
        Error,
    > {
        let (owner, path) = (owner.clone(), path.clone());
        let artifact = self
            .blocking(move |store| store.artifact(&owner, path.as_str()))
            .await?;
        let content = self.blobs.stream(artifact.blob.digest, range).await?;
        Ok((artifact, content))
    }

    /// Removes the contents that have had no name for [`BLOB_GRACE_MS`]; says how much that freed.
    /// One process at a time may collect.
    ///
    /// # Errors
    /// [`Error::Objects`], [`Error::Database`]. What could not be removed is tried again.
    pub async fn collect(&self) -> Result<Freed, Error> {
        self.collect_added_before(now_ms() - BLOB_GRACE_MS).await
    }

    /// Removes the contents without name that were added before a time (Unix milliseconds).
    ///
    /// # Errors
    /// [`Error::Objects`], [`Error::Database`]. What could not be removed is tried again.
    pub async fn collect_added_before(&self, time_ms: i64) -> Result<Freed, Error> {
        let _collecting = self.collecting.write().await;
        let mut freed = Freed::default();
        let mut failed = None;
        for blob in self
            .blocking(move |store| store.take_unreferenced(time_ms))
            .await?
        {
            match self.blobs.remove(blob.digest).await {
                Ok(()) => freed.artifact_bytes += blob.size,
                Err(error) => {
                    self.blocking(move |store| store.add_blob(&blob)).await?;
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(freed), Err)
    }

    /// The bytes of a content, verified.
    ///
    /// # Errors
    /// As [`Blobs::get`].
    pub async fn blob(&self, digest: Digest) -> Result<Vec<u8>, Error> {
        self.blobs.get(digest).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || call(&*store))
            .await
            .map_err(Error::database)?
    }
}
