//! From probabilities to buildings, and how good they are.

use super::probabilities::ProbabilityMap;
use super::tiles::TileBuildings;
use crate::dataset::BUILDING_CATEGORY;
use crate::evaluation::{Evaluator, Metrics, Prediction, Truth, TruthImage};
use crate::outline::corners_of_shape;
use crate::postprocess::{Detection, Postprocess, PostprocessOptions};
use crate::rle::Rle;
use footpath_steps::{BoxError, Context, Items, Record, Transformer};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The buildings found on one tile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TileObjects {
    /// Width of the tile, px.
    pub width: u32,
    /// Height of the tile, px.
    pub height: u32,
    objects: Vec<KeptObject>,
}

/// A detection as it is kept: COCO's run lengths, the score, and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KeptObject {
    counts: Vec<u32>,
    score: f64,
    probability: Option<f64>,
}

impl Record for TileObjects {
    const TYPE: &'static str = "tile-objects";
    const VERSION: u32 = 2;
}

impl TileObjects {
    /// The buildings found on a tile of `width` x `height` px.
    #[must_use]
    pub fn new(width: u32, height: u32, detections: Vec<Detection>) -> Self {
        let keep = |detection: Detection| KeptObject {
            counts: detection.mask.counts.to_vec(),
            score: detection.score,
            probability: detection.probability,
        };
        Self {
            width,
            height,
            objects: detections.into_iter().map(keep).collect(),
        }
    }

    /// The detections, in the order they were found.
    pub fn detections(&self) -> impl Iterator<Item = Detection> + '_ {
        self.objects.iter().map(|object| Detection {
            mask: Rle::from_counts(self.height, self.width, object.counts.clone()),
            score: object.score,
            probability: object.probability,
        })
    }
}

/// Threshold, erode, label, dilate, score.
#[derive(Debug, Serialize)]
pub struct FindObjects {
    /// How.
    pub options: PostprocessOptions,
}

impl Transformer for FindObjects {
    type Input = ProbabilityMap;
    type Output = TileObjects;
    const NAME: &'static str = "find-objects";
    const VERSION: u32 = 1;

    fn transform(&self, map: &ProbabilityMap, _: &Context) -> Result<TileObjects, BoxError> {
        let chain = Postprocess::new(self.options.clone())?;
        let (width, height) = (map.image_width, map.image_height);
        let detections = chain.run(&map.probabilities(), width, height);
        Ok(TileObjects::new(width, height, detections))
    }
}

/// COCO's numbers over all tiles.
///
/// A tile whose image could not be used (a hole among the objects) is left out of the truth as
/// well: it is reported where it failed, and says nothing about the network.
#[derive(Debug, Serialize)]
pub struct Measure;

impl Transformer for Measure {
    type Input = (Arc<Items<TileBuildings>>, Arc<Items<TileObjects>>);
    type Output = Metrics;
    const NAME: &'static str = "measure";
    const VERSION: u32 = 1;

    fn transform(
        &self,
        (buildings, objects): &Self::Input,
        context: &Context,
    ) -> Result<Metrics, BoxError> {
        let (evaluator, predictions) = measured(buildings, objects, || context.check())?;
        Ok(evaluator.evaluate(&predictions)?)
    }
}

/// The truth of the tiles and what was found on them, under the tiles' positions as image ids; calls
/// `check` before each tile. A hole among the objects is left out of both.
///
/// # Errors
/// What `check` says, or what is wrong with a tile's buildings.
pub fn measured<E: Into<BoxError>>(
    buildings: &Items<TileBuildings>,
    objects: &Items<TileObjects>,
    check: impl Fn() -> Result<(), E>,
) -> Result<(Evaluator, Vec<Prediction>), BoxError> {
    let mut truth = TruthBuilder::default();
    let mut predictions = Vec::new();
    for (id, (buildings, objects)) in (0..).zip(buildings.iter().zip(objects.iter())) {
        check().map_err(Into::into)?;
        let Ok(objects) = objects else { continue };
        truth.add(id, buildings?.as_ref())?;
        predictions.extend(
            objects
                .detections()
                .map(|found| Prediction::building(id, found.mask, found.score)),
        );
    }
    Ok((truth.finish()?, predictions))
}

/// Collects tiles into the truth of an [`Evaluator`].
#[derive(Default)]
pub(super) struct TruthBuilder {
    images: Vec<TruthImage>,
    truths: Vec<Truth>,
}

impl TruthBuilder {
    /// Adds a tile under an id of its own.
    pub(super) fn add(&mut self, image_id: u64, tile: &TileBuildings) -> Result<(), BoxError> {
        let TileBuildings {
            width,
            height,
            buildings,
            ..
        } = tile;
        self.images.push(TruthImage {
            id: image_id,
            width: *width,
            height: *height,
        });
        for building in buildings {
            let mask = building.shape.to_rle(*width, *height)?;
            self.truths.push(Truth {
                image_id,
                category_id: BUILDING_CATEGORY,
                area_px: building.area.unwrap_or_else(|| mask.area() as f64),
                corners: corners_of_shape(&building.shape, &mask),
                mask,
                crowd: building.crowd,
            });
        }
        Ok(())
    }

    /// The evaluator of all tiles added.
    pub(super) fn finish(self) -> Result<Evaluator, BoxError> {
        Ok(Evaluator::new(
            &self.images,
            &[BUILDING_CATEGORY],
            &self.truths,
        )?)
    }
}

impl Record for Metrics {
    const TYPE: &'static str = "metrics";
    const VERSION: u32 = 1;
}
