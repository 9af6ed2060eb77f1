//! The training loop.
//!
//! [`Training::run`] is the whole of it: batches in their order, a step for each few of them, a
//! validation and a checkpoint for each epoch. Who wants to know how it goes is told by
//! [`TrainEvent`]s; what a step does is in `train/step.rs`, what is saved in `train/save.rs`.

mod error;
mod event;
mod save;
mod step;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::average::Average;
use crate::batch::BatchPlan;
use crate::checkpoint::{self, TrainingState};
use crate::collective::{Alone, Collective};
use crate::network::{Network, UnetConfig};
use crate::optimizer::Optimizer;
use crate::predictor::Predictor;
use crate::pretrained;
use crate::progress::Progress;
pub use crate::retention::{BEST, LAST};
use crate::sample::SampleSource;
use crate::schedule::Clock;
use crate::state_dict::StateDict;
use crate::train_config::TrainConfig;
pub use error::{Saved, TrainError};
pub use event::{BatchReport, TrainEvent};
use save::Saver;
use step::Step;

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
    /// Where the first rank keeps [`LAST`] and [`BEST`]; must exist.
    pub folder: &'a Path,
    /// Goes on from [`LAST`] if there is one; otherwise starts anew.
    pub resume: bool,
    /// The weights to start anew from, instead of random and pretrained ones.
    pub start_from: Option<&'a StateDict>,
    /// Those who learn together.
    pub collective: &'a dyn Collective,
    /// Ends the run after the step in work, as [`Outcome::Interrupted`].
    pub cancel: &'a AtomicBool,
}

/// What a validation found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Decides which epoch is best; higher is better. Must be finite.
    pub score: f64,
    /// Anything else worth keeping.
    pub metrics: BTreeMap<String, f64>,
}

/// A validation, or whatever made it fail.
pub type ValidationResult = Result<Validation, Box<dyn Error + Send + Sync>>;

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

impl<'a> Training<'a> {
    /// A run on one device that goes on from its checkpoint in `folder`, if there is one.
    #[must_use]
    pub fn new(
        network: &'a UnetConfig,
        config: &'a TrainConfig,
        samples: &'a dyn SampleSource,
        device: &'a Device,
        folder: &'a Path,
        cancel: &'a AtomicBool,
    ) -> Self {
        Self {
            network,
            config,
            samples,
            device,
            folder,
            resume: true,
            start_from: None,
            collective: &Alone,
            cancel,
        }
    }

