//! How far a training run is, and how it went.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one epoch brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Its learning rate.
    pub learning_rate: f64,
    /// Its mean losses.
    pub losses: Losses,
    /// The validation score; higher is better.
    pub score: f64,
    /// Whatever else the validation measured.
    pub metrics: BTreeMap<String, f64>,
}

/// A loss and its parts before their factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// What is minimised.
    pub total: f64,
    /// The weighted cross entropy.
    pub cross_entropy: f64,
    /// The soft dice loss.
    pub dice: f64,
}

impl Losses {
    /// Adds `other` times `factor`.
    pub(crate) fn add(&mut self, other: &Self, factor: f64) {
        self.total += other.total * factor;
        self.cross_entropy += other.cross_entropy * factor;
        self.dice += other.dice * factor;
    }

    pub(crate) fn divided_by(&self, count: f64) -> Self {
        Self {
            total: self.total / count,
            cross_entropy: self.cross_entropy / count,
            dice: self.dice / count,
        }
    }
}

/// The place of a run between two batches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The epoch it is in, from 0.
    pub epoch: usize,
    /// Batches of that epoch it has passed.
    pub batch: usize,
    /// Images of this epoch learnt from.
    pub images: usize,
    /// Steps just left out in a row because a loss or gradient was not finite.
    pub left_out: usize,
    /// Losses of this epoch, summed over its images.
    pub sums: Losses,
    /// The epochs it has finished.
    pub history: Vec<EpochRecord>,
}

impl Progress {
    /// Counts a step that learnt from `batches` of `images` images in all, their losses summed over
    /// the images.
    pub(crate) fn add_step(&mut self, batches: usize, images: usize, sums: &Losses) {
        self.sums.add(sums, 1.0);
        self.images += images;
        self.batch += batches;
        self.left_out = 0;
    }

    /// Counts a step that was left out.
    pub(crate) fn leave_out_step(&mut self, batches: usize) {
        self.batch += batches;
        self.left_out += 1;
    }

    /// Mean losses of this epoch so far.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.sums.divided_by(self.images.max(1) as f64)
    }

    /// Ends the epoch with its validation. Metrics that are not finite are left out.
    pub fn finish_epoch(
        &mut self,
        learning_rate: f64,
        score: f64,
        mut metrics: BTreeMap<String, f64>,
    ) {
        metrics.retain(|_, value| value.is_finite());
        self.history.push(EpochRecord {
            epoch: self.epoch,
            learning_rate,
            losses: self.losses(),
            score,
            metrics,
        });
        *self = Self {
            epoch: self.epoch + 1,
            history: std::mem::take(&mut self.history),
            ..Self::default()
        };
    }

    /// The epoch with the highest score, the first of equals.
    #[must_use]
    pub fn best(&self) -> Option<&EpochRecord> {
        let better = |best: &'_ EpochRecord, next: &EpochRecord| next.score > best.score;
        let mut history = self.history.iter();
        let first = history.next()?;
        Some(history.fold(
            first,
            |best, next| if better(best, next) { next } else { best },
        ))
    }

    /// Epochs since the best one.
    #[must_use]
    pub fn epochs_without_rise(&self) -> usize {
        self.best().map_or(0, |best| self.epoch - 1 - best.epoch)
    }

    /// Validation scores of the finished epochs.
    #[must_use]
    pub fn scores(&self) -> Vec<f64> {
        self.history.iter().map(|record| record.score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_averaged_over_images_and_the_best_is_kept() {
        let mut progress = Progress::default();
        let losses = |total| Losses {
            total,
            ..Losses::default()
        };
        progress.add_step(1, 3, &losses(3.0));
        progress.leave_out_step(2);
        assert_eq!((progress.batch, progress.left_out), (3, 1));
        progress.add_step(1, 1, &losses(5.0));
        assert_eq!((progress.batch, progress.left_out), (4, 0));
        assert_eq!(progress.losses().total, 2.0);
        let metrics = BTreeMap::from([("ap".into(), 0.5), ("ap_large".into(), f64::NAN)]);
        progress.finish_epoch(0.1, 0.5, metrics);
        for score in [0.7, 0.7, 0.6] {
            progress.finish_epoch(0.1, score, BTreeMap::new());
        }
        assert_eq!((progress.epoch, progress.batch, progress.images), (4, 0, 0));
        assert_eq!(progress.best().unwrap().epoch, 1);
        assert_eq!(progress.epochs_without_rise(), 2);
        assert_eq!(progress.history[0].losses.total, 2.0);
        assert_eq!(progress.history[0].metrics.len(), 1);
    }
}
