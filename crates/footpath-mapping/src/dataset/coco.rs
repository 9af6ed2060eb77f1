//! Reads a COCO annotation file, record by record.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Deserializer};

use super::crossing::crosses_itself;
use super::json_records::{Batch, JsonError, for_each_batch};
use super::parse::parse;
use super::shape::Shape;
use crate::problem::{Outcome, Problem, ProblemKind, Record, Report};

/// The building category of the Mapping Challenge.
pub const BUILDING_CATEGORY: u64 = 100;

/// An image as the annotation file lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImageRecord {
    /// Its id within the file.
    pub id: u64,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// File name, relative to the folder of images.
    #[serde(default)]
    pub file_name: String,
}

/// A category as the annotation file lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CategoryRecord {
    /// Its id.
    pub id: u64,
    /// Its name.
    #[serde(default)]
    pub name: String,
}

/// A building (or another object) as the annotation file draws it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AnnotationRecord {
    /// Its id within the file.
    pub id: u64,
    /// The image it belongs to.
    pub image_id: u64,
    /// Its category.
    pub category_id: u64,
    /// Outline or mask.
    #[serde(rename = "segmentation")]
    pub shape: Shape,
    /// Its area as the file states it, px²; COCO sorts objects by size with it.
    #[serde(default)]
    pub area: Option<f64>,
    /// Whether it marks a crowd of objects rather than one.
    #[serde(rename = "iscrowd", default, deserialize_with = "truth")]
    pub crowd: bool,
}

/// `iscrowd` is written as 0/1 or false/true.
fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Number(f64),
    }
    Ok(match Flag::deserialize(deserializer)? {
        Flag::Bool(flag) => flag,
        Flag::Number(number) => number != 0.0,
    })
}

/// The sound part of a COCO annotation file.
///
/// Images are sorted by id. Annotations are grouped by image and keep the
/// file's order within each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CocoFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// The images, by rising id.
    pub images: Vec<ImageRecord>,
    /// The categories, by rising id.
    pub categories: Vec<CategoryRecord>,
    annotations: Vec<AnnotationRecord>,
    /// Annotations of image `i`: `annotations[first[i]..first[i + 1]]`.
    first: Vec<u32>,
}

/// Why an annotation file is of no use at all.
#[derive(Debug, thiserror::Error)]
pub enum CocoError {
    /// It cannot be read to its end.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// One of its three lists is missing.
    #[error(
        "{} has no list `{section}`; a COCO annotation file holds `images`, `annotations` and `categories`",
        path.display()
    )]
    MissingSection {
        /// The file.
        path: PathBuf,
        /// The list.
        section: &'static str,
    },
}

impl CocoFile {
    /// Reads the file; what is wrong with single records goes to `report`.
    ///
    /// Memory: what the records hold (some 250 bytes a building), not the text.
    ///
    /// # Errors
    /// [`CocoError`] when the file cannot be read, is cut off, is not JSON or
    /// lacks one of its lists.
    pub fn read(path: &Path, report: &mut Report) -> Result<Self, CocoError> {
        let mut raw = RawFile::default();
        let mut problems = Vec::new();
        let keys = ["images", "annotations", "categories"];
        let found = for_each_batch(path, &keys, &mut |batch| {
            raw.add(path, batch, &mut problems);
        })?;
        for section in keys {
            if !found.iter().any(|key| key == section) {
                return Err(CocoError::MissingSection {
                    path: path.to_owned(),
                    section,
                });
            }
        }
        let file = raw.check(path, &mut problems);
        // Lists may come in any order in the file; the report has images first.
        problems.sort_by_key(|problem| match problem.record {
            Record::Category { index } => (0, index),
            Record::Image { index, .. } => (1, index),
            Record::Annotation { index, .. } => (2, index),
            Record::File | Record::Prediction { .. } => (3, 0),
        });
        for problem in problems {
            report.push(problem);
        }
        Ok(file)
    }

    /// The annotations of the image at `index` of [`Self::images`].
    ///
    /// # Panics
    /// If there is no such image.
    #[must_use]
    pub fn annotations(&self, index: usize) -> &[AnnotationRecord] {
        &self.annotations[self.first[index] as usize..self.first[index + 1] as usize]
    }

