//! Test-time augmentation: the network sees an image in several poses, and the answers are joined.
//!
//! Poses are the symmetries of the square (the dihedral group D4), by exact moves of pixels: what
//! comes back lies where it was, without interpolation.

use super::InferenceError;
use crate::plane::{Plane, Size};
use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

/// A symmetry of the square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symmetry {
    /// As it is.
    Identity,
    /// A quarter turn clockwise.
    QuarterTurn,
    /// A half turn.
    HalfTurn,
    /// A quarter turn counter-clockwise.
    ThreeQuarterTurn,
    /// Left and right swapped.
    FlipColumns,
    /// Top and bottom swapped.
    FlipRows,
    /// Rows and columns swapped.
    Transpose,
    /// Rows and columns swapped about the other diagonal.
    AntiTranspose,
}

impl Symmetry {
    /// All eight.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::QuarterTurn,
        Self::HalfTurn,
        Self::ThreeQuarterTurn,
        Self::FlipColumns,
        Self::FlipRows,
        Self::Transpose,
        Self::AntiTranspose,
    ];

    /// Whether width and height change places.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::QuarterTurn | Self::ThreeQuarterTurn | Self::Transpose | Self::AntiTranspose
        )
    }

    fn is_reflection(self) -> bool {
        matches!(
            self,
            Self::FlipColumns | Self::FlipRows | Self::Transpose | Self::AntiTranspose
        )
    }

    /// The image in this pose.
    #[must_use]
    pub fn pose(self, image: &RgbImage) -> RgbImage {
        match self {
            Self::Identity => image.clone(),
            Self::QuarterTurn => imageops::rotate90(image),
            Self::HalfTurn => imageops::rotate180(image),
            Self::ThreeQuarterTurn => imageops::rotate270(image),
            Self::FlipColumns => imageops::flip_horizontal(image),
            Self::FlipRows => imageops::flip_vertical(image),
            Self::Transpose => imageops::flip_horizontal(&imageops::rotate90(image)),
            Self::AntiTranspose => imageops::flip_vertical(&imageops::rotate90(image)),
        }
    }

    /// Where the pixel `(y, x)` of an image of `height` x `width` px lies in its pose.
    #[must_use]
    pub fn place(self, y: usize, x: usize, height: usize, width: usize) -> (usize, usize) {
        let (bottom, right) = (height - 1 - y, width - 1 - x);
        match self {
            Self::Identity => (y, x),
            Self::QuarterTurn => (x, bottom),
            Self::HalfTurn => (bottom, right),
            Self::ThreeQuarterTurn => (right, y),
            Self::FlipColumns => (y, right),
            Self::FlipRows => (bottom, x),
            Self::Transpose => (x, y),
            Self::AntiTranspose => (right, bottom),
        }
    }
}

/// How the answers of the poses are joined, pixel by pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Arithmetic mean.
    Mean,
    /// Geometric mean of the probabilities of both classes, then normalised: the mean of the log odds.
    Gmean,
    /// The lowest probability of building.
    Min,
    /// The highest probability of building.
    Max,
}

/// Which poses, and how they are joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TtaOptions {
    /// The poses; all eight unless told.
    pub symmetries: Vec<Symmetry>,
    /// Each pose is seen in each of these brightnesses (factors of the 8-bit values); `[1.0]` unless told.
    pub gains: Vec<f32>,
    /// How answers are joined; `gmean` unless told.
    pub aggregate: Aggregate,
    /// Behaviours of the 2018 solution to compare with.
    pub compat: TtaCompat,
}

/// Old behaviours, each off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TtaCompat {
    /// Sixteen passes, of which eight differ: each reflection counts three times. Ours: once each.
    pub tta_passes: bool,
    /// The geometric mean is not normalised, so that building pixels fall below one half. Ours: it is.
    pub gmean_unnormalised: bool,
}

impl Default for TtaOptions {
    fn default() -> Self {
        Self {
            symmetries: Symmetry::ALL.to_vec(),
            gains: vec![1.0],
            aggregate: Aggregate::Gmean,
            compat: TtaCompat::default(),
        }
    }
}

