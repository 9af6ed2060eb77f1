//! Random flips, turns, rotations, shifts and scales, alike for an image and its targets, and
//! changes of the image's colours.

use image::RgbImage;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::colour::{ColourChange, ColourConfig};
use crate::plane::{Plane, Size};
use crate::sample::{IGNORE, Sample};
use crate::setting::{SettingError, require};

/// How samples are varied.
///
/// Three operations, each with its probability: flip left-right, flip up-down, and an affine map
/// that rotates, shifts and scales; of which one or two are chosen, or all. Then a symmetry of the
/// square, then changes of colour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Off trains on the samples as they are. On unless told.
    pub enabled: bool,
    /// How many of the three operations are chosen. One or two unless told.
    pub operations: Operations,
    /// Chance of a flip when it is chosen. 0.5 unless told.
    pub flip_probability: f64,
    /// Chance of the affine map when it is chosen. 1 unless told.
    pub affine_probability: f64,
    /// Greatest rotation either way, degrees. 10 unless told.
    pub rotate_deg: f64,
    /// Greatest shift either way, as a part of the height and width. 0.1 unless told.
    pub shift: f64,
    /// Greatest part by which lengths grow or shrink. 0 unless told; below 1.
    pub scale: f64,
    /// Chance of one of the eight symmetries of the square, each as likely (of an oblong: of its
    /// four). 0 unless told.
    pub symmetry_probability: f64,
    /// Changes of colour. None unless told.
    pub colour: ColourConfig,
}

/// How many of flip left-right, flip up-down and affine map are chosen for a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operations {
    /// One or two, each as likely, as the 2018 solution did.
    #[default]
    OneOrTwo,
    /// All three.
    All,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            operations: Operations::default(),
            flip_probability: 0.5,
            affine_probability: 1.0,
            rotate_deg: 10.0,
            shift: 0.1,
            scale: 0.0,
            symmetry_probability: 0.0,
            colour: ColourConfig::default(),
        }
    }
}

/// One draw of the augmentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Augmentation {
    /// Mirror left and right.
    pub flip_columns: bool,
    /// Mirror top and bottom.
    pub flip_rows: bool,
    /// Swap rows and columns, before the flips; of a square only.
    pub transpose: bool,
    /// Rotation about the centre, from x (right) towards y (down), radians.
    pub rotation: f64,
    /// Shift `[down, right]` as a part of height and width.
    pub shift: [f64; 2],
    /// Factor of lengths, about the centre, above 0.
    pub scale: f64,
    /// What happens to the image's colours.
    pub colour: ColourChange,
}

impl Default for Augmentation {
    /// None.
    fn default() -> Self {
        Self {
            flip_columns: false,
            flip_rows: false,
            transpose: false,
            rotation: 0.0,
            shift: [0.0; 2],
            scale: 1.0,
            colour: ColourChange::default(),
        }
    }
}

impl AugmentConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        for (name, value) in [
            ("augment.flip_probability", self.flip_probability),
            ("augment.affine_probability", self.affine_probability),
            ("augment.symmetry_probability", self.symmetry_probability),
            ("augment.shift", self.shift),
        ] {
            require(name, value, (0.0..=1.0).contains(&value), "0 to 1")?;
        }
        let (turn, scale) = (self.rotate_deg, self.scale);
        let fits = (0.0..=180.0).contains(&turn);
        require("augment.rotate_deg", turn, fits, "0 to 180")?;
        let fits = (0.0..1.0).contains(&scale);
        require("augment.scale", scale, fits, "0 to below 1")?;
        self.colour.check()
    }

    /// Draws an augmentation.
    #[must_use]
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Augmentation {
        let mut drawn = Augmentation::default();
        if !self.enabled {
            return drawn;
        }
        let mut operations = [0, 1, 2];
        operations.shuffle(rng);
        let count = rng.random_range(1..=2);
        let count = match self.operations {
            Operations::OneOrTwo => count,
            Operations::All => operations.len(),
        };
        let mut within = |bound: f64| bound * (2.0 * rng.random::<f64>() - 1.0);
        for operation in &operations[..count] {
            match operation {
                0 => drawn.flip_columns = within(1.0).abs() < self.flip_probability,
                1 => drawn.flip_rows = within(1.0).abs() < self.flip_probability,
                // What is not asked for draws nothing, so that it does not change what else is.
                _ if self.affine_probability < 1.0
                    && within(1.0).abs() >= self.affine_probability => {}
                _ => {
                    drawn.rotation = within(self.rotate_deg.to_radians());
                    drawn.shift = [within(self.shift), within(self.shift)];
                    if self.scale > 0.0 {
                        drawn.scale = 1.0 + within(self.scale);
                    }
                }
            }
        }
        if self.symmetry_probability > 0.0 && rng.random::<f64>() < self.symmetry_probability {
            drawn.flip_columns = rng.random();
            drawn.flip_rows = rng.random();
            drawn.transpose = rng.random();
        }
        drawn.colour = self.colour.draw(rng);
        drawn
    }
}

