//! A fully connected conditional random field over the pixels (Krähenbühl and Koltun 2011, arXiv
//! 1210.5644): each pixel's probability leans towards that of pixels of like colour around it.
//!
//! Mean-field inference for two classes. In each round a pixel's log odds are those of the network
//! plus, for each kernel, `weight · (2 m - 1)`, where `m` is the kernel's mean of the probabilities
//! around the pixel. So a weight is the log odds that a pixel gains among nothing but building. The
//! kernel over place and colour is filtered on the permutohedral lattice, the one over place alone
//! by rows and columns.

mod lattice;

use super::gauss::gaussian_mean;
use crate::plane::Plane;
use image::RgbImage;
use lattice::Lattice;
use serde::{Deserialize, Serialize};

/// How the field leans.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrfOptions {
    /// Rounds of mean-field inference; 5 unless told.
    pub iterations: usize,
    /// Log odds that a pixel gains where all pixels of like colour around it are building; 1 unless told.
    pub colour_weight: f32,
    /// Standard deviation of what counts as around, px of the network's map; 15 unless told.
    pub colour_reach_px: f32,
    /// Standard deviation of what counts as a like colour, of 0..255 in each channel; 13 unless told.
    pub colour_likeness: f32,
    /// Log odds that a pixel gains where all pixels next to it are building; 1 unless told.
    pub smooth_weight: f32,
    /// Standard deviation of what counts as next to it, px of the network's map; 1.5 unless told.
    pub smooth_reach_px: f32,
}

impl Default for CrfOptions {
    fn default() -> Self {
        Self {
            iterations: 5,
            colour_weight: 1.0,
            colour_reach_px: 15.0,
            colour_likeness: 13.0,
            smooth_weight: 1.0,
            smooth_reach_px: 1.5,
        }
    }
}

/// A setting of [`CrfOptions`] out of its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("postprocess.crf.{setting} is {value}, expected {expected}")]
pub struct CrfError {
    setting: &'static str,
    value: f32,
    expected: &'static str,
}

