//! COCO metrics of masks in memory.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vernier_core::accumulate::{GridAccumulateParams, accumulate_grid};
use vernier_core::dataset::{
    AnnId, Bbox, CategoryId, CategoryMeta, CocoAnnotation, DetectionArea, DetectionInput, ImageId,
    ImageMeta,
};
use vernier_core::evaluate::{AREA_UNBOUNDED, EvalGrid};
use vernier_core::parity::{iou_thresholds, recall_thresholds};
use vernier_core::segmentation::{Segmentation, SegmentationRle, SegmentationRleCounts};
use vernier_core::similarity::SegmGtCache;
use vernier_core::summarize::{AreaRng, MaxDetSelector, Metric, StatRequest, summarize_with};
use vernier_core::{
    AreaRange, CocoDataset, CocoDetections, EvalError, EvaluateParams, ParityMode,
    evaluate_boundary_parallel, evaluate_segm_cached_parallel,
};

use crate::dataset::{BUILDING_CATEGORY, Dataset};
use crate::outline::corners_of_shape;
use crate::rle::{self, Rle, coco_box};

/// Objects of at most this area are small in `*_small` of `IoU` 0.5: 14² px.
pub const SMALL_AREA_PX2: f64 = 196.0;

/// Half the width of the border that boundary `IoU` looks at, as a part of the image's diagonal
/// (Cheng et al. 2021, arXiv 2103.16562).
pub const BOUNDARY_RATIO: f64 = 0.02;

/// An image that predictions are measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthImage {
    /// Its id; predictions name it. Images are ranked by it where scores tie.
    pub id: u64,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
}

/// An object that is to be found.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The image's id.
    pub image_id: u64,
    /// Its category.
    pub category_id: u64,
    /// Its pixels.
    pub mask: Rle,
    /// Its area as annotated, px²; decides whether it is small or large.
    pub area_px: f64,
    /// Whether it marks a crowd: predictions within it count neither way.
    pub crowd: bool,
    /// Corners of its outline as annotated; see [`crate::outline::corners_of_shape`].
    pub corners: usize,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The image's id.
    pub image_id: u64,
    /// Its category.
    pub category_id: u64,
    /// Its pixels.
    pub mask: Rle,
    /// Left, top, width, height of its box, px.
    pub bbox: [f64; 4],
    /// Its area, px²; decides whether it is small or large. pycocotools takes
    /// the box's area where a results file has boxes, as the challenge's has.
    pub area_px: f64,
    /// How sure; any finite number.
    pub score: f64,
}

impl Prediction {
    /// A building as this project's results files have it: the area is the box's.
    #[must_use]
    pub fn building(image_id: u64, mask: Rle, score: f64) -> Self {
        let bbox = coco_box(&mask);
        let area_px = bbox[2] * bbox[3];
        Self {
            image_id,
            category_id: BUILDING_CATEGORY,
            mask,
            bbox,
            area_px,
            score,
        }
    }
}

/// The metrics, with the keys of the JSON. All but the counts are in 0..=1, or
/// -1 where there is nothing to measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Average precision at `IoU` 0.50, all areas, 100 detections an image: the challenge's.
    pub ap50: f64,
    /// Average recall likewise.
    pub ar50: f64,
    /// Average precision over `IoU` 0.50:0.05:0.95.
    pub ap: f64,
    /// Average precision at `IoU` 0.75.
    pub ap75: f64,
    /// `ap` of areas up to 32² px.
    pub ap_small: f64,
    /// `ap` of areas from 32² to 96² px.
    pub ap_medium: f64,
    /// `ap` of areas from 96² px.
    pub ap_large: f64,
    /// Average recall with 1 detection an image.
    pub ar_1: f64,
    /// Average recall with 10 detections an image.
    pub ar_10: f64,
    /// Average recall with 100 detections an image.
    pub ar_100: f64,
    /// `ar_100` of areas up to 32² px.
    pub ar_small: f64,
    /// `ar_100` of areas from 32² to 96² px.
    pub ar_medium: f64,
    /// `ar_100` of areas from 96² px.
    pub ar_large: f64,
    /// `ap50` of areas up to 14² px.
    pub ap50_small: f64,
    /// `ap50` of areas from 14² px.
    pub ap50_large: f64,
    /// `ar50` of areas up to 14² px.
    pub ar50_small: f64,
    /// `ar50` of areas from 14² px.
    pub ar50_large: f64,
    /// Intersection over union of the pixels of all images together, all
    /// categories as one; crowds are left out of both sides.
    pub iou: f64,
    /// Number of images.
    pub images: usize,
    /// Number of objects to be found, crowds not counted.
    pub truths: usize,
    /// Number of objects found.
    pub detections: usize,
}

