use burn::{
    backend::Dispatch,
    tensor::{Int, Tensor, activation::log_softmax},
};

use crate::extension::{Kernels, supports};

/// How the weighted cross entropies of all pixels become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossEntropyReduction {
    /// `Σ w·ce / number of pixels`: heavier pixels raise the loss.
    Mean,
    /// `Σ w·ce / Σ w`: a weighted mean. It is 0 when all weights are 0.
    WeightedMean,
}

/// Settings of [`segmentation_loss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SegmentationLoss {
    /// Factor of the cross entropy in the total.
    pub cross_entropy_factor: f64,
    /// How the cross entropy is averaged.
    pub reduction: CrossEntropyReduction,
    /// Factor of the soft dice loss in the total; 0 leaves it out of the gradient.
    pub dice_factor: f64,
    /// Added to the dice's numerator and denominator: a batch without foreground whose prediction has none loses 0.
    pub dice_smooth: f64,
}

impl Default for SegmentationLoss {
    /// Cross entropy averaged over pixels, factor 1, and dice, factor 0.2, smooth 1.
    fn default() -> Self {
        Self {
            cross_entropy_factor: 1.0,
            reduction: CrossEntropyReduction::Mean,
            dice_factor: 0.2,
            dice_smooth: 1.0,
        }
    }
}

/// A loss and its parts.
#[derive(Clone, Debug)]
pub struct LossValue {
    /// `cross_entropy_factor·cross_entropy + dice_factor·dice`, `[1]`, differentiable with respect to the logits.
    pub total: Tensor<1>,
    /// The cross entropy before its factor, `[1]`, detached.
    pub cross_entropy: Tensor<1>,
    /// The soft dice loss before its factor, `[1]`, detached.
    pub dice: Tensor<1>,
}

/// Pixel-weighted soft-max cross entropy plus soft dice, in nats.
///
/// The dice loss of class `c` is `1 - (2·Σ p·y + smooth) / (Σ p + Σ y + smooth)` over all pixels of the batch, with
/// `p` the soft-max probability and `y` 1 where the label is `c`; it is averaged over the classes but the background,
/// class 0. Weights do not enter it, but pixels of weight 0 are left out of its sums. (Milletari et al. 2016, <https://arxiv.org/abs/1606.04797>, with plain sums in the
/// denominator.)
///
/// # Shapes
/// - `logits`: `[N, C, H, W]`, C at least 2
/// - `labels`: `[N, H, W]`, from 0 to C - 1
/// - `weights`: `[N, H, W]`, at least 0, of the cross entropy; 0 ignores a pixel altogether
///
/// # Panics
/// If the shapes do not fit together or a label is out of range.
#[must_use]
pub fn segmentation_loss(
    logits: Tensor<4>,
    labels: Tensor<3, Int>,
    weights: Tensor<3>,
    settings: &SegmentationLoss,
) -> LossValue {
    if supports(&logits) && supports(&weights) {
        let (total, cross_entropy, dice) = Dispatch::segmentation_loss_fused(
            logits.into_dispatch(),
            labels.into_dispatch(),
            weights.into_dispatch(),
            *settings,
        );
        return LossValue {
            total: Tensor::from_dispatch(total),
            cross_entropy: Tensor::from_dispatch(cross_entropy),
            dice: Tensor::from_dispatch(dice),
        };
    }
    composed(logits, &labels, &weights, settings)
}

