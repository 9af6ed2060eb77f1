//! The training loop.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use footpath_kernels::{LossValue, segmentation_loss};

use crate::atomic_file::WriteError;
use crate::batch::{Batch, BatchPlan, SkippedSample};
use crate::checkpoint::{self, CheckpointError, TrainingState};
use crate::network::{Network, SizeError, UnetConfig};
use crate::optimizer::Adam;
use crate::predictor::Predictor;
use crate::pretrained::{PretrainedError, PretrainedReport, load_encoder};
use crate::progress::{EpochRecord, Losses, Progress};
use crate::sample::SampleSource;
use crate::setting::SettingError;
use crate::state_dict::StateDict;
use crate::train_config::TrainConfig;
use crate::weights;

/// The run as it stands, in the run's folder.
pub const LAST: &str = "last.safetensors";
/// The network of the epoch with the highest score, in the run's folder.
pub const BEST: &str = "best.safetensors";

/// A training run to be started or gone on with.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    /// The network.
    pub network: &'a UnetConfig,
    /// The settings.
    pub config: &'a TrainConfig,
    /// The samples to learn from.
    pub samples: &'a dyn SampleSource,
    /// Where the network computes.
    pub device: &'a Device,
    /// Where [`LAST`] and [`BEST`] are kept; must exist.
    pub folder: &'a Path,
    /// Goes on from [`LAST`] if there is one; otherwise starts anew.
    pub resume: bool,
    /// Ends the run after the batch in work, as [`Outcome::Interrupted`].
    pub cancel: &'a AtomicBool,
}

/// What a validation found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Validation {
    /// Decides which epoch is best; higher is better. Must be finite.
    pub score: f64,
    /// Anything else worth keeping.
    pub metrics: BTreeMap<String, f64>,
}

/// A validation, or whatever made it fail.
pub type ValidationResult = Result<Validation, Box<dyn Error + Send + Sync>>;

/// What happens during a run, for progress bars, tables and trackers.
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
    },
    /// A sample could not be used.
    Skipped(&'a SkippedSample),
    /// A step was taken.
    Batch {
        /// The epoch, from 0.
        epoch: usize,
        /// Batches of the epoch that are done.
        batch: usize,
        /// Batches in the epoch.
        batches: usize,
        /// This batch's losses.
        losses: Losses,
        /// Images a second over this batch.
        images_per_second: f64,
    },
    /// The epoch's batches are done and validation starts.
    Validating {
        /// The epoch, from 0.
        epoch: usize,
    },
    /// An epoch is done and the checkpoint written.
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

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Completed,
    /// The score has not risen for as long as the patience lasts.
    StoppedEarly,
    /// It was cancelled, and can go on from its checkpoint.
    Interrupted,
}

/// A run that ended without error.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainReport {
    /// Why it ended.
    pub outcome: Outcome,
    /// Where it ended, with the history of its epochs.
    pub progress: Progress,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The input size does not fit the network.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A setting is out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// There is nothing to learn from.
    #[error("none of the {0} training samples can be used")]
    NoSamples(usize),
    /// A sample cannot be used and the run is strict.
    #[error("{0} (strict: a sample that cannot be used ends the run)")]
    Sample(#[source] SkippedSample),
    /// The encoder's first weights cannot be used.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// The loss is infinite or not a number.
    #[error(
        "the loss is {loss} in epoch {epoch}, batch {batch} ({}); the last checkpoint is intact. \
         Look at these samples, or try a lower learning rate", samples.join(", ")
    )]
    LossNotFinite {
        /// The loss.
        loss: f64,
        /// The epoch, from 0.
        epoch: usize,
        /// The batch, from 0.
        batch: usize,
        /// The names of the batch's samples.
        samples: Vec<String>,
    },
    /// A parameter became infinite or not a number.
    #[error(
        "tensor {tensor} is not finite after epoch {epoch}; the last checkpoint is intact. Try a \
         lower learning rate"
    )]
    WeightsNotFinite {
        /// The tensor.
        tensor: String,
        /// The epoch, from 0.
        epoch: usize,
    },
    /// The validation failed.
    #[error("validation of epoch {epoch} failed: {cause}")]
    Validation {
        /// The epoch, from 0.
        epoch: usize,
        /// Why.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The run cannot go on from its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint cannot be written.
    #[error("{cause}. What was saved last is in {}", last.display())]
    Write {
        /// Why.
        #[source]
        cause: WriteError,
        /// The checkpoint.
        last: PathBuf,
    },
}

