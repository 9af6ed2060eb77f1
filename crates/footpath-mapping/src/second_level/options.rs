//! Settings of the second level.

use crate::postprocess::even_thresholds;
use serde::{Deserialize, Serialize};

/// How candidates are found, learnt from and chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScoringOptions {
    /// Number of layers: thresholds that cut 0..1 into equal parts; 19 unless told.
    pub thresholds: u32,
    /// Candidates of fewer pixels are left out; 16 unless told.
    pub least_area_px: u32,
    /// What learns.
    pub learner: Learner,
    /// Parts that the tiles are dealt into; a tile is scored by trees that never saw its part. 5 unless told.
    pub folds: usize,
    /// Seed of the dealing and of the trees.
    pub seed: u64,
    /// A candidate that overlaps a better one by more than this `IoU` is dropped; 0.5 unless told.
    pub nms_iou: f64,
    /// Buildings whose expected `IoU` is below this are left out, in 0..1. 0 unless told, which average
    /// precision likes best; maps want about 0.3.
    pub least_score: f64,
    /// Behaviours of the 2018 solution to compare with.
    pub compat: ScoringCompat,
}

/// Old behaviours, each off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScoringCompat {
    /// Suppressed candidates stay with score 0. Ours: they are dropped.
    pub nms_zero_scores: bool,
    /// Learn from the tiles that the network learnt from, parted by candidate. Ours: from the
    /// validation tiles, parted by tile.
    pub scoring_leak: bool,
    /// One threshold more than asked, as a float range may give. Ours: exactly as many.
    pub threshold_count: bool,
}

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Learner {
    /// Gradient boosting of regression trees (Friedman 2001, DOI 10.1214/aos/1013203451).
    GradientBoosting {
        /// At most so many trees; 500 unless told.
        #[serde(default = "defaults::trees")]
        trees: usize,
        /// Part of each tree's answer that is used; 0.05 unless told.
        #[serde(default = "defaults::learning_rate")]
        learning_rate: f64,
        /// Greatest depth of a tree; 6 unless told.
        #[serde(default = "defaults::depth")]
        depth: usize,
        /// Fewest candidates in a leaf; 100 unless told.
        #[serde(default = "defaults::least_rows")]
        least_rows: usize,
        /// Stop after so many trees that do not lower the error on the fold held back; 10 unless
        /// told.
        #[serde(default = "defaults::patience")]
        patience: usize,
    },
    /// Random forest (Breiman 2001, DOI 10.1023/A:1010933404324).
    RandomForest {
        /// Number of trees; 500 unless told, as in the 2018 solution.
        #[serde(default = "defaults::trees")]
        trees: usize,
        /// Greatest depth of a tree; 20 unless told, as there.
        #[serde(default = "defaults::full_depth")]
        depth: usize,
        /// Fewest candidates in a leaf; 100 unless told, as there.
        #[serde(default = "defaults::least_rows")]
        least_rows: usize,
    },
    /// Gradient boosting by LightGBM, as the 2018 solution has it, in builds with the feature
    /// `lightgbm`.
    #[serde(rename = "lightgbm")]
    LightGbm {
        /// At most so many trees; 5000 unless told.
        #[serde(default = "defaults::lightgbm_trees")]
        trees: usize,
        /// Part of each tree's answer that is used; 0.01 unless told, as in the 2018 solution.
        #[serde(default = "defaults::lightgbm_learning_rate")]
        learning_rate: f64,
        /// Most leaves of a tree; 500 unless told, as there.
        #[serde(default = "defaults::leaves")]
        leaves: usize,
        /// Greatest depth of a tree; 20 unless told, as there.
        #[serde(default = "defaults::full_depth")]
        depth: usize,
        /// Fewest candidates in a leaf; 100 unless told, as there.
        #[serde(default = "defaults::least_rows")]
        least_rows: usize,
        /// Stop after so many trees that do not lower the error on the fold held back; 10 unless
        /// told, as there.
        #[serde(default = "defaults::patience")]
        patience: usize,
    },
}

/// What a learner's settings are unless told, so that `kind` alone chooses one.
mod defaults {
    pub(super) const fn trees() -> usize {
        500
    }
    pub(super) const fn lightgbm_trees() -> usize {
        5000
    }
    pub(super) const fn learning_rate() -> f64 {
        0.05
    }
    pub(super) const fn lightgbm_learning_rate() -> f64 {
        0.01
    }
    pub(super) const fn leaves() -> usize {
        500
    }
    pub(super) const fn depth() -> usize {
        6
    }
    pub(super) const fn full_depth() -> usize {
        20
    }
    pub(super) const fn least_rows() -> usize {
        100
    }
    pub(super) const fn patience() -> usize {
        10
    }
}