/// [`segmentation_loss`] of Burn's operations.
fn composed(
    logits: Tensor<4>,
    labels: &Tensor<3, Int>,
    weights: &Tensor<3>,
    settings: &SegmentationLoss,
) -> LossValue {
    let [images, classes, height, width] = logits.dims();
    let log_probabilities = log_softmax(logits, 1);
    let label_channel: Tensor<4, Int> = labels.clone().unsqueeze_dim(1);
    let ce: Tensor<3> = log_probabilities
        .clone()
        .gather(1, label_channel)
        .squeeze_dim::<3>(1)
        .neg();
    let pixels = (images * height * width) as f64;
    let weighted_sum = (ce * weights.clone()).sum();
    let cross_entropy = match settings.reduction {
        CrossEntropyReduction::Mean => weighted_sum / pixels,
        CrossEntropyReduction::WeightedMean => {
            weighted_sum
                / weights
                    .clone()
                    .sum()
                    .clamp_min(f64::from(f32::MIN_POSITIVE))
        }
    };

    let probabilities = log_probabilities.exp();
    let counted = weights.clone().greater_elem(0.0).float();
    let mut dice = Tensor::zeros_like(&cross_entropy);
    for class in 1..classes {
        let p = probabilities
            .clone()
            .narrow(1, class, 1)
            .squeeze_dim::<3>(1)
            * counted.clone();
        let y = labels.clone().equal_elem(class as i64).float() * counted.clone();
        let overlap = (p.clone() * y.clone()).sum();
        let smooth = settings.dice_smooth;
        let score = (overlap * 2.0 + smooth) / (p.sum() + y.sum() + smooth);
        dice = dice + (score.neg() + 1.0) / (classes - 1) as f64;
    }
    LossValue {
        cross_entropy: cross_entropy.clone().detach(),
        dice: dice.clone().detach(),
        total: cross_entropy * settings.cross_entropy_factor + dice * settings.dice_factor,
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor, TensorData};

    use super::{CrossEntropyReduction, SegmentationLoss, composed, segmentation_loss};
    use crate::fused_tests::{assert_same_gradients, constant, leaf};

    #[test]
    fn equals_composition() {
        for (classes, reduction) in [
            (2, CrossEntropyReduction::Mean),
            (4, CrossEntropyReduction::WeightedMean),
        ] {
            let logits = leaf([2, classes, 70, 67], 1);
            let labels = (0..2 * 70 * 67)
                .map(|i| i64::from(i * 7 / 3) % classes as i64)
                .collect();
            let device = Device::flex().autodiff();
            let labels: Vec<i64> = labels;
            let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, [2, 70, 67]), &device);
            // About a quarter of the pixels are ignored.
            let weights = Tensor::from_inner((constant([2, 70, 67], 2) + 0.5).clamp_min(0.0));
            let settings = SegmentationLoss {
                cross_entropy_factor: 0.7,
                reduction,
                dice_factor: 30.0,
                dice_smooth: 1.5,
            };
            let fused =
                segmentation_loss(logits.clone(), labels.clone(), weights.clone(), &settings);
            let composed = composed(logits.clone(), &labels, &weights, &settings);
            for (fused, composed) in [
                (&fused.cross_entropy, &composed.cross_entropy),
                (&fused.dice, &composed.dice),
            ] {
                crate::fused_tests::assert_agree(fused, composed, "part");
            }
            assert_same_gradients::<1, 4>(fused.total, composed.total, [&logits, &logits], &[]);
        }
    }

    #[test]
    fn dice_leaves_ignored_pixels_out() {
        // One pixel of building that is surely seen, one of background that is surely not, one ignored whose
        // prediction could not be worse.
        let logits: Tensor<4> = Tensor::from_data(
            [[[[-40.0, 40.0, -40.0]], [[40.0, -40.0, 40.0]]]],
            &Device::flex(),
        );
        let labels = Tensor::<3, Int>::from_data([[[1, 0, 0]]], &Device::flex());
        let weights = Tensor::from_data([[[1.0, 1.0, 0.0]]], &Device::flex());
        let loss = segmentation_loss(logits, labels, weights, &SegmentationLoss::default());
        assert!(loss.dice.into_scalar::<f32>().abs() < 1e-6);
    }

    #[test]
    #[should_panic(expected = "label 2 in a loss over 2 classes")]
    fn refuses_unknown_labels() {
        let labels = Tensor::<3, Int>::from_data([[[0, 2]]], &Device::flex());
        let weights = Tensor::ones([1, 1, 2], &Device::flex());
        let _ = segmentation_loss(
            constant([1, 2, 1, 2], 1),
            labels,
            weights,
            &SegmentationLoss::default(),
        );
    }
}
