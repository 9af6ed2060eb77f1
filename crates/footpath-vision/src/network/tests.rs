//! Networks against the shared golden numbers of PyTorch and torchvision.

use burn::tensor::TensorData;
use serde::Deserialize;

use super::*;
use crate::golden;

#[derive(Deserialize)]
struct Golden {
    parameters: usize,
    mean: f64,
    std: f64,
    samples: Vec<(usize, usize, usize, f64)>,
}

fn is_trained(name: &str) -> bool {
    !name.contains("running_")
}

/// The state dict of a network whose tensors are formulas of their names.
pub(crate) fn formula_state(config: &UnetConfig, device: &Device) -> StateDict {
    let zeros = StateDict::of(&Network::zeros(config, device));
    let mut state = StateDict::default();
    for (name, data) in zeros.iter() {
        let shape = data.shape().as_slice();
        state.insert(name, shape, golden::tensor(name, shape));
    }
    state
}

fn check(encoder: Encoder) {
    let name = format!("{encoder:?}").to_lowercase();
    let Some(text) = golden::read("networks.json") else {
        return;
    };
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let golden: Golden = serde_json::from_value(all[&name].clone()).unwrap();
    let device = Device::flex();
    let config = UnetConfig {
        encoder,
        ..UnetConfig::default()
    };
    let state = formula_state(&config, &device);
    let parameters: usize = state
        .iter()
        .filter(|(name, _)| is_trained(name))
        .map(|(_, data)| data.num_elements())
        .sum();
    assert_eq!(parameters, golden.parameters, "{name}");

    let network = Network::from_state_dict(&config, state, &device).unwrap();
    let input: Vec<f32> = golden::stream(7, 3 * 64 * 64).map(|u| u as f32).collect();
    let input = TensorData::new(input, [1, 3, 64, 64]);
    let logits = |network: &Network| -> Vec<f32> {
        let logits = network.forward(Tensor::from_data(input.clone(), &device));
        assert_eq!(logits.dims(), [1, 2, 64, 64]);
        logits.into_data().try_to_vec().unwrap()
    };
    let plain = logits(&network);
    let folded = logits(&network.for_inference());
    for logits in [&plain, &folded] {
        for &(channel, row, column, expected) in &golden.samples {
            let found = f64::from(logits[(channel * 64 + row) * 64 + column]);
            let tolerance = 1e-4_f64.max(1e-3 * expected.abs());
            assert!(
                (found - expected).abs() <= tolerance,
                "{name} at channel {channel}, row {row}, column {column}: {found}, not {expected}"
            );
        }
        let count = logits.len() as f64;
        let mean = logits.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = logits
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>();
        let deviation = (variance / (count - 1.0)).sqrt();
        assert!((mean - golden.mean).abs() < 1e-4, "{name} mean {mean}");
        assert!(
            (deviation - golden.std).abs() < 1e-4,
            "{name} std {deviation}"
        );
    }
}

#[test]
fn resnet18_agrees_with_pytorch() {
    check(Encoder::ResNet18);
}

#[test]
fn resnet34_agrees_with_pytorch() {
    check(Encoder::ResNet34);
}

#[test]
fn resnet50_agrees_with_pytorch() {
    check(Encoder::ResNet50);
}

#[test]
fn resnet101_agrees_with_pytorch() {
    check(Encoder::ResNet101);
}

#[test]
fn resnet152_agrees_with_pytorch() {
    check(Encoder::ResNet152);
}

#[test]
fn vgg11_agrees_with_pytorch() {
    check(Encoder::Vgg11);
}

#[test]
fn vgg16_agrees_with_pytorch() {
    check(Encoder::Vgg16);
}

#[test]
fn training_moves_the_running_statistics_of_this_network_only() {
    let device = Device::flex();
    let config = UnetConfig {
        encoder: Encoder::ResNet18,
        decoder_filters: 1,
        ..UnetConfig::default()
    };
    let network = Network::new(&config, 1, &device);
    let before = StateDict::of(&network);
    let training = network.clone().train();
    let images = Tensor::ones([2, 3, 64, 64], &device.clone().autodiff());
    let _ = training.forward(images);
    assert_eq!(StateDict::of(&network), before);
    let after = StateDict::of(&training);
    for (name, data) in after.iter() {
        let moved = data.try_to_vec::<f32>().unwrap() != before.values(name);
        assert_eq!(moved, !is_trained(name), "{name}");
    }
}

#[test]
fn a_size_that_does_not_fit_is_refused_with_the_nearest_that_does() {
    let config = UnetConfig::default();
    assert_eq!(config.check_size(Size::new(256, 320)), Ok(()));
    let error = config.check_size(Size::new(300, 20)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network's input size 300x20 does not fit its encoder: height and width must be \
         multiples of 64 px, for example 320x64"
    );
}
