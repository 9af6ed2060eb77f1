//! `TFRecord`: length u64 · masked CRC-32C of the length u32 · bytes · masked CRC-32C of the bytes
//! u32, all little endian (TensorFlow, `core/lib/io/record_writer.h`).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// No event is larger.
const LIMIT_BYTES: u64 = 1 << 28;

/// The records of a file.
pub(super) struct Records {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
}

/// TensorFlow stores checksums rotated and shifted, so that a checksum of checksums is no harm.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

impl Records {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::file(path))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            at: 0,
        })
    }

    /// The next record; `None` at the end, or where a record is not written whole yet.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut head = [0; 12];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let [l0, l1, l2, l3, l4, l5, l6, l7, checksum @ ..] = head;
        let length = [l0, l1, l2, l3, l4, l5, l6, l7];
        if masked(crc32c::crc32c(&length)) != u32::from_le_bytes(checksum) {
            return Err(self.damaged("the checksum of a length is wrong"));
        }
        let length = u64::from_le_bytes(length);
        if length > LIMIT_BYTES {
            return Err(self.damaged("a record is larger than 256 MiB"));
        }
        let mut record = vec![0; length as usize];
        let mut checksum = [0; 4];
        if !self.fill(&mut record)? || !self.fill(&mut checksum)? {
            return Ok(None);
        }
        if masked(crc32c::crc32c(&record)) != u32::from_le_bytes(checksum) {
            return Err(self.damaged("the checksum of a record is wrong"));
        }
        self.at += 16 + length;
        Ok(Some(record))
    }

    /// Fills a buffer; `false` if the file ends before.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, Error> {
        match self.file.read_exact(buffer) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Error::file(&self.path)(error)),
        }
    }

    fn damaged(&self, detail: &str) -> Error {
        Error::Damaged {
            place: format!("{} at byte {}", self.path.display(), self.at),
            detail: detail.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: &[u8]) -> Vec<u8> {
        let length = (bytes.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked(crc32c::crc32c(&length)).to_le_bytes());
        record.extend(bytes);
        record.extend(masked(crc32c::crc32c(bytes)).to_le_bytes());
        record
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<String>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut records = Records::open(file.path()).unwrap();
        let mut found = Vec::new();
        loop {
            match records.next() {
                Ok(Some(record)) => found.push(record),
                Ok(None) => return (found, None),
                Err(error) => return (found, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn the_first_record_of_every_file_has_a_known_checksum() {
        // The head of a record of 24 bytes, as TensorFlow writes it: its length's masked checksum
        // is the same in every event file.
        let told = record(&[0; 24]);
        assert_eq!(told[..8], [24, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(told[8..12], [0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn a_file_cut_anywhere_gives_its_whole_records_and_damage_is_told() {
        let whole: Vec<u8> = [record(b"one"), record(b""), record(b"three")].concat();
        let ends = [0, 19, 35, 56];
        for cut in 0..=whole.len() {
            let (found, problem) = read(&whole[..cut]);
            let expected = ends[1..].iter().filter(|end| **end <= cut).count();
            assert_eq!((found.len(), problem), (expected, None), "{cut}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let (found, problem) = read(&damaged);
            let before = ends[1..].iter().filter(|end| **end <= at).count();
            assert_eq!(found.len(), before, "{at}");
            assert!(
                problem
                    .unwrap()
                    .contains(&format!("at byte {}", ends[before])),
                "{at}"
            );
        }
    }
}