impl TtaOptions {
    /// Refuses options that a network of input `size` cannot follow.
    ///
    /// # Errors
    /// [`InferenceError`] says which and what to change.
    pub fn check(&self, size: Size) -> Result<(), InferenceError> {
        if self.symmetries.is_empty() || self.gains.is_empty() {
            return Err(InferenceError::NoPass);
        }
        if let Some(&gain) = self
            .gains
            .iter()
            .find(|gain| !(gain.is_finite() && **gain > 0.0))
        {
            return Err(InferenceError::Gain { gain });
        }
        let sideways = self.symmetries.iter().find(|pose| pose.swaps_sides());
        match sideways {
            Some(&symmetry) if size.height != size.width => {
                Err(InferenceError::Oblong { symmetry, size })
            }
            _ => Ok(()),
        }
    }

    /// The joined answer of `predict`, which gives a map for each image it is handed, all of one
    /// square size (or of the image's own, where no pose swaps its sides).
    ///
    /// If `predict` does to each pose what it does to the image, the result is its answer to the
    /// image, to the bit.
    ///
    /// # Panics
    /// If `predict` gives another number of maps, or maps of several sizes.
    #[must_use]
    pub fn predict(
        &self,
        image: &RgbImage,
        predict: impl FnOnce(&[RgbImage]) -> Vec<Plane<f32>>,
    ) -> Plane<f32> {
        let passes: Vec<(Symmetry, f32)> = self
            .symmetries
            .iter()
            .flat_map(|&pose| self.gains.iter().map(move |&gain| (pose, gain)))
            .collect();
        let poses: Vec<RgbImage> = passes
            .iter()
            .map(|&(pose, gain)| brighten(pose.pose(image), gain))
            .collect();
        let maps = predict(&poses);
        assert_eq!(maps.len(), passes.len(), "maps for poses");
        let weights: Vec<f64> = passes
            .iter()
            .map(|(pose, _)| {
                if self.compat.tta_passes && pose.is_reflection() {
                    3.0
                } else {
                    1.0
                }
            })
            .collect();
        let seen = maps[0].size();
        let size = if passes[0].0.swaps_sides() {
            Size::new(seen.width, seen.height)
        } else {
            seen
        };
        let upright: Vec<Plane<f32>> = passes
            .iter()
            .zip(&maps)
            .map(|(&(pose, _), map)| {
                Plane::from_fn(size, |y, x| {
                    let (row, column) = pose.place(y, x, size.height, size.width);
                    map.at(row, column)
                })
            })
            .collect();
        let mut values = vec![0.0; upright.len()];
        let joined = (0..size.pixels()).map(|pixel| {
            for (value, plane) in values.iter_mut().zip(&upright) {
                *value = plane.values()[pixel];
            }
            self.join(&values, &weights)
        });
        Plane::new(size, joined.collect())
    }

    /// One pixel. In f64, so that n equal f32 join to themselves exactly.
    fn join(&self, values: &[f32], weights: &[f64]) -> f32 {
        let mean = |of: &dyn Fn(f64) -> f64| {
            let pairs = values.iter().zip(weights);
            let sum: f64 = pairs.map(|(&v, &w)| w * of(f64::from(v))).sum();
            sum / weights.iter().sum::<f64>()
        };
        match self.aggregate {
            Aggregate::Mean => mean(&|p| p) as f32,
            Aggregate::Min => values.iter().copied().fold(f32::INFINITY, f32::min),
            Aggregate::Max => values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            Aggregate::Gmean => {
                let building = mean(&libm::log).min(0.0);
                let building = libm::exp(building);
                if self.compat.gmean_unnormalised {
                    return building as f32;
                }
                let background = libm::exp(mean(&|p| libm::log(1.0 - p)));
                let both = building + background;
                // Passes that are sure of opposite things leave nothing of either.
                if both > 0.0 {
                    (building / both) as f32
                } else {
                    0.5
                }
            }
        }
    }
}

