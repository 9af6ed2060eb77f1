//! The folder that is published into.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::PublishError;
use crate::page;

/// What makes a page read its data from files, and keeps it from asking other hosts or running
/// what it shows: a file server sends no policy of its own.
const HEAD: &str = "<head>\n    <meta name=\"footpath-published\" content=\"1\" />\n    \
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'; img-src 'self' data: blob:; \
    style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'none'\" />";

pub(super) struct Folder {
    root: PathBuf,
    bytes: u64,
}

impl Folder {
    /// A new or empty folder, or one published before, whose files go.
    pub(super) fn open(root: &Path) -> Result<Self, PublishError> {
        let folder = Self {
            root: root.to_owned(),
            bytes: 0,
        };
        fs::create_dir_all(root).map_err(folder.failed(root))?;
        let mut entries = fs::read_dir(root).map_err(folder.failed(root))?;
        if entries.next().is_some() {
            let index = fs::read_to_string(root.join("index.html")).unwrap_or_default();
            if !index.contains("footpath-published") {
                return Err(PublishError::Occupied(root.to_owned()));
            }
            for name in ["data", "assets"] {
                let path = root.join(name);
                if path.is_dir() {
                    fs::remove_dir_all(&path).map_err(folder.failed(&path))?;
                }
            }
        }
        Ok(folder)
    }

    fn failed(&self, path: &Path) -> impl FnOnce(std::io::Error) -> PublishError + use<> {
        let path = self.root.join(path);
        |cause| PublishError::Write { path, cause }
    }

    /// Writes a file by what `write` gives it; gives its size in bytes.
    pub(super) fn put(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), PublishError>,
    ) -> Result<u64, PublishError> {
        let path = self.root.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(self.failed(parent))?;
        }
        let mut file = BufWriter::new(fs::File::create(&path).map_err(self.failed(&path))?);
        write(&mut file)?;
        file.flush().map_err(self.failed(&path))?;
        let size = fs::metadata(&path).map_err(self.failed(&path))?.len();
        self.bytes += size;
        Ok(size)
    }

    pub(super) fn put_json(
        &mut self,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), PublishError> {
        let failed = self.failed(Path::new(name));
        self.put(name, |file| {
            serde_json::to_writer(file, value).map_err(|error| failed(error.into()))
        })?;
        Ok(())
    }

    /// Writes the page.
    pub(super) fn put_page(&mut self) -> Result<(), PublishError> {
        let files = page::files();
        if files.is_empty() {
            return Err(PublishError::NotBuilt);
        }
        for (path, mut content) in files {
            if path == "index.html" {
                content = String::from_utf8_lossy(&content)
                    .replacen("<head>", HEAD, 1)
                    .into_bytes();
            }
            let failed = self.failed(Path::new(path));
            self.put(path, |file| file.write_all(&content).map_err(failed))?;
        }
        Ok(())
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
