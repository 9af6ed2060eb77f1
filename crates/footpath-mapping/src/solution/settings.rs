//! The configuration of a solution.

use super::stages::stages;
use crate::config::ConfigError;
use crate::inference::InferenceOptions;
use crate::postprocess::{Postprocess, PostprocessOptions};
use crate::second_level::ScoringOptions;
use crate::targets::TargetOptions;
use footpath_vision::network::UnetConfig;
use footpath_vision::setting::SettingError;
use footpath_vision::train_config::TrainConfig;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::{Path, PathBuf};

/// Everything that a YAML file can say about a solution.
///
/// Every key has a default; `footpath config show` prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SolutionConfig {
    /// Data sets in the `CrowdAI` layout, joined: one folder or a list of folders.
    #[serde(deserialize_with = "one_or_many")]
    pub data: Vec<PathBuf>,
    /// Where everything computed is kept.
    pub work: PathBuf,
    /// The annotation category that is a building; 100 unless told, or the only one there is.
    pub building_category: Option<u64>,
    /// Further annotation categories, which the network learns as classes of their own; buildings
    /// are what is looked for. None unless told.
    pub categories: Vec<u64>,
    /// The network.
    pub unet: UnetConfig,
    /// The targets it learns from.
    pub targets: TargetOptions,
    /// How it learns.
    pub training: TrainConfig,
    /// How the trained network looks at images, where the pipeline does more than resize.
    pub inference: InferenceOptions,
    /// From probabilities to buildings.
    pub postprocess: PostprocessOptions,
    /// The second level, in pipelines that end in `_scoring_model`.
    pub scoring: ScoringOptions,
}

impl Default for SolutionConfig {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            work: PathBuf::from(".footpath"),
            building_category: None,
            categories: Vec::new(),
            unet: UnetConfig::default(),
            targets: TargetOptions::default(),
            training: TrainConfig::default(),
            inference: InferenceOptions::default(),
            postprocess: PostprocessOptions::default(),
            scoring: ScoringOptions::default(),
        }
    }
}

impl SolutionConfig {
    /// Reads a configuration: defaults, then `file`, then each `key=value` of `overrides`.
    ///
    /// Paths of the file are relative to its folder, paths of overrides to the current one.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(file: Option<&Path>, overrides: &[String]) -> Result<Self, ConfigError> {
        let mut config: Self = crate::config::load(file, overrides)?;
        stages(&config.training)?;
        if let Some(folder) = file.and_then(Path::parent) {
            let overridden = |key: &str| {
                overrides
                    .iter()
                    .any(|text| text.trim_start().starts_with(&format!("{key}=")))
            };
            let anchor = |path: &mut PathBuf| *path = folder.join(&*path);
            if !overridden("data") {
                config.data.iter_mut().for_each(anchor);
            }
            if !overridden("work") {
                anchor(&mut config.work);
            }
            if !overridden("inference.ensemble") {
                config.inference.ensemble.iter_mut().for_each(anchor);
            }
            for (key, path) in [
                ("unet.pretrained", &mut config.unet.pretrained),
                ("unet.weights", &mut config.unet.weights),
            ] {
                if let (false, Some(path)) = (overridden(key), path) {
                    anchor(path);
                }
            }
        }
        config.check()?;
        Ok(config)
    }

    /// Refuses settings that networks, training, inference, post-processing or the second level
    /// cannot follow, or that do not go together, before anything is trained.
    ///
    /// # Errors
    /// [`ConfigError::Refused`] says which and what they may be.
    pub fn check(&self) -> Result<(), ConfigError> {
        let refused = |cause: &dyn ToString| ConfigError::Refused {
            message: cause.to_string(),
        };
        let within = |section: &str, cause: &SettingError| {
            let cause = cause.to_string();
            let section = format!("{section}.");
            refused(&format!("{section}{}", cause.trim_start_matches(&section)))
        };
        self.unet.check().map_err(|cause| within("unet", &cause))?;
        for stage in stages(&self.training)? {
            let checked = stage.training.check();
            checked.map_err(|cause| within("training", &cause))?;
        }
        Postprocess::new(self.postprocess.clone()).map_err(|cause| refused(&cause))?;
        self.scoring.check().map_err(|cause| refused(&cause))?;
        self.inference
            .tta
            .check()
            .map_err(|cause| refused(&cause))?;
        self.check_classes()
    }

    /// Refuses a network with fewer classes than its targets have.
    fn check_classes(&self) -> Result<(), ConfigError> {
        let names = self.targets.class_names(&self.categories);
        if names.len() <= self.unet.classes {
            return Ok(());
        }
        let origin = "`unet`, `targets` and `categories` together";
        Err(ConfigError::Value {
            key: "unet.classes".to_owned(),
            message: format!(
                "it is {}, but the targets have {} classes ({}): set unet.classes={} or leave \
                 classes out (targets.border_width_px=0, targets.overlap_width_px=0, categories=[])",
                self.unet.classes,
                names.len(),
                names.join(", "),
                names.len(),
            ),
            origin: origin.to_owned(),
        })
    }
}

