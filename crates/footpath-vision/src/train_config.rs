//! Settings of a training run.

use serde::{Deserialize, Serialize};

use crate::augment::AugmentConfig;
use crate::loss::LossConfig;
use crate::optimizer::AdamConfig;
use crate::plane::Size;
use crate::schedule::Schedule;
use crate::setting::{SettingError, require};

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Seed of the first weights, the order of samples and their augmentation. 0 unless told.
    pub seed: u64,
    /// Passes over the samples. 100 unless told.
    pub epochs: usize,
    /// Samples in a step; at least 1. 20 unless told.
    pub batch_size: usize,
    /// The network's input size. 256x256 unless told.
    pub size: Size,
    /// The optimizer.
    pub adam: AdamConfig,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Ends training when the validation score has not risen for this many epochs; `None` never.
    /// 30 unless told.
    pub patience: Option<usize>,
    /// What is minimised.
    pub loss: LossConfig,
    /// How samples are varied.
    pub augment: AugmentConfig,
    /// Ends training at a sample that cannot be used, instead of leaving it out. Off unless told.
    pub strict: bool,
}

impl TrainConfig {
    /// Refuses settings no network can be trained with.
    ///
    /// # Errors
    /// Names the first such setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        require(
            "batch_size",
            self.batch_size,
            self.batch_size >= 1,
            "at least 1",
        )?;
        self.adam.check()?;
        self.schedule.check()?;
        self.loss.check()?;
        self.augment.check()
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 100,
            batch_size: 20,
            size: Size::new(256, 256),
            adam: AdamConfig::default(),
            schedule: Schedule::default(),
            patience: Some(30),
            loss: LossConfig::default(),
            augment: AugmentConfig::default(),
            strict: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_original_and_pass() {
        let config = TrainConfig::default();
        assert_eq!(config.check(), Ok(()));
        assert_eq!((config.batch_size, config.patience), (20, Some(30)));
        assert_eq!(
            (config.adam.learning_rate, config.adam.weight_decay),
            (5e-4, 1e-4)
        );
        assert_eq!(
            (config.loss.w0, config.loss.sigma, config.loss.dice),
            (50.0, 10.0, 0.2)
        );
    }

    #[test]
    fn senseless_settings_are_named() {
        let refused = |change: &dyn Fn(&mut TrainConfig)| {
            let mut config = TrainConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            refused(&|c| c.batch_size = 0),
            "batch_size is 0; expected at least 1"
        );
        let message = "adam.learning_rate is NaN; expected a finite number above 0";
        assert_eq!(refused(&|c| c.adam.learning_rate = f64::NAN), message);
        let message = "loss.sigma is 0; expected a finite number above 0";
        assert_eq!(refused(&|c| c.loss.sigma = 0.0), message);
        let message = "schedule.gamma is 1.5; expected above 0, at most 1";
        assert_eq!(
            refused(&|c| c.schedule = Schedule::Exponential { gamma: 1.5 }),
            message
        );
        let message = "augment.shift is -1; expected 0 to 1";
        assert_eq!(refused(&|c| c.augment.shift = -1.0), message);
    }
}
