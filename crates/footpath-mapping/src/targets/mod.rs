//! What a network learns from: for each pixel its class, its distances to the
//! two nearest buildings and the size of its building.
//!
//! [`prepare`] turns a tile's annotations into [`TargetMasks`]: one mask a
//! building, eroded or dilated as asked. [`TargetMasks::planes`] computes the
//! three [`Targets`] planes from them. The masks are what is kept on disk
//! ([`TargetMasks::to_bytes`], under a kilobyte a tile): computing the planes takes
//! a fraction of a millisecond, less than reading them back would.

mod codec;
mod distance;
mod outline;

use serde::{Deserialize, Serialize};

pub use codec::DecodeError;

use crate::dataset::AnnotationRecord;
use crate::morphology::{dilate, erode};
use crate::plane::Plane;
use crate::postprocess::label_components;
use crate::problem::ProblemKind;
use crate::rle::{self, Rle};

/// Class of a pixel without building.
pub const BACKGROUND: u8 = 0;
/// Class of a building's pixel.
pub const BUILDING: u8 = 1;
/// First class after building: the further categories in their order, then the border class, then
/// the overlap class, as far as there are any.
pub const FURTHER: u8 = 2;
/// Class of a pixel that no loss may count (weight 0).
pub const IGNORE: u8 = 255;

/// How targets are prepared. The default is this project's rule for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetOptions {
    /// Erode buildings that are not small by a square of side `2 r + 1` px.
    /// Buildings that would vanish stay as they are.
    pub erode_radius_px: u32,
    /// Dilate small buildings by a square of side `2 r + 1` px.
    pub dilate_radius_px: u32,
    /// Small are buildings of at most this squared, px².
    pub small_annotation_size_px: u32,
    /// Background nearer than this to two buildings becomes a class of its own, the border class,
    /// px; 0 for none. Buildings that touch have no background between them: erode them as well,
    /// or use [`Self::overlap_width_px`].
    pub border_width_px: f32,
    /// Pixels within this (Chebyshev) of the outlines of two buildings, inside or outside, become
    /// a class of their own, the overlap class, px; 0 for none.
    pub overlap_width_px: u32,
    /// A building wholly within this frame along the border is no target, px.
    pub edge_px: u32,
    /// Behaviours of the 2018 solution to compare with.
    pub compat: TargetCompat,
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            erode_radius_px: 0,
            dilate_radius_px: 0,
            small_annotation_size_px: 14,
            border_width_px: 0.0,
            overlap_width_px: 0,
            edge_px: 2,
            compat: TargetCompat::default(),
        }
    }
}

impl TargetOptions {
    /// Number of classes of the targets, the `further` categories among them: what the network
    /// must tell apart.
    #[must_use]
    pub fn classes(&self, further: usize) -> usize {
        let border = usize::from(self.border_width_px > 0.0);
        let overlap = usize::from(self.overlap_width_px > 0);
        usize::from(FURTHER) + further + border + overlap
    }

    /// The names of those classes, in their order.
    #[must_use]
    pub fn class_names(&self, further: &[u64]) -> Vec<String> {
        let mut names = vec!["background".to_owned(), "building".to_owned()];
        names.extend(further.iter().map(|id| format!("category {id}")));
        if self.border_width_px > 0.0 {
            names.push("border".to_owned());
        }
        if self.overlap_width_px > 0 {
            names.push("overlap".to_owned());
        }
        names
    }
}

/// Old behaviours, each off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent switch of the configuration"
)]
pub struct TargetCompat {
    /// One single building: the second distance equals the first, which
    /// weighs a ring around it. Ours: distance 0, hence weight 1.
    pub single_building_ring: bool,
    /// Sizes from the connected components of all buildings' union. Ours:
    /// the size of each annotation.
    pub union_sizes: bool,
    /// Buildings within the frame along the border become background. Ours:
    /// their pixels are ignored.
    pub drop_edge_buildings: bool,
    /// Distances and sizes are whole numbers modulo 256. Ours: `f32`.
    pub distance_wrap: bool,
}

/// The three planes of a tile.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// Class: [`BACKGROUND`], [`BUILDING`], one after [`FURTHER`], or [`IGNORE`].
    pub labels: Plane<u8>,
    /// Distance to the nearest plus distance to the second nearest building,
    /// px; 0 on buildings and wherever the tile has fewer than two, so that
    /// the weight there is 1.
    pub distances: Plane<f32>,
    /// Area of the building under the pixel, px²; 1 elsewhere. Where
    /// buildings overlap, that of the smaller one.
    pub sizes: Plane<f32>,
}

