//! What training minimises: pixel-weighted cross entropy and soft dice.
//!
//! A pixel's weight is w(d, s) = (1 if d = 0 else 1 + w0 · exp(−d²/σ²)) · (C/√s in a building,
//! else 1), with d the sum of its distances to the two nearest buildings, s the area of its
//! building and C = √(H·W)/2: gaps between buildings and small buildings weigh more (after
//! Ronneberger et al. 2015, arXiv 1505.04597). All lengths are in pixels of the network's input.

use footpath_kernels::{CrossEntropyReduction, SegmentationLoss};
use serde::{Deserialize, Serialize};

use crate::plane::Plane;
use crate::sample::{BUILDING, IGNORE};
use crate::setting::{SettingError, require};

/// Settings of the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Weight added right at a gap between two buildings; 0 turns distances off. 50 unless told.
    pub w0: f64,
    /// How far that weight reaches, in pixels of the network's input; above 0. 10 unless told.
    pub sigma: f64,
    /// Whether pixels of small buildings weigh more. On unless told.
    pub size_weights: bool,
    /// Divides by the sum of the weights instead of the number of pixels. Off unless told.
    pub normalise_weights: bool,
    /// Factor of the cross entropy. 1 unless told.
    pub cross_entropy: f64,
    /// Factor of the soft dice loss. 0.2 unless told.
    pub dice: f64,
    /// Added to numerator and denominator of the dice. 1 unless told.
    pub dice_smooth: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            w0: 50.0,
            sigma: 10.0,
            size_weights: true,
            normalise_weights: false,
            cross_entropy: 1.0,
            dice: 0.2,
            dice_smooth: 1.0,
        }
    }
}