impl CrfOptions {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), CrfError> {
        let refuse = |setting, value, expected| {
            Err(CrfError {
                setting,
                value,
                expected,
            })
        };
        for (setting, value) in [
            ("colour_reach_px", self.colour_reach_px),
            ("colour_likeness", self.colour_likeness),
            ("smooth_reach_px", self.smooth_reach_px),
        ] {
            if !(0.1..=1e4).contains(&value) {
                return refuse(setting, value, "a standard deviation from 0.1 to 10000");
            }
        }
        for (setting, value) in [
            ("colour_weight", self.colour_weight),
            ("smooth_weight", self.smooth_weight),
        ] {
            if !(0.0..=100.0).contains(&value) {
                return refuse(setting, value, "log odds from 0 to 100");
            }
        }
        if self.iterations == 0 {
            return refuse("iterations", 0.0, "at least 1 (leave `crf` out for none)");
        }
        Ok(())
    }

    /// The probabilities after inference, given the image at the same size.
    ///
    /// # Panics
    /// If the sizes differ.
    #[must_use]
    pub fn refine(&self, probabilities: &Plane<f32>, image: &RgbImage) -> Plane<f32> {
        assert_eq!(
            (probabilities.width(), probabilities.height()),
            image.dimensions(),
            "size of probabilities and of the image"
        );
        let features = image.enumerate_pixels().map(|(x, y, pixel)| {
            let [r, g, b] = pixel.0.map(|c| f32::from(c) / self.colour_likeness);
            let [x, y] = [x, y].map(|c| c as f32 / self.colour_reach_px);
            [x, y, r, g, b]
        });
        let lattice = Lattice::new(features);
        let around = lattice.filter(&vec![1.0; probabilities.values().len()]);
        // As sure as a probability of 1/65535 from either end.
        let log_odds = |p: f32| {
            let p = f64::from(p).clamp(1.5e-5, 1.0 - 1.5e-5);
            libm::log(p / (1.0 - p)) as f32
        };
        let told: Vec<f32> = probabilities
            .values()
            .iter()
            .map(|&p| log_odds(p))
            .collect();
        let mut refined = probabilities.clone();
        for _ in 0..self.iterations {
            let alike = lattice.filter(refined.values());
            let near = gaussian_mean(&refined, self.smooth_reach_px);
            let pixels = told.iter().zip(&alike).zip(&around).zip(near.values());
            for (out, (((told, sum), weight), near)) in refined.values_mut().iter_mut().zip(pixels)
            {
                let alike = (sum / weight).clamp(0.0, 1.0);
                let odds = told
                    + self.colour_weight * (2.0 * alike - 1.0)
                    + self.smooth_weight * (2.0 * near - 1.0);
                *out = (1.0 / (1.0 + libm::exp(-f64::from(odds)))) as f32;
            }
        }
        refined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// A bright roof of 12x12 px on dark ground.
    fn roof(x: u32, y: u32) -> bool {
        (10..22).contains(&x) && (10..22).contains(&y)
    }

    fn image() -> RgbImage {
        RgbImage::from_fn(32, 32, |x, y| {
            // Some texture.
            let noise = ((x * 7 + y * 13) % 5) as u8;
            if roof(x, y) {
                Rgb([200 + noise, 180, 170])
            } else {
                Rgb([60, 80 + noise, 50])
            }
        })
    }

    #[test]
    fn a_blurred_border_snaps_to_the_colour_and_a_hole_closes() {
        // The network's answer lies 2 px off and has a hole.
        let told = Plane::from_fn((32, 32).into(), |y, x| {
            let inside = roof(x as u32 + 2, y as u32) && !(y == 15 && x == 14);
            if inside { 0.7 } else { 0.3 }
        });
        let options = CrfOptions {
            colour_weight: 3.0,
            ..CrfOptions::default()
        };
        let refined = options.refine(&told, &image());
        let wrong = |plane: &Plane<f32>| {
            let pixels = (0..32_u32).flat_map(|y| (0..32_u32).map(move |x| (x, y)));
            pixels
                .filter(|&(x, y)| (plane.at(y as usize, x as usize) > 0.5) != roof(x, y))
                .count()
        };
        assert_eq!(wrong(&told), 2 * 2 * 12 + 1);
        assert_eq!(wrong(&refined), 0);
    }

    #[test]
    fn without_weights_nothing_changes() {
        let told = Plane::from_fn((32, 32).into(), |y, x| ((y * 32 + x) as f32 + 0.5) / 1024.0);
        let options = CrfOptions {
            colour_weight: 0.0,
            smooth_weight: 0.0,
            ..CrfOptions::default()
        };
        let refined = options.refine(&told, &image());
        for (a, b) in refined.values().iter().zip(told.values()) {
            assert!((a - b).abs() < 1e-5, "{a} for {b}");
        }
    }

    /// Mean-field inference by the sums over all pairs of pixels.
    fn exact(options: &CrfOptions, told: &Plane<f32>, image: &RgbImage) -> Vec<f32> {
        let width = told.width();
        let place = |i: usize| [i as u32 % width, i as u32 / width];
        let count = told.values().len();
        let kernel = |i: usize, j: usize, reach: f32, likeness: Option<f32>| {
            let ([x, y], [u, v]) = (place(i), place(j));
            let mut sum =
                ((x as f32 - u as f32).powi(2) + (y as f32 - v as f32).powi(2)) / reach.powi(2);
            if let Some(likeness) = likeness {
                let pair = image
                    .get_pixel(x, y)
                    .0
                    .into_iter()
                    .zip(image.get_pixel(u, v).0);
                sum += pair
                    .map(|(a, b)| (f32::from(a) - f32::from(b)).powi(2))
                    .sum::<f32>()
                    / likeness.powi(2);
            }
            (-0.5 * sum).exp()
        };
        let mut q = told.values().to_vec();
        for _ in 0..options.iterations {
            let mean = |i: usize, reach: f32, likeness: Option<f32>| {
                let weights: Vec<f32> = (0..count).map(|j| kernel(i, j, reach, likeness)).collect();
                let sum: f32 = weights.iter().zip(&q).map(|(w, q)| w * q).sum();
                sum / weights.iter().sum::<f32>()
            };
            let next = (0..count).map(|i| {
                let p = told.values()[i];
                let odds = (p / (1.0 - p)).ln()
                    + options.colour_weight
                        * (2.0 * mean(i, options.colour_reach_px, Some(options.colour_likeness))
                            - 1.0)
                    + options.smooth_weight * (2.0 * mean(i, options.smooth_reach_px, None) - 1.0);
                1.0 / (1.0 + (-odds).exp())
            });
            q = next.collect();
        }
        q
    }

    #[test]
    fn it_is_near_inference_over_all_pairs() {
        let image = RgbImage::from_fn(14, 14, |x, y| {
            let bright = u8::from(x + y > 13) * 90;
            Rgb([
                90 + bright + (x * 3) as u8,
                100 + bright,
                80 + (y * 2) as u8,
            ])
        });
        let told = Plane::from_fn((14, 14).into(), |y, x| {
            if x > 6 { 0.75 } else { 0.2 + 0.01 * y as f32 }
        });
        let options = CrfOptions {
            iterations: 3,
            colour_reach_px: 5.0,
            ..CrfOptions::default()
        };
        let refined = options.refine(&told, &image);
        for (a, b) in refined.values().iter().zip(exact(&options, &told, &image)) {
            assert!((a - b).abs() < 0.08, "{a} for {b}");
        }
    }

    #[test]
    fn wild_settings_are_refused_by_name() {
        let options = CrfOptions {
            smooth_reach_px: 0.0,
            ..CrfOptions::default()
        };
        assert_eq!(
            options.check().unwrap_err().to_string(),
            "postprocess.crf.smooth_reach_px is 0, expected a standard deviation from 0.1 to 10000"
        );
        let none = CrfOptions {
            iterations: 0,
            ..CrfOptions::default()
        };
        assert!(none.check().is_err());
        assert_eq!(CrfOptions::default().check(), Ok(()));
    }
}
