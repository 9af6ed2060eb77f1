//! One set of predictions, image by image, so that any sample of the images can be measured.

use super::evaluator::{Pixels, Similarity};
use super::ranking::Ranking;
use super::{EvaluationError, Evaluator, Prediction};
use vernier_core::CocoDetections;
use vernier_core::evaluate::AREA_UNBOUNDED;

/// Names of the numbers in [`Measures`].
pub const MEASURES: [&str; 5] = ["ap50", "ar50", "ap", "iou", "boundary_ap"];

/// Numbers of a sample of images, in the order of [`MEASURES`]; none where nothing can be measured.
pub type Measures = [Option<f64>; 5];

/// What was found on each image, as resampling needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    images: Vec<u64>,
    pub(super) masks: Ranking,
    pub(super) boundaries: Ranking,
    pub(super) pixels: Vec<Pixels>,
}

impl Evaluator {
    /// What was found on each image.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn outcomes(&self, predictions: &[Prediction]) -> Result<Outcomes, EvaluationError> {
        self.outcomes_of(&super::evaluator::detections(predictions)?, predictions)
    }

    pub(super) fn outcomes_of(
        &self,
        detections: &CocoDetections,
        predictions: &[Prediction],
    ) -> Result<Outcomes, EvaluationError> {
        let all = [[0.0, AREA_UNBOUNDED]];
        let ranking = |similarity| {
            let grid = self.matched(detections, &all, similarity)?;
            Ok::<_, EvaluationError>(Ranking::new(&grid, 0))
        };
        Ok(Outcomes {
            images: self.images.iter().map(|truth| truth.image.id).collect(),
            masks: ranking(Similarity::Masks)?,
            boundaries: ranking(Similarity::Boundaries)?,
            pixels: self.pixels(predictions),
        })
    }
}

impl Outcomes {
    /// Ids of the images, rising.
    #[must_use]
    pub fn images(&self) -> &[u64] {
        &self.images
    }

    /// The numbers of a sample in which image `i` of [`Self::images`] is `times[i]` times.
    ///
    /// # Panics
    /// If there are not as many `times` as images.
    #[must_use]
    pub fn measure(&self, times: &[u32]) -> Measures {
        assert_eq!(times.len(), self.images.len(), "a count for each image");
        let at_half = self.masks.average(times, 0);
        let mut all = Pixels::default();
        for (pixels, &times) in self.pixels.iter().zip(times) {
            all.both += pixels.both * u64::from(times);
            all.either += pixels.either * u64::from(times);
        }
        [
            at_half.map(|average| average.precision),
            at_half.map(|average| average.recall),
            self.masks
                .average_over_thresholds(times)
                .map(|a| a.precision),
            all.iou(),
            self.boundaries
                .average_over_thresholds(times)
                .map(|a| a.precision),
        ]
    }

    /// The counts of [`Self::measure`] for a sample in which `chosen[i]` is `times[i]` times, and
    /// no other image. Ids of `chosen` rise; those that are not here are left out.
    #[must_use]
    pub fn times_of(&self, chosen: &[u64], times: &[u32]) -> Vec<u32> {
        let mut pairs = chosen.iter().zip(times).peekable();
        let count = |image: &u64| {
            while pairs.next_if(|(id, _)| *id < image).is_some() {}
            pairs
                .next_if(|(id, _)| *id == image)
                .map_or(0, |(_, &times)| times)
        };
        self.images.iter().map(count).collect()
    }
}
