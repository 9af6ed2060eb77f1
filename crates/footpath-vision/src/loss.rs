//! What training minimises: pixel-weighted cross entropy and soft dice; focal and Lovász losses.
//!
//! A pixel's weight is w(d, s) = (1 if d = 0 else 1 + w0 · exp(−d²/σ²)) · (C/√s in a building,
//! else 1), with d the sum of its distances to the two nearest buildings, s the area of its
//! building and C = √(H·W)/2: gaps between buildings and small buildings weigh more (after
//! Ronneberger et al. 2015, arXiv 1505.04597). All lengths are in pixels of the network's input.

use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::{Int, Tensor};
use footpath_kernels::{CrossEntropyReduction, LossValue, SegmentationLoss, segmentation_loss};
use serde::{Deserialize, Serialize};

use crate::lovasz::lovasz_softmax;
use crate::plane::Plane;
use crate::sample::IGNORE;
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
    /// A factor of the weights of each class, in the order of the network's; of 1 unless told.
    pub class_weights: Vec<f64>,
    /// Factor of the cross entropy. 1 unless told.
    pub cross_entropy: f64,
    /// Factor of the soft dice loss. 0.2 unless told.
    pub dice: f64,
    /// What the dice takes for probabilities. Soft-max unless told.
    pub dice_of: DiceOf,
    /// Added to numerator and denominator of the dice. 1 unless told.
    pub dice_smooth: f64,
    /// Factor of the focal loss, weighted and averaged as the cross entropy: Σ w·(1 − p)^γ·ce, with
    /// p the probability of the true class (Lin et al. 2017, arXiv 1708.02002). 0 unless told.
    pub focal: f64,
    /// γ of the focal loss. 2 unless told.
    pub focal_gamma: f64,
    /// Factor of the Lovász-softmax loss, the mean over the classes that the batch has, but for the
    /// background (Berman et al. 2018, arXiv 1705.08790). Weights do not enter it, but ignored
    /// pixels are left out. 0 unless told.
    pub lovasz: f64,
}