    /// Drops the annotations of all other categories.
    pub(super) fn retain_category(&mut self, category: u64) {
        let mut first = vec![0; self.first.len()];
        for i in 0..self.images.len() {
            let kept = self
                .annotations(i)
                .iter()
                .filter(|a| a.category_id == category)
                .count();
            first[i + 1] = first[i] + kept as u32;
        }
        self.annotations
            .retain(|annotation| annotation.category_id == category);
        self.first = first;
    }

    /// Number of annotations of all images.
    #[must_use]
    pub fn annotation_count(&self) -> usize {
        self.annotations.len()
    }
}

/// The records as they come, each with its place in its list.
#[derive(Default)]
struct RawFile {
    images: Vec<(usize, ImageRecord)>,
    categories: Vec<(usize, CategoryRecord)>,
    annotations: Vec<(usize, AnnotationRecord)>,
}

impl RawFile {
    fn add(&mut self, path: &Path, batch: &Batch, problems: &mut Vec<Problem>) {
        match batch.key.as_str() {
            "images" => parse(
                path,
                batch,
                |index, id| Record::Image { index, id },
                &mut self.images,
                problems,
            ),
            "categories" => {
                parse(
                    path,
                    batch,
                    |index, _| Record::Category { index },
                    &mut self.categories,
                    problems,
                );
            }
            _ => parse(
                path,
                batch,
                |index, id| Record::Annotation { index, id },
                &mut self.annotations,
                problems,
            ),
        }
    }

    fn check(self, path: &Path, problems: &mut Vec<Problem>) -> CocoFile {
        let images = distinct_images(path, self.images, problems);
        let mut categories: Vec<_> = self
            .categories
            .into_iter()
            .map(|(_, category)| category)
            .collect();
        categories.sort_by_key(|category| category.id);
        categories.dedup_by_key(|category| category.id);
        let known: Vec<u64> = categories.iter().map(|category| category.id).collect();
        let place: HashMap<u64, u32> = images
            .iter()
            .zip(0..)
            .map(|(image, i)| (image.id, i))
            .collect();

        // Checked in parallel, gathered in order.
        let checked: Vec<(Option<u32>, Vec<ProblemKind>)> = self
            .annotations
            .par_iter()
            .map(|(_, annotation)| {
                let image = place.get(&annotation.image_id).copied();
                (
                    image,
                    check_annotation(annotation, image.map(|i| &images[i as usize]), &known),
                )
            })
            .collect();
        let mut kept: Vec<(u32, usize, AnnotationRecord)> = Vec::with_capacity(checked.len());
        for ((index, annotation), (image, kinds)) in self.annotations.into_iter().zip(checked) {
            let skip = kinds.iter().any(|kind| kind.outcome() == Outcome::Skipped);
            let record = Record::Annotation {
                index,
                id: Some(annotation.id),
            };
            let tell = |kind| Problem {
                file: path.to_owned(),
                record: record.clone(),
                kind,
            };
            problems.extend(kinds.into_iter().map(tell));
            if let (false, Some(image)) = (skip, image) {
                kept.push((image, index, annotation));
            }
        }
        kept.sort_by_key(|(image, index, _)| (*image, *index));
        let copies = find_copies(path, &kept, problems);
        let kept = kept
            .into_iter()
            .enumerate()
            .filter(|(i, _)| !copies.contains(i))
            .map(|(_, a)| a);

        let mut first = vec![0; images.len() + 1];
        let mut annotations = Vec::with_capacity(kept.size_hint().1.unwrap_or(0));
        for (image, _, annotation) in kept {
            first[image as usize + 1] += 1;
            annotations.push(annotation);
        }
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        CocoFile {
            path: path.to_owned(),
            images,
            categories,
            annotations,
            first,
        }
    }
}

/// What is wrong with an annotation, given its image if that is listed.
fn check_annotation(
    annotation: &AnnotationRecord,
    image: Option<&ImageRecord>,
    known: &[u64],
) -> Vec<ProblemKind> {
    let mut kinds = Vec::new();
    let category_id = annotation.category_id;
    if known.binary_search(&category_id).is_err() {
        kinds.push(ProblemKind::UnknownCategory {
            category_id,
            known: known.to_vec(),
        });
    }
    match image {
        Some(image) => check_shape(&annotation.shape, image, &mut kinds),
        None => kinds.push(ProblemKind::UnknownImage {
            image_id: annotation.image_id,
        }),
    }
    kinds
}