fn brighten(mut image: RgbImage, gain: f32) -> RgbImage {
    if gain != 1.0 {
        for value in image.iter_mut() {
            *value = (f32::from(*value) * gain + 0.5) as u8;
        }
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AGGREGATES: [Aggregate; 4] = [
        Aggregate::Mean,
        Aggregate::Gmean,
        Aggregate::Min,
        Aggregate::Max,
    ];

    /// A function of each pixel alone, which no pose changes.
    fn symmetric(images: &[RgbImage]) -> Vec<Plane<f32>> {
        let probability = |image: &RgbImage| {
            Plane::from_fn(Size::of(image), |y, x| {
                let [r, g, b] = image.get_pixel(x as u32, y as u32).0;
                (f32::from(r) * 256.0 + f32::from(g) + f32::from(b) / 256.0) / 65537.0
            })
        };
        images.iter().map(probability).collect()
    }

    proptest! {
        #[test]
        fn of_a_symmetric_function_it_is_the_identity_to_the_bit(
            side in 1u32..9,
            bytes in prop::collection::vec(any::<u8>(), 3 * 81),
            chosen in 1u8..=255,
        ) {
            let image = RgbImage::from_fn(side, side, |x, y| {
                let at = 3 * (y * side + x) as usize;
                image::Rgb([bytes[at], bytes[at + 1], bytes[at + 2]])
            });
            let plain = symmetric(std::slice::from_ref(&image)).remove(0);
            let symmetries: Vec<_> = Symmetry::ALL.into_iter().enumerate()
                .filter(|(i, _)| chosen >> i & 1 == 1).map(|(_, s)| s).collect();
            for aggregate in AGGREGATES {
                let options = TtaOptions { symmetries: symmetries.clone(), aggregate, ..TtaOptions::default() };
                prop_assert_eq!(&options.predict(&image, symmetric), &plain, "{:?}", options);
            }
        }
    }

    #[test]
    fn each_pose_moves_each_pixel_where_it_says() {
        let image = RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let mut seen = Vec::new();
        for symmetry in Symmetry::ALL {
            let posed = symmetry.pose(&image);
            for y in 0..2 {
                for x in 0..3 {
                    let (row, column) = symmetry.place(y, x, 2, 3);
                    let found = posed.get_pixel(column as u32, row as u32);
                    assert_eq!(found.0, [x as u8, y as u8, 0], "{symmetry:?}");
                }
            }
            assert!(!seen.contains(&posed), "{symmetry:?} is another's twin");
            seen.push(posed);
        }
    }

    /// Two passes that say 0.5 and 0.9.
    fn of_two(options: &TtaOptions) -> f32 {
        let options = TtaOptions {
            symmetries: vec![Symmetry::Identity, Symmetry::FlipRows],
            ..options.clone()
        };
        let answers = |_: &[RgbImage]| [0.5, 0.9].map(|p| Plane::filled((1, 1), p)).to_vec();
        options.predict(&RgbImage::new(1, 1), answers).values()[0]
    }

    #[test]
    fn answers_join_as_told() {
        let joined = AGGREGATES.map(|aggregate| {
            of_two(&TtaOptions {
                aggregate,
                ..TtaOptions::default()
            })
        });
        // Odds 1 and 9 have the geometric mean 3, which is a probability of 0.75.
        for (found, expected) in joined.into_iter().zip([0.7, 0.75, 0.5, 0.9]) {
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        }
    }

    #[test]
    fn the_old_behaviours_and_ours() {
        let of = |aggregate, compat| {
            of_two(&TtaOptions {
                aggregate,
                compat,
                ..TtaOptions::default()
            })
        };
        let thrice = TtaCompat {
            tta_passes: true,
            ..TtaCompat::default()
        };
        assert!((of(Aggregate::Mean, thrice) - 0.8).abs() < 1e-6);
        assert!((of(Aggregate::Mean, TtaCompat::default()) - 0.7).abs() < 1e-6);
        let lost = TtaCompat {
            gmean_unnormalised: true,
            ..TtaCompat::default()
        };
        assert!((of(Aggregate::Gmean, lost) - 0.45_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn sure_passes_that_disagree_leave_one_half() {
        let options = TtaOptions::default();
        assert_eq!(options.join(&[0.0, 1.0], &[1.0, 1.0]), 0.5);
        assert_eq!(options.join(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
        assert_eq!(options.join(&[1.0, 1.0], &[1.0, 1.0]), 1.0);
    }

    #[test]
    fn what_does_not_fit_says_what_to_change() {
        let oblong = TtaOptions::default().check(Size::new(64, 128)).unwrap_err();
        assert_eq!(
            oblong.to_string(),
            "inference.tta.symmetries has QuarterTurn, which turns a 64x128 px input on its side: set \
             training.size to a square, or leave identity, half_turn, flip_columns and flip_rows"
        );
        let none = TtaOptions {
            symmetries: Vec::new(),
            ..TtaOptions::default()
        };
        assert_eq!(none.check(Size::new(64, 64)), Err(InferenceError::NoPass));
    }
}
