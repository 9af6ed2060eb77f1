//! Files as inputs: known by content, digested once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::StoreError;
use crate::store::disk::{Sync, at};
use crate::store::{Store, locks, read_json};

/// A file that enters a pipeline: its name within a data set, and its content's digest.
///
/// Where the data set lies is not part of the fingerprint, so moving it
/// changes nothing; renaming a file within it does. Made by
/// [`Store::data_files`]; a `Vec<DataFile>` feeds `each` steps file by file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Where the file is.
    pub path: PathBuf,
    /// Its path within the data set, with `/` between folders; bytes that are not Unicode as `\xff`.
    pub name: String,
    /// The digest of its content.
    pub digest: Digest,
    /// Its length in bytes.
    pub bytes: u64,
}

impl crate::Fingerprint for DataFile {
    fn fingerprint(&self, digester: &mut crate::Digester) -> Result<(), crate::BoxError> {
        digester.str(&self.name).digest(&self.digest);
        Ok(())
    }

    fn label(&self) -> Option<String> {
        Some(self.name.clone())
    }
}

/// Whether a file's digest may come from the store's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Yes, if the file's size, modification time and inode are as remembered.
    #[default]
    Unchanged,
    /// No: every file is read and digested.
    Nothing,
}

/// What tells that a file has not been touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified_ns: u64,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            bytes: metadata.len(),
            modified_ns: modified.map_or(0, |time| time.as_nanos() as u64),
            inode: inode(metadata),
        }
    }

    /// A file written this very moment may be written again within the clock's resolution.
    fn is_settled(self) -> bool {
        const SETTLED_AFTER_NS: u64 = 2_000_000_000;
        let now = UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_nanos() as u64);
        self.modified_ns != 0 && now.saturating_sub(self.modified_ns) > SETTLED_AFTER_NS
    }
}

#[cfg(unix)]
fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

/// The store's memory of digests, by absolute path.
type Known = HashMap<PathBuf, (Stamp, Digest)>;

impl Store {
    /// The files below `folder` with one of these extensions (all, if none is
    /// given; upper and lower case are the same), sorted by name.
    ///
    /// A file is read once: its digest is remembered with its size,
    /// modification time and inode. Hidden files are left out.
    ///
    /// # Errors
    /// When the folder or a file cannot be read.
    pub fn data_files(
        &self,
        folder: impl AsRef<Path>,
        extensions: &[&str],
    ) -> Result<Vec<DataFile>, StoreError> {
        self.data_files_trusting(folder, extensions, Trust::Unchanged)
    }

