//! Settings of a training run.

use serde::{Deserialize, Serialize};

use crate::augment::AugmentConfig;
use crate::loss::LossConfig;
use crate::optimizer::AdamConfig;
use crate::plane::Size;
use crate::schedule::Schedule;

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