/// Why metrics cannot be computed: the caller handed over what the readers refuse.
#[derive(Debug, thiserror::Error)]
#[error("the evaluation refused its input: {0}")]
pub struct EvaluationError(#[from] EvalError);

/// What all predictions are measured by; made once, used each epoch.
pub struct Evaluator {
    dataset: CocoDataset,
    cache: SegmGtCache,
    /// By rising id.
    pub(super) images: Vec<ImageTruth>,
    truths: usize,
}

/// What is to be found on one image, crowds apart.
pub(super) struct ImageTruth {
    pub(super) image: TruthImage,
    /// Union of the truths.
    truth: Rle,
    /// Union of the crowds.
    crowd: Rle,
    /// Number of truths.
    pub(super) objects: usize,
    /// Corners of their outlines.
    pub(super) corners: usize,
}

/// Pixels of truth and prediction, crowds left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pixels {
    /// In both.
    pub(super) both: u64,
    /// In at least one.
    pub(super) either: u64,
}

impl Pixels {
    /// Intersection over union; none where there is no pixel.
    pub(super) fn iou(self) -> Option<f64> {
        (self.either > 0).then(|| self.both as f64 / self.either as f64)
    }
}

const AREAS: [(&str, f64, f64); 6] = [
    ("all", 0.0, AREA_UNBOUNDED),
    ("small", 0.0, 32.0 * 32.0),
    ("medium", 32.0 * 32.0, 96.0 * 96.0),
    ("large", 96.0 * 96.0, AREA_UNBOUNDED),
    ("up to 14² px", 0.0, SMALL_AREA_PX2),
    ("from 14² px", SMALL_AREA_PX2, AREA_UNBOUNDED),
];
const MAX_DETECTIONS: [usize; 3] = [1, 10, 100];

impl Evaluator {
    /// Takes the ground truth: distinct image ids, truths of these images and of `category_ids`.
    ///
    /// # Errors
    /// [`EvaluationError`] if a truth belongs to no image or category.
    pub fn new(
        images: &[TruthImage],
        category_ids: &[u64],
        truths: &[Truth],
    ) -> Result<Self, EvaluationError> {
        let metas = images.iter().map(|image| ImageMeta {
            id: image_id(image.id),
            width: image.width,
            height: image.height,
            file_name: None,
        });
        let categories = category_ids.iter().map(|&id| CategoryMeta {
            id: CategoryId(id as i64),
            name: id.to_string(),
            supercategory: None,
        });
        let annotations = truths.iter().enumerate().map(|(i, truth)| CocoAnnotation {
            id: AnnId(i as i64 + 1),
            image_id: image_id(truth.image_id),
            category_id: CategoryId(truth.category_id as i64),
            area: truth.area_px,
            is_crowd: truth.crowd,
            ignore_flag: None,
            bbox: Bbox::from(coco_box(&truth.mask)),
            segmentation: Some(segmentation(&truth.mask)),
            keypoints: None,
            num_keypoints: None,
        });
        Ok(Self {
            dataset: CocoDataset::from_parts(
                metas.collect(),
                annotations.collect(),
                categories.collect(),
            )?,
            cache: SegmGtCache::new(),
            images: image_truths(images, truths),
            truths: truths.iter().filter(|truth| !truth.crowd).count(),
        })
    }

    /// Takes the buildings of a data set. Image ids are places in
    /// [`Dataset::tiles`], the category is [`BUILDING_CATEGORY`].
    ///
    /// # Errors
    /// [`EvaluationError`], which a data set as read never gives.
    pub fn of_dataset(dataset: &Dataset) -> Result<Self, EvaluationError> {
        let tiles = dataset.tiles();
        let images: Vec<_> = (0..)
            .zip(tiles)
            .map(|(id, tile)| TruthImage {
                id,
                width: tile.width,
                height: tile.height,
            })
            .collect();
        let truths: Vec<Truth> = images
            .par_iter()
            .zip(tiles)
            .flat_map_iter(|(image, tile)| {
                dataset.buildings(tile).iter().filter_map(|building| {
                    let mask = building.shape.to_rle(image.width, image.height).ok()?;
                    Some(Truth {
                        image_id: image.id,
                        category_id: BUILDING_CATEGORY,
                        area_px: building.area.unwrap_or_else(|| mask.area() as f64),
                        corners: corners_of_shape(&building.shape, &mask),
                        mask,
                        crowd: building.crowd,
                    })
                })
            })
            .collect();
        Self::new(&images, &[BUILDING_CATEGORY], &truths)
    }

