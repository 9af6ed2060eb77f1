//! Layers of candidates, one for each threshold.

use super::features::{Features, measure};
use super::options::ScoringOptions;
use crate::plane::Plane;
use crate::postprocess::{Postprocess, detect};
use crate::rle::Rle;
use footpath_steps::{BoxError, Digest, Record};
use serde::{Deserialize, Serialize};

/// An object of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// COCO's run lengths.
    counts: Vec<u32>,
    /// What it looks like.
    pub features: Features,
}

/// The candidates of one tile, layer by layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TileCandidates {
    /// Width of the tile, px.
    pub width: u32,
    /// Height of the tile, px.
    pub height: u32,
    /// The candidates.
    pub candidates: Vec<Candidate>,
}

impl Record for TileCandidates {
    const TYPE: &'static str = "tile-candidates";
    const VERSION: u32 = 1;
}

impl TileCandidates {
    /// The masks, in the order of the candidates.
    #[must_use]
    pub fn masks(&self) -> Vec<Rle> {
        let mask = |candidate: &Candidate| {
            Rle::from_counts(self.height, self.width, candidate.counts.clone())
        };
        self.candidates.iter().map(mask).collect()
    }

    /// What tells this tile from others.
    pub(super) fn digest(&self) -> Result<String, BoxError> {
        Ok(Digest::of_bytes(&serde_json::to_vec(self)?).to_string())
    }
}

/// The objects of each layer of a tile of `width` x `height` px, given the probabilities of
/// building at any size.
///
/// `chain` finds them, with each layer's threshold instead of its own.
///
/// # Panics
/// If a side is 0.
#[must_use]
pub fn find_candidates(
    probabilities: &Plane<f32>,
    width: u32,
    height: u32,
    chain: &Postprocess,
    options: &ScoringOptions,
) -> TileCandidates {
    let probabilities = chain.at_image_size(probabilities, width, height);
    let mut candidates = Vec::new();
    for threshold in options.layers() {
        let labels = chain.label(&probabilities, threshold);
        let features = measure(&labels, &probabilities, threshold);
        for (object, features) in detect(&labels, &probabilities).into_iter().zip(features) {
            if object.mask.area() >= u64::from(options.least_area_px) {
                let counts = object.mask.counts.to_vec();
                candidates.push(Candidate { counts, features });
            }
        }
    }
    TileCandidates {
        width,
        height,
        candidates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postprocess::PostprocessOptions;

    #[test]
    fn each_layer_gives_its_objects() {
        // One hill of 5x5 px with a peak of one pixel.
        let mut probabilities = Plane::filled((9, 9), 0.01);
        for y in 2..7 {
            probabilities.values_mut()[y * 9 + 2..y * 9 + 7].fill(0.4);
        }
        probabilities.values_mut()[4 * 9 + 4] = 0.9;
        let chain = Postprocess::new(PostprocessOptions::default()).unwrap();
        let options = ScoringOptions {
            thresholds: 3,
            least_area_px: 1,
            ..ScoringOptions::default()
        };
        let tile = find_candidates(&probabilities, 9, 9, &chain, &options);
        let seen: Vec<(f64, f64)> = tile
            .candidates
            .iter()
            .map(|c| (c.features[0], c.features[1]))
            .collect();
        assert_eq!(seen, [(0.25, 25.0), (0.5, 1.0), (0.75, 1.0)]);
        assert_eq!(tile.masks()[0].area(), 25);
        let options = ScoringOptions {
            least_area_px: 2,
            ..options
        };
        let large = find_candidates(&probabilities, 9, 9, &chain, &options);
        assert_eq!(large.candidates.len(), 1);
    }
}
