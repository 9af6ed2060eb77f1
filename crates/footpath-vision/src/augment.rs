//! Random flips, rotations and shifts, alike for an image and its targets.

use image::RgbImage;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::plane::{Plane, Size};
use crate::sample::{IGNORE, Sample};
use crate::setting::{SettingError, require};

/// How samples are varied.
///
/// One or two (each as likely) of three operations are applied: flip left-right, flip up-down,
/// and an affine map that rotates and shifts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Off trains on the samples as they are. On unless told.
    pub enabled: bool,
    /// Chance of a flip when it is chosen. 0.5 unless told.
    pub flip_probability: f64,
    /// Greatest rotation either way, degrees. 10 unless told.
    pub rotate_deg: f64,
    /// Greatest shift either way, as a part of the height and width. 0.1 unless told.
    pub shift: f64,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            flip_probability: 0.5,
            rotate_deg: 10.0,
            shift: 0.1,
        }
    }
}

/// One draw of the augmentation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augmentation {
    /// Mirror left and right.
    pub flip_columns: bool,
    /// Mirror top and bottom.
    pub flip_rows: bool,
    /// Rotation about the centre, from x (right) towards y (down), radians.
    pub rotation: f64,
    /// Shift `[down, right]` as a part of height and width.
    pub shift: [f64; 2],
}

impl AugmentConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let (chance, turn) = (self.flip_probability, self.rotate_deg);
        let unit = 0.0..=1.0;
        require(
            "augment.flip_probability",
            chance,
            unit.contains(&chance),
            "0 to 1",
        )?;
        require(
            "augment.rotate_deg",
            turn,
            (0.0..=180.0).contains(&turn),
            "0 to 180",
        )?;
        require(
            "augment.shift",
            self.shift,
            unit.contains(&self.shift),
            "0 to 1",
        )
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
        let mut within = |bound: f64| bound * (2.0 * rng.random::<f64>() - 1.0);
        for operation in &operations[..count] {
            match operation {
                0 => drawn.flip_columns = within(1.0).abs() < self.flip_probability,
                1 => drawn.flip_rows = within(1.0).abs() < self.flip_probability,
                _ => {
                    drawn.rotation = within(self.rotate_deg.to_radians());
                    drawn.shift = [within(self.shift), within(self.shift)];
                }
            }
        }
        drawn
    }
}

impl Augmentation {
    /// The sample, flipped, then rotated, then shifted; of the same size.
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
        let source = self.source(size);
        let pick = |plane: &Plane<f32>| {
            Plane::from_fn(size, |row, column| {
                let (row, column, _) = nearest(source(row, column), size);
                plane.at(row, column)
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
            image,
            labels,
            pick(sample.distances()),
            pick(sample.sizes()),
        )
    }

    /// Where a pixel comes from: `(row, column)` in pixels, whole numbers at pixel centres.
    fn source(&self, size: Size) -> impl Fn(usize, usize) -> (f64, f64) {
        let (height, width) = (size.height as f64, size.width as f64);
        let (middle_y, middle_x) = ((height - 1.0) / 2.0, (width - 1.0) / 2.0);
        let (sin, cos) = self.rotation.sin_cos();
        let Self {
            flip_columns,
            flip_rows,
            shift: [down, right],
            ..
        } = *self;
        move |row, column| {
            let y = row as f64 - middle_y - down * height;
            let x = column as f64 - middle_x - right * width;
            let (y, x) = (cos * y - sin * x, cos * x + sin * y);
            let y = if flip_rows { -y } else { y };
            let x = if flip_columns { -x } else { x };
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
