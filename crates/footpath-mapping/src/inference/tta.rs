//! Test-time augmentation: the network sees an image in several poses, and the answers are joined.
//!
//! Poses are the symmetries of the square (the dihedral group D4), by exact moves of pixels: what
//! comes back lies where it was, without interpolation.

use super::InferenceError;
use super::aggregate::{Aggregate, Join};
use super::symmetry::Symmetry;
use crate::plane::{Plane, Size};
use image::RgbImage;
use serde::{Deserialize, Serialize};

/// Which poses, and how they are joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TtaOptions {
    /// The poses; all eight unless told.
    pub symmetries: Vec<Symmetry>,
    /// Each pose is seen in each of these brightnesses (factors of the 8-bit values); `[1.0]` unless told.
    pub gains: Vec<f32>,
    /// And with its hues turned about the grey axis by each of these angles, degrees; `[0.0]` unless told.
    pub hues_deg: Vec<f32>,
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
            hues_deg: vec![0.0],
            aggregate: Aggregate::Gmean,
            compat: TtaCompat::default(),
        }
    }
}

impl TtaOptions {
    /// Refuses options that no network can follow.
    ///
    /// # Errors
    /// [`InferenceError`] says which and what to change.
    pub fn check(&self) -> Result<(), InferenceError> {
        if self.symmetries.is_empty() || self.gains.is_empty() || self.hues_deg.is_empty() {
            return Err(InferenceError::NoPass);
        }
        let mut gains = self.gains.iter();
        if let Some(&gain) = gains.find(|gain| !(gain.is_finite() && **gain > 0.0)) {
            return Err(InferenceError::Gain { gain });
        }
        match self.hues_deg.iter().find(|hue| !hue.is_finite()) {
            Some(&hue_deg) => Err(InferenceError::Hue { hue_deg }),
            None => Ok(()),
        }
    }

    /// Refuses options that a network of input `size` cannot follow.
    ///
    /// # Errors
    /// As [`Self::check`], and where a pose turns an oblong on its side.
    pub fn check_for(&self, size: Size) -> Result<(), InferenceError> {
        self.check()?;
        match self.symmetries.iter().find(|pose| pose.swaps_sides()) {
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
        let mut passes = Vec::new();
        let mut poses = Vec::new();
        for &symmetry in &self.symmetries {
            let posed = symmetry.pose(image);
            for &gain in &self.gains {
                for &hue_deg in &self.hues_deg {
                    passes.push(symmetry);
                    poses.push(recolour(posed.clone(), gain, hue_deg));
                }
            }
        }
        let maps = predict(&poses);
        assert_eq!(maps.len(), passes.len(), "maps for poses");
        self.join(&passes, &maps)
    }

    /// The answers to poses as one upright answer.
    ///
    /// # Panics
    /// If the numbers of poses and answers differ or there is none, or answers differ in size.
    #[must_use]
    pub fn join(&self, poses: &[Symmetry], answers: &[Plane<f32>]) -> Plane<f32> {
        /// As high as a cache line is long: a pose on its side reads columns.
        const BAND: usize = 16;
        assert_eq!(poses.len(), answers.len(), "answers to poses");
        let upright = |pose: Symmetry, answer: &Plane<f32>| {
            let Size { height, width } = answer.size();
            if pose.swaps_sides() {
                Size::new(width, height)
            } else {
                answer.size()
            }
        };
        let size = upright(poses[0], &answers[0]);
        for (&pose, answer) in poses.iter().zip(answers) {
            assert_eq!(upright(pose, answer), size, "size of an answer");
        }
        let weight = |pose: &Symmetry| {
            if self.compat.tta_passes && pose.is_reflection() {
                3.0
            } else {
                1.0
            }
        };
        let weights = poses.iter().map(weight).collect();
        let join = Join::new(self.aggregate, weights, !self.compat.gmean_unnormalised);
        let mut bands = vec![vec![0.0; BAND * size.width]; poses.len()];
        let mut joined = Vec::with_capacity(size.pixels());
        for top in (0..size.height).step_by(BAND) {
            let rows = BAND.min(size.height - top);
            for ((&pose, answer), band) in poses.iter().zip(answers).zip(&mut bands) {
                for (row, out) in band.chunks_exact_mut(size.width).take(rows).enumerate() {
                    pose.upright_row(answer, top + row, out);
                }
            }
            let bands: Vec<&[f32]> = bands.iter().map(|b| &b[..rows * size.width]).collect();
            join.pixels(&bands, &mut joined);
        }
        Plane::new(size, joined)
    }
}

/// The image brighter by a factor, its hues turned by an angle.
fn recolour(mut image: RgbImage, gain: f32, hue_deg: f32) -> RgbImage {
    if gain == 1.0 && hue_deg == 0.0 {
        return image;
    }
    // A turn about the grey axis (Rodrigues): each channel keeps `own` and takes from the others.
    let (sin, cos) = (
        libm::sinf(hue_deg.to_radians()),
        libm::cosf(hue_deg.to_radians()),
    );
    let even = (1.0 - cos) / 3.0;
    let (own, next, after) = (
        cos + even,
        even - sin / 3.0_f32.sqrt(),
        even + sin / 3.0_f32.sqrt(),
    );
    for pixel in image.pixels_mut() {
        let [r, g, b] = pixel.0.map(f32::from);
        let turned = [
            own * r + next * g + after * b,
            own * g + next * b + after * r,
            own * b + next * r + after * g,
        ];
        pixel.0 = turned.map(|value| (value * gain + 0.5) as u8);
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
    fn hues_turn_about_grey() {
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([200 - 100 * x as u8, 100, 100]));
        let turned = recolour(image.clone(), 1.0, 120.0);
        // Red becomes green, grey stays.
        assert_eq!(turned.get_pixel(0, 0).0, [100, 200, 100]);
        assert_eq!(turned.get_pixel(1, 0).0, [100, 100, 100]);
        assert_eq!(recolour(image.clone(), 1.0, 0.0), image);
        let bright = recolour(image, 2.0, 0.0);
        assert_eq!(bright.get_pixel(0, 0).0, [255, 200, 200]);
    }

    #[test]
    fn what_does_not_fit_says_what_to_change() {
        let oblong = TtaOptions::default()
            .check_for(Size::new(64, 128))
            .unwrap_err();
        assert_eq!(
            oblong.to_string(),
            "inference.tta.symmetries has QuarterTurn, which turns a 64x128 px input on its side: set \
             training.size to a square, or leave identity, half_turn, flip_columns and flip_rows"
        );
        let none = TtaOptions {
            symmetries: Vec::new(),
            ..TtaOptions::default()
        };
        assert_eq!(none.check(), Err(InferenceError::NoPass));
    }
}