impl Training<'_> {
    /// Trains until all epochs are done, the score stops rising, or the run is cancelled.
    ///
    /// After each epoch `validate` scores the network, [`LAST`] is written, and [`BEST`] if the
    /// score is the highest so far. The same settings and samples give the same bytes in both,
    /// for any number of threads, and however often the run was interrupted and resumed.
    ///
    /// # Errors
    /// See [`TrainError`]. Whatever fails, the checkpoint last written is intact.
    pub fn run(
        &self,
        mut validate: impl FnMut(&Predictor) -> ValidationResult,
        mut observe: impl FnMut(&TrainEvent),
    ) -> Result<TrainReport, TrainError> {
        self.check()?;
        thread::scope(|scope| self.epochs(scope, &mut validate, &mut observe))
    }

    fn epochs<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        validate: &mut dyn FnMut(&Predictor) -> ValidationResult,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<TrainReport, TrainError> {
        let config = self.config;
        let autodiff = self.device.clone().autodiff();
        let loss_settings = config.loss.kernel();
        let plan = self.batch_plan();
        let mut state = self.start(observe)?;
        observe(&TrainEvent::Started {
            progress: &state.progress,
            batches: plan.batches(),
        });

        loop {
            if let Some(outcome) = self.outcome(&state.progress) {
                return Ok(report(outcome, state));
            }
            let epoch = state.progress.epoch;
            let scores = state.progress.scores();
            let rate = config
                .schedule
                .learning_rate(config.adam.learning_rate, &scores);

            let epoch_start = Instant::now();
            let mut batch_start = epoch_start;
            for batch in plan.prefetch(scope, epoch, state.progress.batch) {
                if self.is_cancelled() {
                    break;
                }
                let names = batch.names.clone();
                let tensors = self.usable(batch, observe)?.map(|b| b.to_device(&autodiff));
                let mut losses = Losses::default();
                if let Some(batch) = tensors {
                    let logits = state.network.forward(batch.images);
                    let loss =
                        segmentation_loss(logits, batch.labels, batch.weights, &loss_settings);
                    losses = read(&loss);
                    if !losses.total.is_finite() {
                        return Err(TrainError::LossNotFinite {
                            loss: losses.total,
                            epoch,
                            batch: state.progress.batch,
                            samples: names,
                        });
                    }
                    let gradients = loss.total.backward();
                    drop(loss);
                    state.network = state.optimizer.step(state.network, gradients, rate);
                }
                state.progress.add_batch(names.len(), &losses);
                observe(&TrainEvent::Batch {
                    epoch,
                    batch: state.progress.batch,
                    batches: plan.batches(),
                    losses,
                    images_per_second: names.len() as f64 / batch_start.elapsed().as_secs_f64(),
                });
                batch_start = Instant::now();
            }
            if self.is_cancelled() {
                self.save(&state, false)?;
                return Ok(report(Outcome::Interrupted, state));
            }
            if state.progress.images == 0 {
                return Err(TrainError::NoSamples(self.samples.len()));
            }

            let training = epoch_start.elapsed();
            observe(&TrainEvent::Validating { epoch });
            let predictor = Predictor::new(&state.network, config.size, self.device);
            let validation = match validate(&predictor) {
                Ok(validation) => validation,
                Err(_) if self.is_cancelled() => {
                    self.save(&state, false)?;
                    return Ok(report(Outcome::Interrupted, state));
                }
                Err(cause) => return Err(TrainError::Validation { epoch, cause }),
            };
            drop(predictor);
            if !validation.score.is_finite() {
                let cause = format!("the score is {}", validation.score).into();
                return Err(TrainError::Validation { epoch, cause });
            }
            state
                .progress
                .finish_epoch(rate, validation.score, validation.metrics);
            let is_best = state.progress.epochs_without_rise() == 0;
            self.save(&state, is_best)?;
            if let Some(record) = state.progress.history.last() {
                observe(&TrainEvent::EpochEnd {
                    record,
                    is_best,
                    training,
                    validation: epoch_start.elapsed().saturating_sub(training),
                });
            }
        }
    }

    fn check(&self) -> Result<(), TrainError> {
        self.network.check()?;
        self.network.check_size(self.config.size)?;
        self.config.check()?;
        if self.samples.is_empty() {
            return Err(TrainError::NoSamples(0));
        }
        Ok(())
    }

    fn batch_plan(&self) -> BatchPlan<'_> {
        BatchPlan {
            samples: self.samples,
            batch_size: self.config.batch_size,
            size: self.config.size,
            classes: self.network.classes,
            augment: &self.config.augment,
            loss: &self.config.loss,
            seed: self.config.seed,
        }
    }

    /// The state to go on from: the checkpoint's, or a new network's.
    fn start(&self, observe: &mut dyn FnMut(&TrainEvent)) -> Result<TrainingState, TrainError> {
        let last = self.folder.join(LAST);
        if self.resume && last.exists() {
            return Ok(checkpoint::read(
                &last,
                self.network,
                self.config,
                self.device,
            )?);
        }
        let mut network = Network::new(self.network, self.config.seed, self.device);
        if let Some(path) = &self.network.pretrained {
            let (loaded, report) = load_encoder(network, path)?;
            observe(&TrainEvent::Pretrained(&report));
            network = loaded;
        }
        Ok(TrainingState {
            network: network.train(),
            optimizer: Adam::new(self.config.adam.clone()),
            progress: Progress::default(),
        })
    }

    fn outcome(&self, progress: &Progress) -> Option<Outcome> {
        if progress.epoch >= self.config.epochs {
            return Some(Outcome::Completed);
        }
        let waited = progress.epochs_without_rise();
        let lost = self
            .config
            .patience
            .is_some_and(|patience| waited >= patience.max(1));
        lost.then_some(Outcome::StoppedEarly)
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Reports a batch's unusable samples; `None` if that is all it has.
    fn usable(
        &self,
        mut batch: Batch,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<Option<Batch>, TrainError> {
        for skipped in batch.skipped.drain(..) {
            if self.config.strict {
                return Err(TrainError::Sample(skipped));
            }
            observe(&TrainEvent::Skipped(&skipped));
        }
        Ok((!batch.names.is_empty()).then_some(batch))
    }

    /// Writes the best network first: a run killed in between repeats its epoch and writes the
    /// same again.
    fn save(&self, state: &TrainingState, is_best: bool) -> Result<(), TrainError> {
        let tensors = StateDict::of(&state.network);
        if let Some(tensor) = tensors.first_not_finite() {
            return Err(TrainError::WeightsNotFinite {
                tensor: tensor.to_owned(),
                epoch: state.progress.epoch.saturating_sub(1),
            });
        }
        let last = self.folder.join(LAST);
        let (network, training) = (self.network, self.config);
        let written = if is_best {
            weights::write(&self.folder.join(BEST), network, training.size, &tensors)
        } else {
            Ok(())
        };
        written
            .and_then(|()| checkpoint::write(&last, state, &tensors, network, training))
            .map_err(|cause| TrainError::Write { cause, last })
    }
}

fn report(outcome: Outcome, state: TrainingState) -> TrainReport {
    TrainReport {
        outcome,
        progress: state.progress,
    }
}

fn read(loss: &LossValue) -> Losses {
    let number = |tensor: &Tensor<1>| tensor.clone().into_scalar::<f64>();
    Losses {
        total: number(&loss.total),
        cross_entropy: number(&loss.cross_entropy),
        dice: number(&loss.dice),
    }
}

#[cfg(test)]
mod tests;
