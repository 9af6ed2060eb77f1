//! Reads a results file: a JSON list of scored masks.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;

use super::evaluator::Prediction;
use crate::dataset::json_records::{JsonError, for_each_batch};
use crate::dataset::parse::parse;
use crate::dataset::{ImageRecord, Parts, Shape};
use crate::problem::{Problem, ProblemKind, Record, Report};
use crate::rle::coco_box;

/// The list of a file that is an object.
const LIST: &str = "annotations";

/// A prediction as files have it, whoever wrote them.
#[derive(Deserialize)]
struct RawPrediction {
    image_id: u64,
    category_id: u64,
    /// An addition of ours.
    #[serde(default)]
    file_name: Option<String>,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    segmentation: Option<Shape>,
    #[serde(default)]
    bbox: Option<Vec<f64>>,
}

/// Reads predictions for `images` and `category_ids`; what is wrong with
/// single records goes to `report`, and they are left out.
///
/// The file is a list of records (or an object with a list `annotations`). A record that names its
/// image's file is of the image of that name, whatever its number: whoever predicts on a folder
/// numbers images as they lie there. Only names that `images` lacks leave the number to decide.
/// Masks may be RLE or polygons; a record without mask counts as its box. As
/// in pycocotools' `loadRes`, areas are those of the boxes if the first
/// record has one, else those of the masks.
///
/// # Errors
/// [`JsonError`] when the file cannot be read, is cut off, is not JSON or holds no list.
pub fn read_predictions(
    path: &Path,
    images: &[ImageRecord],
    category_ids: &[u64],
    report: &mut Report,
) -> Result<Vec<Prediction>, JsonError> {
    let (mut raw, mut problems) = (Vec::new(), Vec::new());
    let lists = for_each_batch(path, &[LIST], &mut |batch| {
        parse(
            path,
            batch,
            |index, _| Record::Prediction { index },
            &mut raw,
            &mut problems,
        );
    })?;
    if !lists.iter().any(|list| list.is_empty() || list == LIST) {
        return Err(JsonError::NoList {
            path: path.to_owned(),
            key: LIST,
        });
    }
    let context = Context {
        images: images.iter().map(|image| (image.id, image)).collect(),
        names: images
            .iter()
            .map(|image| (image.file_name.as_str(), image))
            .filter(|(name, _)| !name.is_empty())
            .collect(),
        category_ids,
        box_areas: raw.first().is_some_and(|(_, first): &(_, RawPrediction)| {
            first.bbox.as_ref().is_some_and(|bbox| !bbox.is_empty())
        }),
    };
    let checked: Vec<_> = raw
        .into_par_iter()
        .map(|(index, raw)| context.check(raw).map_err(|kind| (index, kind)))
        .collect();
    let mut predictions = Vec::with_capacity(checked.len());
    for checked in checked {
        match checked {
            Ok(prediction) => predictions.push(prediction),
            Err((index, kind)) => {
                let record = Record::Prediction { index };
                problems.push(Problem {
                    file: path.to_owned(),
                    record,
                    kind,
                });
            }
        }
    }
    problems.sort_by_key(|problem| match problem.record {
        Record::Prediction { index } => index,
        _ => 0,
    });
    for problem in problems {
        report.push(problem);
    }
    if predictions.is_empty() {
        report.push(Problem::of_file(path, ProblemKind::NoPredictions));
    }
    Ok(predictions)
}

/// What predictions are checked against.
struct Context<'a> {
    images: HashMap<u64, &'a ImageRecord>,
    names: HashMap<&'a str, &'a ImageRecord>,
    category_ids: &'a [u64],
    box_areas: bool,
}

impl Context<'_> {
    fn check(&self, raw: RawPrediction) -> Result<Prediction, ProblemKind> {
        let RawPrediction {
            image_id,
            category_id,
            file_name,
            score,
            segmentation,
            bbox,
        } = raw;
        let named = file_name.and_then(|name| self.names.get(name.as_str()));
        let Some(image) = named.or_else(|| self.images.get(&image_id)) else {
            return Err(ProblemKind::UnknownImage { image_id });
        };
        if !self.category_ids.contains(&category_id) {
            return Err(ProblemKind::UnknownCategory {
                category_id,
                known: self.category_ids.to_vec(),
            });
        }
        let score = score.ok_or_else(|| ProblemKind::BadScore {
            found: "missing".to_owned(),
        })?;
        let bbox: Option<[f64; 4]> =
            match bbox.filter(|bbox| !bbox.is_empty()).map(TryFrom::try_from) {
                None => None,
                Some(Ok(bbox)) => Some(bbox),
                Some(Err(other)) => {
                    let detail = format!("bbox is {other:?}, expected [left, top, width, height]");
                    return Err(ProblemKind::Malformed { detail });
                }
            };
        let shape = match (segmentation, bbox) {
            (Some(shape), _) => shape,
            (None, Some([x, y, w, h])) => {
                let (right, bottom) = (x + w, y + h);
                Shape::Polygon(Parts::new(&[vec![
                    x, y, x, bottom, right, bottom, right, y,
                ]]))
            }
            (None, None) => return Err(ProblemKind::EmptySegmentation),
        };
        let mask = shape.to_rle(image.width, image.height)?;
        let bbox = bbox.unwrap_or_else(|| coco_box(&mask));
        let area_px = if self.box_areas {
            bbox[2] * bbox[3]
        } else {
            mask.area() as f64
        };
        Ok(Prediction {
            image_id: image.id,
            category_id,
            mask,
            bbox,
            area_px,
            score,
        })
    }
}
