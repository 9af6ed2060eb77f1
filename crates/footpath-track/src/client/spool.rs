//! The spool: what a run told, on this machine's disk, until its target has it.
//!
//! A run's spool is a folder:
//!
//! ```text
//! start.json     what the run began with
//! host.json      the machine's state then, to tell how a silent end came
//! lock           held by the run's process as long as it lives
//! <writer>.log   records: length u32 · CRC-32 u32 · sequence u64 · CBOR of the batch
//! <writer>.ack   how many bytes of the log the target has
//! blobs/<digest> contents that batches refer to
//! ```

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::model::{Batch, Digest, RunStart};

/// No batch is larger.
const LIMIT_BYTES: u32 = 1 << 30;
const HEADER: usize = 16;

/// The folder of one run's spool.
#[derive(Clone, Debug)]
pub(super) struct Spool(PathBuf);

impl Spool {
    /// Makes the spool of a new run.
    pub(super) fn create(folder: &Path, start: &RunStart) -> Result<Self, Error> {
        let spool = Self(folder.join(start.id.as_str()));
        std::fs::create_dir_all(spool.0.join("blobs")).map_err(Error::file(&spool.0))?;
        spool.write(
            "start.json",
            &serde_json::to_vec(start).map_err(Error::database)?,
        )?;
        Ok(spool)
    }

    /// Makes the spool of a run, or takes over the one that an earlier process left of it, and holds
    /// its lock.
    pub(super) fn hold(folder: &Path, start: &RunStart) -> Result<(Self, File), Error> {
        let held = || {
            let spool = Self::create(folder, start)?;
            match spool.lock()? {
                Some(lock) => Ok((spool, lock)),
                None => Err(Error::invalid(
                    format!("run {}", start.id),
                    "another process records it, or delivers what was recorded",
                )),
            }
        };
        let (spool, lock) = held()?;
        if spool.0.join("start.json").is_file() {
            return Ok((spool, lock));
        }
        // `sync` had delivered it and removed it: it is made anew.
        held()
    }

    /// The spools below a folder, in the order the runs began.
    pub(super) fn all(folder: &Path) -> Result<Vec<Self>, Error> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::file(folder)(error)),
        };
        let mut spools = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::file(folder))?.path();
            if path.join("start.json").is_file() {
                spools.push(Self(path));
            }
        }
        spools.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(spools)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    pub(super) fn start(&self) -> Result<RunStart, Error> {
        let path = self.0.join("start.json");
        let text = std::fs::read(&path).map_err(Error::file(&path))?;
        serde_json::from_slice(&text).map_err(|error| Error::Damaged {
            place: path.display().to_string(),
            detail: error.to_string(),
        })
    }

    /// Writes a small file whole: under another name, to the disk, then renamed.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let (path, partial) = (self.0.join(name), self.0.join(format!("{name}.partial")));
        let write = || {
            let mut file = File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            std::fs::rename(&partial, &path)
        };
        write().map_err(Error::file(&path))
    }

    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.0.join(name)).ok()
    }

    /// The lock of the run's process; `None` if another holds it.
    pub(super) fn lock(&self) -> Result<Option<File>, Error> {
        let path = self.0.join("lock");
        let file = File::create(&path).map_err(Error::file(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(cause)) => Err(Error::file(path)(cause)),
        }
    }

    pub(super) fn log_path(&self, writer: &str) -> PathBuf {
        self.0.join(format!("{writer}.log"))
    }

    /// The writers that have logs here, in the order they began.
    pub(super) fn writers(&self) -> Result<Vec<String>, Error> {
        let entries = std::fs::read_dir(&self.0).map_err(Error::file(&self.0))?;
        let mut writers: Vec<String> = entries
            .flatten()
            .filter_map(|entry| {
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(".log")
                    .map(str::to_owned)
            })
            .collect();
        writers.sort_unstable();
        Ok(writers)
    }

    /// How many bytes of a log the target has.
    pub(super) fn acknowledged(&self, writer: &str) -> u64 {
        let text = self
            .read(&format!("{writer}.ack"))
            .and_then(|bytes| String::from_utf8(bytes).ok());
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// Notes how many bytes of a log the target has. Losing the note costs time, not data.
    pub(super) fn acknowledge(&self, writer: &str, bytes: u64) -> Result<(), Error> {
        let path = self.0.join(format!("{writer}.ack"));
        std::fs::write(&path, bytes.to_string()).map_err(Error::file(path))
    }

    pub(super) fn blob_path(&self, digest: Digest) -> PathBuf {
        self.0.join("blobs").join(digest.to_string())
    }

    /// Copies what a reader gives to the blobs; gives its digest.
    pub(super) fn add_blob(&self, mut from: impl std::io::Read) -> Result<Digest, Error> {
        let partial = self
            .0
            .join("blobs")
            .join(format!("partial-{}", uuid::Uuid::now_v7().simple()));
        let mut copy = || {
            let mut file = File::create(&partial)?;
            let mut hasher = blake3::Hasher::new();
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = from.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                hasher.update(&buffer[..count]);
                file.write_all(&buffer[..count])?;
            }
            file.sync_data()?;
            let digest = Digest::from(hasher.finalize());
            std::fs::rename(&partial, self.blob_path(digest))?;
            Ok(digest)
        };
        copy()
            .inspect_err(|_| drop(std::fs::remove_file(&partial)))
            .map_err(Error::file(&partial))
    }

    /// Removes the spool.
    pub(super) fn remove(self) -> Result<(), Error> {
        std::fs::remove_dir_all(&self.0).map_err(Error::file(&self.0))
    }
}

