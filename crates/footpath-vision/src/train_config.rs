//! Settings of a training run.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::augment::AugmentConfig;
use crate::average::AverageConfig;
use crate::layer_rates::{Freeze, LayerRates};
use crate::loader::{Loader, TrainCompat};
use crate::loss::LossConfig;
use crate::optimizer::OptimizerConfig;
use crate::plane::Size;
use crate::schedule::{Schedule, Unit, Warmup};
use crate::setting::{SettingError, require};

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Seed of the first weights, the order of samples and their augmentation. 0 unless told.
    pub seed: u64,
    /// Passes over the samples. 100 unless told.
    pub epochs: usize,
    /// Learns from so many samples only, drawn by the seed; from all unless told.
    pub samples: Option<usize>,
    /// Samples in a batch on each rank; at least 1. 20 unless told.
    pub batch_size: usize,
    /// Workers (devices or processes) that take a step together, each on `batch_size` samples of
    /// its own; at least 1. 1 unless told.
    pub ranks: usize,
    /// Batches whose gradients are averaged for one step of the optimizer; at least 1. 1 unless
    /// told.
    pub accumulate: usize,
    /// The network's input size. 256x256 unless told.
    pub size: Size,
    /// The learning rate at first; the schedule takes it from there. 5e-4 unless told.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Whether the schedule counts epochs or batches. Epochs unless told.
    pub schedule_unit: Unit,
    /// A slow start.
    pub warmup: Warmup,
    /// Factors of the learning rate by layer.
    pub layer_rates: LayerRates,
    /// Layers that do not learn.
    pub freeze: Freeze,
    /// The optimizer. Adam unless told.
    pub optimizer: OptimizerConfig,
    /// Shortens gradients whose norm over all parameters is greater (Pascanu et al. 2013,
    /// arXiv 1211.5063). Off unless told.
    pub clip_norm: Option<f64>,
    /// Keeps an average of the weights instead of the last ones.
    pub average: AverageConfig,
    /// Ends training when the validation score has not risen for this many epochs; `None` never.
    /// 30 unless told.
    pub patience: Option<usize>,
    /// What is minimised.
    pub loss: LossConfig,
    /// How images of other sizes come to the network's.
    pub loader: Loader,
    /// Behaviours of the 2018 solution to compare with.
    pub compat: TrainCompat,
    /// How samples are varied.
    pub augment: AugmentConfig,
    /// Ends training at a sample that cannot be used, instead of leaving it out. Off unless told.
    pub strict: bool,
    /// What is done when a loss or gradient is infinite or not a number. Ends training unless
    /// told.
    pub not_finite: NotFinite,
    /// When the run is saved, and what is kept.
    pub checkpoint: CheckpointConfig,
    /// Trainings one after the other, each from the network that the one before found best: what
    /// each has different from the settings above, such as `{epochs: 5, loss.dice: 5}`. One
    /// training unless told. A single run takes no notice of it; whoever starts runs does.
    pub stages: Vec<Map<String, Value>>,
}

/// What is done when a loss or gradient is infinite or not a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotFinite {
    /// Training ends, and names the samples.
    #[default]
    Stop,
    /// The step is left out; ten in a row end training.
    Skip,
}

/// When a run is saved besides at each epoch's end and when interrupted, and what is kept.
///
/// None of it changes what is learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Saves in mid-epoch when the last save is this long ago, in minutes; `None` never. 5
    /// unless told.
    pub every_minutes: Option<f64>,
    /// Saves in mid-epoch after this many batches; `None` never. Never unless told.
    pub every_batches: Option<usize>,
    /// Checkpoints kept, the newest as `last.safetensors`; at least 1. 1 unless told.
    pub keep_last: usize,
    /// Networks of the best epochs kept, the best as `best.safetensors`; at least 1. 1 unless
    /// told.
    pub keep_best: usize,
    /// Keeps the last checkpoint when the run is done, beside its metrics. Off unless told.
    pub keep_finished: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every_minutes: Some(5.0),
            every_batches: None,
            keep_last: 1,
            keep_best: 1,
            keep_finished: false,
        }
    }
}

