//! When a run is saved, and into which files.

use std::path::PathBuf;
use std::time::Instant;

use super::{TrainError, TrainEvent, Training};
use crate::checkpoint::{self, TrainingState};
use crate::retention::{LAST, place_of_newest, prune_best, set_last_aside};
use crate::state_dict::TensorSource;
use crate::tensor_map::{TensorMap, Which};
use crate::weights;

/// Saves a run now and then. Only rank 0 writes.
pub(super) struct Saver<'a> {
    training: &'a Training<'a>,
    last: PathBuf,
    /// The optimizer's steps at the last save.
    steps: u64,
    /// When that was.
    saved_at: Instant,
    /// Batches seen since then.
    batches: usize,
    /// The epoch's batches seen so far.
    batch: usize,
}

impl<'a> Saver<'a> {
    /// For a run that starts after `steps` steps.
    pub(super) fn new(training: &'a Training<'a>, steps: u64) -> Self {
        Self {
            training,
            last: training.folder.join(LAST),
            steps,
            saved_at: Instant::now(),
            batches: 0,
            batch: 0,
        }
    }

    /// Saves after a step if the last save is long enough ago.
    pub(super) fn save_if_due(
        &mut self,
        state: &TrainingState,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<(), TrainError> {
        let policy = &self.training.config.checkpoint;
        self.batches += state.progress.batch.saturating_sub(self.batch);
        self.batch = state.progress.batch;
        let minutes = self.saved_at.elapsed().as_secs_f64() / 60.0;
        let is_due = policy.every_minutes.is_some_and(|every| minutes >= every)
            || policy
                .every_batches
                .is_some_and(|every| self.batches >= every);
        if is_due {
            self.save(state, observe)?;
        }
        Ok(())
    }

    /// Saves at an epoch's end: its network too if it is among the best.
    ///
    /// The network first: a run killed in between goes through the epoch's end again and writes
    /// the same.
    pub(super) fn save_epoch(
        &mut self,
        state: &TrainingState,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<(), TrainError> {
        self.batch = 0;
        let training = self.training;
        if !training.is_first() {
            return Ok(());
        }
        self.require_finite(state)?;
        let (folder, history) = (training.folder, &state.progress.history);
        let keep = training.config.checkpoint.keep_best;
        let place = place_of_newest(folder, history, keep);
        if let Some(path) = place.map_err(|cause| self.untidy(cause))? {
            let tensors = state.average.tensors(&state.network);
            let size = training.config.size;
            let named = tensors.iter();
            let named = named.map(|(name, tensor)| (name.as_str(), tensor as &dyn TensorSource));
            weights::write(&path, training.network, size, named).map_err(|cause| {
                TrainError::Write {
                    cause,
                    saved: training.saved(),
                }
            })?;
        }
        self.save(state, observe)?;
        prune_best(folder, history, keep).map_err(|cause| self.untidy(cause))
    }

    /// Saves now.
    pub(super) fn save(
        &mut self,
        state: &TrainingState,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<(), TrainError> {
        let training = self.training;
        if !training.is_first() {
            return Ok(());
        }
        self.require_finite(state)?;
        observe(&TrainEvent::Saving);
        let start = Instant::now();
        let keep = training.config.checkpoint.keep_last;
        let aside = set_last_aside(training.folder, self.steps, keep);
        aside.map_err(|cause| self.untidy(cause))?;
        checkpoint::write(&self.last, state, training.network, training.config).map_err(
            |cause| TrainError::Write {
                cause,
                saved: training.saved(),
            },
        )?;
        self.steps = state.optimizer.steps();
        self.saved_at = Instant::now();
        self.batches = 0;
        observe(&TrainEvent::Saved {
            path: &self.last,
            duration: start.elapsed(),
        });
        Ok(())
    }

    /// Saves what a lost rank left whole; other errors are passed on.
    pub(super) fn rescue(
        &mut self,
        state: &TrainingState,
        error: TrainError,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> TrainError {
        let TrainError::LostRank { cause, .. } = error else {
            return error;
        };
        match self.save(state, observe) {
            Ok(()) => self.training.lost_rank(cause),
            Err(error) => error,
        }
    }

    fn require_finite(&self, state: &TrainingState) -> Result<(), TrainError> {
        let tensors = TensorMap::of(&state.network, Which::All);
        match tensors.first_not_finite() {
            None => Ok(()),
            Some(tensor) => Err(TrainError::WeightsNotFinite {
                tensor: tensor.to_owned(),
                epoch: state.progress.epoch,
                batch: state.progress.batch,
                saved: self.training.saved(),
            }),
        }
    }

    fn untidy(&self, cause: std::io::Error) -> TrainError {
        TrainError::Tidy {
            folder: self.training.folder.to_owned(),
            cause,
            saved: self.training.saved(),
        }
    }
}
