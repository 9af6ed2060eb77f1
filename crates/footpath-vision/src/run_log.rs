//! What a run tells, as files: `metrics.jsonl` and `curves.svg`.
//!
//! A run that was killed and resumed leaves the same `metrics.jsonl` as one that was not: no line
//! holds a time, and lines past the checkpoint that the run goes on from are cut off again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic_file::replace_file;
use crate::line_chart::{Panel, Series, svg};
use crate::progress::{EpochRecord, Losses, Progress};
use crate::train::TrainEvent;

/// One line a step and epoch, in the folder of a [`RunLog`].
pub const METRICS: &str = "metrics.jsonl";
/// The curves of losses, scores and rates, in the folder of a [`RunLog`].
pub const CURVES: &str = "curves.svg";

/// Smooths the curve of batch losses: what is kept of the mean each step.
const SMOOTHING: f64 = 0.95;

/// Writes the metrics of a run while it goes on.
#[derive(Debug)]
pub struct RunLog {
    folder: PathBuf,
    file: File,
    lines: Vec<Line>,
    batches: usize,
    /// Bytes of whole lines in the file.
    length: u64,
    /// Lines that a full disk has not taken yet.
    unwritten: Vec<u8>,
}

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Batch {
        epoch: usize,
        batch: usize,
        learning_rate: f64,
        gradient_norm: f64,
        #[serde(flatten)]
        losses: Losses,
    },
    LeftOut {
        epoch: usize,
        batch: usize,
        samples: Vec<String>,
    },
    Epoch {
        #[serde(flatten)]
        record: EpochRecord,
    },
}

impl Line {
    /// Whether the checkpoint with this progress knows of it.
    fn is_before(&self, progress: &Progress) -> bool {
        match self {
            Self::Batch { epoch, batch, .. } | Self::LeftOut { epoch, batch, .. } => {
                (*epoch, *batch) <= (progress.epoch, progress.batch)
            }
            Self::Epoch { record } => record.epoch < progress.epoch,
        }
    }
}