/// What the soft dice takes for the probability of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiceOf {
    /// The soft-max over the classes.
    #[default]
    Softmax,
    /// The sigmoid of the class's own logit.
    Sigmoid,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            w0: 50.0,
            sigma: 10.0,
            size_weights: true,
            normalise_weights: false,
            class_weights: Vec::new(),
            cross_entropy: 1.0,
            dice: 0.2,
            dice_of: DiceOf::default(),
            dice_smooth: 1.0,
            focal: 0.0,
            focal_gamma: 2.0,
            lovasz: 0.0,
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
            ("loss.focal", self.focal),
            ("loss.focal_gamma", self.focal_gamma),
            ("loss.lovasz", self.lovasz),
        ];
        let class_weights = self.class_weights.iter();
        let factors = factors
            .into_iter()
            .chain(class_weights.map(|&weight| ("loss.class_weights", weight)));
        for (name, value) in factors {
            let valid = value.is_finite() && value >= 0.0;
            require(name, value, valid, "a finite number, 0 or above")?;
        }
        Ok(())
    }

    /// Refuses class weights that are not as many as the network has classes.
    ///
    /// # Errors
    /// Says what was found and expected.
    pub fn check_classes(&self, classes: usize) -> Result<(), SettingError> {
        let weights = &self.class_weights;
        require(
            "loss.class_weights",
            format!("{weights:?}"),
            weights.is_empty() || weights.len() == classes,
            "one number for each of the network's classes (unet.classes)",
        )
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
    /// `distances` in px (infinite or 0 where there is no second building), `sizes` in px² (0 where
    /// there is no building).
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
            let small = if self.size_weights && size > 0.0 {
                half_side / f64::from(size).max(1.0).sqrt()
            } else {
                1.0
            };
            let class = self.class_weights.get(usize::from(label));
            (near * small * class.copied().unwrap_or(1.0)) as f32
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

    /// The loss of logits `[N, C, H, W]` for labels and [weights](Self::pixel_weights)
    /// `[N, H, W]`.
    ///
    /// # Panics
    /// If the shapes do not fit together or a label is no class.
    #[must_use]
    pub fn evaluate(
        &self,
        logits: Tensor<4>,
        labels: Tensor<3, Int>,
        weights: Tensor<3>,
    ) -> LossValue {
        let fused =
            |logits| segmentation_loss(logits, labels.clone(), weights.clone(), &self.kernel());
        let by_sigmoid = self.dice_of == DiceOf::Sigmoid;
        if self.focal == 0.0 && self.lovasz == 0.0 && !by_sigmoid {
            return fused(logits);
        }
        let mut value = fused(logits.clone());
        if by_sigmoid {
            let dice = self.sigmoid_dice(&logits, &labels, &weights);
            value.dice = dice.clone().detach();
            value.total = value.total + dice * self.dice;
        }
        if self.focal > 0.0 {
            let focal = self.focal_loss(&logits, &labels, &weights);
            value.total = value.total + focal * self.focal;
        }
        if self.lovasz > 0.0 {
            let lovasz = lovasz_softmax(logits, &labels, &weights);
            value.total = value.total + lovasz * self.lovasz;
        }
        value
    }

    /// The soft dice loss of sigmoids, averaged over the classes but the background.
    fn sigmoid_dice(
        &self,
        logits: &Tensor<4>,
        labels: &Tensor<3, Int>,
        weights: &Tensor<3>,
    ) -> Tensor<1> {
        let [_, classes, _, _] = logits.dims();
        let counted = weights.clone().greater_elem(0.0).float();
        let of_class = |class: usize| {
            let logit = logits.clone().narrow(1, class, 1).squeeze_dim::<3>(1);
            let p = sigmoid(logit) * counted.clone();
            let y = labels.clone().equal_elem(class as i64).float() * counted.clone();
            let overlap = (p.clone() * y.clone()).sum() * 2.0 + self.dice_smooth;
            let score = overlap / (p.sum() + y.sum() + self.dice_smooth);
            (score.neg() + 1.0) / (classes - 1) as f64
        };
        (2..classes).fold(of_class(1), |sum, class| sum + of_class(class))
    }

    /// The focal loss before its factor.
    fn focal_loss(
        &self,
        logits: &Tensor<4>,
        labels: &Tensor<3, Int>,
        weights: &Tensor<3>,
    ) -> Tensor<1> {
        /// Below this, 1 − p counts as this: powers below 1 have no slope at 0.
        const LEAST: f64 = 1e-7;
        let log_probabilities = log_softmax(logits.clone(), 1);
        let channel: Tensor<4, Int> = labels.clone().unsqueeze_dim(1);
        let log_p = log_probabilities.gather(1, channel).squeeze_dim::<3>(1);
        let doubt = (log_p.clone().exp().neg() + 1.0).clamp_min(LEAST);
        let sum = (doubt.powf_scalar(self.focal_gamma) * log_p.neg() * weights.clone()).sum();
        if self.normalise_weights {
            sum / weights
                .clone()
                .sum()
                .clamp_min(f64::from(f32::MIN_POSITIVE))
        } else {
            sum / weights.dims().iter().product::<usize>() as f64
        }
    }

    /// The settings of the kernel that computes cross entropy and dice of soft-max, which is all of
    /// the loss unless [`Self::evaluate`] adds to it.
    #[must_use]
    pub fn kernel(&self) -> SegmentationLoss {
        SegmentationLoss {
            cross_entropy_factor: self.cross_entropy,
            reduction: if self.normalise_weights {
                CrossEntropyReduction::WeightedMean
            } else {
                CrossEntropyReduction::Mean
            },
            dice_factor: match self.dice_of {
                DiceOf::Softmax => self.dice,
                DiceOf::Sigmoid => 0.0,
            },
            dice_smooth: self.dice_smooth,
        }
    }
}

#[cfg(test)]
mod tests;
