//! The store: kept outputs by key, objects by content.
//!
//! ```text
//! .footpath/
//!   format              the version of this layout
//!   objects/ab/cdef…    kept bytes, named by their BLAKE3 digest
//!   steps/ab/cdef….json manifests, named by the step's key: key parts, outputs, timing, who ran it
//!   items/ab/cdef….log  which items of an each step are kept
//!   scratch/<key>/      a running (or killed) step's own folder
//!   latest/<pipeline>   the newest state of each step of a pipeline
//!   runs/<pipeline>/    reports of past runs
//!   files.json          digests of data files by size, mtime and inode
//!   locks/  use.lock    locks between processes
//!   tmp/                files being written
//! ```
//!
//! Everything is written under a temporary name and renamed, or appended as
//! one checked record; and nothing is believed before its digest is verified.
//! So a process may be killed at any instant.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::digest::Digest;
use crate::error::StoreError;
use crate::event::CancelToken;
use crate::graph::Slot;
use crate::scratch::Scratch;

mod bundle;
pub(crate) mod disk;
mod format;
mod gc;
mod inspect;
pub(crate) mod item_log;
mod kept;
pub(crate) mod locks;
pub(crate) mod manifest;
pub(crate) mod objects;
pub(crate) mod records;

pub use bundle::Transfer;
pub use gc::{GcOptions, GcReport};
pub use inspect::Verification;
pub use kept::Kept;
pub use manifest::{Manifest, Origin, Output};
pub use objects::Object;

use disk::{Result, Sync};
use item_log::ItemLog;
use locks::KeyLock;
use objects::Objects;

/// Where outputs, models and items are kept.
///
/// Cheap to clone; clones share what is cached in memory. Any number of
/// threads and processes may use one folder at once.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Option<Disk>,
    /// Outputs cached in memory, by key.
    memory: Mutex<HashMap<Digest, Slot>>,
}

/// A store's folder.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub(crate) root: PathBuf,
    pub(crate) objects: Objects,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("folder", &self.folder())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `folder`, which is made if need be; by convention `.footpath`.
    ///
    /// # Errors
    /// When the folder cannot be used, holds something else, or was written by a newer version.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let root = folder.as_ref();
        disk::create_folder(root)?;
        let root = root.canonicalize().map_err(disk::at("open", root))?;
        format::check_or_write(&root)?;
        for name in ["tmp", "objects", "steps"] {
            disk::create_folder(&root.join(name))?;
        }
        let disk = Disk {
            objects: Objects::new(&root),
            root,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                disk: Some(disk),
                memory: Mutex::default(),
            }),
        })
    }

    /// A store without a folder: what is to be kept stays in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            inner: Arc::new(Inner {
                disk: None,
                memory: Mutex::default(),
            }),
        }
    }

    /// The store's folder, unless it is in memory.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.inner.disk.as_ref().map(|disk| disk.root.as_path())
    }

    /// Forgets what [`cache_output`](crate::Handle::cache_output) put in memory.
    pub fn clear_memory(&self) {
        self.inner.memory.lock().clear();
    }

    pub(crate) fn disk(&self) -> Option<&Disk> {
        self.inner.disk.as_ref()
    }

    pub(crate) fn cached(&self, key: &Digest) -> Option<Slot> {
        self.inner.memory.lock().get(key).cloned()
    }

    pub(crate) fn cache(&self, key: Digest, slot: Slot) {
        self.inner.memory.lock().insert(key, slot);
    }
}

/// Keeps garbage from being collected while a run, or its lazily read items, need the store.
#[derive(Debug, Clone)]
pub(crate) struct InUse(#[expect(dead_code, reason = "held for its lock")] Arc<File>);

impl Disk {
    pub(crate) fn start_use(&self) -> Result<InUse> {
        Ok(InUse(Arc::new(locks::lock_shared(&self.use_lock())?)))
    }

    pub(crate) fn use_lock(&self) -> PathBuf {
        self.root.join("use.lock")
    }

    pub(crate) fn lock_key(
        &self,
        key: &Digest,
        cancel: &CancelToken,
        waits: impl FnOnce(),
    ) -> Result<Option<KeyLock>> {
        locks::lock_key(&self.root, key, cancel, waits)
    }

    pub(crate) fn item_log(&self, code: &Digest) -> Result<ItemLog> {
        ItemLog::open(&self.root, code)
    }

    /// The scratch folder of a key. Whoever does not hold the key's lock gets a folder of its own.
    pub(crate) fn scratch(&self, key: &Digest, locked: bool) -> Scratch {
        if locked {
            Scratch::in_store(self.root.join("scratch").join(key.to_string()))
        } else {
            Scratch::temporary()
        }
    }

    pub(crate) fn write_json(
        &self,
        path: &Path,
        value: &impl serde::Serialize,
        sync: Sync,
    ) -> Result<()> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| disk::at("write", path)(std::io::Error::other(error)))?;
        disk::write_whole(path, &self.root.join("tmp"), &bytes, sync)
    }
}

/// Reads a JSON file; one that is damaged counts as absent and is told in the log.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(bytes) = disk::read(path)? else {
        return Ok(None);
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a damaged file of the store is ignored");
            Ok(None)
        }
    }
}

/// Reads an object that holds JSON; one that is not there or damaged counts as absent.
pub(crate) fn read_object_json<T: serde::de::DeserializeOwned>(
    disk: &Disk,
    object: &Object,
) -> Result<Option<T>> {
    match disk.objects.read(object) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(StoreError::MissingObject(_) | StoreError::Damaged(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads objects for as long as it lives: no garbage collection comes between.
#[derive(Debug, Clone)]
pub(crate) struct ObjectReader {
    pub(crate) objects: Objects,
    pub(crate) _in_use: InUse,
}

impl ObjectReader {
    pub(crate) fn read(&self, object: &Object) -> Result<Vec<u8>> {
        self.objects.read(object)
    }
}

pub(crate) use manifest::ItemTable;
