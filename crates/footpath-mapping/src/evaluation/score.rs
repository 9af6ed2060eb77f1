//! `footpath score`: a results file against a ground truth file.

use std::path::Path;

use rayon::prelude::*;

use super::evaluator::{EvaluationError, Evaluator, Metrics, Truth, TruthImage};
use super::results::read_predictions;
use crate::dataset::{CocoError, CocoFile, JsonError};
use crate::outline::corners_of_shape;
use crate::problem::{Refused, Report, Strictness};

/// Why a results file has no score.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The ground truth is of no use.
    #[error(transparent)]
    Truth(#[from] CocoError),
    /// The results file cannot be read.
    #[error(transparent)]
    Predictions(#[from] JsonError),
    /// The metrics cannot be computed.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// Something is wrong and [`Strictness::Strict`] was asked for.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Scores a results file against a COCO annotation file.
///
/// Equals pycocotools 2.0.11 (`COCOeval` with `iouType="segm"`) on sound
/// files. Records that pycocotools would stumble over are left out; the
/// report names them.
///
/// # Errors
/// [`ScoreError`] when a file cannot be read at all or, under
/// [`Strictness::Strict`], when anything is wrong.
pub fn score(
    truth: &Path,
    predictions: &Path,
    strictness: Strictness,
) -> Result<(Metrics, Report), ScoreError> {
    let mut report = Report::default();
    let coco = CocoFile::read(truth, &mut report)?;
    let images: Vec<TruthImage> = coco
        .images
        .iter()
        .map(|image| TruthImage {
            id: image.id,
            width: image.width,
            height: image.height,
        })
        .collect();
    let category_ids: Vec<u64> = coco.categories.iter().map(|category| category.id).collect();
    let predictions = read_predictions(predictions, &coco.images, &category_ids, &mut report)?;
    report.enforce(strictness)?;
    let evaluator = Evaluator::new(&images, &category_ids, &truths(&coco))?;
    Ok((evaluator.evaluate(&predictions)?, report))
}

/// The annotations as masks; areas are those of the file, where it has them.
fn truths(coco: &CocoFile) -> Vec<Truth> {
    let of_image = |(i, image): (usize, &crate::dataset::ImageRecord)| {
        let (width, height) = (image.width, image.height);
        let truth = move |annotation: &crate::dataset::AnnotationRecord| {
            // Shapes were checked when the file was read.
            let mask = annotation.shape.to_rle(width, height).ok()?;
            Some(Truth {
                image_id: annotation.image_id,
                category_id: annotation.category_id,
                area_px: annotation.area.unwrap_or_else(|| mask.area() as f64),
                corners: corners_of_shape(&annotation.shape, &mask),
                mask,
                crowd: annotation.crowd,
            })
        };
        coco.annotations(i).iter().filter_map(truth)
    };
    coco.images
        .par_iter()
        .enumerate()
        .flat_map_iter(of_image)
        .collect()
}
