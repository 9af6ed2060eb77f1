//! Random changes of an image's colours: another camera, another light, another haze.

use image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::plane::Size;
use crate::setting::{SettingError, require};

/// How strongly colours are changed; each kind is off at 0, and all are unless told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColourConfig {
    /// Chance of each kind that is on. 0.5 unless told.
    pub probability: f64,
    /// Greatest part by which values grow or shrink; at most 1.
    pub brightness: f64,
    /// Greatest part by which differences from the image's mean grey grow or shrink; at most 1.
    pub contrast: f64,
    /// Greatest part by which differences from the pixel's own grey grow or shrink; at most 1.
    pub saturation: f64,
    /// Greatest turn of the hue either way, degrees; at most 180.
    pub hue_deg: f64,
    /// Greatest standard deviation of noise added to each value, in 8-bit steps; at most 255.
    pub noise: f64,
    /// Greatest standard deviation of a Gaussian blur, px; at most 10.
    pub blur_px: f64,
}

impl Default for ColourConfig {
    fn default() -> Self {
        Self {
            probability: 0.5,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue_deg: 0.0,
            noise: 0.0,
            blur_px: 0.0,
        }
    }
}

/// One draw of [`ColourConfig`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColourChange {
    /// Part by which values grow.
    pub brightness: f64,
    /// Part by which differences from the image's mean grey grow.
    pub contrast: f64,
    /// Part by which differences from the pixel's grey grow.
    pub saturation: f64,
    /// Turn of the hue, radians.
    pub hue: f64,
    /// Standard deviation of the blur, px.
    pub blur_px: f64,
    /// Standard deviation of the noise in 8-bit steps, and its seed.
    pub noise: Option<(f64, u64)>,
}

/// What red, green and blue give to grey (ITU-R BT.601).
const GREY: [f64; 3] = [0.299, 0.587, 0.114];

impl ColourConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        for (name, value, most, expected) in [
            (
                "augment.colour.probability",
                self.probability,
                1.0,
                "0 to 1",
            ),
            ("augment.colour.brightness", self.brightness, 1.0, "0 to 1"),
            ("augment.colour.contrast", self.contrast, 1.0, "0 to 1"),
            ("augment.colour.saturation", self.saturation, 1.0, "0 to 1"),
            ("augment.colour.hue_deg", self.hue_deg, 180.0, "0 to 180"),
            ("augment.colour.noise", self.noise, 255.0, "0 to 255"),
            ("augment.colour.blur_px", self.blur_px, 10.0, "0 to 10"),
        ] {
            require(name, value, (0.0..=most).contains(&value), expected)?;
        }
        Ok(())
    }

    /// Draws a change. A kind that is off draws nothing.
    #[must_use]
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> ColourChange {
        let mut up_to = |bound: f64| {
            let drawn = bound > 0.0 && rng.random::<f64>() < self.probability;
            if drawn {
                bound * rng.random::<f64>()
            } else {
                0.0
            }
        };
        // A draw from the middle of twice the bound is one to either side.
        let mut either = |bound: f64| match up_to(2.0 * bound) {
            0.0 => 0.0,
            drawn => drawn - bound,
        };
        let brightness = either(self.brightness);
        let contrast = either(self.contrast);
        let saturation = either(self.saturation);
        let hue = either(self.hue_deg.to_radians());
        let blur_px = up_to(self.blur_px);
        let noise = up_to(self.noise);
        ColourChange {
            brightness,
            contrast,
            saturation,
            hue,
            blur_px,
            noise: (noise > 0.0).then(|| (noise, rng.random())),
        }
    }
}