    /// Measures predictions, which may be none. Their images and categories
    /// must be those of the truth, their masks of their images' size.
    ///
    /// Where scores tie, the order is by image id, then as given.
    ///
    /// # Errors
    /// [`EvaluationError`] if a mask has another size than its image.
    pub fn evaluate(&self, predictions: &[Prediction]) -> Result<Metrics, EvaluationError> {
        self.metrics(&detections(predictions)?, predictions)
    }

    /// The metrics of predictions that were handed over as `detections`.
    pub(super) fn metrics(
        &self,
        detections: &CocoDetections,
        predictions: &[Prediction],
    ) -> Result<Metrics, EvaluationError> {
        let value = self.coco(detections)?;
        let pixels = self.pixels(predictions);
        let sum = |of: fn(&Pixels) -> u64| pixels.iter().map(of).sum();
        let all = Pixels {
            both: sum(|p| p.both),
            either: sum(|p| p.either),
        };
        Ok(Metrics {
            ap50: value[0],
            ar50: value[1],
            ap: value[2],
            ap75: value[3],
            ap_small: value[4],
            ap_medium: value[5],
            ap_large: value[6],
            ar_1: value[7],
            ar_10: value[8],
            ar_100: value[9],
            ar_small: value[10],
            ar_medium: value[11],
            ar_large: value[12],
            ap50_small: value[13],
            ap50_large: value[14],
            ar50_small: value[15],
            ar50_large: value[16],
            iou: all.iou().unwrap_or(-1.0),
            images: self.images.len(),
            truths: self.truths,
            detections: predictions.len(),
        })
    }

    /// The seventeen COCO numbers, in the order of [`Metrics`].
    fn coco(&self, detections: &CocoDetections) -> Result<Vec<f64>, EvaluationError> {
        let areas = AREAS.map(|(_, lo, hi)| [lo, hi]);
        let grid = self.matched(detections, &areas, Similarity::Masks)?;
        let params = GridAccumulateParams {
            iou_thresholds: iou_thresholds(),
            recall_thresholds: recall_thresholds(),
            max_dets: &MAX_DETECTIONS,
        };
        let accumulated = accumulate_grid(&grid, params, ParityMode::Strict)?;
        Ok(summarize_with(&accumulated, &plan(), iou_thresholds(), &MAX_DETECTIONS)?.stats())
    }

    /// What matches what, at each of COCO's ten thresholds and in each range of areas (px²).
    pub(super) fn matched(
        &self,
        detections: &CocoDetections,
        areas: &[[f64; 2]],
        similarity: Similarity,
    ) -> Result<EvalGrid, EvaluationError> {
        let area_ranges: Vec<AreaRange> = areas
            .iter()
            .zip(0..)
            .map(|(&[lo, hi], index)| AreaRange { index, lo, hi })
            .collect();
        let params = EvaluateParams {
            iou_thresholds: iou_thresholds(),
            area_ranges: &area_ranges,
            max_dets_per_image: MAX_DETECTIONS[2],
            use_cats: true,
            retain_iou: false,
            retain_meta: false,
        };
        let (truth, mode) = (&self.dataset, ParityMode::Strict);
        Ok(match similarity {
            Similarity::Masks => {
                evaluate_segm_cached_parallel(truth, detections, params, mode, &self.cache)?
            }
            Similarity::Boundaries => {
                evaluate_boundary_parallel(truth, detections, params, mode, BOUNDARY_RATIO)?
            }
        })
    }

    /// The pixels of each image.
    pub(super) fn pixels(&self, predictions: &[Prediction]) -> Vec<Pixels> {
        let by_image = ByImage::new(predictions);
        let count = |truth: &ImageTruth| {
            let ImageTruth {
                image,
                truth,
                crowd,
                ..
            } = truth;
            let masks: Vec<Rle> = by_image.of(image.id).map(|p| p.mask.clone()).collect();
            let found = rle::union(&masks, image.width, image.height);
            let outside = |mask: &Rle| mask.area() - common(mask, crowd);
            let both = Rle::merge(&[truth.clone(), found.clone()], true);
            let both = both.map_or(0, |both| outside(&both));
            Pixels {
                both,
                either: outside(truth) + outside(&found) - both,
            }
        };
        self.images.par_iter().map(count).collect()
    }
}

