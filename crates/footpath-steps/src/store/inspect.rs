//! Looking into a store: what is kept, and whether it is whole.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::disk::{Result, at};
use super::{Disk, Manifest, Store, read_json};
use crate::digest::Digest;
use crate::error::StoreError;

/// What [`Store::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// How many objects were read and digested.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The objects whose content was damaged; they are removed, and computed again when needed.
    pub damaged: Vec<Digest>,
    /// Steps whose manifest names an object that is not there: their step and key.
    pub incomplete: Vec<(String, Digest)>,
}

impl Store {
    /// All kept outputs, the newest first. A store in memory has none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept(&self) -> Result<Vec<Manifest>> {
        let Some(disk) = self.disk() else {
            return Ok(Vec::new());
        };
        let mut manifests = disk.manifests()?;
        manifests.sort_by(|a, b| (b.finished_unix_ms, &a.step).cmp(&(a.finished_unix_ms, &b.step)));
        Ok(manifests)
    }

    /// The kept outputs whose key starts with `text` or whose step is called so, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find_kept(&self, text: &str) -> Result<Vec<Manifest>> {
        let mut kept = self.kept()?;
        kept.retain(|manifest| manifest.step == text || manifest.key.to_string().starts_with(text));
        Ok(kept)
    }

    /// Reads every object and removes those that are damaged.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn verify(&self) -> Result<Verification> {
        let Some(disk) = self.disk() else {
            return Ok(Verification::default());
        };
        let _in_use = disk.start_use()?;
        let checked: Vec<(u64, Option<Digest>)> = disk
            .all_objects()?
            .into_par_iter()
            .map(|object| disk.check(&object))
            .collect::<Result<_>>()?;
        let mut verification = Verification {
            objects: checked.len() as u64,
            bytes: checked.iter().map(|(bytes, _)| bytes).sum(),
            damaged: checked
                .into_iter()
                .filter_map(|(_, damaged)| damaged)
                .collect(),
            incomplete: Vec::new(),
        };
        for manifest in disk.manifests()? {
            if !disk.is_whole(&manifest)? {
                verification.incomplete.push((manifest.step, manifest.key));
            }
        }
        Ok(verification)
    }
}

impl Disk {
    pub(crate) fn manifests(&self) -> Result<Vec<Manifest>> {
        let mut manifests = Vec::new();
        for path in files_below(&self.root.join("steps"))? {
            manifests.extend(read_json::<Manifest>(&path)?);
        }
        Ok(manifests)
    }

    pub(crate) fn all_objects(&self) -> Result<Vec<Digest>> {
        let digest = |path: PathBuf| {
            let shard = path.parent()?.file_name()?.to_str()?;
            format!("{shard}{}", path.file_name()?.to_str()?)
                .parse()
                .ok()
        };
        Ok(files_below(self.objects.folder())?
            .into_iter()
            .filter_map(digest)
            .collect())
    }

    fn check(&self, digest: &Digest) -> Result<(u64, Option<Digest>)> {
        // The length is not known from the name, and reading verifies the content anyway.
        match self.objects.read(&super::Object {
            digest: *digest,
            bytes: 0,
        }) {
            Ok(bytes) => Ok((bytes.len() as u64, None)),
            Err(StoreError::Damaged(digest)) => Ok((0, Some(digest))),
            Err(error) => Err(error),
        }
    }

    fn is_whole(&self, manifest: &Manifest) -> Result<bool> {
        for object in self.objects_of(manifest)? {
            if !self.objects.has(&object)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The objects a manifest needs; of a collection whose table is gone only the table.
    pub(crate) fn objects_of(&self, manifest: &Manifest) -> Result<Vec<super::Object>> {
        match &manifest.output {
            super::Output::Value { object, .. } => Ok(vec![*object]),
            super::Output::Items { table, failed, .. } => {
                let mut objects = vec![*table];
                match self.item_table(table, failed) {
                    Ok(rows) => {
                        objects.extend(rows.rows.into_iter().filter_map(|row| row.object.ok()));
                    }
                    Err(StoreError::MissingObject(_) | StoreError::Damaged(_)) => {}
                    Err(error) => return Err(error),
                }
                Ok(objects)
            }
        }
    }
}

/// All files below a folder that may not exist, in the order of their paths.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(at("list", &folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(at("list", &folder))?;
            let kind = entry.file_type().map_err(at("read", &entry.path()))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