impl RunLog {
    /// The log of the run whose files are in `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// If the folder or file cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).read(true);
        let file = file.open(folder.join(METRICS))?;
        Ok(Self {
            folder: folder.to_owned(),
            length: file.metadata()?.len(),
            file,
            lines: Vec::new(),
            batches: 0,
            unwritten: Vec::new(),
        })
    }

    /// Writes down what happened.
    ///
    /// # Errors
    /// If a file cannot be read or written. Lines are tried again with the next event.
    pub fn on_event(&mut self, event: &TrainEvent<'_>) -> io::Result<()> {
        match event {
            TrainEvent::Started {
                progress, batches, ..
            } => {
                self.batches = *batches;
                self.go_on_from(progress)
            }
            TrainEvent::Batch(report) => self.add(Line::Batch {
                epoch: report.epoch,
                batch: report.batch,
                learning_rate: report.learning_rate,
                gradient_norm: report.gradient_norm,
                losses: report.losses,
            }),
            TrainEvent::LeftOut {
                epoch,
                batch,
                samples,
            } => self.add(Line::LeftOut {
                epoch: *epoch,
                batch: *batch,
                samples: samples.to_vec(),
            }),
            TrainEvent::EpochEnd { record, .. } => {
                self.add(Line::Epoch {
                    record: (*record).clone(),
                })?;
                let curves = self.curves();
                replace_file(&self.folder.join(CURVES), |path| fs::write(path, curves))
                    .map_err(|error| error.cause)
            }
            // The checkpoint must not know of a line that a power cut could take.
            TrainEvent::Saving => {
                self.write_out()?;
                self.file.sync_data()
            }
            _ => Ok(()),
        }
    }

    /// Cuts off what the checkpoint does not know of.
    fn go_on_from(&mut self, progress: &Progress) -> io::Result<()> {
        let path = self.folder.join(METRICS);
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let mut kept = 0;
        self.lines.clear();
        for line in text.split_inclusive('\n') {
            let parsed = serde_json::from_str::<Line>(line).ok();
            match parsed.filter(|parsed| line.ends_with('\n') && parsed.is_before(progress)) {
                Some(parsed) => self.lines.push(parsed),
                None => break,
            }
            kept += line.len();
        }
        self.length = kept as u64;
        self.unwritten.clear();
        self.file.set_len(self.length)
    }

    fn add(&mut self, line: Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.unwritten, &line)?;
        self.unwritten.push(b'\n');
        self.lines.push(line);
        self.write_out()
    }

    /// Appends what is not in the file yet; after a failure nothing of it is.
    fn write_out(&mut self) -> io::Result<()> {
        // One call: a killed process leaves whole lines, but for the last.
        if let Err(error) = self.file.write_all(&self.unwritten) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += self.unwritten.len() as u64;
        self.unwritten.clear();
        Ok(())
    }

    fn curves(&self) -> String {
        let series = |name: &str| Series {
            name: name.into(),
            points: Vec::new(),
        };
        let (mut batch_loss, mut epoch_loss) = (series("batches, smoothed"), series("epochs"));
        let (mut score, mut rate) = (series("validation"), series("rate"));
        let mut smooth: Option<f64> = None;
        for line in &self.lines {
            match line {
                Line::Batch {
                    epoch,
                    batch,
                    learning_rate,
                    losses,
                    ..
                } => {
                    let at = *epoch as f64 + *batch as f64 / self.batches.max(1) as f64;
                    let mean = smooth.map_or(losses.total, |mean| {
                        mean * SMOOTHING + losses.total * (1.0 - SMOOTHING)
                    });
                    smooth = Some(mean);
                    batch_loss.points.push((at, mean));
                    rate.points.push((at, *learning_rate));
                }
                Line::Epoch { record } => {
                    let at = record.epoch as f64 + 1.0;
                    epoch_loss.points.push((at, record.losses.total));
                    score.points.push((at, record.score));
                }
                Line::LeftOut { .. } => {}
            }
        }
        let panel = |title: &str, series| Panel {
            title: title.into(),
            x_label: "epoch".into(),
            series,
            ..Panel::default()
        };
        svg(&[
            panel("Loss", vec![batch_loss, epoch_loss]),
            panel("Validation score", vec![score]),
            panel("Learning rate", vec![rate]),
        ])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::train::BatchReport;

    fn batch(epoch: usize, batch: usize) -> BatchReport {
        let place = (10 * epoch + batch) as f64;
        BatchReport {
            epoch,
            batch,
            batches: 2,
            losses: Losses {
                total: 1.0 / place,
                ..Losses::default()
            },
            learning_rate: 0.1,
            gradient_norm: place,
            images_per_second: 3.0,
        }
    }

    /// Epochs `from..2` of two batches, from batch `first` of the first one.
    fn tell(log: &mut RunLog, from: usize, first: usize) {
        let mut progress = Progress {
            epoch: from,
            batch: first,
            ..Progress::default()
        };
        let started = TrainEvent::Started {
            progress: &progress,
            batches: 2,
            epochs: 2,
        };
        log.on_event(&started).unwrap();
        for epoch in from..2 {
            for done in progress.batch + 1..=2 {
                log.on_event(&TrainEvent::Batch(batch(epoch, done)))
                    .unwrap();
            }
            progress.batch = 0;
            let record = EpochRecord {
                epoch,
                learning_rate: 0.1,
                losses: Losses::default(),
                score: 0.5,
                metrics: BTreeMap::from([("iou".into(), 0.25)]),
            };
            log.on_event(&TrainEvent::EpochEnd {
                record: &record,
                is_best: true,
                training: Duration::from_secs(1),
                validation: Duration::ZERO,
            })
            .unwrap();
            log.on_event(&TrainEvent::Saving).unwrap();
        }
    }

    #[test]
    fn a_resumed_run_leaves_the_same_lines() {
        let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        tell(&mut RunLog::open(whole.path()).unwrap(), 0, 0);
        let read = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let metrics = read(whole.path(), METRICS);
        assert_eq!(metrics.lines().count(), 6);
        let first = "{\"event\":\"batch\",\"epoch\":0,\"batch\":1,\"learning_rate\":0.1,\
                     \"gradient_norm\":1.0,\"total\":1.0,\"cross_entropy\":0.0,\"dice\":0.0}";
        assert_eq!(metrics.lines().next().unwrap(), first);

        tell(&mut RunLog::open(broken.path()).unwrap(), 0, 0);
        // Killed in the middle of a line.
        let path = broken.path().join(METRICS);
        fs::write(&path, &metrics[..metrics.len() - 9]).unwrap();
        for (epoch, first) in [(1, 1), (1, 0), (0, 1), (0, 0)] {
            tell(&mut RunLog::open(broken.path()).unwrap(), epoch, first);
            assert_eq!(read(broken.path(), METRICS), metrics);
            assert_eq!(read(broken.path(), CURVES), read(whole.path(), CURVES));
        }
    }
}
