//! File operations that name the file when they fail, and writing that survives a kill.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::StoreError;

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// Attaches the action and the path to an I/O error.
pub(crate) fn at<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> StoreError + 'a {
    move |cause| StoreError::Io {
        action,
        path: path.to_owned(),
        cause,
    }
}

pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(at("create", path))
}

/// The file's bytes, or `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("read", path)(error)),
    }
}

/// The file's length in bytes, or `None` when there is no such file.
pub(crate) fn length(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("read", path)(error)),
    }
}

/// Removes a file; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(at("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// A name no other process or thread takes.
pub(crate) fn unique_name(prefix: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let time = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos());
    format!("{prefix}-{}-{time}-{count}", std::process::id())
}

/// Whether a write must be on the disk, and not only with the system, before its name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Survives a power failure.
    ToDisk,
    /// Survives a kill; after a power failure the content may be damaged, which its digest tells.
    ToSystem,
}

/// How the temporary names of files being written start.
const UNFINISHED: &str = "write";

/// Whether a file in a temporary folder is one that was being written.
pub(crate) fn is_unfinished_write(name: &std::ffi::OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.starts_with(&format!("{UNFINISHED}-")))
}

/// Writes a file under a temporary name and renames it: readers see all of it or nothing.
pub(crate) fn write_whole(
    path: &Path,
    temporary_folder: &Path,
    bytes: &[u8],
    sync: Sync,
) -> Result<()> {
    let temporary = temporary_folder.join(unique_name(UNFINISHED));
    let written = (|| {
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        if sync == Sync::ToDisk {
            file.sync_all()?;
        }
        Ok(())
    })();
    if let Err(error) = written {
        remove(&temporary)?;
        return Err(at("write", &temporary)(error));
    }
    let renamed = fs::rename(&temporary, path).or_else(|error| match path.parent() {
        // The folder is made when first needed.
        Some(folder) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            fs::rename(&temporary, path)
        }
        _ => Err(error),
    });
    if sync == Sync::ToDisk
        && let Some(folder) = path.parent()
    {
        sync_folder(folder)?;
    }
    renamed.map_err(at("write", path))
}

/// Makes a rename in `folder` survive a power failure; only Unix can, and needs to.
fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(at("sync", folder))?;
    }
    Ok(())
}
