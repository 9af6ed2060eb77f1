//! One training image with its targets.

use std::error::Error;

use image::RgbImage;

use crate::loader::{PadMode, TrainCompat};
use crate::plane::{Plane, Size};
use crate::resample::{resize_image, resize_nearest, resize_plane};

/// Label of the background.
pub const BACKGROUND: u8 = 0;
/// Label of buildings, and their channel in the network's output.
pub const BUILDING: u8 = 1;
/// Label of pixels that do not count: weight 0 in the cross entropy.
pub const IGNORE: u8 = 255;

/// An image and, pixel by pixel, what the network shall say and how much it matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    name: String,
    image: RgbImage,
    labels: Plane<u8>,
    distances: Plane<f32>,
    sizes: Plane<f32>,
}

/// What is wrong with a sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// A target is not of the image's size.
    #[error("{name}: the {target} are {found} px, the image is {expected} px")]
    Size {
        /// The sample.
        name: String,
        /// Which target.
        target: &'static str,
        /// The image's size.
        expected: Size,
        /// The target's size.
        found: Size,
    },
    /// A target holds a value that no measurement gives.
    #[error("{name}: the {target} hold {value} at row {row}, column {column}")]
    Value {
        /// The sample.
        name: String,
        /// Which target.
        target: &'static str,
        /// The value.
        value: String,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// The image has no pixel.
    #[error("{name}: the image is empty")]
    Empty {
        /// The sample.
        name: String,
    },
}

impl Sample {
    /// A sample of an RGB image and its targets, all of one size.
    ///
    /// - `labels`: [`BACKGROUND`], [`BUILDING`] (further classes after it), or [`IGNORE`]
    /// - `distances`: sum of the distances to the nearest and second nearest building, px; 0 in
    ///   buildings, 0 or infinite where there are fewer than two
    /// - `sizes`: area of the building a pixel belongs to, px²; 0 elsewhere
    ///
    /// # Errors
    /// If sizes differ, or a distance or size is negative or not a number.
    pub fn new(
        name: impl Into<String>,
        image: RgbImage,
        labels: Plane<u8>,
        distances: Plane<f32>,
        sizes: Plane<f32>,
    ) -> Result<Self, SampleError> {
        let (name, expected) = (name.into(), Size::of(&image));
        if expected.pixels() == 0 {
            return Err(SampleError::Empty { name });
        }
        let found = [
            ("labels", labels.size()),
            ("distances", distances.size()),
            ("sizes", sizes.size()),
        ];
        if let Some((target, found)) = found.into_iter().find(|(_, size)| *size != expected) {
            return Err(SampleError::Size {
                name,
                target,
                expected,
                found,
            });
        }
        for (target, plane) in [("distances", &distances), ("sizes", &sizes)] {
            if let Some(index) = plane.values().iter().position(|v| v.is_nan() || *v < 0.0) {
                return Err(SampleError::Value {
                    name,
                    target,
                    value: plane.values()[index].to_string(),
                    row: index / expected.width,
                    column: index % expected.width,
                });
            }
        }
        Ok(Self {
            name,
            image,
            labels,
            distances,
            sizes,
        })
    }

    /// Its name in messages, such as the image's file name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The image.
    #[must_use]
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The class of each pixel.
    #[must_use]
    pub fn labels(&self) -> &Plane<u8> {
        &self.labels
    }

    /// Distances to the two nearest buildings, summed, px.
    #[must_use]
    pub fn distances(&self) -> &Plane<f32> {
        &self.distances
    }

    /// Area of each pixel's building, px²; 0 where there is none.
    #[must_use]
    pub fn sizes(&self) -> &Plane<f32> {
        &self.sizes
    }

    /// Height and width.
    #[must_use]
    pub fn size(&self) -> Size {
        self.labels.size()
    }

    /// The sample at another size: the image bilinear, the targets nearest, and distances and
    /// sizes converted to the new pixels.
    #[must_use]
    pub fn resized(&self, size: Size) -> Self {
        self.resized_as(size, TrainCompat::default())
    }