impl LossConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let above = self.sigma.is_finite() && self.sigma > 0.0;
        require("loss.sigma", self.sigma, above, "a finite number above 0")?;
        let factors = [
            ("loss.w0", self.w0),
            ("loss.cross_entropy", self.cross_entropy),
            ("loss.dice", self.dice),
            ("loss.dice_smooth", self.dice_smooth),
        ];
        factors.into_iter().try_for_each(|(name, value)| {
            let valid = value.is_finite() && value >= 0.0;
            require(name, value, valid, "a finite number, 0 or above")
        })
    }

    /// The same loss with every pixel of weight 1 (but ignored ones).
    #[must_use]
    pub fn unweighted(self) -> Self {
        Self {
            w0: 0.0,
            size_weights: false,
            ..self
        }
    }

    /// The weights of a target's pixels, row-major; 0 where the label is [`IGNORE`].
    ///
    /// `distances` in px (infinite or 0 where there is no second building), `sizes` in px².
    ///
    /// # Panics
    /// If the planes differ in size.
    #[must_use]
    pub fn pixel_weights(
        &self,
        labels: &Plane<u8>,
        distances: &Plane<f32>,
        sizes: &Plane<f32>,
    ) -> Vec<f32> {
        let size = labels.size();
        assert_eq!(
            size,
            distances.size(),
            "distances differ from labels in size"
        );
        assert_eq!(size, sizes.size(), "sizes differ from labels in size");
        let half_side = (size.pixels() as f64).sqrt() / 2.0;
        let weight = |label: u8, distance: f32, size: f32| {
            if label == IGNORE {
                return 0.0;
            }
            let near = if distance == 0.0 {
                1.0
            } else {
                1.0 + self.w0 * (-(f64::from(distance) / self.sigma).powi(2)).exp()
            };
            let small = if self.size_weights && label == BUILDING {
                half_side / f64::from(size).max(1.0).sqrt()
            } else {
                1.0
            };
            (near * small) as f32
        };
        let pixels = labels
            .values()
            .iter()
            .zip(distances.values())
            .zip(sizes.values());
        pixels
            .map(|((&label, &distance), &size)| weight(label, distance, size))
            .collect()
    }

    /// The settings of the kernel that computes the loss.
    #[must_use]
    pub fn kernel(&self) -> SegmentationLoss {
        SegmentationLoss {
            cross_entropy_factor: self.cross_entropy,
            reduction: if self.normalise_weights {
                CrossEntropyReduction::WeightedMean
            } else {
                CrossEntropyReduction::Mean
            },
            dice_factor: self.dice,
            dice_smooth: self.dice_smooth,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor, TensorData};
    use footpath_kernels::segmentation_loss;

    use super::*;
    use crate::golden;
    use crate::plane::Size;

    const SIDE: usize = 32;

    /// Labels, distances, sizes of the golden numbers' image 0 or 1.
    fn target(image: usize) -> (Plane<u8>, Plane<f32>, Plane<f32>) {
        let building = |y: usize, x: usize| match image {
            0 => (8 < y && y < 20 && 5 < x && x < 14) || (10 < y && y < 28 && 18 < x && x < 30),
            _ => y.abs_diff(16).pow(2) + x.abs_diff(12).pow(2) < 50,
        };
        let size = Size::new(SIDE, SIDE);
        let side: f32 = if image == 0 { 12.0 } else { 7.0 };
        let distance = |y: usize, x: usize| {
            let (dy, dx) = (y as f32 - 16.0, x as f32);
            if image == 0 {
                (dx - 16.0).abs() + 2.0
            } else {
                1.5 * dy.hypot(dx - 12.0)
            }
        };
        let outside = |y, x, value| if building(y, x) { 0.0 } else { value };
        (
            Plane::from_fn(size, |y, x| u8::from(building(y, x))),
            Plane::from_fn(size, |y, x| outside(y, x, distance(y, x))),
            Plane::from_fn(size, |y, x| if building(y, x) { side * side } else { 1.0 }),
        )
    }

    fn check(name: &str, config: &LossConfig) {
        let Some(text) = golden::read("losses.json") else {
            return;
        };
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        let golden = &golden[name];
        let device = Device::flex().autodiff();
        let values = (0..2 * 2 * SIDE * SIDE).map(|i| (2.0 * (0.37 * i as f64).sin()) as f32);
        let logits = TensorData::new(values.collect::<Vec<_>>(), [2, 2, SIDE, SIDE]);
        let logits = Tensor::<4>::from_data(logits, &device).require_grad();
        let (mut labels, mut weights) = (Vec::new(), Vec::new());
        for (target, distances, sizes) in [target(0), target(1)] {
            weights.extend(config.pixel_weights(&target, &distances, &sizes));
            labels.extend(target.values().iter().map(|&label| i64::from(label)));
        }
        let shape = [2, SIDE, SIDE];
        let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, shape), &device);
        let weights = Tensor::<3>::from_data(TensorData::new(weights, shape), &device);
        let loss = segmentation_loss(logits.clone(), labels, weights, &config.kernel());

        let close = |what: &str, found: f64, expected: &serde_json::Value| {
            let expected = expected.as_f64().unwrap();
            let relative = (found - expected).abs() / expected.abs();
            assert!(relative < 1e-4, "{name}, {what}: {found}, not {expected}");
        };
        let gradients = loss.total.backward();
        close("value", loss.total.into_scalar(), &golden["value"]);
        let gradient: Vec<f32> = logits
            .grad(&gradients)
            .unwrap()
            .into_data()
            .try_to_vec()
            .unwrap();
        let squares = gradient.iter().map(|&g| f64::from(g).powi(2));
        close("gradient", squares.sum::<f64>().sqrt(), &golden["grad_l2"]);
        for sample in golden["grad_samples"].as_array().unwrap() {
            let at = |i: usize| sample[i].as_u64().unwrap() as usize;
            let index = ((at(0) * 2 + at(1)) * SIDE + at(2)) * SIDE + at(3);
            close("gradient sample", f64::from(gradient[index]), &sample[4]);
        }
    }

    fn cross_entropy_only() -> LossConfig {
        LossConfig {
            dice: 0.0,
            ..LossConfig::default()
        }
    }

    #[test]
    fn plain_cross_entropy_agrees_with_pytorch() {
        check("cross_entropy", &cross_entropy_only().unweighted());
    }

    #[test]
    fn weighted_cross_entropy_agrees_with_pytorch() {
        check("weighted_cross_entropy", &cross_entropy_only());
    }

    #[test]
    fn normalised_cross_entropy_agrees_with_pytorch() {
        let config = LossConfig {
            normalise_weights: true,
            ..cross_entropy_only()
        };
        check("weighted_cross_entropy_normalised", &config);
    }

    #[test]
    fn dice_agrees_with_pytorch() {
        let config = LossConfig {
            cross_entropy: 0.0,
            dice: 1.0,
            ..LossConfig::default()
        };
        check("soft_dice_building", &config);
    }

    #[test]
    fn their_sum_agrees_with_pytorch() {
        check("mixed", &LossConfig::default());
    }

    #[test]
    fn weights_by_hand() {
        let size = Size::new(2, 8); // C = √16 / 2 = 2
        let mut labels = vec![0; 16];
        let mut distances = vec![f32::INFINITY; 16];
        let mut sizes = vec![1.0; 16];
        (labels[0], sizes[0], distances[0]) = (BUILDING, 4.0, 0.0);
        labels[1] = IGNORE;
        (distances[2], distances[3]) = (10.0, 0.0);
        let [labels, distances, sizes] = [
            labels.into_iter().map(f32::from).collect(),
            distances,
            sizes,
        ]
        .map(|values| Plane::new(size, values));
        let labels = Plane::from_fn(size, |y, x| labels.at(y, x) as u8);
        let weights = LossConfig::default().pixel_weights(&labels, &distances, &sizes);
        let near = (1.0 + 50.0 * (-1.0_f64).exp()) as f32;
        assert_eq!(weights[..5], [1.0, 0.0, near, 1.0, 1.0]);
        let weights = LossConfig::default()
            .unweighted()
            .pixel_weights(&labels, &distances, &sizes);
        assert_eq!(weights[..5], [1.0, 0.0, 1.0, 1.0, 1.0]);
    }
}