impl Augmentation {
    /// The sample, transposed, flipped, scaled and rotated about its centre, shifted, and
    /// recoloured; of the same size.
    ///
    /// The image is sampled bilinearly, the targets by the nearest pixel. Where a pixel comes
    /// from outside, the image's edge is repeated, since black wedges would teach the network a
    /// border no photograph has, and the label is [`IGNORE`]: a smeared roof must not be
    /// learnt as a building, nor as background.
    #[must_use]
    pub fn apply(&self, sample: &Sample) -> Sample {
        if *self == Self::default() {
            return sample.clone();
        }
        let size = sample.size();
        if (Self {
            colour: self.colour.clone(),
            ..Self::default()
        }) == *self
        {
            return sample.recoloured(self.colour.apply(sample.image()));
        }
        let source = self.source(size);
        let pick = |plane: &Plane<f32>, factor: f64| {
            Plane::from_fn(size, |row, column| {
                let (row, column, _) = nearest(source(row, column), size);
                plane.at(row, column) * factor as f32
            })
        };
        let labels = Plane::from_fn(size, |row, column| {
            match nearest(source(row, column), size) {
                (row, column, true) => sample.labels().at(row, column),
                _ => IGNORE,
            }
        });
        let image = RgbImage::from_fn(size.width as u32, size.height as u32, |x, y| {
            image::Rgb(bilinear(sample.image(), source(y as usize, x as usize)))
        });
        sample.with_pixels(
            self.colour.apply(&image),
            labels,
            pick(sample.distances(), self.scale),
            pick(sample.sizes(), self.scale * self.scale),
        )
    }

    /// Where a pixel comes from: `(row, column)` in pixels, whole numbers at pixel centres.
    fn source(&self, size: Size) -> impl Fn(usize, usize) -> (f64, f64) {
        let (height, width) = (size.height as f64, size.width as f64);
        let (middle_y, middle_x) = ((height - 1.0) / 2.0, (width - 1.0) / 2.0);
        let (sin, cos) = self.rotation.sin_cos();
        let (sin, cos) = (sin / self.scale, cos / self.scale);
        let Self {
            flip_columns,
            flip_rows,
            transpose,
            shift: [down, right],
            ..
        } = *self;
        let transpose = transpose && size.height == size.width;
        move |row, column| {
            let y = row as f64 - middle_y - down * height;
            let x = column as f64 - middle_x - right * width;
            let (y, x) = (cos * y - sin * x, cos * x + sin * y);
            let y = if flip_rows { -y } else { y };
            let x = if flip_columns { -x } else { x };
            let (y, x) = if transpose { (x, y) } else { (y, x) };
            (y + middle_y, x + middle_x)
        }
    }
}

/// The pixel nearest to a place, clamped to the raster, and whether it was inside.
fn nearest((y, x): (f64, f64), size: Size) -> (usize, usize, bool) {
    let (row, column) = ((y + 0.5).floor(), (x + 0.5).floor());
    let (last_row, last_column) = (size.height as f64 - 1.0, size.width as f64 - 1.0);
    let clamped = (row.clamp(0.0, last_row), column.clamp(0.0, last_column));
    (
        clamped.0 as usize,
        clamped.1 as usize,
        clamped == (row, column),
    )
}

