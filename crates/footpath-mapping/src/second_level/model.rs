//! Learning to score, out of fold.

use super::boosting::{Boosted, Boosting};
use super::calibration::{Calibration, calibration_error};
use super::candidates::TileCandidates;
use super::features::{FEATURES, Features};
use super::forest::Forest;
use super::lightgbm_text::TreeSum;
use super::nms::{Suppressed, suppress};
use super::options::{Learner, ScoringOptions};
use super::tree::{Growth, Table};
use crate::postprocess::Detection;
use crate::rle::Rle;
use footpath_steps::{BoxError, Record};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A tile to learn from.
#[derive(Debug)]
pub struct LabelledTile<'a> {
    /// What was found on it.
    pub tile: &'a TileCandidates,
    /// What is there, crowds left out.
    pub truth: &'a [Rle],
}

/// Scores candidates: a model for each fold, which never saw the fold's tiles, and one of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondLevel {
    /// The model of everything, for tiles it did not learn from.
    whole: Model,
    /// The models for the tiles of each fold.
    folds: Vec<Model>,
    /// Fold of each tile learnt from, by its digest.
    fold_of: BTreeMap<String, usize>,
    /// Root of the mean squared error of the `IoU` told for candidates of tiles not learnt from.
    pub out_of_fold_error: f64,
    /// The same for one constant: the mean of all.
    pub constant_error: f64,
    /// Number of candidates learnt from.
    pub candidates: usize,
    /// From scores to probabilities: of everything, then for the tiles of each fold, learnt on the
    /// others'.
    calibrations: Vec<Calibration>,
    /// How far probabilities told for tiles not learnt from are off, in 0..1; see
    /// [`calibration_error`](super::calibration_error).
    pub calibration_error: f64,
}

impl Record for SecondLevel {
    const TYPE: &'static str = "second-level";
    const VERSION: u32 = 2;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Model {
    Boosted(Boosted),
    Forest(Forest),
    LightGbm(TreeSum),
}

impl Model {
    fn predict(&self, features: &Features) -> f64 {
        match self {
            Self::Boosted(model) => model.predict(features),
            Self::Forest(model) => model.predict(features),
            Self::LightGbm(model) => model.predict(features),
        }
    }