/// How alike two masks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Similarity {
    /// `IoU` of the masks.
    Masks,
    /// The lesser of the `IoU` of the masks and of their borders.
    Boundaries,
}

/// Predictions sorted by image.
pub(super) struct ByImage<'a>(Vec<&'a Prediction>);

impl<'a> ByImage<'a> {
    pub(super) fn new(predictions: &'a [Prediction]) -> Self {
        let mut sorted: Vec<&Prediction> = predictions.iter().collect();
        sorted.sort_by_key(|prediction| prediction.image_id);
        Self(sorted)
    }

    /// Those of one image, in the order given.
    pub(super) fn of(&self, image: u64) -> impl Iterator<Item = &'a Prediction> + '_ {
        let start = self.0.partition_point(|p| p.image_id < image);
        let end = self.0.partition_point(|p| p.image_id <= image);
        self.0[start..end].iter().copied()
    }
}

/// Predictions as the COCO crate takes them.
pub(super) fn detections(predictions: &[Prediction]) -> Result<CocoDetections, EvaluationError> {
    let inputs = predictions.iter().map(|prediction| DetectionInput {
        id: None,
        image_id: image_id(prediction.image_id),
        category_id: CategoryId(prediction.category_id as i64),
        score: prediction.score,
        bbox: Bbox::from(prediction.bbox),
        area: Some(prediction.area_px),
        segmentation: Some(segmentation(&prediction.mask)),
        keypoints: None,
        num_keypoints: None,
    });
    Ok(CocoDetections::from_inputs_with_area(
        inputs.collect(),
        DetectionArea::Supplied,
    )?)
}

/// Pixels of both masks, which have one size.
fn common(a: &Rle, b: &Rle) -> u64 {
    a.intersect_area(b).unwrap_or(0)
}

fn image_truths(images: &[TruthImage], truths: &[Truth]) -> Vec<ImageTruth> {
    let mut images = images.to_vec();
    images.sort_by_key(|image| image.id);
    let mut by_image: Vec<&Truth> = truths.iter().collect();
    by_image.sort_by_key(|truth| truth.image_id);
    let unite = |image: TruthImage| {
        let start = by_image.partition_point(|truth| truth.image_id < image.id);
        let end = by_image.partition_point(|truth| truth.image_id <= image.id);
        let (crowds, buildings): (Vec<&Truth>, Vec<&Truth>) =
            by_image[start..end].iter().partition(|truth| truth.crowd);
        let union = |truths: &[&Truth]| {
            let masks: Vec<Rle> = truths.iter().map(|truth| truth.mask.clone()).collect();
            rle::union(&masks, image.width, image.height)
        };
        ImageTruth {
            truth: union(&buildings),
            crowd: union(&crowds),
            objects: buildings.len(),
            corners: buildings.iter().map(|truth| truth.corners).sum(),
            image,
        }
    };
    images.into_par_iter().map(unite).collect()
}

/// What is asked of the precision and recall curves, in the order of [`Metrics`].
fn plan() -> Vec<StatRequest> {
    use Metric::{AveragePrecision as Ap, AverageRecall as Ar};
    let ask = |metric, iou, area: usize, max: usize| {
        let area = AreaRng::from_static(area, AREAS[area].0);
        StatRequest::new(metric, iou, area, MaxDetSelector::Value(max))
    };
    vec![
        ask(Ap, Some(0.5), 0, 100),
        ask(Ar, Some(0.5), 0, 100),
        ask(Ap, None, 0, 100),
        ask(Ap, Some(0.75), 0, 100),
        ask(Ap, None, 1, 100),
        ask(Ap, None, 2, 100),
        ask(Ap, None, 3, 100),
        ask(Ar, None, 0, 1),
        ask(Ar, None, 0, 10),
        ask(Ar, None, 0, 100),
        ask(Ar, None, 1, 100),
        ask(Ar, None, 2, 100),
        ask(Ar, None, 3, 100),
        ask(Ap, Some(0.5), 4, 100),
        ask(Ap, Some(0.5), 5, 100),
        ask(Ar, Some(0.5), 4, 100),
        ask(Ar, Some(0.5), 5, 100),
    ]
}

fn image_id(id: u64) -> ImageId {
    ImageId(id as i64)
}

fn segmentation(mask: &Rle) -> Segmentation {
    Segmentation::Rle(SegmentationRle {
        size: [mask.h, mask.w],
        counts: SegmentationRleCounts::Uncompressed(Arc::clone(&mask.counts)),
    })
}

#[cfg(test)]
mod tests;