    /// [`resized`](Self::resized), or as the 2018 solution did it.
    #[must_use]
    pub fn resized_as(&self, size: Size, compat: TrainCompat) -> Self {
        if compat.bilinear_targets && size != self.size() {
            return self.blurred(size, compat);
        }
        let area = self.area_factor(size, compat);
        let scaled = |plane: &Plane<f32>, factor: f32| {
            let mut values = resize_nearest(plane, size).into_values();
            for value in &mut values {
                *value *= factor;
            }
            Plane::new(size, values)
        };
        Self {
            name: self.name.clone(),
            image: resize_image(&self.image, size),
            labels: resize_nearest(&self.labels, size),
            distances: scaled(&self.distances, area.sqrt()),
            sizes: scaled(&self.sizes, area),
        }
    }

    /// By how much areas grow on the way to `size`.
    fn area_factor(&self, size: Size, compat: TrainCompat) -> f32 {
        if compat.weight_units {
            1.0
        } else {
            size.pixels() as f32 / self.size().pixels() as f32
        }
    }

    /// The sample at another size, its targets bilinear like photographs: an outline's distance is
    /// that of a pixel near a building, its size that of a small one.
    fn blurred(&self, size: Size, compat: TrainCompat) -> Self {
        let area = self.area_factor(size, compat);
        let ignored = resize_nearest(&self.labels, size);
        // A mask is a picture: labels are blended and rounded.
        let blended = self.labels.map(|label| match label {
            IGNORE => f32::from(BACKGROUND),
            label => f32::from(label),
        });
        let labels = resize_plane(&blended, size);
        let pixels = ignored.values().iter().zip(labels.values());
        let labels = pixels.map(|(&nearest, &blend)| match nearest {
            IGNORE => IGNORE,
            _ => blend.round() as u8,
        });
        // Sizes were kept as sides, 1 outside of buildings.
        let sides = self.sizes.map(|size| size.sqrt().max(1.0));
        let size_of = |side: f32| {
            if side > 1.0 { side * side * area } else { 0.0 }
        };
        Self {
            name: self.name.clone(),
            image: resize_image(&self.image, size),
            labels: Plane::new(size, labels.collect()),
            distances: resize_plane(&self.distances, size).map(|d| d * area.sqrt()),
            sizes: resize_plane(&sides, size).map(size_of),
        }
    }

    /// The part of the sample of `size` whose upper left corner is at the row and column `corner`,
    /// which may lie outside.
    #[must_use]
    pub fn window(&self, corner: [isize; 2], size: Size, pad: PadMode) -> Self {
        let from = self.size();
        let places = |first: isize, to: usize, from: usize| {
            let place = |i: usize| {
                let at = first + i as isize;
                let source = pad.source(at, from);
                (source, pad == PadMode::Reflect || at == source as isize)
            };
            (0..to).map(place).collect::<Vec<_>>()
        };
        let rows = places(corner[0], size.height, from.height);
        let columns = places(corner[1], size.width, from.width);
        let pick =
            |plane: &Plane<f32>| Plane::from_fn(size, |y, x| plane.at(rows[y].0, columns[x].0));
        let (width, height) = (size.width as u32, size.height as u32);
        Self {
            name: self.name.clone(),
            image: RgbImage::from_fn(width, height, |x, y| {
                let (column, row) = (columns[x as usize].0, rows[y as usize].0);
                *self.image.get_pixel(column as u32, row as u32)
            }),
            labels: Plane::from_fn(size, |y, x| match (rows[y], columns[x]) {
                ((row, true), (column, true)) => self.labels.at(row, column),
                _ => IGNORE,
            }),
            distances: pick(&self.distances),
            sizes: pick(&self.sizes),
        }
    }

    /// The sample with another image of the same content.
    pub(crate) fn recoloured(&self, image: RgbImage) -> Self {
        Self {
            image,
            ..self.clone()
        }
    }

    /// The sample with other pixels of the same meaning.
    pub(crate) fn with_pixels(
        &self,
        image: RgbImage,
        labels: Plane<u8>,
        distances: Plane<f32>,
        sizes: Plane<f32>,
    ) -> Self {
        Self {
            name: self.name.clone(),
            image,
            labels,
            distances,
            sizes,
        }
    }
}