/// The log of one writer, as it is written.
pub(super) struct SpoolWriter {
    path: PathBuf,
    file: File,
    sequence: u64,
    length: u64,
}

impl SpoolWriter {
    /// How many bytes the log has.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn create(spool: &Spool, writer: &str) -> Result<Self, Error> {
        let path = spool.log_path(writer);
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)
            .map_err(Error::file(&path))?;
        Ok(Self {
            path,
            file,
            sequence: 0,
            length: 0,
        })
    }

    /// Adds a batch; it is on disk when this returns.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), Error> {
        let mut record = vec![0; HEADER];
        ciborium::into_writer(batch, &mut record).map_err(Error::database)?;
        let sequence = self.sequence + 1;
        let length = (record.len() - HEADER) as u32;
        record[..4].copy_from_slice(&length.to_le_bytes());
        record[8..16].copy_from_slice(&sequence.to_le_bytes());
        let checksum = crc32fast::hash(&record[8..]);
        record[4..8].copy_from_slice(&checksum.to_le_bytes());
        let written = self
            .file
            .write_all(&record)
            .and_then(|()| self.file.sync_data());
        if let Err(cause) = written {
            // A part of the record would hide those after it.
            drop(self.file.set_len(self.length));
            return Err(Error::file(&self.path)(cause));
        }
        self.sequence = sequence;
        self.length += record.len() as u64;
        Ok(())
    }
}

/// A record of a log.
pub(super) struct Record {
    pub(super) sequence: u64,
    pub(super) batch: Batch,
    /// Where the log goes on behind it.
    pub(super) end: u64,
}

/// Reads the records of a log from a place on.
pub(super) struct SpoolReader {
    path: PathBuf,
    file: File,
    at: u64,
}

impl SpoolReader {
    pub(super) fn open(spool: &Spool, writer: &str, at: u64) -> Result<Self, Error> {
        let path = spool.log_path(writer);
        let mut file = File::open(&path).map_err(Error::file(&path))?;
        file.seek(SeekFrom::Start(at)).map_err(Error::file(&path))?;
        Ok(Self { path, file, at })
    }

