//! Trainings one after the other, each from the best network of the one before.
//!
//! Every stage is a step of its own, so a change to the last of four repeats the last alone.

use crate::config::{ConfigError, overlay};
use footpath_vision::train_config::TrainConfig;

/// Name of the step that fits the network, where there is only one.
pub const UNET_STEP: &str = "unet";

/// One of the trainings that make a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The name of its step: [`UNET_STEP`], or `unet_stage_1` and so on where there are stages.
    pub step: String,
    /// Its number, from 0.
    pub index: usize,
    /// How many there are; at least 1.
    pub stages: usize,
    /// Its settings.
    pub training: TrainConfig,
}

impl Stage {
    /// The only stage of a training.
    pub(super) fn only(training: &TrainConfig) -> Self {
        Self {
            step: UNET_STEP.to_owned(),
            index: 0,
            stages: 1,
            training: TrainConfig {
                stages: Vec::new(),
                ..training.clone()
            },
        }
    }
}

/// The stages of a training, in order; one where the settings name none.
///
/// A stage has the settings of `training` but for those it changes. Its seed is that of `training`
/// plus its number, unless it has its own, so that no stage sees the samples in the order of
/// another. Its schedule and its patience start anew.
///
/// # Errors
/// When a stage has a key that does not exist (with the nearest that does) or a value that cannot
/// be used.
pub fn stages(training: &TrainConfig) -> Result<Vec<Stage>, ConfigError> {
    let changes = &training.stages;
    let only = Stage::only(training);
    if changes.is_empty() {
        return Ok(vec![only]);
    }
    let base = only.training;
    let stage = |index: usize| {
        let origin = format!("stage {} of training.stages", index + 1);
        let refused = |key: &str, message: String| ConfigError::Value {
            key: key.to_owned(),
            message,
            origin: origin.clone(),
        };
        let mut training: TrainConfig = overlay(&base, &changes[index], &origin)?;
        if !training.stages.is_empty() {
            return Err(refused("stages", "a stage has no stages".to_owned()));
        }
        if training.size != base.size || training.ranks != base.ranks {
            let why = "all stages of a training have the same".to_owned();
            let key = if training.size == base.size {
                "ranks"
            } else {
                "size"
            };
            return Err(refused(key, why));
        }
        if !changes[index].contains_key("seed") {
            training.seed = base.seed.wrapping_add(index as u64);
        }
        Ok(Stage {
            step: stage_step(index),
            index,
            stages: changes.len(),
            training,
        })
    };
    (0..changes.len()).map(stage).collect()
}

/// Name of the step that gives the trained network, the last stage's.
#[must_use]
pub fn final_step(training: &TrainConfig) -> String {
    match training.stages.len() {
        0 => UNET_STEP.to_owned(),
        stages => stage_step(stages - 1),
    }
}

fn stage_step(index: usize) -> String {
    format!("{UNET_STEP}_stage_{}", index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn training(stages: serde_json::Value) -> TrainConfig {
        TrainConfig {
            seed: 7,
            stages: serde_json::from_value(stages).unwrap(),
            ..TrainConfig::default()
        }
    }

    #[test]
    fn no_stages_are_one_training_under_the_old_name() {
        let plain = training(json!([]));
        let found = stages(&plain).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].step.as_str(), found[0].stages), ("unet", 1));
        assert_eq!(found[0].training, plain);
        assert_eq!(final_step(&plain), "unet");
    }

    #[test]
    fn a_stage_changes_what_it_names() {
        let training = training(json!([
            {"samples": 50, "learning_rate": 1e-4, "loss.dice": 0.5},
            {"freeze": {"layers": ["encoder"]}, "loss": {"dice": 5.0}, "seed": 3},
        ]));
        let found = stages(&training).unwrap();
        let steps: Vec<_> = found.iter().map(|stage| stage.step.as_str()).collect();
        assert_eq!(steps, ["unet_stage_1", "unet_stage_2"]);
        assert_eq!(final_step(&training), "unet_stage_2");
        let [first, second] = [&found[0].training, &found[1].training];
        assert_eq!((first.samples, second.samples), (Some(50), None));
        assert_eq!((first.learning_rate, second.learning_rate), (1e-4, 5e-4));
        assert_eq!((first.loss.dice, second.loss.dice), (0.5, 5.0));
        assert_eq!(first.loss.w0, 50.0);
        assert_eq!(second.freeze.layers, ["encoder"]);
        assert_eq!((first.seed, second.seed), (7, 3));
        assert_eq!(
            stages(&TrainConfig {
                stages: vec![serde_json::Map::new(); 2],
                ..training
            })
            .unwrap()[1]
                .training
                .seed,
            8
        );
    }

    #[test]
    fn a_wrong_stage_is_refused_by_number_and_key() {
        let refused = |stage| {
            let found = stages(&training(json!([{}, stage])));
            found.unwrap_err().to_string()
        };
        assert_eq!(
            refused(json!({"learning_rat": 1e-4})),
            "unknown key `learning_rat` in stage 2 of training.stages; did you mean \
             `learning_rate`?"
        );
        assert_eq!(
            refused(json!({"loss.dic": 1e-4})),
            "unknown key `loss.dic` in stage 2 of training.stages; did you mean `loss.dice`?"
        );
        let message = refused(json!({"epochs": "many"}));
        assert!(
            message.contains("the value of `epochs` cannot be used"),
            "{message}"
        );
        let message = refused(json!({"stages": [{}]}));
        assert!(message.contains("a stage has no stages"), "{message}");
        let message = refused(json!({"size": {"height": 32}}));
        assert!(
            message.contains("all stages of a training have the same"),
            "{message}"
        );
    }
}