impl Default for Learner {
    fn default() -> Self {
        Self::GradientBoosting {
            trees: defaults::trees(),
            learning_rate: defaults::learning_rate(),
            depth: defaults::depth(),
            least_rows: defaults::least_rows(),
            patience: defaults::patience(),
        }
    }
}

impl Default for ScoringOptions {
    fn default() -> Self {
        Self {
            thresholds: 19,
            least_area_px: 16,
            learner: Learner::default(),
            folds: 5,
            seed: 0,
            nms_iou: 0.5,
            least_score: 0.0,
            compat: ScoringCompat::default(),
        }
    }
}

/// A setting out of its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("scoring.{setting} is {value}, expected {expected}")]
pub struct ScoringError {
    setting: &'static str,
    value: String,
    expected: &'static str,
}

impl ScoringOptions {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), ScoringError> {
        let require = |setting, value: &dyn ToString, valid: bool, expected| {
            let value = value.to_string();
            let error = ScoringError {
                setting,
                value,
                expected,
            };
            if valid { Ok(()) } else { Err(error) }
        };
        require(
            "thresholds",
            &self.thresholds,
            self.thresholds > 0,
            "at least 1: without a threshold there is nothing to score; the 2018 solution has 19",
        )?;
        require(
            "folds",
            &self.folds,
            self.folds >= 3,
            "at least 3: one to score, one to stop by, one to learn from",
        )?;
        let unit = (0.0..=1.0).contains(&self.nms_iou);
        require("nms_iou", &self.nms_iou, unit, "an IoU from 0 to 1")?;
        let unit = (0.0..=1.0).contains(&self.least_score);
        require("least_score", &self.least_score, unit, "an IoU from 0 to 1")?;
        let (trees, depth, least_rows, rate) = match self.learner {
            Learner::GradientBoosting {
                trees,
                depth,
                least_rows,
                learning_rate,
                ..
            }
            | Learner::LightGbm {
                trees,
                depth,
                least_rows,
                learning_rate,
                ..
            } => (trees, depth, least_rows, learning_rate),
            Learner::RandomForest {
                trees,
                depth,
                least_rows,
            } => (trees, depth, least_rows, 1.0),
        };
        require("learner.trees", &trees, trees > 0, "at least 1")?;
        require(
            "learner.depth",
            &depth,
            (1..=30).contains(&depth),
            "1 to 30",
        )?;
        require(
            "learner.least_rows",
            &least_rows,
            least_rows > 0,
            "at least 1",
        )?;
        if let Learner::LightGbm { leaves, .. } = self.learner {
            let built = cfg!(feature = "lightgbm");
            require(
                "learner.kind",
                &"lightgbm",
                built,
                "gradient_boosting or random_forest: this footpath was built without LightGBM (cargo's \
                 `--features lightgbm`)",
            )?;
            let valid = (2..=1 << 17).contains(&leaves);
            require("learner.leaves", &leaves, valid, "2 to 131072")?;
        }
        let valid = rate > 0.0 && rate <= 1.0;
        require("learner.learning_rate", &rate, valid, "above 0, at most 1")
    }

    /// The layers' thresholds.
    #[must_use]
    pub fn layers(&self) -> Vec<f32> {
        let mut thresholds = even_thresholds(self.thresholds);
        if self.compat.threshold_count {
            thresholds.push(1.0);
        }
        thresholds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_threshold_more_in_the_old_way() {
        let mut options = ScoringOptions::default();
        assert_eq!(options.layers().len(), 19);
        options.compat.threshold_count = true;
        assert_eq!(options.layers().len(), 20);
    }

    #[test]
    #[cfg(not(feature = "lightgbm"))]
    fn lightgbm_without_its_feature_says_what_to_do() {
        let learner = r#"{"kind": "lightgbm", "trees": 10, "learning_rate": 0.01, "leaves": 500,
            "depth": 20, "least_rows": 100, "patience": 10}"#;
        let options = ScoringOptions {
            learner: serde_json::from_str(learner).unwrap(),
            ..ScoringOptions::default()
        };
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains("--features lightgbm"), "{error}");
    }

    #[test]
    fn scoring_without_thresholds_says_what_to_change() {
        let options = ScoringOptions {
            thresholds: 0,
            ..ScoringOptions::default()
        };
        assert_eq!(
            options.check().unwrap_err().to_string(),
            "scoring.thresholds is 0, expected at least 1: without a threshold there is nothing to \
             score; the 2018 solution has 19"
        );
        assert_eq!(ScoringOptions::default().check(), Ok(()));
    }
}