    /// Like [`Store::data_files`], saying whether remembered digests count.
    ///
    /// # Errors
    /// When the folder or a file cannot be read.
    pub fn data_files_trusting(
        &self,
        folder: impl AsRef<Path>,
        extensions: &[&str],
        trust: Trust,
    ) -> Result<Vec<DataFile>, StoreError> {
        let folder = folder.as_ref();
        let root = folder.canonicalize().map_err(at("open", folder))?;
        let mut paths = Vec::new();
        walk(&root, extensions, &mut paths)?;
        let known: Known = match self.disk() {
            Some(disk) if trust == Trust::Unchanged => {
                read_json(&disk.root.join("files.json"))?.unwrap_or_default()
            }
            _ => Known::new(),
        };
        let digested: Vec<(DataFile, Stamp)> = paths
            .into_par_iter()
            .map(|path| digest(&root, path, &known))
            .collect::<Result<_, _>>()?;
        self.remember(&known, &digested)?;
        let mut files: Vec<DataFile> = digested.into_iter().map(|(file, _)| file).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    fn remember(&self, known: &Known, digested: &[(DataFile, Stamp)]) -> Result<(), StoreError> {
        let Some(disk) = self.disk() else {
            return Ok(());
        };
        let new: Vec<_> = digested
            .iter()
            // A path that is not Unicode has no place in JSON; its file is read each time.
            .filter(|(file, _)| file.path.to_str().is_some())
            .filter(|(file, stamp)| {
                stamp.is_settled() && known.get(&file.path) != Some(&(*stamp, file.digest))
            })
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let path = disk.root.join("files.json");
        let _in_use = disk.start_use()?;
        let _lock = locks::lock_file(&disk.root.join("locks").join("files"))?;
        let mut all: Known = read_json(&path)?.unwrap_or_default();
        all.extend(
            new.into_iter()
                .map(|(file, stamp)| (file.path.clone(), (*stamp, file.digest))),
        );
        disk.write_json(&path, &all, Sync::ToSystem)
    }
}

fn walk(folder: &Path, extensions: &[&str], paths: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(folder).map_err(at("list", folder))? {
        let entry = entry.map_err(at("list", folder))?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Follows links: a data set may be made of them.
        if std::fs::metadata(&path)
            .map_err(at("read", &path))?
            .is_dir()
        {
            walk(&path, extensions, paths)?;
        } else if extensions.is_empty() || has_extension(&path, extensions) {
            paths.push(path);
        }
    }
    Ok(())
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let found = path
        .extension()
        .map(|extension| extension.to_string_lossy());
    found.is_some_and(|found| {
        extensions
            .iter()
            .any(|wanted| found.eq_ignore_ascii_case(wanted))
    })
}

/// A file's name as text; bytes that are not Unicode become `\xff`, so that different names stay so.
fn unicode_name(name: &std::ffi::OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

fn digest(root: &Path, path: PathBuf, known: &Known) -> Result<(DataFile, Stamp), StoreError> {
    let stamp = Stamp::of(&std::fs::metadata(&path).map_err(at("read", &path))?);
    let digest = match known.get(&path) {
        Some((remembered, digest)) if *remembered == stamp => *digest,
        _ => Digest::of_bytes(&std::fs::read(&path).map_err(at("read", &path))?),
    };
    let below = path.strip_prefix(root).unwrap_or(&path);
    let parts: Vec<_> = below
        .components()
        .map(|part| unicode_name(part.as_os_str()))
        .collect();
    let name = parts.join("/");
    Ok((
        DataFile {
            path,
            name,
            digest,
            bytes: stamp.bytes,
        },
        stamp,
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::*;

    fn write(path: &Path, text: &str, age: Duration) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(SystemTime::now() - age)
            .unwrap();
    }

    #[test]
    fn files_are_listed_by_name_and_known_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let old = Duration::from_hours(1);
        write(&folder.path().join("data/b.PNG"), "bb", old);
        write(&folder.path().join("data/sub/a.png"), "a", old);
        write(&folder.path().join("data/notes.txt"), "no", old);
        write(&folder.path().join("data/.hidden.png"), "no", old);
        let store = Store::open(folder.path().join("store")).unwrap();
        let files = store
            .data_files(folder.path().join("data"), &["png"])
            .unwrap();
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["b.PNG", "sub/a.png"]);
        assert_eq!(files[1].digest, Digest::of_bytes(b"a"));
        assert_eq!(files[0].bytes, 2);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_unicode_stay_different() {
        use std::os::unix::ffi::OsStrExt as _;

        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let old = Duration::from_hours(1);
        for byte in [0xfe, 0xff] {
            let name = [b"tile", [byte].as_slice(), b".png"].concat();
            write(
                &data.join(std::ffi::OsStr::from_bytes(&name)),
                "pixels",
                old,
            );
        }
        let store = Store::open(folder.path().join("store")).unwrap();
        for _ in 0..2 {
            let files = store.data_files(&data, &["png"]).unwrap();
            let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(names, ["tile\\xfe.png", "tile\\xff.png"]);
            assert_eq!(fs::read(&files[0].path).unwrap(), b"pixels");
        }
    }

    #[test]
    fn a_digest_is_remembered_by_size_time_and_inode_and_verified_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/a.bin");
        let old = Duration::from_hours(1);
        write(&path, "one", old);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        let digest = |trust| {
            store
                .data_files_trusting(folder.path().join("data"), &[], trust)
                .unwrap()[0]
                .digest
        };
        assert_eq!(digest(Trust::Unchanged), Digest::of_bytes(b"one"));
        // Same size, time and inode: only reading it again can tell.
        fs::write(&path, "two").unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        assert_eq!(digest(Trust::Unchanged), Digest::of_bytes(b"one"));
        assert_eq!(digest(Trust::Nothing), Digest::of_bytes(b"two"));
        assert_eq!(digest(Trust::Unchanged), Digest::of_bytes(b"two"));
        write(&path, "three", old);
        assert_eq!(digest(Trust::Unchanged), Digest::of_bytes(b"three"));
    }
}
