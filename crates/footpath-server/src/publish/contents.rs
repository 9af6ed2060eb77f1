//! Contents of pictures and files, each once, under names that let no file server run them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use footpath_track::Digest;
use footpath_track::access::Access;

use super::PublishError;
use super::folder::Folder;

/// The extension of a picture's content: that of its kind if browsers show it, else `bin`.
/// `published.ts` has the same.
pub(super) fn picture_kind(media_type: &str) -> &'static str {
    match media_type {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        "image/gif" => "gif",
        _ => "bin",
    }
}

/// The extension of a file's content: drawings and pages are `bin` too, which is downloaded.
pub(super) fn file_kind(path: &str) -> &'static str {
    let extension = Path::new(path)
        .extension()
        .map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        Some("png") => "png",
        Some("jpg" | "jpeg") => "jpg",
        Some("webp") => "webp",
        Some("gif") => "gif",
        _ => "bin",
    }
}

/// What is to be written, and what was.
#[derive(Default)]
pub(super) struct Contents {
    wanted: BTreeSet<(Digest, &'static str)>,
    written: BTreeMap<(Digest, &'static str), u64>,
}

impl Contents {
    pub(super) fn add(&mut self, digest: Digest, kind: &'static str) {
        if !self.written.contains_key(&(digest, kind)) {
            self.wanted.insert((digest, kind));
        }
    }

    /// Writes what was added since.
    pub(super) fn write(
        &mut self,
        source: &dyn Access,
        folder: &mut Folder,
    ) -> Result<(), PublishError> {
        for (digest, kind) in std::mem::take(&mut self.wanted) {
            let size = folder.put(&format!("data/blobs/{digest}.{kind}"), |file| {
                source.copy_blob(digest, file)?;
                Ok(())
            })?;
            self.written.insert((digest, kind), size);
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        self.written.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.written.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_raster_pictures_keep_their_kind() {
        assert_eq!(
            ["a.PNG", "b/c.jpeg", "x.svg", "y.html", "z", "t.json"].map(file_kind),
            ["png", "jpg", "bin", "bin", "bin", "bin"]
        );
        assert_eq!(
            ["image/webp", "image/svg+xml", "text/html"].map(picture_kind),
            ["webp", "bin", "bin"]
        );
    }
}
