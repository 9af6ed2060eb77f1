//! Contents by digest, in a folder or in S3.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, WriteMultipart};

use crate::error::{Error, Kind};
use crate::model::{Blob, Digest};

/// How many parts of an upload may be on their way at once; a part has 8 MiB.
const PARTS_AT_ONCE: usize = 4;
const PART_BYTES: usize = 8 << 20;

/// Where contents are kept: each once, under its BLAKE3 digest.
///
/// Its calls are asynchronous and need a tokio runtime.
#[derive(Clone, Debug)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Blobs {
    /// Opens `s3://bucket/prefix` (credentials and endpoint from the environment: `AWS_…`), or
    /// a folder, made if absent.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address of another kind, [`Error::File`], [`Error::Objects`].
    pub fn open(address: &str) -> Result<Self, Error> {
        if let Some(rest) = address.strip_prefix("s3://") {
            return Self::open_s3(address, rest);
        }
        if address.contains("://") {
            return Err(Error::invalid(
                format!("artifact store `{address}`"),
                "expected a folder or s3://bucket/prefix",
            ));
        }
        std::fs::create_dir_all(address).map_err(Error::file(address))?;
        let objects = object_store::local::LocalFileSystem::new_with_prefix(address)?
            .with_automatic_cleanup(true);
        Ok(Self::new(Arc::new(objects), ""))
    }

    #[cfg(feature = "s3")]
    fn open_s3(address: &str, rest: &str) -> Result<Self, Error> {
        let prefix = rest.split_once('/').map_or("", |(_, prefix)| prefix);
        let objects = object_store::aws::AmazonS3Builder::from_env()
            .with_url(address)
            .build()?;
        Ok(Self::new(Arc::new(objects), prefix))
    }

    #[cfg(not(feature = "s3"))]
    fn open_s3(address: &str, _: &str) -> Result<Self, Error> {
        Err(Error::invalid(
            format!("artifact store `{address}`"),
            "this program was built without the feature `s3`",
        ))
    }

    /// Contents below a prefix of any object store.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self {
            objects,
            prefix: Path::from(prefix),
        }
    }

    fn path(&self, digest: Digest) -> Path {
        let hex = digest.to_string();
        self.prefix.clone().join("blobs").join(&hex[..2]).join(hex)
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// [`Error::Objects`].
    pub async fn put(&self, bytes: Vec<u8>) -> Result<Blob, Error> {
        let blob = Blob {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
        };
        self.objects
            .put(&self.path(blob.digest), bytes.into())
            .await?;
        Ok(blob)
    }

    /// Keeps what a stream gives, of any length, in bounded memory. If the stream fails or is
    /// dropped, nothing is kept.
    ///
    /// # Errors
    /// [`Error::Objects`]; the stream's own error as [`Error::File`].
    pub async fn put_stream<B: AsRef<[u8]>>(
        &self,
        stream: impl Stream<Item = std::io::Result<B>> + Send,
    ) -> Result<Blob, Error> {
        // The digest is known at the end only: the content moves to its place then.
        let upload = self
            .prefix
            .clone()
            .join("uploads")
            .join(uuid::Uuid::now_v7().simple().to_string());
        let mut writer = WriteMultipart::new_with_chunk_size(
            self.objects.put_multipart(&upload).await?,
            PART_BYTES,
        );
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
        let mut stream = std::pin::pin!(stream);
        while let Some(piece) = stream.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(cause) => {
                    writer.abort().await?;
                    return Err(Error::file("the upload")(cause));
                }
            };
            let piece = piece.as_ref();
            hasher.update(piece);
            size += piece.len() as u64;
            writer.wait_for_capacity(PARTS_AT_ONCE).await?;
            writer.write(piece);
        }
        writer.finish().await?;
        let blob = Blob {
            digest: hasher.finalize().into(),
            size,
        };
        self.objects
            .rename(&upload, &self.path(blob.digest))
            .await?;
        Ok(blob)
    }

    /// The bytes of a content.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Objects`]; [`Error::Damaged`] if they do not have the digest.
    pub async fn get(&self, digest: Digest) -> Result<Vec<u8>, Error> {
        let got = self
            .objects
            .get(&self.path(digest))
            .await
            .map_err(|error| absent(error, digest))?;
        let bytes: Vec<u8> = got.bytes().await?.into();
        if Digest::of(&bytes) != digest {
            return Err(Error::Damaged {
                place: format!("blob {digest}"),
                detail: "its digest is wrong".into(),
            });
        }
        Ok(bytes)
    }

    /// A content, or a range of its bytes, piece by piece; not verified.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Objects`].
    pub async fn stream(
        &self,
        digest: Digest,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<impl Stream<Item = Result<impl AsRef<[u8]> + use<>, Error>> + Send + use<>, Error>
    {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let got = self
            .objects
            .get_opts(&self.path(digest), options)
            .await
            .map_err(|error| absent(error, digest))?;
        Ok(got.into_stream().map(|piece| piece.map_err(Error::from)))
    }

    /// Whether a content is there.
    ///
    /// # Errors
    /// [`Error::Objects`].
    pub async fn contains(&self, digest: Digest) -> Result<bool, Error> {
        Ok(self.size(digest).await?.is_some())
    }

    /// A content's size in bytes; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Objects`].
    pub async fn size(&self, digest: Digest) -> Result<Option<u64>, Error> {
        match self.objects.head(&self.path(digest)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a content; one that is absent is removed already.
    ///
    /// # Errors
    /// [`Error::Objects`].
    pub async fn remove(&self, digest: Digest) -> Result<(), Error> {
        match self.objects.delete(&self.path(digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn absent(error: object_store::Error, digest: Digest) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::not_found(Kind::Blob, digest),
        error => error.into(),
    }
}
