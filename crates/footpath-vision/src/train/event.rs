//! What a run tells while it goes on.

use std::path::Path;
use std::time::Duration;

use crate::batch::SkippedSample;
use crate::predictor::Predictor;
use crate::pretrained::PretrainedReport;
use crate::progress::{EpochRecord, Losses, Progress};

/// What happens during a run, for progress bars, tables, logs, curves and trackers.
///
/// Nobody who is told can change the run.
#[derive(Debug)]
pub enum TrainEvent<'a> {
    /// The encoder was loaded from a file.
    Pretrained(&'a PretrainedReport),
    /// The run starts, or goes on, from here.
    Started {
        /// Where.
        progress: &'a Progress,
        /// Batches in an epoch.
        batches: usize,
        /// Epochs of the whole run.
        epochs: usize,
    },
    /// A sample could not be used.
    Skipped(&'a SkippedSample),
    /// A step was taken.
    Batch(BatchReport),
    /// A step was left out, since a loss or gradient was not finite.
    LeftOut {
        /// The epoch, from 0.
        epoch: usize,
        /// Batches of the epoch that are done.
        batch: usize,
        /// The names of the step's samples (of rank 0's share).
        samples: &'a [String],
    },
    /// A checkpoint is about to be written: whoever keeps a log that must not lag behind it
    /// brings it to the disk now.
    Saving,
    /// A checkpoint was written.
    Saved {
        /// The file.
        path: &'a Path,
        /// Time that took.
        duration: Duration,
    },
    /// The epoch's batches are done and validation starts.
    Validating {
        /// The epoch, from 0.
        epoch: usize,
        /// The network that is validated.
        predictor: &'a Predictor,
    },
    /// An epoch is done; the checkpoint is about to be written.
    EpochEnd {
        /// What it brought.
        record: &'a EpochRecord,
        /// Whether it is the best so far.
        is_best: bool,
        /// Time of its batches (since the last interruption).
        training: Duration,
        /// Time of its validation.
        validation: Duration,
    },
}

/// What a step of the optimizer brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchReport {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches in the epoch.
    pub batches: usize,
    /// Mean losses of the step's images, on all ranks.
    pub losses: Losses,
    /// The learning rate, before the factors of layers.
    pub learning_rate: f64,
    /// Norm of the gradient over all parameters, before clipping.
    pub gradient_norm: f64,
    /// Images a second over this step, on all ranks.
    pub images_per_second: f64,
}
