//! A closer look than the metrics: intervals, borders, sizes, single images.

use super::bootstrap::{Bootstrap, draw};
use super::evaluator::{ByImage, Similarity, detections};
use super::outcomes::{MEASURES, Outcomes};
use super::ranking::Ranking;
use super::{EvaluationError, Evaluator, Metrics, Prediction, SMALL_AREA_PX2};
use crate::outline::corners_of_mask;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use vernier_core::evaluate::AREA_UNBOUNDED;

/// Everything that is measured of predictions.
#[derive(Debug, Clone, Serialize)]
pub struct Examination {
    /// COCO's numbers and the pixel `IoU`.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// The rest.
    #[serde(flatten)]
    pub detail: Detail,
    /// Each image alone, by rising id.
    #[serde(skip)]
    pub images: Vec<ImageScore>,
}

/// What the metrics do not say. Ratios of nothing and means over nothing are -1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detail {
    /// Boundary AP over 0.50:0.05:0.95: as `ap`, but alike is the lesser of the `IoU` of masks and of
    /// their borders, 2 % of the image's diagonal wide (Cheng et al. 2021, arXiv 2103.16562).
    pub boundary_ap: f64,
    /// The same at 0.50.
    pub boundary_ap50: f64,
    /// Mean of the images' `IoU`; images without any pixel are left out.
    pub iou_mean: f64,
    /// Mean of the images' C-`IoU`: `IoU` times 1 - |n - m| / (n + m) for n corners found and m
    /// annotated (Zorzi et al. 2022, arXiv 2111.15491).
    pub c_iou: f64,
    /// Objects found for each to be found.
    pub object_ratio: f64,
    /// Corners of the outlines found, simplified by 1.5 px, for each corner annotated.
    pub corner_ratio: f64,
    /// Least and greatest value of each of [`MEASURES`] in 95 % of the samples of images.
    pub intervals: BTreeMap<&'static str, [f64; 2]>,
    /// The same metrics for buildings of some size only.
    pub by_size: Vec<SizeScore>,
}

/// Metrics of the buildings within a range of areas; both ends count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeScore {
    /// Least area, px².
    pub from_px2: f64,
    /// Greatest area, px²; none above the last.
    pub to_px2: Option<f64>,
    /// Buildings to be found.
    pub truths: u32,
    /// Average precision at `IoU` 0.50.
    pub ap50: f64,
    /// Average recall at `IoU` 0.50.
    pub ar50: f64,
    /// Average precision over `IoU` 0.50:0.05:0.95.
    pub ap: f64,
}

/// One image alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageScore {
    /// The image's id.
    pub image: u64,
    /// Objects to be found.
    pub truths: u32,
    /// Objects found, at most the 100 best; those in crowds not counted.
    pub detections: usize,
    /// How many of them match an object to be found at `IoU` 0.50.
    pub hits: usize,
    /// Average precision at `IoU` 0.50; none where nothing is to be found.
    pub ap50: Option<f64>,
    /// Recall at `IoU` 0.50, likewise.
    pub ar50: Option<f64>,
    /// `IoU` of the pixels; none where there is no pixel.
    pub iou: Option<f64>,
    /// C-`IoU`, likewise.
    pub c_iou: Option<f64>,
    /// Corners annotated.
    pub corners: usize,
    /// Corners found.
    pub corners_found: usize,
}

impl ImageScore {
    /// 2 hits / (truths + detections), the harmonic mean of precision and recall at `IoU` 0.50; 1
    /// where there is nothing to find and nothing found.
    #[must_use]
    pub fn f1(&self) -> f64 {
        let all = self.truths as usize + self.detections;
        if all == 0 {
            1.0
        } else {
            2.0 * self.hits as f64 / all as f64
        }
    }
}

/// Upper ends of the ranges of areas, px²: the challenge's 14², COCO's 32² and 96², and 64² between.
const SIZES_PX2: [f64; 4] = [SMALL_AREA_PX2, 1024.0, 4096.0, 9216.0];

