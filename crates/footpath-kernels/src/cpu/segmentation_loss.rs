//! Soft-max, pixel-weighted cross entropy and soft dice, and their gradient, in one pass over the logits each.

use rayon::prelude::*;

use super::shared::SharedSlice;
use crate::{CrossEntropyReduction, SegmentationLoss};

/// Pixels of a task.
const CHUNK: usize = 4096;

/// Logits `[N, C, H, W]`, labels and weights `[N, H, W]`. A pixel of weight 0 is ignored: it takes part in no sum but
/// the number of pixels.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub(crate) images: usize,
    pub(crate) classes: usize,
    pub(crate) pixels: usize,
    pub(crate) logits: &'a [f32],
    pub(crate) labels: &'a [u8],
    pub(crate) weights: &'a [f32],
}

/// Sums over the batch from which loss and gradient follow.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    /// `Σ w·ce`.
    cross_entropy: f64,
    /// `Σ w`.
    weight: f64,
    /// For each class: `Σ p·y`, `Σ p`, `Σ y`.
    dice: Vec<[f64; 3]>,
    pixels: usize,
}

impl Sums {
    fn empty(classes: usize) -> Self {
        Self {
            cross_entropy: 0.0,
            weight: 0.0,
            dice: vec![[0.0; 3]; classes],
            pixels: 0,
        }
    }

    fn add(&mut self, other: &Self) {
        self.cross_entropy += other.cross_entropy;
        self.weight += other.weight;
        for (sums, others) in self.dice.iter_mut().zip(&other.dice) {
            for (sum, other) in sums.iter_mut().zip(others) {
                *sum += other;
            }
        }
        self.pixels += other.pixels;
    }

    fn cross_entropy_divisor(&self, settings: &SegmentationLoss) -> f64 {
        match settings.reduction {
            CrossEntropyReduction::Mean => self.pixels as f64,
            CrossEntropyReduction::WeightedMean => self.weight.max(f64::from(f32::MIN_POSITIVE)),
        }
    }

    /// Cross entropy and dice loss, before their factors.
    pub(crate) fn losses(&self, settings: &SegmentationLoss) -> (f64, f64) {
        let smooth = settings.dice_smooth;
        let foreground = &self.dice[1..];
        let dice = foreground
            .iter()
            .map(|[overlap, p, y]| 1.0 - (2.0 * overlap + smooth) / (p + y + smooth))
            .sum::<f64>();
        (
            self.cross_entropy / self.cross_entropy_divisor(settings),
            dice / foreground.len() as f64,
        )
    }
}

/// The sums over a batch.
pub(crate) fn sums(operands: Operands) -> Sums {
    let partial: Vec<Sums> = tasks(operands)
        .into_par_iter()
        .map(|(image, start, end)| {
            let mut sums = Sums::empty(operands.classes);
            let mut probabilities = vec![0.0; operands.classes];
            for pixel in start..end {
                let label = usize::from(operands.labels[image * operands.pixels + pixel]);
                let weight = f64::from(operands.weights[image * operands.pixels + pixel]);
                if weight == 0.0 {
                    continue;
                }
                let cross_entropy = soft_max(operands, image, pixel, label, &mut probabilities);
                sums.cross_entropy += weight * f64::from(cross_entropy);
                sums.weight += weight;
                for (class, (sums, p)) in sums.dice.iter_mut().zip(&probabilities).enumerate() {
                    let y = f64::from(u8::from(class == label));
                    sums[0] += f64::from(*p) * y;
                    sums[1] += f64::from(*p);
                    sums[2] += y;
                }
            }
            sums.pixels = end - start;
            sums
        })
        .collect();
    partial
        .iter()
        .fold(Sums::empty(operands.classes), |mut total, sums| {
            total.add(sums);
            total
        })
}

/// The gradient of the total with respect to the logits, times `scale`.
pub(crate) fn gradient(
    operands: Operands,
    sums: &Sums,
    settings: &SegmentationLoss,
    scale: f32,
    gradient: &mut [f32],
) {
    let scale = f64::from(scale);
    let cross_entropy_scale =
        (scale * settings.cross_entropy_factor / sums.cross_entropy_divisor(settings)) as f32;
    // The derivative of the dice loss with respect to a probability: where y is 0, and where it is 1.
    let dice_scale = scale * settings.dice_factor / (operands.classes - 1) as f64;
    let slopes: Vec<[f32; 2]> = sums
        .dice
        .iter()
        .enumerate()
        .map(|(class, [overlap, p, y])| {
            if class == 0 {
                return [0.0; 2];
            }
            let denominator = p + y + settings.dice_smooth;
            let score = (2.0 * overlap + settings.dice_smooth) / denominator;
            let outside = dice_scale * score / denominator;
            [
                outside as f32,
                (outside - dice_scale * 2.0 / denominator) as f32,
            ]
        })
        .collect();
    let gradient = SharedSlice::new(gradient);
    tasks(operands)
        .into_par_iter()
        .for_each(|(image, start, end)| {
            let mut probabilities = vec![0.0; operands.classes];
            for pixel in start..end {
                let label = usize::from(operands.labels[image * operands.pixels + pixel]);
                let weight = operands.weights[image * operands.pixels + pixel];
                if weight == 0.0 {
                    for class in 0..operands.classes {
                        let index = (image * operands.classes + class) * operands.pixels + pixel;
                        // SAFETY: each pixel belongs to one task.
                        unsafe { gradient.part(index, 1)[0] = 0.0 };
                    }
                    continue;
                }
                soft_max(operands, image, pixel, label, &mut probabilities);
                let slope = |class: usize| slopes[class][usize::from(class == label)];
                let mean_slope: f32 = probabilities
                    .iter()
                    .enumerate()
                    .map(|(class, p)| p * slope(class))
                    .sum();
                for (class, p) in probabilities.iter().enumerate() {
                    let y = f32::from(u8::from(class == label));
                    let value =
                        cross_entropy_scale * weight * (p - y) + p * (slope(class) - mean_slope);
                    let index = (image * operands.classes + class) * operands.pixels + pixel;
                    // SAFETY: each pixel belongs to one task.
                    unsafe { gradient.part(index, 1)[0] = value };
                }
            }
        });
}

/// Pixel ranges of images, a fixed partition of the batch.
fn tasks(operands: Operands) -> Vec<(usize, usize, usize)> {
    (0..operands.images)
        .flat_map(|image| {
            (0..operands.pixels)
                .step_by(CHUNK)
                .map(move |start| (image, start, operands.pixels.min(start + CHUNK)))
        })
        .collect()
}

/// Fills in the probabilities of a pixel's classes and returns the cross entropy of `label`.
fn soft_max(
    operands: Operands,
    image: usize,
    pixel: usize,
    label: usize,
    probabilities: &mut [f32],
) -> f32 {
    let logit = |class: usize| {
        operands.logits[(image * operands.classes + class) * operands.pixels + pixel]
    };
    let largest = (0..operands.classes)
        .map(logit)
        .fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (class, p) in probabilities.iter_mut().enumerate() {
        *p = (logit(class) - largest).exp();
        sum += *p;
    }
    for p in probabilities.iter_mut() {
        *p /= sum;
    }
    sum.ln() + largest - logit(label)
}
