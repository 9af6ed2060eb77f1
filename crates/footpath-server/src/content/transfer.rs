//! Contents on their way in and out.

use std::ops::Range;

use axum::body::Body;
use bytes::Bytes;
use footpath_track::{Artifact, ArtifactPath, Artifacts, Blob, Digest, Error, Owner};
use futures_util::StreamExt;
use parking_lot::Mutex;

use crate::failure::Failure;
use crate::http::pieces;
use crate::limits::Limits;

/// The artifacts of the store, to and from HTTP bodies.
pub(crate) struct Content(Artifacts);

impl Content {
    pub(crate) fn new(artifacts: Artifacts) -> Self {
        Self(artifacts)
    }

    /// Keeps a request's body as a file of a run or model.
    pub(crate) async fn put(
        &self,
        owner: &Owner,
        path: &ArtifactPath,
        body: Body,
        limits: &Limits,
    ) -> Result<Artifact, Failure> {
        let incoming = Incoming::new(body, limits);
        let kept = self.0.put(owner, path, incoming.stream()).await;
        incoming.outcome(kept)
    }

    /// Keeps a request's body without name.
    pub(crate) async fn put_blob(&self, body: Body, limits: &Limits) -> Result<Blob, Failure> {
        let incoming = Incoming::new(body, limits);
        let kept = self.0.put_blob_stream(incoming.stream()).await;
        incoming.outcome(kept)
    }

    /// Part of a content.
    pub(crate) async fn read(&self, digest: Digest, range: Range<u64>) -> Result<Body, Failure> {
        if range.is_empty() {
            return Ok(Body::empty());
        }
        let pieces = self.0.blobs().stream(digest, Some(range)).await?;
        Ok(Body::from_stream(pieces.map(|piece| {
            piece.map(|bytes| Bytes::copy_from_slice(bytes.as_ref()))
        })))
    }

    /// The artifacts themselves.
    pub(crate) fn artifacts(&self) -> &Artifacts {
        &self.0
    }
}

/// A body whose refusal outlives the store's error, which knows only that the upload broke.
struct Incoming {
    body: Mutex<Option<Body>>,
    limits: Limits,
    refused: Mutex<Option<Failure>>,
}

impl Incoming {
    fn new(body: Body, limits: &Limits) -> Self {
        Self {
            body: Mutex::new(Some(body)),
            limits: limits.clone(),
            refused: Mutex::new(None),
        }
    }

    fn stream(&self) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send {
        let body = self.body.lock().take().unwrap_or_default();
        pieces(body, &self.limits, self.limits.artifact_bytes).map(|piece| {
            piece.map_err(|failure| {
                let told = std::io::Error::other(failure.message.clone());
                *self.refused.lock() = Some(failure);
                told
            })
        })
    }

    fn outcome<T>(self, kept: Result<T, Error>) -> Result<T, Failure> {
        kept.map_err(|error| {
            self.refused
                .into_inner()
                .unwrap_or_else(|| Failure::from(error))
        })
    }
}
