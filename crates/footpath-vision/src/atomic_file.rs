//! Files that are either the old ones or the new ones, whatever happens while writing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file that could not be written; what stood at its place before is untouched.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {cause}; {kept}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub cause: io::Error,
    kept: &'static str,
}

/// Replaces the file at `path` by what `write` writes to the path it is given.
///
/// The new file is written beside the old one, synced to the disk, and renamed over it.
///
/// # Errors
/// If writing fails, say on a full disk: the old file stays and the new one is removed.
pub fn replace_file(
    path: &Path,
    write: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), WriteError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let result = write(&part)
        .and_then(|()| File::open(&part)?.sync_all())
        .and_then(|()| fs::rename(&part, path))
        .and_then(|()| sync_folder(path));
    result.map_err(|cause| {
        // Nothing better can be done if this fails as well: the first cause is what matters.
        let _ = fs::remove_file(&part);
        WriteError {
            path: path.to_owned(),
            cause,
            kept: if path.exists() {
                "the earlier one is intact"
            } else {
                "there was no earlier one"
            },
        }
    })
}

/// Makes a rename last through a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        replace_file(&path, |path| fs::write(path, "old")).unwrap();
        let error = replace_file(&path, |path| {
            fs::write(path, "half of the n")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot write {}: no storage space; the earlier one is intact",
                path.display()
            )
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_takes_the_old_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace_file(&path, |path| fs::write(path, "old")).unwrap();
        replace_file(&path, |path| fs::write(path, "new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
