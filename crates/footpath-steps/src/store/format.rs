//! The file that says that a folder is a store, and of which version.

use std::path::Path;

use super::disk::{self, Result, Sync, at};
use crate::error::StoreError;

/// The version of the layout this crate writes. It reads all up to it.
const FORMAT: u32 = 1;

/// The folders of a store. Collecting garbage removes files from them, so a
/// folder that has one of them for other reasons must never become a store.
const FOLDERS: [&str; 8] = [
    "items", "latest", "locks", "objects", "runs", "scratch", "steps", "tmp",
];

/// Checks that `root` is a store this crate can read; makes a store of a folder that is none.
pub(super) fn check_or_write(root: &Path) -> Result<()> {
    if let Some(text) = disk::read(&root.join("format"))? {
        return check(root, &text);
    }
    if let Some(found) = foreign_folder(root)? {
        // Another process may have made the store just now: the file comes before the folders.
        return match disk::read(&root.join("format"))? {
            Some(text) => check(root, &text),
            None => Err(StoreError::NotAStore {
                path: root.to_owned(),
                problem: format!(
                    "it has no file `format`, but a folder `{found}` that is not empty"
                ),
            }),
        };
    }
    let temporary = root.join("tmp");
    disk::create_folder(&temporary)?;
    let text = format!("footpath-steps {FORMAT}\n");
    disk::write_whole(
        &root.join("format"),
        &temporary,
        text.as_bytes(),
        Sync::ToDisk,
    )
}

fn check(root: &Path, text: &[u8]) -> Result<()> {
    let found = std::str::from_utf8(text).ok().and_then(|text| {
        text.trim()
            .strip_prefix("footpath-steps ")?
            .parse::<u32>()
            .ok()
    });
    match found {
        Some(found) if found <= FORMAT => Ok(()),
        Some(found) => Err(StoreError::NewerFormat {
            path: root.to_owned(),
            found,
            supported: FORMAT,
        }),
        None => Err(StoreError::NotAStore {
            path: root.to_owned(),
            problem: "its file `format` was not written by footpath-steps".to_owned(),
        }),
    }
}

/// A folder named like one of a store's that holds anything but files a killed opener left.
fn foreign_folder(root: &Path) -> Result<Option<&'static str>> {
    for name in FOLDERS {
        let folder = root.join(name);
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(at("list", &folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(at("list", &folder))?.file_name();
            if name != "tmp" || !disk::is_unfinished_write(&entry) {
                return Ok(Some(name));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::Store;

    #[test]
    fn a_newer_store_is_refused_untouched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("format"), "footpath-steps 99\n").unwrap();
        let error = Store::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "has format 99, this program reads up to 1; use the newer program or another store"
            ),
            "{error}"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_with_other_things_in_a_stores_places_is_refused_untouched() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        fs::write(folder.path().join("tmp/thesis.tex"), "years of work").unwrap();
        let error = Store::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("is not a footpath store: it has no file `format`, but a folder `tmp` that is not empty; choose an empty or new folder"),
            "{error}"
        );
        assert!(folder.path().join("tmp/thesis.tex").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_store_whose_opener_was_killed_and_one_beside_other_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        fs::write(folder.path().join("tmp/write-1-2-3"), "foot").unwrap();
        fs::write(folder.path().join("tracker.sqlite"), "other data").unwrap();
        Store::open(folder.path()).unwrap();
        Store::open(folder.path()).unwrap();
        fs::write(folder.path().join("format"), "something else").unwrap();
        let error = Store::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("its file `format` was not written by footpath-steps"),
            "{error}"
        );
    }
}
