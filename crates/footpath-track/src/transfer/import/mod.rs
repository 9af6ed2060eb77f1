//! Runs of other trackers, kept as ours. Importing twice is the same as once, and what came to the
//! source meanwhile is added.

mod histogram;
mod mlflow;
mod mlflow_models;
#[cfg(feature = "parquet")]
mod neptune;
mod sender;
mod tensorboard;

use std::path::{Path, PathBuf};

use crate::client::Destination;
use crate::error::Error;
use crate::model::RunId;

/// What other trackers keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The SQLite database of an MLflow server or client, `mlflow.db`: experiments and runs in
    /// use with parameters, metrics, tags, data sets, files that this machine has, logged models,
    /// and the registry.
    Mlflow,
    /// A folder with TensorBoard event files below it: each folder that has some is a run. Scalars,
    /// texts, images, hyperparameters, and histograms as curves and texts; not audio and graphs.
    Tensorboard,
    /// The Parquet files of `neptune-exporter`, with the files beside them; needs the feature
    /// `parquet`.
    Neptune,
}

impl Source {
    /// What a file or folder looks like.
    #[must_use]
    pub fn detect(path: &Path) -> Option<Self> {
        if path.is_file() {
            let mut magic = [0; 16];
            let read = std::fs::File::open(path)
                .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
            if read.is_ok() && &magic == b"SQLite format 3\0" {
                return Some(Self::Mlflow);
            }
        }
        let files = files_below(path);
        if files.iter().any(|file| tensorboard::is_event_file(file)) {
            return Some(Self::Tensorboard);
        }
        files
            .iter()
            .any(|file| is_part(file))
            .then_some(Self::Neptune)
    }
}

/// How a source is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The project of all runs; `None` for the source's own, or `default`.
    pub project: Option<String>,
    /// The experiment of all runs; `None` for the source's own, or its kind's name.
    pub experiment: Option<String>,
    /// The folder of the source's files, where it cannot be told from the source: what MLflow's
    /// `mlflow-artifacts:/` stands for, or Neptune's `--files-path`.
    pub files: Option<PathBuf>,
    /// Neptune's steps may be fractions: they are multiplied by this, then rounded down. 0 counts
    /// as 1.
    pub step_multiplier: i64,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The runs, in the order they were found.
    pub runs: Vec<RunId>,
    /// Points read.
    pub points: u64,
    /// Files read.
    pub files: u64,
    /// Models read: those that runs logged, and registered ones.
    pub models: u64,
    /// Pieces that the destination did not have yet.
    pub applied: u64,
    /// Pieces that it had.
    pub known: u64,
    /// What could not be kept, and why.
    pub left_out: Vec<(String, String)>,
}

/// Imports a source.
///
/// # Errors
/// [`Error::File`], [`Error::Damaged`] and [`Error::Database`] if it cannot be read at all; the
/// destination's errors that may pass. What is wrong with one run or record is in the report.
pub fn import(
    source: Source,
    path: &Path,
    options: &Options,
    destination: &dyn Destination,
) -> Result<ImportReport, Error> {
    let mut report = ImportReport::default();
    match source {
        Source::Mlflow => mlflow::import(path, options, destination, &mut report)?,
        Source::Tensorboard => tensorboard::import(path, options, destination, &mut report)?,
        #[cfg(feature = "parquet")]
        Source::Neptune => neptune::import(path, options, destination, &mut report)?,
        #[cfg(not(feature = "parquet"))]
        Source::Neptune => return Err(super::without_parquet("what neptune-exporter wrote")),
    }
    Ok(report)
}

/// Whether a file is named as neptune-exporter names its parts.
fn is_part(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.strip_suffix(".parquet"))
        .and_then(|name| name.rsplit_once("_part_"))
        .is_some_and(|(_, number)| number.parse::<u32>().is_ok())
}

/// The files below a folder, or the file itself, by path. Links are not followed.
fn files_below(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_their_names() {
        assert!(is_part(Path::new("a/RUN_1-ab_part_0.parquet")));
        assert!(!is_part(Path::new("a/RUN_1_part_0.parquet.tmp")));
        assert!(!is_part(Path::new("a/part_x.parquet")));
    }
}