/// Where training finds its samples.
///
/// Samples are numbered from 0. Loading is asked for from several threads and in any order, and
/// must give the same sample each time, or a run cannot be repeated.
pub trait SampleSource: Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Loads sample `index`.
    ///
    /// # Errors
    /// Whatever keeps the sample from being used; the message names it.
    fn load(&self, index: usize) -> Result<Sample, Box<dyn Error + Send + Sync>>;
}

/// Samples held in memory.
impl SampleSource for Vec<Sample> {
    fn len(&self) -> usize {
        self.len()
    }

    fn load(&self, index: usize) -> Result<Sample, Box<dyn Error + Send + Sync>> {
        Ok(self[index].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(size: Size, distance: f32) -> Result<Sample, SampleError> {
        let image = RgbImage::new(4, 2);
        let plane = |value| Plane::from_fn(size, |_, _| value);
        let labels = Plane::from_fn(Size::new(2, 4), |_, column| column as u8);
        Sample::new("a.jpg", image, labels, plane(distance), plane(9.0))
    }

    #[test]
    fn targets_must_be_of_the_images_size() {
        let error = sample(Size::new(2, 5), 1.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.jpg: the distances are 2x5 px, the image is 2x4 px"
        );
    }

    #[test]
    fn impossible_values_are_named() {
        let error = sample(Size::new(2, 4), f32::NAN).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.jpg: the distances hold NaN at row 0, column 0"
        );
    }

    /// Columns 0 and 1 background 3 px from buildings, columns 2 and 3 a building of 16 px².
    fn half_built() -> Sample {
        let size = Size::new(2, 4);
        let plane =
            |outside, inside| Plane::from_fn(size, |_, x| if x < 2 { outside } else { inside });
        let labels = Plane::from_fn(size, |_, x| u8::from(x >= 2));
        let image = RgbImage::new(4, 2);
        Sample::new("a", image, labels, plane(3.0, 0.0), plane(0.0, 16.0)).unwrap()
    }

    #[test]
    fn compat_targets_are_blended_on_outlines() {
        let size = Size::new(4, 8);
        let ours = half_built().resized(size);
        assert_eq!(
            ours.distances().values()[..8],
            [6.0, 6.0, 6.0, 6.0, 0.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(ours.sizes().values()[2..6], [0.0, 0.0, 64.0, 64.0]);
        let compat = TrainCompat {
            bilinear_targets: true,
            weight_units: true,
        };
        let old = half_built().resized_as(size, compat);
        assert_eq!(old.labels().values()[..8], [0, 0, 0, 0, 1, 1, 1, 1]);
        // A quarter and three quarters of the way across the outline: distances of 3 and 0, sides
        // of 1 and 4.
        assert_eq!(old.distances().values()[2..6], [3.0, 2.25, 0.75, 0.0]);
        assert_eq!(
            old.sizes().values()[2..6],
            [0.0, 1.75 * 1.75, 3.25 * 3.25, 16.0]
        );
        // Where nothing is resized nothing is blended.
        assert_eq!(
            half_built().resized_as(Size::new(2, 4), compat),
            half_built()
        );
    }

    #[test]
    fn compat_units_stay_those_of_the_original() {
        let compat = TrainCompat {
            weight_units: true,
            ..TrainCompat::default()
        };
        let old = half_built().resized_as(Size::new(4, 8), compat);
        assert_eq!(
            (old.distances().at(0, 0), old.sizes().at(0, 7)),
            (3.0, 16.0)
        );
        let ours = half_built().resized(Size::new(4, 8));
        assert_eq!(
            (ours.distances().at(0, 0), ours.sizes().at(0, 7)),
            (6.0, 64.0)
        );
    }

    #[test]
    fn resizing_converts_the_units() {
        let half = sample(Size::new(2, 4), 6.0)
            .unwrap()
            .resized(Size::new(1, 2));
        assert_eq!(half.labels().values(), [1, 3]);
        assert_eq!(half.distances().values(), [3.0, 3.0]);
        assert_eq!(half.sizes().values(), [2.25, 2.25]);
        assert_eq!(Size::of(half.image()), Size::new(1, 2));
    }
}
