//! Which items of an `each` step are kept: an append-only log.
//!
//! A manifest for each of 100,000 items would be 100,000 small files. Instead
//! each step (with its parameters) has one log of fixed-size records, written
//! by single appends, so any number of threads and processes may add to it. A
//! kill or a full disk can at worst leave part of a record; its check tells, and
//! reading goes on with the next record wherever that starts.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::disk::{self, Result, at};
use super::objects::{Object, sharded};
use crate::digest::Digest;

/// Item key, object digest, object length, check.
const RECORD_BYTES: usize = 32 + 32 + 8 + 8;

pub(crate) struct ItemLog {
    path: PathBuf,
    file: Mutex<File>,
    known: HashMap<Digest, Object>,
}

impl ItemLog {
    pub(crate) fn path(root: &Path, code: &Digest) -> PathBuf {
        root.join("items").join(sharded(code, ".log"))
    }

    pub(crate) fn open(root: &Path, code: &Digest) -> Result<Self> {
        let path = Self::path(root, code);
        if let Some(folder) = path.parent() {
            disk::create_folder(folder)?;
        }
        let known = read(&path)?;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(at("open", &path))?;
        Ok(Self {
            path,
            file: Mutex::new(file),
            known,
        })
    }

    pub(crate) fn find(&self, key: &Digest) -> Option<Object> {
        self.known.get(key).copied()
    }

    pub(crate) fn append(&self, key: &Digest, object: &Object) -> Result<()> {
        let record = encode(key, object);
        // One write call: the system appends it whole, also between processes.
        self.file
            .lock()
            .write_all(&record)
            .map_err(at("write", &self.path))
    }
}

/// The intact records of a log; of one key the last.
pub(crate) fn read(path: &Path) -> Result<HashMap<Digest, Object>> {
    let bytes = disk::read(path)?.unwrap_or_default();
    let mut rest = bytes.as_slice();
    let mut items = HashMap::with_capacity(bytes.len() / RECORD_BYTES);
    while let Some(record) = rest.first_chunk::<RECORD_BYTES>() {
        let intact = decode(record);
        items.extend(intact);
        rest = &rest[if intact.is_some() { RECORD_BYTES } else { 1 }..];
    }
    Ok(items)
}

/// A log of these items, in the order of their keys.
pub(crate) fn encode_all(items: &HashMap<Digest, Object>) -> Vec<u8> {
    let mut records: Vec<_> = items
        .iter()
        .map(|(key, object)| encode(key, object))
        .collect();
    records.sort_unstable();
    records.concat()
}

fn encode(key: &Digest, object: &Object) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..32].copy_from_slice(key.as_bytes());
    record[32..64].copy_from_slice(object.digest.as_bytes());
    record[64..72].copy_from_slice(&object.bytes.to_le_bytes());
    let check = Digest::of_bytes(&record[..72]);
    record[72..].copy_from_slice(&check.as_bytes()[..8]);
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<(Digest, Object)> {
    let digest =
        |range: std::ops::Range<usize>| Some(Digest::from_bytes(record[range].try_into().ok()?));
    let check = Digest::of_bytes(&record[..72]);
    if check.as_bytes()[..8] != record[72..] {
        return None;
    }
    let bytes = u64::from_le_bytes(record[64..72].try_into().ok()?);
    Some((
        digest(0..32)?,
        Object {
            digest: digest(32..64)?,
            bytes,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_records_are_passed_over_and_those_between_and_behind_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let code = Digest::of_bytes(b"code");
        let keys = [b"1", b"2", b"3"].map(|key| Digest::of_bytes(key));
        let object = Object {
            digest: Digest::of_bytes(b"content"),
            bytes: 7,
        };
        let path = ItemLog::path(folder.path(), &code);
        for key in &keys {
            let log = ItemLog::open(folder.path(), &code).unwrap();
            assert_eq!(log.find(key), None);
            log.append(key, &object).unwrap();
            // What a kill in the middle of an append leaves.
            let mut cut = std::fs::read(&path).unwrap();
            cut.extend_from_slice(&encode(&Digest::of_bytes(b"cut"), &object)[..50]);
            std::fs::write(&path, cut).unwrap();
        }
        let log = ItemLog::open(folder.path(), &code).unwrap();
        assert_eq!(keys.map(|key| log.find(&key)), [Some(object); 3]);
        assert_eq!(read(&path).unwrap().len(), 3);
    }

    #[test]
    fn a_record_with_a_flipped_bit_is_passed_over() {
        let object = Object {
            digest: Digest::of_bytes(b"content"),
            bytes: 7,
        };
        let intact = encode(&Digest::of_bytes(b"1"), &object);
        for byte in 0..RECORD_BYTES {
            let mut record = intact;
            record[byte] ^= 1;
            assert_eq!(decode(&record), None, "bit 0 of byte {byte} flipped");
        }
    }
}