    /// Trains until all epochs are done, the score stops rising, or the run is cancelled.
    ///
    /// After each epoch `validate` scores the network, [`BEST`] is written if the score is the
    /// highest so far, and [`LAST`]; in between [`LAST`] is written as often as the settings say.
    /// The same settings and samples give the same bytes in both, for any number of threads, and
    /// however often the run was interrupted or killed and resumed.
    ///
    /// Of several ranks, the first one validates and saves; all give the same report.
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
        let plan = self.batch_plan();
        let mut state = self.start(observe)?;
        let mut saver = Saver::new(self, state.optimizer.steps());
        observe(&TrainEvent::Started {
            progress: &state.progress,
            batches: plan.batches(),
            epochs: self.config.epochs,
        });
        loop {
            if let Some(outcome) = self.outcome(&state.progress) {
                return Ok(report(outcome, state));
            }
            let (epoch, epoch_start) = (state.progress.epoch, Instant::now());
            let rate = |progress: &Progress| self.learning_rate(&plan, progress);

            let mut batches = plan
                .prefetch(scope, epoch, state.progress.batch)
                .into_iter();
            loop {
                let step_start = Instant::now();
                let learning_rate = rate(&state.progress);
                let (next, end) = self.step(state, &mut batches, learning_rate, observe);
                state = next;
                match end {
                    Ok(Some(Step {
                        left_out: true,
                        samples,
                        ..
                    })) => {
                        observe(&TrainEvent::LeftOut {
                            epoch,
                            batch: state.progress.batch,
                            samples: &samples,
                        });
                    }
                    Ok(Some(step)) => observe(&TrainEvent::Batch(BatchReport {
                        epoch,
                        batch: state.progress.batch,
                        batches: plan.batches(),
                        losses: step.losses,
                        learning_rate,
                        gradient_norm: step.gradient_norm,
                        images_per_second: step.images as f64 / step_start.elapsed().as_secs_f64(),
                    })),
                    Ok(None) => break,
                    Err(error) => return Err(saver.rescue(&state, error, observe)),
                }
                match self.is_cancelled() {
                    Ok(false) => {}
                    Ok(true) => break,
                    Err(error) => return Err(saver.rescue(&state, error, observe)),
                }
                saver.save_if_due(&state, observe)?;
            }
            drop(batches);
            match self.is_cancelled() {
                Ok(false) => {}
                Ok(true) => {
                    saver.save(&state, observe)?;
                    return Ok(report(Outcome::Interrupted, state));
                }
                Err(error) => return Err(saver.rescue(&state, error, observe)),
            }
            if state.progress.images == 0 {
                return Err(TrainError::NoSamples(self.samples.len()));
            }

            let training = epoch_start.elapsed();
            let average = state.average.clone();
            let kind = self.config.average;
            state.average.add_epoch(kind, &state.network, epoch);
            let validation = match self.validate(&state, validate, observe) {
                Ok(Some(validation)) => validation,
                // Saved as before the epoch's end, which will be gone through again.
                Ok(None) => {
                    state.average = average;
                    saver.save(&state, observe)?;
                    return Ok(report(Outcome::Interrupted, state));
                }
                Err(error) => {
                    state.average = average;
                    return Err(saver.rescue(&state, error, observe));
                }
            };
            let learning_rate = rate(&state.progress);
            let Validation { score, metrics } = validation;
            state.progress.finish_epoch(learning_rate, score, metrics);
            if let Some(record) = state.progress.history.last() {
                observe(&TrainEvent::EpochEnd {
                    record,
                    is_best: state.progress.epochs_without_rise() == 0,
                    training,
                    validation: epoch_start.elapsed().saturating_sub(training),
                });
            }
            drop(average);
            saver.save_epoch(&state, observe)?;
        }
    }

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        self.network.check()?;
        self.network.check_size(self.config.size)?;
        self.config.check()?;
        self.config.loss.check_classes(self.network.classes)?;
        let ranks = self.collective.ranks();
        if ranks != self.config.ranks {
            return Err(TrainError::Ranks {
                expected: self.config.ranks,
                found: ranks,
            });
        }
        if self.samples.is_empty() {
            return Err(TrainError::NoSamples(0));
        }
        Ok(())
    }

    pub(crate) fn batch_plan(&self) -> BatchPlan<'_> {
        BatchPlan {
            samples: self.samples,
            limit: self.config.samples,
            batch_size: self.config.batch_size,
            rank: self.collective.rank(),
            ranks: self.collective.ranks(),
            size: self.config.size,
            classes: self.network.classes,
            loader: self.config.loader,
            compat: self.config.compat,
            augment: &self.config.augment,
            loss: &self.config.loss,
            seed: self.config.seed,
        }
    }

    /// The learning rate of the next step.
    fn learning_rate(&self, plan: &BatchPlan, progress: &Progress) -> f64 {
        let config = self.config;
        let steps = |batches: usize| batches.div_ceil(config.accumulate) as u64;
        let clock = Clock {
            epoch: progress.epoch as u64,
            epochs: config.epochs as u64,
            step: steps(progress.batch),
            steps_per_epoch: steps(plan.batches()),
            scores: &progress.scores(),
        };
        let (rate, unit) = (config.learning_rate, config.schedule_unit);
        let schedule = &config.schedule;
        schedule.learning_rate(rate, unit, &config.warmup, &clock)
    }

    /// The state to go on from: the checkpoint's, or a new network's; rank 0's on all ranks.
    pub(crate) fn start(
        &self,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<TrainingState, TrainError> {
        let last = self.folder.join(LAST);
        let resumes = self.is_first() && self.resume && last.exists();
        let checkpoint = if resumes {
            checkpoint::read(&last)?
        } else {
            Vec::new()
        };
        let checkpoint = self.broadcast(checkpoint)?;
        let (network, config) = (self.network, self.config);
        let mut state = if checkpoint.is_empty() {
            TrainingState {
                network: self.first_network(observe)?.train(),
                optimizer: Optimizer::new(config.optimizer.clone()),
                average: Average::default(),
                progress: Progress::default(),
            }
        } else {
            checkpoint::from_bytes(&checkpoint, &last, network, config, self.device)?
        };
        state.network = config.freeze.apply(state.network)?;
        Ok(state)
    }

    /// The network before its first step.
    fn first_network(&self, observe: &mut dyn FnMut(&TrainEvent)) -> Result<Network, TrainError> {
        let (config, device) = (self.network, self.device);
        let from_state =
            |state| Network::from_state_dict(config, state, device).map_err(TrainError::Start);
        let mut network = match self.start_from {
            Some(state) if self.is_first() => from_state(state.clone())?,
            _ => Network::new(config, self.config.seed, device),
        };
        if self.is_first() && self.start_from.is_none() {
            let (loaded, report) = pretrained::start(network, config)?;
            if let Some(report) = report {
                observe(&TrainEvent::Pretrained(&report));
            }
            network = loaded;
            if config.unit_activations {
                network = self.with_unit_activations(network);
            }
        }
        if self.collective.ranks() == 1 {
            return Ok(network);
        }
        let bytes = StateDict::of(&network)
            .to_safetensors("")
            .map_err(|cause| {
                TrainError::lost(format!("the network cannot be sent: {cause}"), self.saved())
            })?;
        let bytes = self.broadcast(bytes)?;
        let state = StateDict::from_safetensors(&bytes).map_err(|cause| {
            TrainError::lost(format!("it sent no network: {cause}"), self.saved())
        })?;
        from_state(state.0)
    }

    /// Measured on the first batch of the first epoch that has samples; without any the run fails
    /// later.
    fn with_unit_activations(&self, network: Network) -> Network {
        let plan = self.batch_plan();
        let order = plan.order(0);
        let mut batches = (0..plan.batches()).map(|index| plan.batch(0, &order, index));
        match batches.find(|batch| !batch.names.is_empty()) {
            Some(batch) => network.with_unit_activations(batch.to_device(self.device).images),
            None => network,
        }
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

    /// Validates the network, or the average of its weights, on rank 0; `None` if cancelled
    /// meanwhile.
    fn validate(
        &self,
        state: &TrainingState,
        validate: &mut dyn FnMut(&Predictor) -> ValidationResult,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<Option<Validation>, TrainError> {
        let epoch = state.progress.epoch;
        let failed = |cause| TrainError::Validation { epoch, cause };
        let mut validation = None;
        if self.is_first() {
            let network = state.average.network(&state.network);
            let predictor = Predictor::new(&network, self.config.size, self.device);
            drop(network);
            observe(&TrainEvent::Validating {
                epoch,
                predictor: &predictor,
            });
            validation = match validate(&predictor) {
                Ok(validation) => Some(validation),
                Err(_) if self.cancel.load(Ordering::Relaxed) => None,
                Err(cause) => return Err(failed(cause)),
            };
            if let Some(Validation { score, .. }) = validation
                && !score.is_finite()
            {
                return Err(failed(format!("the score is {score}").into()));
            }
        }
        if self.collective.ranks() == 1 {
            return Ok(validation);
        }
        if let Some(validation) = &mut validation {
            // JSON has no other numbers.
            validation.metrics.retain(|_, value| value.is_finite());
        }
        let bytes = serde_json::to_vec(&validation).map_err(|cause| failed(cause.into()))?;
        serde_json::from_slice(&self.broadcast(bytes)?).map_err(|cause| failed(cause.into()))
    }

    fn is_first(&self) -> bool {
        self.collective.rank() == 0
    }

    /// Whether the run shall end, on any rank.
    fn is_cancelled(&self) -> Result<bool, TrainError> {
        let here = self.cancel.load(Ordering::Relaxed);
        if self.collective.ranks() == 1 {
            return Ok(here);
        }
        let mut flag = [f32::from(u8::from(here))];
        self.collective
            .sum(&mut flag)
            .map_err(|cause| self.lost_rank(cause))?;
        Ok(flag[0] > 0.0)
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>, TrainError> {
        let received = self.collective.broadcast(bytes);
        received.map_err(|cause| self.lost_rank(cause))
    }

    fn lost_rank(&self, cause: crate::collective::LostRank) -> TrainError {
        TrainError::LostRank {
            cause,
            saved: self.saved(),
        }
    }

    /// What a failed run can go on from.
    fn saved(&self) -> Saved {
        let last = self.folder.join(LAST);
        Saved {
            checkpoint: (self.is_first() && last.exists()).then_some(last),
        }
    }
}

fn report(outcome: Outcome, state: TrainingState) -> TrainReport {
    TrainReport {
        outcome,
        progress: state.progress,
    }
}

#[cfg(test)]
mod tests;