/// The colour at a place, edges repeated.
fn bilinear(image: &RgbImage, (y, x): (f64, f64)) -> [u8; 3] {
    let size = Size::of(image);
    let y = y.clamp(0.0, size.height as f64 - 1.0);
    let x = x.clamp(0.0, size.width as f64 - 1.0);
    let (top, left) = (y as usize, x as usize);
    let (bottom, right) = (
        (top + 1).min(size.height - 1),
        (left + 1).min(size.width - 1),
    );
    let (dy, dx) = ((y - top as f64) as f32, (x - left as f64) as f32);
    let pixel = |row: usize, column: usize| {
        let start = 3 * (row * size.width + column);
        &image.as_raw()[start..start + 3]
    };
    let corners = [
        pixel(top, left),
        pixel(top, right),
        pixel(bottom, left),
        pixel(bottom, right),
    ];
    std::array::from_fn(|channel| {
        let [a, b, c, d] = corners.map(|corner| f32::from(corner[channel]));
        let upper = a + (b - a) * dx;
        let lower = c + (d - c) * dx;
        (upper + (lower - upper) * dy + 0.5) as u8
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::stream_at;

    fn sample(height: usize, width: usize) -> Sample {
        let size = Size::new(height, width);
        let id = |row: usize, column: usize| (row * width + column) as u8;
        let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
            image::Rgb([id(y as usize, x as usize), y as u8, x as u8])
        });
        let plane = |plus: f32| Plane::from_fn(size, |y, x| f32::from(id(y, x)) + plus);
        let labels = Plane::from_fn(size, id);
        Sample::new("a", image, labels, plane(0.5), plane(1.5)).unwrap()
    }

    /// Whether each pixel's label, distance, size and colour still belong together.
    fn moved_alike(sample: &Sample) -> bool {
        let size = sample.size();
        (0..size.pixels()).all(|i| {
            let label = sample.labels().values()[i];
            label == IGNORE
                || (sample.distances().values()[i] == f32::from(label) + 0.5
                    && sample.sizes().values()[i] == f32::from(label) + 1.5)
        })
    }

    #[test]
    fn a_flip_moves_pixels_exactly() {
        let flip = Augmentation {
            flip_columns: true,
            ..Augmentation::default()
        };
        let flipped = flip.apply(&sample(2, 3));
        assert_eq!(flipped.labels().values(), [2, 1, 0, 5, 4, 3]);
        let red: Vec<u8> = flipped.image().pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(red, [2, 1, 0, 5, 4, 3]);
        assert_eq!(flip.apply(&flipped), sample(2, 3));
    }

    #[test]
    fn a_shift_ignores_what_comes_from_outside_and_repeats_the_edge() {
        let shift = Augmentation {
            shift: [0.0, 0.25],
            ..Augmentation::default()
        };
        let shifted = shift.apply(&sample(2, 4));
        assert_eq!(
            shifted.labels().values(),
            [IGNORE, 0, 1, 2, IGNORE, 4, 5, 6]
        );
        let red: Vec<u8> = shifted.image().pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(red, [0, 0, 1, 2, 4, 4, 5, 6]);
        assert_eq!(shifted.distances().values()[..2], [0.5, 0.5]);
    }

    #[test]
    fn a_quarter_turn_goes_from_right_to_down() {
        let turn = Augmentation {
            rotation: std::f64::consts::FRAC_PI_2,
            ..Augmentation::default()
        };
        let turned = turn.apply(&sample(3, 3));
        assert_eq!(turned.labels().values(), [6, 3, 0, 7, 4, 1, 8, 5, 2]);
    }

    #[test]
    fn a_scale_enlarges_lengths_and_areas_about_the_centre() {
        let double = Augmentation {
            scale: 2.0,
            ..Augmentation::default()
        };
        let scaled = double.apply(&sample(1, 4));
        // Columns 0, 1, 2, 3 come from 0.75, 1.25, 1.75, 2.25.
        assert_eq!(scaled.labels().values(), [1, 1, 2, 2]);
        assert_eq!(scaled.distances().values(), [3.0, 3.0, 5.0, 5.0]);
        assert_eq!(scaled.sizes().values(), [10.0, 10.0, 14.0, 14.0]);
    }

    #[test]
    fn symmetries_are_the_eight_of_the_square_each_as_often() {
        let config = AugmentConfig {
            symmetry_probability: 1.0,
            flip_probability: 0.0,
            affine_probability: 0.0,
            ..AugmentConfig::default()
        };
        let square = sample(3, 3);
        let mut seen = std::collections::BTreeMap::new();
        for i in 0..1600 {
            let drawn = config.draw(&mut stream_at(1, "augment", 0, i));
            let pixels = drawn.apply(&square).labels().values().to_vec();
            assert!(!pixels.contains(&IGNORE));
            *seen.entry(pixels).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 8);
        assert!(seen.values().all(|n| (150..250).contains(n)), "{seen:?}");
        // The quarter turn of `a_quarter_turn_goes_from_right_to_down`.
        assert!(seen.contains_key(&vec![6, 3, 0, 7, 4, 1, 8, 5, 2]));
        let oblong = sample(2, 3);
        let mut kinds: Vec<_> = (0..100)
            .map(|i| config.draw(&mut stream_at(1, "augment", 0, i)))
            .map(|drawn| drawn.apply(&oblong).labels().values().to_vec())
            .collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), 4);
    }

    #[test]
    fn new_options_leave_the_draws_of_the_old_ones_alone() {
        let old = AugmentConfig::default();
        let new = AugmentConfig {
            symmetry_probability: 0.5,
            colour: ColourConfig {
                brightness: 0.2,
                ..ColourConfig::default()
            },
            ..AugmentConfig::default()
        };
        let mut kept = 0;
        for i in 0..200 {
            let draw = |config: &AugmentConfig| config.draw(&mut stream_at(1, "augment", 0, i));
            let (old, new) = (draw(&old), draw(&new));
            assert_eq!((old.rotation, old.shift), (new.rotation, new.shift));
            kept += usize::from(old.flip_rows == new.flip_rows);
        }
        assert!(kept > 100);
    }

    #[test]
    fn all_operations_are_drawn_by_their_own_probabilities() {
        let config = AugmentConfig {
            operations: Operations::All,
            flip_probability: 0.9,
            affine_probability: 0.2,
            ..AugmentConfig::default()
        };
        let draws: Vec<_> = (0..3000)
            .map(|i| config.draw(&mut stream_at(1, "augment", 0, i)))
            .collect();
        let share = |is: &dyn Fn(&Augmentation) -> bool| {
            draws.iter().filter(|d| is(d)).count() as f64 / 3000.0
        };
        assert!((share(&|d| d.flip_rows) - 0.9).abs() < 0.03);
        assert!((share(&|d| d.flip_columns) - 0.9).abs() < 0.03);
        assert!((share(&|d| d.rotation != 0.0) - 0.2).abs() < 0.03);
    }

    #[test]
    fn draws_are_one_or_two_operations_within_bounds() {
        let config = AugmentConfig::default();
        let draws: Vec<_> = (0..3000)
            .map(|i| config.draw(&mut stream_at(1, "augment", 0, i)))
            .collect();
        let share = |is: &dyn Fn(&Augmentation) -> bool| {
            draws.iter().filter(|d| is(d)).count() as f64 / 3000.0
        };
        let affine = |d: &Augmentation| d.rotation != 0.0;
        // Each is among one or two of three half of the time; flips then happen half the time.
        assert!((share(&affine) - 0.5).abs() < 0.03);
        assert!((share(&|d| d.flip_rows) - 0.25).abs() < 0.03);
        assert!((share(&|d| d.flip_columns) - 0.25).abs() < 0.03);
        assert!(
            !draws
                .iter()
                .any(|d| d.flip_rows && d.flip_columns && affine(d))
        );
        let bound = 10.0_f64.to_radians();
        assert!(draws.iter().all(|d| d.rotation.abs() <= bound));
        assert!(draws.iter().flat_map(|d| d.shift).all(|s| s.abs() <= 0.1));
    }

    proptest! {
        #[test]
        fn targets_stay_together(index in 0_usize..1000, height in 1_usize..12, width in 1_usize..12) {
            let drawn = AugmentConfig::default().draw(&mut stream_at(2, "augment", 0, index));
            prop_assert!(moved_alike(&drawn.apply(&sample(height, width))));
        }
    }
}
