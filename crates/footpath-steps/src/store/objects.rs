//! Objects: bytes under the name of their digest.

use std::path::{Path, PathBuf};

use super::disk::{self, Result, Sync};
use crate::digest::Digest;
use crate::error::StoreError;

/// An object's name and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Object {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Object {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            digest: Digest::of_bytes(bytes),
            bytes: bytes.len() as u64,
        }
    }
}

/// The folder `objects/`: `ab/cdef…` for the digest `abcdef…`.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    folder: PathBuf,
    temporary: PathBuf,
}

impl Objects {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            folder: root.join("objects"),
            temporary: root.join("tmp"),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(sharded(digest, ""))
    }

    /// Writes the bytes, unless they are there.
    pub(crate) fn put(&self, bytes: &[u8], sync: Sync) -> Result<Object> {
        let object = Object::of(bytes);
        if !self.has(&object)? {
            disk::write_whole(&self.path(&object.digest), &self.temporary, bytes, sync)?;
        }
        Ok(object)
    }

    /// Whether the object is there, in full length.
    pub(crate) fn has(&self, object: &Object) -> Result<bool> {
        Ok(disk::length(&self.path(&object.digest))? == Some(object.bytes))
    }

    /// The object's bytes, whose digest is verified; a damaged object is removed.
    pub(crate) fn read(&self, object: &Object) -> Result<Vec<u8>> {
        let path = self.path(&object.digest);
        let bytes = disk::read(&path)?.ok_or(StoreError::MissingObject(object.digest))?;
        if Digest::of_bytes(&bytes) != object.digest {
            tracing::warn!(object = %object.digest, "a damaged object is removed");
            disk::remove(&path)?;
            return Err(StoreError::Damaged(object.digest));
        }
        Ok(bytes)
    }
}

/// `ab/cdef…` and a suffix: few enough entries in each folder for any file system.
pub(crate) fn sharded(digest: &Digest, suffix: &str) -> PathBuf {
    let hex = digest.to_string();
    let (shard, rest) = hex.split_at(2);
    Path::new(shard).join(format!("{rest}{suffix}"))
}