/// How far a polygon may reach beyond its image unremarked, px.
const BORDER_TOLERANCE_PX: f64 = 1.0;

fn check_shape(shape: &Shape, image: &ImageRecord, kinds: &mut Vec<ProblemKind>) {
    let (width, height) = (image.width, image.height);
    if let Err(kind) = shape.check(width, height) {
        kinds.push(kind);
        return;
    }
    let Shape::Polygon(parts) = shape else { return };
    let (w, h) = (f64::from(width), f64::from(height));
    let bounds @ [left, top, right, bottom] = parts.bounds();
    let beyond_px = (-left).max(-top).max(right - w).max(bottom - h);
    if right <= 0.0 || bottom <= 0.0 || left >= w || top >= h {
        kinds.push(ProblemKind::OutsideImage {
            width,
            height,
            bounds,
        });
    } else if beyond_px > BORDER_TOLERANCE_PX {
        kinds.push(ProblemKind::ReachesOutside {
            beyond_px,
            width,
            height,
        });
    }
    let crossing = parts.iter().position(crosses_itself);
    kinds.extend(crossing.map(|part| ProblemKind::SelfCrossing { part }));
}

fn distinct_images(
    path: &Path,
    records: Vec<(usize, ImageRecord)>,
    problems: &mut Vec<Problem>,
) -> Vec<ImageRecord> {
    let mut ids: HashMap<u64, usize> = HashMap::with_capacity(records.len());
    let mut names: HashMap<String, usize> = HashMap::with_capacity(records.len());
    let mut images = Vec::with_capacity(records.len());
    for (index, image) in records {
        let named = !image.file_name.is_empty();
        let kind = if image.width == 0 || image.height == 0 {
            let detail = format!(
                "width {} and height {} px, expected at least 1",
                image.width, image.height
            );
            Some(ProblemKind::Malformed { detail })
        } else if let Some(&first) = ids.get(&image.id) {
            Some(ProblemKind::DuplicateImageId {
                id: image.id,
                first,
            })
        } else if let Some(&first) = names.get(&image.file_name).filter(|_| named) {
            Some(ProblemKind::DuplicateFileName {
                file_name: image.file_name.clone(),
                first,
            })
        } else {
            None
        };
        if let Some(kind) = kind {
            let record = Record::Image {
                index,
                id: Some(image.id),
            };
            problems.push(Problem {
                file: path.to_owned(),
                record,
                kind,
            });
            continue;
        }
        ids.insert(image.id, index);
        if named {
            names.insert(image.file_name.clone(), index);
        }
        images.push(image);
    }
    images.sort_by_key(|image| image.id);
    images
}

/// Tells of ids given twice; returns the places of true copies.
fn find_copies(
    path: &Path,
    kept: &[(u32, usize, AnnotationRecord)],
    problems: &mut Vec<Problem>,
) -> std::collections::HashSet<usize> {
    let mut by_file_order: Vec<usize> = (0..kept.len()).collect();
    by_file_order.sort_by_key(|&i| kept[i].1);
    let mut seen: HashMap<u64, usize> = HashMap::with_capacity(kept.len());
    let mut copies = std::collections::HashSet::new();
    for i in by_file_order {
        let (image, index, annotation) = &kept[i];
        let id = annotation.id;
        let Some(&earlier) = seen.get(&id) else {
            seen.insert(id, i);
            continue;
        };
        let (first_image, first, original) = &kept[earlier];
        let first = *first;
        let kind = if image == first_image && annotation.shape == original.shape {
            copies.insert(i);
            ProblemKind::DuplicateAnnotation { id, first }
        } else {
            ProblemKind::DuplicateAnnotationId { id, first }
        };
        let record = Record::Annotation {
            index: *index,
            id: Some(id),
        };
        problems.push(Problem {
            file: path.to_owned(),
            record,
            kind,
        });
    }
    copies
}