impl Evaluator {
    /// Measures predictions closely. One category: of several, the first.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn examine(
        &self,
        predictions: &[Prediction],
        bootstrap: &Bootstrap,
    ) -> Result<Examination, EvaluationError> {
        let detections = detections(predictions)?;
        let metrics = self.metrics(&detections, predictions)?;
        let outcomes = self.outcomes_of(&detections, predictions)?;
        let images = self.image_scores(&outcomes, predictions);
        let once = vec![1; images.len()];
        let boundary = outcomes.boundaries.average(&once, 0);
        let [.., boundary_ap] = outcomes.measure(&once);
        let intervals = bootstrap.intervals(|rng| outcomes.measure(&draw(once.len(), rng)));
        let intervals = MEASURES.into_iter().zip(intervals);
        let sum = |of: fn(&ImageScore) -> usize| images.iter().map(of).sum::<usize>();
        let detail = Detail {
            boundary_ap: boundary_ap.unwrap_or(-1.0),
            boundary_ap50: boundary.map_or(-1.0, |average| average.precision),
            iou_mean: mean(images.iter().filter_map(|image| image.iou)),
            c_iou: mean(images.iter().filter_map(|image| image.c_iou)),
            object_ratio: ratio(metrics.detections, metrics.truths),
            corner_ratio: ratio(sum(|i| i.corners_found), sum(|i| i.corners)),
            intervals: intervals.filter_map(|(n, ends)| Some((n, ends?))).collect(),
            by_size: self.by_size(&detections)?,
        };
        Ok(Examination {
            metrics,
            detail,
            images,
        })
    }

    fn image_scores(&self, outcomes: &Outcomes, predictions: &[Prediction]) -> Vec<ImageScore> {
        let by_image = ByImage::new(predictions);
        let alone = outcomes.masks.by_image();
        let score = |(i, truth): (usize, &super::evaluator::ImageTruth)| {
            let (detections, hits, average) = alone[i];
            let iou = outcomes.pixels[i].iou();
            let (annotated, found) = (
                truth.corners,
                by_image
                    .of(truth.image.id)
                    .map(|p| corners_of_mask(&p.mask))
                    .sum(),
            );
            let difference = annotated.abs_diff(found) as f64 / (annotated + found).max(1) as f64;
            ImageScore {
                image: truth.image.id,
                truths: truth.objects as u32,
                detections,
                hits,
                ap50: average.map(|a| a.precision),
                ar50: average.map(|a| a.recall),
                iou,
                c_iou: iou.map(|iou| iou * (1.0 - difference)),
                corners: annotated,
                corners_found: found,
            }
        };
        self.images.par_iter().enumerate().map(score).collect()
    }

    fn by_size(
        &self,
        detections: &vernier_core::CocoDetections,
    ) -> Result<Vec<SizeScore>, EvaluationError> {
        let starts = std::iter::once(0.0).chain(SIZES_PX2);
        let ends = SIZES_PX2.into_iter().chain([AREA_UNBOUNDED]);
        let areas: Vec<[f64; 2]> = starts.zip(ends).map(|(from, to)| [from, to]).collect();
        let grid = self.matched(detections, &areas, Similarity::Masks)?;
        let score = |(area, &[from, to]): (usize, &[f64; 2])| {
            let ranking = Ranking::new(&grid, area);
            let once = vec![1; ranking.truths.len()];
            let half = ranking.average(&once, 0);
            let over = ranking.average_over_thresholds(&once);
            SizeScore {
                from_px2: from,
                to_px2: (to < AREA_UNBOUNDED).then_some(to),
                truths: ranking.truths.iter().sum(),
                ap50: half.map_or(-1.0, |a| a.precision),
                ar50: half.map_or(-1.0, |a| a.recall),
                ap: over.map_or(-1.0, |a| a.precision),
            }
        };
        Ok(areas.iter().enumerate().map(score).collect())
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        -1.0
    } else {
        part as f64 / whole as f64
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count == 0.0 { -1.0 } else { sum / count }
}