impl TrainConfig {
    /// Refuses settings no network can be trained with.
    ///
    /// # Errors
    /// Names the first such setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let checkpoint = &self.checkpoint;
        for (name, count) in [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("ranks", self.ranks),
            ("accumulate", self.accumulate),
            ("samples", self.samples.unwrap_or(1)),
            (
                "checkpoint.every_batches",
                checkpoint.every_batches.unwrap_or(1),
            ),
            ("checkpoint.keep_last", checkpoint.keep_last),
            ("checkpoint.keep_best", checkpoint.keep_best),
        ] {
            require(name, count, count >= 1, "at least 1")?;
        }
        for (name, value) in [
            ("learning_rate", self.learning_rate),
            ("clip_norm", self.clip_norm.unwrap_or(1.0)),
            (
                "checkpoint.every_minutes",
                checkpoint.every_minutes.unwrap_or(1.0),
            ),
        ] {
            let valid = value.is_finite() && value > 0.0;
            require(name, value, valid, "a finite number above 0")?;
        }
        self.optimizer.check()?;
        self.schedule.check()?;
        self.warmup.check()?;
        self.layer_rates.check()?;
        self.average.check()?;
        self.loss.check()?;
        self.augment.check()
    }

    /// The same training but for what changes nothing that is learnt: strictness, what is done
    /// about losses that are no numbers (a run that ends without error met none, or learnt
    /// nothing from them), when it is saved, and other stages.
    #[must_use]
    pub fn essence(&self) -> Self {
        Self {
            strict: false,
            not_finite: NotFinite::default(),
            checkpoint: CheckpointConfig::default(),
            stages: Vec::new(),
            ..self.clone()
        }
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 100,
            samples: None,
            batch_size: 20,
            ranks: 1,
            accumulate: 1,
            size: Size::new(256, 256),
            learning_rate: 5e-4,
            schedule: Schedule::default(),
            schedule_unit: Unit::default(),
            warmup: Warmup::default(),
            layer_rates: LayerRates::default(),
            freeze: Freeze::default(),
            optimizer: OptimizerConfig::default(),
            clip_norm: None,
            average: AverageConfig::default(),
            patience: Some(30),
            loss: LossConfig::default(),
            loader: Loader::default(),
            compat: TrainCompat::default(),
            augment: AugmentConfig::default(),
            strict: false,
            not_finite: NotFinite::default(),
            checkpoint: CheckpointConfig::default(),
            stages: Vec::new(),
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
        assert_eq!(config.learning_rate, 5e-4);
        let OptimizerConfig::Adam(adam) = config.optimizer else {
            panic!("{:?}", config.optimizer);
        };
        assert_eq!(adam.weight_decay, 1e-4);
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
        assert_eq!(
            refused(&|c| c.epochs = 0),
            "epochs is 0; expected at least 1"
        );
        assert_eq!(
            refused(&|c| c.checkpoint.keep_best = 0),
            "checkpoint.keep_best is 0; expected at least 1"
        );
        let message = "learning_rate is NaN; expected a finite number above 0";
        assert_eq!(refused(&|c| c.learning_rate = f64::NAN), message);
        let message = "clip_norm is 0; expected a finite number above 0";
        assert_eq!(refused(&|c| c.clip_norm = Some(0.0)), message);
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

    #[test]
    fn optimizers_are_chosen_by_kind_and_their_keys_checked() {
        let read = |text| serde_json::from_str::<TrainConfig>(text);
        let config = read(r#"{"optimizer": {"kind": "sgd", "nesterov": true}}"#).unwrap();
        let OptimizerConfig::Sgd(sgd) = config.optimizer else {
            panic!("{:?}", config.optimizer);
        };
        assert_eq!((sgd.momentum, sgd.nesterov), (0.9, true));
        let error = read(r#"{"optimizer": {"kind": "adamw", "momentum": 0.9}}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `momentum`"),
            "{error}"
        );
    }
}