    /// The next record; `None` at the end, or where a record is not complete (yet).
    pub(super) fn next(&mut self) -> Result<Option<Record>, Error> {
        self.file
            .seek(SeekFrom::Start(self.at))
            .map_err(Error::file(&self.path))?;
        let Some(record) = read_record(&mut self.file).map_err(Error::file(&self.path))? else {
            return Ok(None);
        };
        let end = self.at + (HEADER + record.1.len()) as u64;
        let (sequence, payload) = record;
        let batch = ciborium::from_reader(&payload[..]).map_err(|error| Error::Damaged {
            place: format!("{} at byte {}", self.path.display(), self.at),
            detail: error.to_string(),
        })?;
        self.at = end;
        Ok(Some(Record {
            sequence,
            batch,
            end,
        }))
    }

    /// How many bytes follow the last complete record.
    pub(super) fn rest(&self) -> Result<u64, Error> {
        let length = self.file.metadata().map_err(Error::file(&self.path))?.len();
        Ok(length.saturating_sub(self.at))
    }
}

fn read_record(file: &mut File) -> std::io::Result<Option<(u64, Vec<u8>)>> {
    let mut header = [0; HEADER];
    if !fill(file, &mut header)? {
        return Ok(None);
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3, sequence @ ..] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length > LIMIT_BYTES || u64::from(length) > file.metadata()?.len() {
        return Ok(None);
    }
    let mut payload = vec![0; length as usize];
    if !fill(file, &mut payload)? {
        return Ok(None);
    }
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&sequence);
    checksum.update(&payload);
    let whole = checksum.finalize() == u32::from_le_bytes([c0, c1, c2, c3]);
    Ok(whole.then_some((u64::from_le_bytes(sequence), payload)))
}

/// Fills a buffer; `false` if the file ends before.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    fn spool(folder: &Path) -> Spool {
        let start = RunStart {
            project: "p".into(),
            experiment: "e".into(),
            id: RunId::random(),
            name: None,
            user: String::new(),
            start_ms: 0,
            lease_ms: None,
            tags: crate::Tags::new(),
        };
        Spool::create(folder, &start).unwrap()
    }

    #[test]
    fn a_log_cut_anywhere_gives_its_whole_records() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        let mut writer = SpoolWriter::create(&spool, "w").unwrap();
        let batch = |at: u64| Batch {
            dropped: at,
            ..Batch::default()
        };
        for at in 1..=3 {
            writer.append(&batch(at)).unwrap();
        }
        let whole = std::fs::read(spool.log_path("w")).unwrap();
        let mut ends = vec![0];
        for cut in 0..=whole.len() {
            std::fs::write(spool.log_path("w"), &whole[..cut]).unwrap();
            let mut reader = SpoolReader::open(&spool, "w", 0).unwrap();
            let mut seen = 0;
            while let Some(record) = reader.next().unwrap() {
                seen += 1;
                assert_eq!((record.sequence, &record.batch), (seen, &batch(seen)));
                if cut == whole.len() {
                    ends.push(record.end);
                }
            }
            let read = reader.at;
            assert_eq!(reader.rest().unwrap(), cut as u64 - read);
        }
        assert_eq!(ends.len(), 4);
        std::fs::write(spool.log_path("w"), &whole).unwrap();
        assert_eq!(
            SpoolReader::open(&spool, "w", ends[2])
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .sequence,
            3
        );
        let mut flipped = whole;
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        std::fs::write(spool.log_path("w"), &flipped).unwrap();
        assert!(
            SpoolReader::open(&spool, "w", ends[2])
                .unwrap()
                .next()
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn equal_contents_are_kept_once_and_a_lock_is_held_once() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        let digest = spool.add_blob(&b"content"[..]).unwrap();
        assert_eq!(spool.add_blob(&b"content"[..]).unwrap(), digest);
        assert_eq!(
            std::fs::read_dir(spool.folder().join("blobs"))
                .unwrap()
                .count(),
            1
        );
        let held = spool.lock().unwrap();
        assert!(held.is_some() && spool.lock().unwrap().is_none());
        drop(held);
        assert!(spool.lock().unwrap().is_some());
        assert_eq!(Spool::all(folder.path()).unwrap().len(), 1);
        assert!(Spool::all(&folder.path().join("none")).unwrap().is_empty());
    }
}
