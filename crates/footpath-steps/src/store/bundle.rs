//! A run's kept outputs and models as one file.
//!
//! ```text
//! footpath bundle 1\n      magic and format version
//! u64, little endian        the header's length in bytes
//! header                    JSON: the pipeline, its steps, manifests, objects in order
//! objects                   their bytes, one after another
//! ```
//!
//! Kept outputs are mostly compressed already (pictures) or incompressible
//! (weights), so nothing is compressed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::disk::{self, Result, Sync, at};
use super::records::Latest;
use super::{Disk, Manifest, Object, Output, Store};
use crate::error::StoreError;

const MAGIC: &[u8] = b"footpath bundle 1\n";

/// More than any real header; a limit before memory is reserved.
const HEADER_LIMIT_BYTES: u64 = 1 << 32;

#[derive(Serialize, Deserialize)]
struct Header {
    latest: Latest,
    manifests: Vec<Manifest>,
    objects: Vec<Object>,
}

/// What was exported or imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The pipeline.
    pub pipeline: String,
    /// The steps whose outputs are in the file.
    pub steps: Vec<String>,
    /// The bytes of their outputs.
    pub bytes: u64,
}

impl Store {
    /// Writes the newest kept outputs and models of a pipeline to one file.
    ///
    /// # Errors
    /// When nothing is kept, an object is damaged or the file cannot be written.
    pub fn export(&self, pipeline: &str, file: impl AsRef<Path>) -> Result<Transfer> {
        let nothing = || StoreError::NothingKept {
            pipeline: pipeline.to_owned(),
            step: "(any)".to_owned(),
        };
        let disk = self.disk().ok_or_else(nothing)?;
        let _in_use = disk.start_use()?;
        let latest = disk.latest(pipeline)?;
        let mut manifests = Vec::new();
        for key in latest.steps.values().filter_map(|step| step.finished) {
            manifests.extend(disk.manifest(&key)?);
        }
        if manifests.is_empty() {
            return Err(nothing());
        }
        let mut objects = Vec::new();
        let mut seen = BTreeSet::new();
        for manifest in &manifests {
            objects.extend(
                disk.objects_of(manifest)?
                    .into_iter()
                    .filter(|object| seen.insert(object.digest)),
            );
        }
        let header = Header {
            latest,
            manifests,
            objects,
        };
        disk.write_bundle(&header, file.as_ref())?;
        Ok(header.transfer())
    }

    /// Adds what [`Store::export`] wrote; what is there already stays.
    ///
    /// # Errors
    /// When the file is not a bundle, is damaged, or the store has no folder.
    pub fn import(&self, file: impl AsRef<Path>) -> Result<Transfer> {
        let path = file.as_ref();
        let bad = |problem: &str| StoreError::BadBundle {
            path: path.to_owned(),
            problem: problem.to_owned(),
        };
        let disk = self
            .disk()
            .ok_or_else(|| bad("this store is in memory; open one in a folder"))?;
        let _in_use = disk.start_use()?;
        let mut reader = BufReader::new(File::open(path).map_err(at("open", path))?);
        let header = read_header(&mut reader, path)?;
        for object in &header.objects {
            let mut bytes = Vec::new();
            reader
                .by_ref()
                .take(object.bytes)
                .read_to_end(&mut bytes)
                .map_err(at("read", path))?;
            if Object::of(&bytes) != *object {
                return Err(bad("an object is cut off or damaged"));
            }
            disk.objects.put(&bytes, Sync::ToSystem)?;
        }
        for manifest in &header.manifests {
            disk.import_manifest(manifest)?;
        }
        let pipeline = header.latest.pipeline.clone();
        disk.update_latest(&pipeline, |latest| {
            for (name, step) in &header.latest.steps {
                latest
                    .steps
                    .entry(name.clone())
                    .or_insert_with(|| step.clone());
            }
        })?;
        Ok(header.transfer())
    }
}

impl Header {
    fn transfer(&self) -> Transfer {
        Transfer {
            pipeline: self.latest.pipeline.clone(),
            steps: self
                .manifests
                .iter()
                .map(|manifest| manifest.step.clone())
                .collect(),
            bytes: self.objects.iter().map(|object| object.bytes).sum(),
        }
    }
}

impl Disk {
    fn write_bundle(&self, header: &Header, path: &Path) -> Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let temporary = folder.join(disk::unique_name(".footpath-bundle"));
        let written = self.write_parts(header, &temporary);
        match written {
            Ok(()) => std::fs::rename(&temporary, path).map_err(at("write", path)),
            Err(error) => {
                disk::remove(&temporary)?;
                Err(error)
            }
        }
    }

    fn write_parts(&self, header: &Header, path: &Path) -> Result<()> {
        let mut writer = BufWriter::new(File::create_new(path).map_err(at("write", path))?);
        let json = serde_json::to_vec(header).map_err(|error| at("write", path)(error.into()))?;
        let mut write = |bytes: &[u8]| writer.write_all(bytes).map_err(at("write", path));
        write(MAGIC)?;
        write(&(json.len() as u64).to_le_bytes())?;
        write(&json)?;
        for object in &header.objects {
            write(&self.objects.read(object)?)?;
        }
        let file = writer
            .into_inner()
            .map_err(|error| at("write", path)(error.into_error()))?;
        file.sync_all().map_err(at("write", path))
    }

    fn import_manifest(&self, manifest: &Manifest) -> Result<()> {
        if let Output::Items {
            table, log, failed, ..
        } = &manifest.output
        {
            let log = self.item_log(log)?;
            for row in self.item_table(table, failed)?.rows {
                if let Ok(object) = row.object
                    && log.find(&row.key).is_none()
                {
                    log.append(&row.key, &object)?;
                }
            }
        }
        if self.manifest(&manifest.key)?.is_none() {
            self.put_manifest(manifest)?;
        }
        Ok(())
    }
}

fn read_header(reader: &mut impl Read, path: &Path) -> Result<Header> {
    let bad = |problem: &str| StoreError::BadBundle {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let mut magic = [0; MAGIC.len()];
    let mut length = [0; 8];
    let cut = |_| bad("it is too short to be a bundle");
    reader.read_exact(&mut magic).map_err(cut)?;
    if magic != MAGIC {
        return Err(bad("it does not start like a bundle of format 1"));
    }
    reader.read_exact(&mut length).map_err(cut)?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_LIMIT_BYTES {
        return Err(bad("its header is impossibly long"));
    }
    let mut json = Vec::new();
    reader
        .take(length)
        .read_to_end(&mut json)
        .map_err(at("read", path))?;
    serde_json::from_slice(&json).map_err(|error| bad(&format!("its header is damaged: {error}")))
}