impl ColourChange {
    /// The image changed: saturation, hue, contrast, brightness, then blur, then noise; values are
    /// cut at 0 and 255.
    #[must_use]
    pub fn apply(&self, image: &RgbImage) -> RgbImage {
        if *self == Self::default() {
            return image.clone();
        }
        let mut values = self.recoloured(image);
        if self.blur_px > 0.0 {
            values = blur(&values, Size::of(image), self.blur_px);
        }
        if let Some((deviation, seed)) = self.noise {
            add_noise(&mut values, deviation, seed);
        }
        let bytes = values.into_iter().map(|value| (value + 0.5) as u8);
        match RgbImage::from_raw(image.width(), image.height(), bytes.collect()) {
            Some(image) => image,
            None => unreachable!("a change of colours keeps the number of values"),
        }
    }

    /// One linear map of each pixel's colour does for the first four kinds.
    fn recoloured(&self, image: &RgbImage) -> Vec<f32> {
        let values = image.as_raw();
        let is_linear = [self.brightness, self.contrast, self.saturation, self.hue];
        if is_linear == [0.0; 4] {
            return values.iter().map(|&value| f32::from(value)).collect();
        }
        let matrix = self.matrix();
        let offset = self.offset(image);
        let mut changed = Vec::with_capacity(values.len());
        for pixel in values.chunks_exact(3) {
            for (row, offset) in matrix.iter().zip(offset) {
                let products = row.iter().zip(pixel);
                let sum: f32 = products.map(|(m, &value)| m * f32::from(value)).sum();
                changed.push(sum + offset);
            }
        }
        changed
    }

    /// From a colour to the changed one, but for the contrast's offset.
    fn matrix(&self) -> [[f32; 3]; 3] {
        let gain = (1.0 + self.brightness) * (1.0 + self.contrast);
        let (sin, cos) = self.hue.sin_cos();
        // A turn about the axis of greys in YIQ, where hue is an angle, as a matrix of RGB.
        let [r, g, b] = GREY;
        let turn = [
            [
                r + (1.0 - r) * cos + 0.168 * sin,
                g - g * cos + 0.330 * sin,
                b - b * cos - 0.497 * sin,
            ],
            [
                r - r * cos - 0.328 * sin,
                g + (1.0 - g) * cos + 0.035 * sin,
                b - b * cos + 0.292 * sin,
            ],
            [
                r - r * cos + 1.250 * sin,
                g - g * cos - 1.050 * sin,
                b + (1.0 - b) * cos - 0.203 * sin,
            ],
        ];
        let saturation = 1.0 + self.saturation;
        turn.map(|row| {
            // Saturation pulls the colour from its grey, which a turn leaves as it is.
            let through_grey: f64 = row.iter().sum();
            std::array::from_fn(|c| {
                let value = saturation * row[c] + (1.0 - saturation) * GREY[c] * through_grey;
                (gain * value) as f32
            })
        })
    }

    /// Keeps the mean grey where the contrast changes.
    fn offset(&self, image: &RgbImage) -> [f32; 3] {
        if self.contrast == 0.0 {
            return [0.0; 3];
        }
        let mut sums = [0_u64; 3];
        for pixel in image.as_raw().chunks_exact(3) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(value);
            }
        }
        let pixels = Size::of(image).pixels() as f64;
        let grey: f64 = sums
            .iter()
            .zip(GREY)
            .map(|(&sum, part)| sum as f64 * part)
            .sum();
        [(-(1.0 + self.brightness) * self.contrast * grey / pixels) as f32; 3]
    }
}

