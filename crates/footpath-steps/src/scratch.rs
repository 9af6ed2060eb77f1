//! The folder a step may write to while it works.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::StoreError;
use crate::store::disk;

/// A folder made on demand.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    made: OnceLock<()>,
    /// A temporary folder goes with its owner; one in a store stays until the step succeeds.
    temporary: bool,
}

impl Scratch {
    pub(crate) fn in_store(path: PathBuf) -> Self {
        Self {
            path,
            made: OnceLock::new(),
            temporary: false,
        }
    }

    pub(crate) fn temporary() -> Self {
        Self {
            path: std::env::temp_dir().join(disk::unique_name("footpath-scratch")),
            made: OnceLock::new(),
            temporary: true,
        }
    }

    pub(crate) fn folder(&self) -> Result<PathBuf, StoreError> {
        if self.made.get().is_none() {
            disk::create_folder(&self.path)?;
            self.made.get_or_init(|| ());
        }
        Ok(self.path.clone())
    }

    /// Removes the folder after success; a predecessor may have made it, so it is looked for.
    pub(crate) fn remove(&self) -> Result<(), StoreError> {
        if self.temporary && self.made.get().is_none() {
            return Ok(());
        }
        remove_folder(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = self.remove()
        {
            tracing::warn!(%error, "a temporary folder stays behind");
        }
    }
}

fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Io {
            action: "remove",
            path: path.to_owned(),
            cause: error,
        }),
        _ => Ok(()),
    }
}