/// `data: DIR` and `data: [DIR, DIR]` are both natural to write.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a folder or a list of folders")]
    enum OneOrMany {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(folder) => vec![folder],
        OneOrMany::Many(folders) => folders,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_needs_no_list() {
        let config = SolutionConfig::load(None, &["data=suburb".to_owned()]).unwrap();
        assert_eq!(config.data, [PathBuf::from("suburb")]);
    }

    #[test]
    fn settings_of_network_and_training_are_refused_with_their_section() {
        for (wrong, told) in [
            (
                "training.batch_size=0",
                "training.batch_size is 0; expected at least 1",
            ),
            (
                "training.loss.sigma=0",
                "training.loss.sigma is 0; expected",
            ),
            (
                "training.stages=[{epochs: 0}]",
                "training.epochs is 0; expected at least 1",
            ),
            (
                "unet.decoder_filters=0",
                "unet.decoder_filters is 0; expected at least 1",
            ),
            ("unet.dropout=1", "unet.dropout is 1; expected 0 to below 1"),
        ] {
            let error = SolutionConfig::load(None, &[wrong.to_owned()]).unwrap_err();
            assert!(error.to_string().starts_with(told), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_kind_alone_chooses_it() {
        let load = |key: &str| SolutionConfig::load(None, &[key.to_owned()]).unwrap();
        let mut learners = vec!["gradient_boosting", "random_forest"];
        // Without it the configuration is refused.
        learners.extend(cfg!(feature = "lightgbm").then_some("lightgbm"));
        for kind in learners {
            let chosen = load(&format!("scoring.learner.kind={kind}"));
            let chosen = serde_json::to_value(chosen.scoring.learner).unwrap();
            assert_eq!(chosen["kind"], kind);
            assert!(chosen["trees"].as_u64() >= Some(500), "{chosen}");
        }
        for kind in ["none", "core", "peaks", "distance", "erosion"] {
            let chosen = load(&format!("postprocess.split.kind={kind}"));
            let chosen = serde_json::to_value(chosen.postprocess.split).unwrap();
            assert_eq!(chosen["kind"], kind);
        }
        let unless_told = load("scoring.learner.kind=gradient_boosting");
        assert_eq!(unless_told.scoring, SolutionConfig::default().scoring);
    }

    #[test]
    fn paths_of_a_file_are_relative_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("town.yaml");
        std::fs::write(
            &file,
            "data: [a, b]\nunet: {pretrained: w.pth}\ninference: {ensemble: [e.safetensors]}\n",
        )
        .unwrap();
        let config = SolutionConfig::load(Some(&file), &["data=[c]".to_owned()]).unwrap();
        assert_eq!(config.data, [PathBuf::from("c")]);
        assert_eq!(config.work, folder.path().join(".footpath"));
        assert_eq!(config.unet.pretrained, Some(folder.path().join("w.pth")));
        assert_eq!(
            config.inference.ensemble,
            [folder.path().join("e.safetensors")]
        );
    }

    #[test]
    fn settings_that_cannot_be_followed_are_refused_at_once() {
        for (key, says) in [
            (
                "scoring.thresholds=0",
                "scoring.thresholds is 0, expected at least 1",
            ),
            (
                "postprocess.threshold=2",
                "postprocess.threshold is 2, expected a probability",
            ),
            (
                "postprocess.crf={iterations: 0}",
                "postprocess.crf.iterations",
            ),
            ("inference.tta.gains=[]", "inference.tta"),
            ("inference.tta.symmetries=[spin]", "spin"),
        ] {
            let error = SolutionConfig::load(None, &[key.to_owned()]).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_border_class_needs_a_class_of_the_network() {
        let load = |overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
            SolutionConfig::load(None, &overrides)
        };
        let error = load(&["targets.border_width_px=4"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the value of `unet.classes` cannot be used: it is 2, but the targets have 3 classes \
             (background, building, border): set unet.classes=3 or leave classes out \
             (targets.border_width_px=0, targets.overlap_width_px=0, categories=[]) (set in \
             `unet`, `targets` and `categories` together)"
        );
        load(&["targets.border_width_px=4", "unet.classes=3"]).unwrap();
        let error = load(&["categories=[7, 9]", "unet.classes=3"]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("(background, building, category 7, category 9)"),
            "{message}"
        );
    }

    #[test]
    fn stages_are_checked_when_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("town.yaml");
        let text = "training:\n  stages:\n    - {epochs: 2}\n    - {epoch: 3}\n";
        std::fs::write(&file, text).unwrap();
        let error = SolutionConfig::load(Some(&file), &[]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("unknown key `epoch` in stage 2"),
            "{message}"
        );
    }

    #[test]
    fn a_misspelt_key_of_a_section_is_refused() {
        let error = SolutionConfig::load(None, &["training.epoch=3".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown key `training.epoch` in --set training.epoch=3; did you mean `training.epochs`?"
        );
    }
}