/// A Gaussian blur, edges repeated; three interleaved channels.
fn blur(values: &[f32], size: Size, deviation_px: f64) -> Vec<f32> {
    let reach = (3.0 * deviation_px).ceil() as isize;
    let weight = |d: isize| (-0.5 * (d as f64 / deviation_px).powi(2)).exp();
    let sum: f64 = (-reach..=reach).map(weight).sum();
    let taps: Vec<(isize, f32)> = (-reach..=reach)
        .map(|d| (d, (weight(d) / sum) as f32))
        .collect();
    let clamp = |at: isize, length: usize| at.clamp(0, length as isize - 1) as usize;
    let width = 3 * size.width;
    let mut across = vec![0.0; values.len()];
    for (out, row) in across
        .chunks_exact_mut(width)
        .zip(values.chunks_exact(width))
    {
        for (i, out) in out.iter_mut().enumerate() {
            let (column, channel) = ((i / 3) as isize, i % 3);
            for &(d, weight) in &taps {
                *out += weight * row[3 * clamp(column + d, size.width) + channel];
            }
        }
    }
    let mut blurred = vec![0.0; values.len()];
    for (y, out) in blurred.chunks_exact_mut(width).enumerate() {
        for &(d, weight) in &taps {
            let from = width * clamp(y as isize + d, size.height);
            for (out, value) in out.iter_mut().zip(&across[from..from + width]) {
                *out += weight * value;
            }
        }
    }
    blurred
}

