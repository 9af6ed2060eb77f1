//! What is imported of one run, on its way.

use std::path::Path;

use super::{ImportReport, files_below};
use crate::artifact::ArtifactPath;
use crate::client::Destination;
use crate::error::Error;
use crate::model::{
    Appended, ArtifactLink, Batch, Digest, Point, Points, RunId, RunStart, WriterPosition,
    check_key, check_text,
};

/// A batch of points is sent when it has so many.
const BATCH_POINTS: usize = 50_000;
/// A batch of texts is sent when it has so many.
const BATCH_TEXTS: usize = 1000;

/// Sends what a run has.
pub(super) struct Sender<'a> {
    destination: &'a dyn Destination,
    run: RunId,
    pub(super) report: &'a mut ImportReport,
    batch: Batch,
    points: usize,
}

impl<'a> Sender<'a> {
    /// Begins a run.
    pub(super) fn begin(
        destination: &'a dyn Destination,
        start: &RunStart,
        report: &'a mut ImportReport,
    ) -> Result<Self, Error> {
        destination.begin(start)?;
        report.runs.push(start.id.clone());
        Ok(Self {
            destination,
            run: start.id.clone(),
            report,
            batch: Batch::default(),
            points: 0,
        })
    }

    /// Notes that something is not kept.
    pub(super) fn leave_out(&mut self, what: &str, why: impl std::fmt::Display) {
        let what = format!("run {}: {what}", self.run);
        self.report.left_out.push((what, why.to_string()));
    }

    pub(super) fn param(&mut self, key: &str, value: &str) {
        match check_key("parameter", key).and_then(|()| check_text("parameter", key, value)) {
            Ok(()) => self.batch.params.push((key.to_owned(), value.to_owned())),
            Err(error) => self.leave_out("a parameter", error),
        }
    }

    pub(super) fn tag(&mut self, key: &str, value: &str) {
        match check_key("tag", key).and_then(|()| check_text("tag", key, value)) {
            Ok(()) => drop(self.batch.tags.insert(key.to_owned(), value.to_owned())),
            Err(error) => self.leave_out("a tag", error),
        }
    }

    /// Adds a point.
    pub(super) fn point(&mut self, key: &str, point: Point) {
        if let Some(Points(points)) = self.batch.metrics.get_mut(key) {
            points.push(point);
        } else {
            if let Err(error) = check_key("metric", key) {
                return self.leave_out("a point", error);
            }
            self.batch
                .metrics
                .insert(key.to_owned(), Points(vec![point]));
        }
        self.points += 1;
        self.report.points += 1;
    }

    /// Sends what was gathered if it is much.
    pub(super) fn send_if_full(&mut self) -> Result<(), Error> {
        if self.points >= BATCH_POINTS || self.batch.texts.len() >= BATCH_TEXTS {
            self.send()?;
        }
        Ok(())
    }

    /// What is gathered, for more to be added.
    pub(super) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Keeps a file under a path.
    pub(super) fn file(&mut self, path: &str, file: &Path) -> Result<(), Error> {
        let path = match ArtifactPath::new(path) {
            Ok(path) => path,
            Err(error) => {
                self.leave_out("a file", error);
                return Ok(());
            }
        };
        let digest = match digest_of(file) {
            Ok(digest) => digest,
            Err(error) => {
                self.leave_out(&format!("the file {path}"), error);
                return Ok(());
            }
        };
        self.destination.put_blob(digest, file)?;
        self.report.files += 1;
        self.batch.artifacts.push(ArtifactLink {
            path: path.to_string(),
            digest,
        });
        // A content without name may be collected: names follow soon.
        if self.batch.artifacts.len() >= 100 {
            self.send()?;
        }
        Ok(())
    }

    /// Keeps the files below a folder under a path.
    pub(super) fn folder(&mut self, path: &str, folder: &Path) -> Result<(), Error> {
        for file in files_below(folder) {
            let Ok(below) = file.strip_prefix(folder) else {
                continue;
            };
            let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
            let below = names.join("/");
            let path = if path.is_empty() {
                below
            } else {
                format!("{path}/{below}")
            };
            self.file(&path, &file)?;
        }
        Ok(())
    }

    /// Keeps bytes as a content.
    pub(super) fn content(&mut self, bytes: &[u8]) -> Result<Digest, Error> {
        let mut file = tempfile::NamedTempFile::new().map_err(Error::file("a temporary file"))?;
        std::io::Write::write_all(&mut file, bytes).map_err(Error::file(file.path()))?;
        let digest = Digest::of(bytes);
        self.destination.put_blob(digest, file.path())?;
        Ok(digest)
    }

    /// Sends what was gathered: once, however often the same is sent.
    pub(super) fn send(&mut self) -> Result<(), Error> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        ciborium::into_writer(&self.batch, &mut bytes).map_err(Error::database)?;
        let position = WriterPosition {
            writer: format!("import {}", Digest::of(&bytes)),
            sequence: 1,
        };
        self.send_as(&position).map(drop)
    }

    /// How far a numbered source of the run was imported before.
    pub(super) fn last_sequence(&mut self, writer: &str) -> Result<u64, Error> {
        let position = WriterPosition {
            writer: writer.to_owned(),
            sequence: 0,
        };
        let told = self
            .destination
            .append(&self.run, &position, &Batch::default())?;
        Ok(told.last_sequence)
    }

    /// Sends what was gathered as what a numbered source has up to a number.
    pub(super) fn send_numbered(&mut self, writer: &str, sequence: u64) -> Result<(), Error> {
        self.send_as(&WriterPosition {
            writer: writer.to_owned(),
            sequence,
        })
        .map(drop)
    }

    fn send_as(&mut self, position: &WriterPosition) -> Result<Option<Appended>, Error> {
        let batch = std::mem::take(&mut self.batch);
        self.points = 0;
        match self.destination.append(&self.run, position, &batch) {
            Ok(told) => {
                if told.applied {
                    self.report.applied += 1;
                } else {
                    self.report.known += 1;
                }
                Ok(Some(told))
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                self.leave_out("what it tells", error);
                Ok(None)
            }
        }
    }
}

/// The digest of a file's content.
pub(super) fn digest_of(file: &Path) -> Result<Digest, Error> {
    let mut hasher = blake3::Hasher::new();
    std::fs::File::open(file)
        .and_then(|mut file| std::io::copy(&mut file, &mut hasher))
        .map_err(Error::file(file))?;
    Ok(hasher.finalize().into())
}