impl Targets {
    /// The sizes with 0 where the label is not [`BUILDING`], as losses take them.
    #[must_use]
    pub fn building_sizes(&self) -> Plane<f32> {
        let mut sizes = self.sizes.clone();
        for (size, &label) in sizes.values_mut().iter_mut().zip(self.labels.values()) {
            if label != BUILDING {
                *size = 0.0;
            }
        }
        sizes
    }
}

/// One building of a tile, ready for the planes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetBuilding {
    /// Its pixels, after erosion or dilation.
    pub(crate) mask: Rle,
    /// Its area before, px².
    pub(crate) area_px: u32,
}

/// An object of a further category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FurtherObject {
    /// Its class.
    pub(crate) label: u8,
    /// Its pixels.
    pub(crate) mask: Rle,
}

/// The masks from which a tile's [`Targets`] follow.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetMasks {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) buildings: Vec<TargetBuilding>,
    /// Crowds and buildings along the border.
    pub(crate) ignored: Rle,
    /// Objects of further categories; buildings lie over them.
    pub(crate) further: Vec<FurtherObject>,
    /// Number of further categories.
    pub(crate) categories: u8,
    pub(crate) border_width_px: f32,
    pub(crate) overlap_width_px: u32,
    pub(crate) compat: TargetCompat,
}

/// Prepares the targets of a tile of `width` x `height` px.
///
/// Crowd annotations are ignored areas, not buildings.
///
/// # Errors
/// What keeps an annotation from being drawn; annotations of a
/// [`Dataset`](crate::dataset::Dataset) were checked already.
pub fn prepare(
    annotations: &[AnnotationRecord],
    width: u32,
    height: u32,
    options: &TargetOptions,
) -> Result<TargetMasks, ProblemKind> {
    let mut buildings = Vec::with_capacity(annotations.len());
    let mut ignored = Vec::new();
    for annotation in annotations {
        let mask = annotation.shape.to_rle(width, height)?;
        let area_px = mask.area() as u32;
        if area_px == 0 {
            continue;
        }
        if annotation.crowd {
            ignored.push(mask);
        } else if lies_along_border(&mask, options.edge_px) {
            if !options.compat.drop_edge_buildings {
                ignored.push(mask);
            }
        } else {
            buildings.push(TargetBuilding {
                mask: reshape(mask, area_px, options),
                area_px,
            });
        }
    }
    Ok(TargetMasks {
        width,
        height,
        buildings,
        ignored: rle::union(&ignored, width, height),
        further: Vec::new(),
        categories: 0,
        border_width_px: options.border_width_px,
        overlap_width_px: options.overlap_width_px,
        compat: options.compat,
    })
}

impl TargetMasks {
    /// The same with objects of the further `categories`, which become the classes from
    /// [`FURTHER`] on, in the order of that list. A later object lies over an earlier one, a
    /// building over both; crowds are ignored.
    ///
    /// # Errors
    /// What keeps an annotation from being drawn.
    pub fn with_further(
        mut self,
        objects: &[AnnotationRecord],
        categories: &[u64],
    ) -> Result<Self, ProblemKind> {
        self.categories = categories.len() as u8;
        let mut ignored = vec![self.ignored];
        for object in objects {
            let place = categories.iter().position(|&id| id == object.category_id);
            let Some(place) = place else { continue };
            let mask = object.shape.to_rle(self.width, self.height)?;
            if object.crowd {
                ignored.push(mask);
            } else if mask.area() > 0 {
                let label = FURTHER + place as u8;
                self.further.push(FurtherObject { label, mask });
            }
        }
        self.ignored = rle::union(&ignored, self.width, self.height);
        Ok(self)
    }

    /// The border class, if there is one.
    fn border_label(&self) -> Option<u8> {
        (self.border_width_px > 0.0).then_some(FURTHER + self.categories)
    }

    /// The overlap class, if there is one.
    fn overlap_label(&self) -> Option<u8> {
        let behind = self
            .border_label()
            .map_or(FURTHER + self.categories, |border| border + 1);
        (self.overlap_width_px > 0).then_some(behind)
    }
}

/// Whether every pixel lies within `frame_px` of the border.
fn lies_along_border(mask: &Rle, frame_px: u32) -> bool {
    let inner = |size: u32| frame_px..size.saturating_sub(frame_px);
    let (columns, rows) = (inner(mask.w), inner(mask.h));
    let mut inside = false;
    mask.for_each_fg_span(|x, ys| {
        inside |= columns.contains(&x) && ys.start.max(rows.start) < ys.end.min(rows.end);
    });
    !inside
}