/// Adds noise that is nearly normal: a sum of twelve uniform numbers (four 16-bit ones from each
/// of three words).
fn add_noise(values: &mut [f32], deviation: f64, seed: u64) {
    use rand::{RngCore, SeedableRng};
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Variance of a uniform 16-bit number over 65536: 1/12; of twelve: 1.
    let scale = (deviation / 65536.0) as f32;
    for value in values {
        let words = [rng.next_u64(), rng.next_u64(), rng.next_u64()];
        let halves = words.iter().flat_map(|word| {
            let half = |shift: u32| i32::from((word >> shift) as u16) - 32768;
            [half(0), half(16), half(32), half(48)]
        });
        *value += scale * halves.sum::<i32>() as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream_at;

    fn image() -> RgbImage {
        RgbImage::from_fn(16, 9, |x, y| {
            image::Rgb([(10 * x) as u8, (20 * y) as u8, (100 + x * y) as u8])
        })
    }

    fn uniform(colour: [u8; 3]) -> RgbImage {
        RgbImage::from_pixel(2, 2, image::Rgb(colour))
    }

    fn changed(change: &ColourChange, colour: [u8; 3]) -> [u8; 3] {
        change.apply(&uniform(colour)).get_pixel(0, 0).0
    }

    fn mean_grey(image: &RgbImage) -> f64 {
        let grey = |pixel: &image::Rgb<u8>| {
            let parts = pixel.0.iter().zip(GREY);
            parts
                .map(|(&value, part)| f64::from(value) * part)
                .sum::<f64>()
        };
        image.pixels().map(grey).sum::<f64>() / f64::from(image.width() * image.height())
    }

    #[test]
    fn brightness_and_saturation_by_hand() {
        let brighter = ColourChange {
            brightness: 0.5,
            ..ColourChange::default()
        };
        assert_eq!(changed(&brighter, [10, 100, 200]), [15, 150, 255]);
        let grey = ColourChange {
            saturation: -1.0,
            ..ColourChange::default()
        };
        // 0.299 * 100 + 0.587 * 200 + 0.114 * 50
        assert_eq!(changed(&grey, [100, 200, 50]), [153; 3]);
        let vivid = ColourChange {
            saturation: 0.5,
            ..ColourChange::default()
        };
        assert_eq!(changed(&vivid, [100, 150, 120]), [84, 159, 114]);
    }

    #[test]
    fn contrast_keeps_the_mean_and_stretches_the_rest() {
        let image = image();
        let flat = ColourChange {
            contrast: -0.5,
            ..ColourChange::default()
        };
        let changed = flat.apply(&image);
        assert!((mean_grey(&changed) - mean_grey(&image)).abs() < 0.5);
        let (a, b) = (image.get_pixel(12, 3).0[0], image.get_pixel(2, 3).0[0]);
        let (c, d) = (changed.get_pixel(12, 3).0[0], changed.get_pixel(2, 3).0[0]);
        assert_eq!((a - b, c - d), (100, 50));
    }

    #[test]
    fn a_turn_of_the_hue_keeps_greys_and_brings_red_to_green() {
        let turn = |degrees: f64| ColourChange {
            hue: degrees.to_radians(),
            ..ColourChange::default()
        };
        for degrees in [30.0, 120.0, -75.0] {
            let [r, g, b] = changed(&turn(degrees), [128; 3]).map(|v| v.abs_diff(128));
            assert!(r.max(g).max(b) <= 1, "{degrees}: {r} {g} {b}");
        }
        let [r, g, b] = changed(&turn(-120.0), [200, 80, 80]);
        assert!(g > r && g > b, "{r} {g} {b}");
        // Twice 60 degrees are 120, as far as the published matrix is exact.
        let twice = turn(60.0).apply(&turn(60.0).apply(&uniform([120, 130, 140])));
        let once = turn(120.0).apply(&uniform([120, 130, 140]));
        for (a, b) in twice.as_raw().iter().zip(once.as_raw()) {
            assert!(a.abs_diff(*b) <= 2, "{a} {b}");
        }
    }

    #[test]
    fn a_blur_spreads_a_point_and_keeps_its_light() {
        let mut image = RgbImage::new(21, 21);
        image.put_pixel(10, 10, image::Rgb([255, 0, 0]));
        let blurred = ColourChange {
            blur_px: 1.0,
            ..ColourChange::default()
        }
        .apply(&image);
        // 255 / (2 pi) in the middle.
        assert_eq!(blurred.get_pixel(10, 10).0, [41, 0, 0]);
        assert_eq!(blurred.get_pixel(9, 10), blurred.get_pixel(10, 11));
        let light: u32 = blurred.as_raw().iter().map(|&v| u32::from(v)).sum();
        assert!(light.abs_diff(255) < 10, "{light}");
        let even = ColourChange {
            blur_px: 3.0,
            ..ColourChange::default()
        };
        assert_eq!(changed(&even, [7, 80, 200]), [7, 80, 200]);
    }

    #[test]
    fn noise_has_its_deviation_and_repeats_by_its_seed() {
        let flat = RgbImage::from_pixel(100, 100, image::Rgb([128; 3]));
        let noisy = |seed| {
            let noise = Some((8.0, seed));
            let change = ColourChange {
                noise,
                ..ColourChange::default()
            };
            change.apply(&flat)
        };
        let differences: Vec<f64> = noisy(1)
            .as_raw()
            .iter()
            .map(|&v| f64::from(v) - 128.0)
            .collect();
        let count = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let variance = differences.iter().map(|d| d * d).sum::<f64>() / count;
        assert!(mean.abs() < 0.2, "{mean}");
        assert!((variance.sqrt() - 8.0).abs() < 0.2, "{}", variance.sqrt());
        assert_eq!(noisy(1), noisy(1));
        assert_ne!(noisy(1), noisy(2));
    }

    #[test]
    fn draws_stay_within_bounds_and_what_is_off_draws_nothing() {
        let config = ColourConfig {
            probability: 0.4,
            brightness: 0.2,
            noise: 5.0,
            ..ColourConfig::default()
        };
        let draws: Vec<_> = (0..2000)
            .map(|i| config.draw(&mut stream_at(1, "colour", 0, i)))
            .collect();
        let brighter = draws.iter().filter(|d| d.brightness != 0.0).count();
        let noisy = draws.iter().filter(|d| d.noise.is_some()).count();
        assert!((700..900).contains(&brighter) && (700..900).contains(&noisy));
        assert!(
            draws
                .iter()
                .all(|d| d.brightness.abs() <= 0.2 && d.hue == 0.0)
        );
        assert!(draws.iter().any(|d| d.brightness < -0.1));
        assert!(draws.iter().any(|d| d.brightness > 0.1));
        let mut rng = stream_at(1, "colour", 0, 0);
        let untouched = rng.clone();
        let none = ColourConfig::default().draw(&mut rng);
        assert_eq!((none, rng), (ColourChange::default(), untouched));
    }
}
