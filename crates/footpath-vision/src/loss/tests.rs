//! Losses and their gradients against PyTorch's, and by hand.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::*;
use crate::golden;
use crate::loader::TrainCompat;
use crate::plane::Size;
use crate::sample::{BUILDING, Sample};

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
        Plane::from_fn(size, |y, x| if building(y, x) { side * side } else { 0.0 }),
    )
}

/// Reads the shared golden numbers, and compares.
fn check(name: &str, config: &LossConfig) {
    if let Some(text) = golden::read("losses.json") {
        compare(&text, name, config, 2, false);
    }
}

/// Compares with those of `pytorch/losses.py`; `ignoring` leaves pixels out.
fn check_extra(name: &str, config: &LossConfig, classes: usize, ignoring: bool) {
    let text = include_str!("../../pytorch/losses.json");
    compare(text, name, config, classes, ignoring);
}

fn compare(text: &str, name: &str, config: &LossConfig, classes: usize, ignoring: bool) {
    let golden: serde_json::Value = serde_json::from_str(text).unwrap();
    let golden = &golden[name];
    let device = Device::flex().autodiff();
    let values = (0..2 * classes * SIDE * SIDE).map(|i| (2.0 * (0.37 * i as f64).sin()) as f32);
    let logits = TensorData::new(values.collect::<Vec<_>>(), [2, classes, SIDE, SIDE]);
    let logits = Tensor::<4>::from_data(logits, &device).require_grad();
    let (mut labels, mut weights) = (Vec::new(), Vec::new());
    for (target, distances, sizes) in [target(0), target(1)] {
        // A third class is a stripe of what is no building; what is ignored is another.
        let target = Plane::from_fn(target.size(), |y, x| match target.at(y, x) {
            0 if classes == 3 && x % 5 == 0 => 2,
            _ if ignoring && y < 9 => IGNORE,
            label => label,
        });
        weights.extend(config.pixel_weights(&target, &distances, &sizes));
        let class = |&label: &u8| if label == IGNORE { 0 } else { i64::from(label) };
        labels.extend(target.values().iter().map(class));
    }
    let shape = [2, SIDE, SIDE];
    let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, shape), &device);
    let weights = Tensor::<3>::from_data(TensorData::new(weights, shape), &device);
    let loss = config.evaluate(logits.clone(), labels, weights);

    let close = |what: &str, found: f64, expected: &serde_json::Value| {
        let expected = expected.as_f64().unwrap();
        let error = (found - expected).abs();
        // PyTorch's 64-bit errors need not sort as ours do where they are all but equal, which
        // changes what a single pixel adds, but not the sum.
        let sorted = config.lovasz > 0.0 && what == "gradient sample";
        let tolerance = if sorted { 2e-3 } else { 1e-4 };
        assert!(
            error <= tolerance * expected.abs() + 1e-10,
            "{name}, {what}: {found}, not {expected}"
        );
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
        let index = ((at(0) * classes + at(1)) * SIDE + at(2)) * SIDE + at(3);
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
    let mut sizes = vec![0.0; 16];
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

/// None of the parts.
fn nothing() -> LossConfig {
    LossConfig {
        cross_entropy: 0.0,
        dice: 0.0,
        ..LossConfig::default()
    }
}

#[test]
fn focal_losses_agree_with_pytorch() {
    let focal = |gamma, normalise_weights| LossConfig {
        focal: 1.5,
        focal_gamma: gamma,
        normalise_weights,
        ..nothing()
    };
    check_extra("focal", &focal(2.0, false), 2, false);
    check_extra("focal_half_normalised_ignoring", &focal(0.5, true), 3, true);
    let focal = focal(0.0, false);
    check(
        "weighted_cross_entropy",
        &LossConfig {
            focal: 1.0,
            ..focal
        },
    );
}

#[test]
fn dice_of_sigmoids_agrees_with_pytorch() {
    let dice = LossConfig {
        dice: 0.7,
        dice_of: DiceOf::Sigmoid,
        ..nothing()
    };
    check_extra("sigmoid_dice", &dice, 2, false);
    check_extra("sigmoid_dice_ignoring", &dice, 3, true);
}

#[test]
fn lovasz_losses_agree_with_pytorch() {
    let lovasz = LossConfig {
        lovasz: 0.8,
        ..nothing()
    };
    check_extra("lovasz", &lovasz, 2, false);
    check_extra("lovasz_ignoring", &lovasz, 3, true);
}

#[test]
fn class_weights_and_all_parts_together_agree_with_pytorch() {
    let config = LossConfig {
        class_weights: vec![0.5, 2.0, 3.0],
        ..LossConfig::default()
    };
    check_extra("class_weights", &config, 3, false);
    let config = LossConfig {
        focal: 0.5,
        lovasz: 0.3,
        dice_of: DiceOf::Sigmoid,
        normalise_weights: true,
        ..config
    };
    check_extra("everything", &config, 3, true);
}

#[test]
fn class_weights_must_be_as_many_as_classes() {
    let config = LossConfig {
        class_weights: vec![1.0, 2.0],
        ..LossConfig::default()
    };
    assert_eq!(config.check_classes(2), Ok(()));
    assert_eq!(
        config.check_classes(3).unwrap_err().to_string(),
        "loss.class_weights is [1.0, 2.0]; expected one number for each of the network's classes \
         (unet.classes)"
    );
    assert_eq!(LossConfig::default().check_classes(3), Ok(()));
}

#[test]
fn compat_units_mix_the_original_pixels_with_the_networks() {
    // A building of 16 px² in an image of 8x8 px, seen by a network of 4x4 px: C = 2.
    let size = Size::new(8, 8);
    let labels = Plane::from_fn(size, |y, x| u8::from(y < 4 && x < 4));
    let plane = |outside, inside| labels.map(|label| if label == 0 { outside } else { inside });
    let image = image::RgbImage::new(8, 8);
    let (distances, sizes) = (plane(6.0, 0.0), plane(0.0, 16.0));
    let sample = Sample::new("a", image, labels, distances, sizes).unwrap();
    let weights = |weight_units| {
        let compat = TrainCompat {
            weight_units,
            ..TrainCompat::default()
        };
        let sample = sample.resized_as(Size::new(4, 4), compat);
        let config = LossConfig::default();
        config.pixel_weights(sample.labels(), sample.distances(), sample.sizes())
    };
    // Ours: sides of 2 px, distances of 3 px. Old: C / 4 px, and 6 px.
    let (ours, old) = (weights(false), weights(true));
    let gap = |distance: f64| (1.0 + 50.0 * (-(distance / 10.0).powi(2)).exp()) as f32;
    assert_eq!((ours[0], ours[3]), (1.0, gap(3.0)));
    assert_eq!((old[0], old[3]), (0.5, gap(6.0)));
}