/// Erodes a large building, dilates a small one.
fn reshape(mask: Rle, area_px: u32, options: &TargetOptions) -> Rle {
    let small = area_px <= options.small_annotation_size_px.pow(2);
    let reshaped = match (small, options.erode_radius_px, options.dilate_radius_px) {
        (true, _, 0) | (false, 0, _) => return mask,
        (true, _, radius) => dilate(&rle::to_plane(&mask), radius),
        (false, radius, _) => erode(&rle::to_plane(&mask), radius),
    };
    let reshaped = rle::from_plane(&reshaped);
    if reshaped.area() == 0 { mask } else { reshaped }
}

impl TargetMasks {
    /// Width of the tile, px.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height of the tile, px.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Number of buildings, those along the border and crowds not counted.
    #[must_use]
    pub fn building_count(&self) -> usize {
        self.buildings.len()
    }

    /// Computes the three planes.
    #[must_use]
    pub fn planes(&self) -> Targets {
        let mut labels = Plane::filled((self.width, self.height), BACKGROUND);
        fill(&mut labels, &self.ignored, IGNORE);
        for object in &self.further {
            fill(&mut labels, &object.mask, object.label);
        }
        for building in &self.buildings {
            fill(&mut labels, &building.mask, BUILDING);
        }
        let sizes = self.sizes(&labels);
        if let Some(overlap) = self.overlap_label() {
            let masks = self.buildings.iter().map(|building| &building.mask);
            let bands = outline::bands(masks, (self.width, self.height), self.overlap_width_px);
            for (label, &bands) in labels.values_mut().iter_mut().zip(bands.values()) {
                if bands > 1 && matches!(*label, BACKGROUND | BUILDING) {
                    *label = overlap;
                }
            }
        }
        let distances = self.distances(&mut labels);
        Targets {
            labels,
            distances,
            sizes,
        }
    }

    fn sizes(&self, labels: &Plane<u8>) -> Plane<f32> {
        let mut sizes = Plane::filled((self.width, self.height), 1.0);
        if self.compat.union_sizes {
            let components = label_components(&labels.map(|label| u8::from(label == BUILDING)));
            let areas = components.areas();
            for (size, label) in sizes
                .values_mut()
                .iter_mut()
                .zip(components.plane().values())
            {
                if *label > 0 {
                    *size = areas[*label as usize - 1] as f32;
                }
            }
        } else {
            let mut by_area: Vec<&TargetBuilding> = self.buildings.iter().collect();
            // The smaller are drawn over the larger.
            by_area.sort_by_key(|building| std::cmp::Reverse(building.area_px));
            for building in by_area {
                fill(&mut sizes, &building.mask, building.area_px as f32);
            }
        }
        if self.compat.distance_wrap {
            // 0 weighs like 1, as in the original's loss.
            sizes = sizes.map(|size| wrap(size).max(1.0));
        }
        sizes
    }

    /// The distances; marks the border class on the way.
    fn distances(&self, labels: &mut Plane<u8>) -> Plane<f32> {
        let (width, height) = (self.width, self.height);
        let one_is_enough = self.compat.single_building_ring;
        if self.buildings.len() < if one_is_enough { 1 } else { 2 } {
            return Plane::filled((width, height), 0.0);
        }
        let masks: Vec<Rle> = self
            .buildings
            .iter()
            .map(|building| building.mask.clone())
            .collect();
        let mut two = distance::nearest_two(&masks, width, height);
        if self.buildings.len() == 1 {
            two.second.clone_from(&two.nearest);
        }
        // A single building borders on none.
        if let Some(border) = self.border_label().filter(|_| self.buildings.len() > 1) {
            let border2 = self.border_width_px * self.border_width_px;
            for (label, second) in labels.values_mut().iter_mut().zip(&two.second) {
                if *label == BACKGROUND && *second < border2 {
                    *label = border;
                }
            }
        }
        // A loop of its own: without branches it is vectorised.
        let pixels = two.nearest.iter_mut().zip(&two.second).zip(labels.values());
        for ((nearest, second), label) in pixels {
            let sum = nearest.sqrt() + second.sqrt();
            *nearest = if *label == BUILDING { 0.0 } else { sum };
        }
        let distances = Plane::new((width, height), two.nearest);
        if self.compat.distance_wrap {
            distances.map(wrap)
        } else {
            distances
        }
    }
}

/// What is left of a number stored in a byte.
fn wrap(value: f32) -> f32 {
    (value as u64 % 256) as f32
}

fn fill<T: Copy>(plane: &mut Plane<T>, mask: &Rle, value: T) {
    let width = plane.width() as usize;
    let values = plane.values_mut();
    mask.for_each_fg_span(|x, rows| {
        for y in rows {
            values[y as usize * width + x as usize] = value;
        }
    });
}

#[cfg(test)]
mod tests;