    fn importance(&self) -> &[f64] {
        match self {
            Self::Boosted(model) => &model.importance,
            Self::Forest(model) => &model.importance,
            Self::LightGbm(model) => &model.importance,
        }
    }
}

/// Candidates as rows of a table.
struct Rows {
    features: Vec<Features>,
    targets: Vec<f64>,
    folds: Vec<usize>,
}

impl Rows {
    /// The rows whose fold is as told.
    fn of(&self, is: impl Fn(usize) -> bool) -> Vec<u32> {
        let rows = (0..).zip(&self.folds);
        rows.filter(|(_, fold)| is(**fold))
            .map(|(row, _)| row)
            .collect()
    }
}

impl SecondLevel {
    /// Learns from tiles. `options` were checked.
    ///
    /// The tiles are dealt into folds. For each, a model learns from the others, and boosting
    /// stops by the error on the next fold; the model of everything has as many trees as they
    /// have in the middle.
    ///
    /// # Errors
    /// When there is no candidate to learn from.
    pub fn fit(tiles: &[LabelledTile<'_>], options: &ScoringOptions) -> Result<Self, BoxError> {
        let (rows, fold_of) = table(tiles, options)?;
        if rows.targets.is_empty() {
            return Err("the second level has no candidate to learn from: the network's probabilities exceed none \
                of the thresholds (scoring.thresholds) on any annotated tile; train the network longer, or use the \
                pipeline without `_scoring_model`".into());
        }
        let binned = Table::new(&rows.features);
        let count = options.folds;
        let folds = (0..count)
            .into_par_iter()
            .map(|fold| {
                let stop = (fold + 1) % count;
                let (learn, stop) = match options.learner {
                    Learner::GradientBoosting { .. } | Learner::LightGbm { .. } => {
                        (rows.of(|f| f != fold && f != stop), rows.of(|f| f == stop))
                    }
                    Learner::RandomForest { .. } => (rows.of(|f| f != fold), Vec::new()),
                };
                let stop = Stop::Rows(&stop);
                learn_model(&rows, &binned, &learn, &stop, options, fold as u64 + 1)
            })
            .collect::<Result<Vec<(Model, usize)>, BoxError>>()?;
        let mut trees: Vec<usize> = folds.iter().map(|(_, trees)| *trees).collect();
        trees.sort_unstable();
        let stop = Stop::After(trees[trees.len() / 2]);
        let (whole, _) = learn_model(&rows, &binned, &rows.of(|_| true), &stop, options, 0)?;

        let mean = rows.targets.iter().sum::<f64>() / rows.targets.len() as f64;
        let error = |told: &dyn Fn(usize) -> f64| {
            let squares = rows.targets.iter().enumerate();
            let sum: f64 = squares
                .map(|(row, target)| (told(row) - target).powi(2))
                .sum();
            (sum / rows.targets.len() as f64).sqrt()
        };
        let mut fitted = Self {
            out_of_fold_error: error(&|row| folds[rows.folds[row]].0.predict(&rows.features[row])),
            constant_error: error(&|_| mean),
            candidates: rows.targets.len(),
            whole,
            folds: folds.into_iter().map(|(model, _)| model).collect(),
            fold_of,
            calibrations: Vec::new(),
            calibration_error: 0.0,
        };
        fitted.calibrate(tiles, options)?;
        Ok(fitted)
    }

    /// Learns how often what is kept of the candidates matches a building at `IoU` 0.5.
    fn calibrate(
        &mut self,
        tiles: &[LabelledTile<'_>],
        options: &ScoringOptions,
    ) -> Result<(), BoxError> {
        // Fold, score and match of each building kept, tile by tile.
        let kept = tiles
            .par_iter()
            .map(|labelled| {
                let masks = labelled.tile.masks();
                let scores = self.scores(labelled.tile)?;
                let kept = suppress(&masks, &scores, options.nms_iou, Suppressed::Dropped);
                let ious = best_ious(&masks, labelled.truth);
                let fold = self.fold_of.get(&labelled.tile.digest()?).copied();
                let one = |(place, score): (usize, f64)| (fold, (score, ious[place] >= 0.5));
                Ok(kept.into_iter().map(one).collect())
            })
            .collect::<Result<Vec<Vec<_>>, BoxError>>()?
            .concat();
        let fit = |left_out: Option<usize>| {
            let learnt = kept
                .iter()
                .filter(|(fold, _)| left_out.is_none() || *fold != left_out);
            Calibration::fit(&learnt.map(|(_, scored)| *scored).collect::<Vec<_>>())
        };
        let folds = (0..options.folds).map(Some);
        self.calibrations = std::iter::once(None).chain(folds).map(fit).collect();
        let told: Vec<(f64, bool)> = kept
            .iter()
            .map(|&(fold, (score, hit))| (self.calibration(fold).probability(score), hit))
            .collect();
        self.calibration_error = calibration_error(&told);
        Ok(())
    }

    /// The calibration for tiles of a fold, or for tiles not learnt from.
    fn calibration(&self, fold: Option<usize>) -> &Calibration {
        &self.calibrations[fold.map_or(0, |fold| fold + 1)]
    }

    /// The `IoU` that each candidate is expected to have; by trees that never saw its tile.
    ///
    /// # Errors
    /// When the tile cannot be written down for its digest.
    pub fn scores(&self, tile: &TileCandidates) -> Result<Vec<f64>, BoxError> {
        let model = match self.fold_of.get(&tile.digest()?) {
            Some(&fold) => &self.folds[fold],
            None => &self.whole,
        };
        let candidates = tile.candidates.iter();
        Ok(candidates
            .map(|c| model.predict(&c.features).clamp(0.0, 1.0))
            .collect())
    }

    /// The best of the candidates that overlap, best first.
    ///
    /// # Errors
    /// See [`scores`](Self::scores).
    pub fn choose(
        &self,
        tile: &TileCandidates,
        options: &ScoringOptions,
    ) -> Result<Vec<Detection>, BoxError> {
        let (masks, scores) = (tile.masks(), self.scores(tile)?);
        let suppressed = if options.compat.nms_zero_scores {
            Suppressed::Zeroed
        } else {
            Suppressed::Dropped
        };
        let mut kept = suppress(&masks, &scores, options.nms_iou, suppressed);
        kept.retain(|(_, score)| *score >= options.least_score);
        let calibration = self.calibration(self.fold_of.get(&tile.digest()?).copied());
        let detection = |(place, score): (usize, f64)| Detection {
            mask: masks[place].clone(),
            score,
            probability: Some(calibration.probability(score)),
        };
        Ok(kept.into_iter().map(detection).collect())
    }

    /// The model of everything as LightGBM's text, where LightGBM learnt it.
    #[must_use]
    pub fn lightgbm_text(&self) -> Option<String> {
        match &self.whole {
            Model::LightGbm(model) => Some(model.to_text()),
            _ => None,
        }
    }

    /// The features and what part each has in lowering the error, most important first; sum 1.
    #[must_use]
    pub fn importance(&self) -> Vec<(&'static str, f64)> {
        let gains = self.whole.importance();
        let sum: f64 = gains.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let mut parts: Vec<(&'static str, f64)> = FEATURES
            .into_iter()
            .zip(gains.iter().map(|gain| gain / sum))
            .collect();
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        parts
    }
}

/// When boosting ends.
enum Stop<'a> {
    /// Where the error on these rows no longer falls.
    Rows(&'a [u32]),
    /// After so many trees.
    After(usize),
}

/// A model and its number of trees.
fn learn_model(
    rows: &Rows,
    table: &Table,
    learn: &[u32],
    stop: &Stop<'_>,
    options: &ScoringOptions,
    stream: u64,
) -> Result<(Model, usize), BoxError> {
    let seed = options.seed.wrapping_mul(1 << 20).wrapping_add(stream);
    match options.learner {
        Learner::GradientBoosting {
            trees,
            learning_rate,
            depth,
            least_rows,
            patience,
        } => {
            let growth = Growth {
                depth,
                least_rows,
                features: table.features(),
            };
            let (trees, stop_rows) = match stop {
                Stop::Rows(rows) => (trees, *rows),
                Stop::After(trees) => (*trees, [].as_slice()),
            };
            let boosting = Boosting {
                trees,
                learning_rate,
                growth,
                patience,
            };
            let data = (&*rows.features, &*rows.targets);
            let model = boosting.fit(data, table, learn, stop_rows, seed);
            let trees = model.trees();
            Ok((Model::Boosted(model), trees))
        }
        Learner::RandomForest {
            trees,
            depth,
            least_rows,
        } => {
            let growth = Growth {
                depth,
                least_rows,
                // A third of the features, as is usual for regression.
                features: table.features().div_ceil(3),
            };
            let forest = Forest::fit(table, &rows.targets, learn, trees, growth, seed);
            Ok((Model::Forest(forest), trees))
        }
        #[cfg(feature = "lightgbm")]
        Learner::LightGbm {
            trees,
            learning_rate,
            leaves,
            depth,
            least_rows,
            patience,
        } => {
            let (trees, stop_rows) = match stop {
                Stop::Rows(rows) => (trees, *rows),
                Stop::After(trees) => (*trees, [].as_slice()),
            };
            let options = super::lightgbm::LightGbm {
                trees,
                learning_rate,
                leaves,
                depth,
                least_rows,
                patience,
            };
            let data = (&*rows.features, &*rows.targets);
            let model = options.fit(data, learn, stop_rows, seed)?;
            let trees = model.trees();
            Ok((Model::LightGbm(model), trees))
        }
        #[cfg(not(feature = "lightgbm"))]
        Learner::LightGbm { .. } => Err("this build has no LightGBM (feature `lightgbm`)".into()),
    }
}

/// All candidates with their targets and folds, and the fold of each tile.
fn table(
    tiles: &[LabelledTile<'_>],
    options: &ScoringOptions,
) -> Result<(Rows, BTreeMap<String, usize>), BoxError> {
    // Tiles that are alike have one digest and so one fold.
    let digests = tiles
        .iter()
        .map(|labelled| labelled.tile.digest())
        .collect::<Result<Vec<String>, BoxError>>()?;
    let mut distinct: Vec<&String> = digests.iter().collect();
    distinct.sort();
    distinct.dedup();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    distinct.shuffle(&mut rng);
    let dealt = distinct.into_iter().zip((0..options.folds).cycle());
    let fold_of: BTreeMap<String, usize> = dealt.map(|(d, fold)| (d.clone(), fold)).collect();

    let targets: Vec<Vec<f64>> = tiles
        .par_iter()
        .map(|labelled| best_ious(&labelled.tile.masks(), labelled.truth))
        .collect();
    let mut rows = Rows {
        features: Vec::new(),
        targets: targets.concat(),
        folds: Vec::new(),
    };
    for (labelled, digest) in tiles.iter().zip(&digests) {
        for candidate in &labelled.tile.candidates {
            let fold = if options.compat.scoring_leak {
                rows.features.len() % options.folds
            } else {
                fold_of[digest]
            };
            rows.features.push(candidate.features);
            rows.folds.push(fold);
        }
    }
    let fold_of = if options.compat.scoring_leak {
        BTreeMap::new()
    } else {
        fold_of
    };
    Ok((rows, fold_of))
}

/// The `IoU` of each mask with the truth that fits it best; 0 where there is none.
fn best_ious(masks: &[Rle], truth: &[Rle]) -> Vec<f64> {
    let iou = |mask: &Rle, truth: &Rle| {
        let both = mask.intersect_area(truth).unwrap_or(0) as f64;
        both / ((mask.area() + truth.area()) as f64 - both).max(1.0)
    };
    let best = |mask: &Rle| truth.iter().map(|t| iou(mask, t)).fold(0.0, f64::max);
    masks.iter().map(best).collect()
}

#[cfg(test)]
mod tests {
    use super::super::candidates::find_candidates;
    use super::*;
    use crate::plane::Plane;
    use crate::postprocess::{Postprocess, PostprocessOptions};
    use crate::rle::from_plane;

    /// Tiles with a true building of mean probability 0.8 and a false one of 0.4, twice its size.
    fn tiles(options: &ScoringOptions) -> Vec<(TileCandidates, Vec<Rle>)> {
        let chain = Postprocess::new(PostprocessOptions::default()).unwrap();
        let tile = |shift: usize| {
            let building =
                |y: usize, x: usize| (2..8).contains(&y) && (2 + shift..10 + shift).contains(&x);
            let shadow = |y: usize, x: usize| (12..22).contains(&y) && (2..12 + shift).contains(&x);
            let size = (32, 24).into();
            let probabilities = Plane::from_fn(size, |y, x| {
                if building(y, x) {
                    0.8
                } else if shadow(y, x) {
                    0.4
                } else {
                    0.0
                }
            });
            let truth = from_plane(&Plane::from_fn(size, |y, x| u8::from(building(y, x))));
            (
                find_candidates(&probabilities, 32, 24, &chain, options),
                vec![truth],
            )
        };
        (0..18).map(tile).collect()
    }

    fn fit(options: &ScoringOptions) -> (SecondLevel, Vec<(TileCandidates, Vec<Rle>)>) {
        let tiles = tiles(options);
        let labelled: Vec<_> = tiles
            .iter()
            .map(|(tile, truth)| LabelledTile { tile, truth })
            .collect();
        (SecondLevel::fit(&labelled, options).unwrap(), tiles)
    }

    fn learners() -> [Learner; 2] {
        [
            Learner::GradientBoosting {
                trees: 50,
                learning_rate: 0.2,
                depth: 3,
                least_rows: 5,
                patience: 5,
            },
            Learner::RandomForest {
                trees: 20,
                depth: 5,
                least_rows: 5,
            },
        ]
    }

    #[test]
    fn what_fits_is_told_from_what_does_not_on_tiles_not_learnt_from() {
        for learner in learners() {
            let options = ScoringOptions {
                learner,
                ..ScoringOptions::default()
            };
            let (model, tiles) = fit(&options);
            assert!(model.out_of_fold_error < 0.1, "{}", model.out_of_fold_error);
            assert!(model.constant_error > 0.3);
            assert!(
                model.calibration_error < 0.15,
                "{}",
                model.calibration_error
            );
            for (tile, truth) in &tiles {
                let found = model.choose(tile, &options).unwrap();
                assert_eq!(found.len(), 2);
                assert_eq!(&found[0].mask, &truth[0]);
                assert!(found[0].score > 0.8 && found[1].score < 0.2);
                // 18 hits and 18 misses, told apart by tiles of the other folds.
                assert!(found[0].probability > Some(0.85) && found[1].probability < Some(0.15));
                let sure = ScoringOptions {
                    least_score: 0.5,
                    ..options.clone()
                };
                assert_eq!(model.choose(tile, &sure).unwrap(), found[..1]);
            }
            let parts = model.importance();
            assert!((parts.iter().map(|p| p.1).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_tile_is_scored_by_trees_that_never_saw_it() {
        let options = ScoringOptions {
            learner: learners()[0],
            ..ScoringOptions::default()
        };
        let (model, tiles) = fit(&options);
        for fold in 0..options.folds {
            let held_back = |tile: &TileCandidates| model.fold_of[&tile.digest().unwrap()] == fold;
            // The truth of the fold's tiles turned around changes nothing of the fold's model.
            let changed: Vec<_> = tiles
                .iter()
                .map(|(tile, truth)| (tile, if held_back(tile) { &[][..] } else { &truth[..] }))
                .map(|(tile, truth)| LabelledTile { tile, truth })
                .collect();
            let other = SecondLevel::fit(&changed, &options).unwrap();
            assert_eq!(other.folds[fold], model.folds[fold]);
            assert_ne!(other.whole, model.whole);
        }
    }

    #[test]
    fn the_old_way_scores_a_tile_by_trees_that_saw_it() {
        let mut options = ScoringOptions {
            learner: learners()[0],
            ..ScoringOptions::default()
        };
        options.compat.scoring_leak = true;
        let (model, tiles) = fit(&options);
        let tile = &tiles[0].0;
        let whole: Vec<f64> = tile
            .candidates
            .iter()
            .map(|c| model.whole.predict(&c.features).clamp(0.0, 1.0))
            .collect();
        assert_eq!(model.scores(tile).unwrap(), whole);
        assert!(model.fold_of.is_empty());
    }

    #[test]
    fn nothing_to_learn_from_says_what_to_do() {
        let error = SecondLevel::fit(&[], &ScoringOptions::default()).unwrap_err();
        assert!(error.to_string().contains("scoring.thresholds"), "{error}");
    }

    #[test]
    fn a_kept_model_comes_back() {
        let (model, _) = fit(&ScoringOptions::default());
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<SecondLevel>(&text).unwrap(), model);
    }
}
