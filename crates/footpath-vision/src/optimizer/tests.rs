use burn::tensor::Int;
use footpath_kernels::segmentation_loss;

use super::*;
use crate::golden;
use crate::loss::LossConfig;
use crate::network::{Encoder, UnetConfig, tests::formula_state};

fn config() -> UnetConfig {
    UnetConfig {
        encoder: Encoder::ResNet18,
        decoder_filters: 4,
        ..UnetConfig::default()
    }
}

/// The images, labels and weights of `pytorch/training_steps.py`.
fn batch(device: &Device) -> (Tensor<4>, Tensor<3, Int>, Tensor<3>) {
    let images: Vec<f32> = golden::stream(7, 2 * 3 * 64 * 64)
        .map(|u| u as f32)
        .collect();
    let labels: Vec<i64> = (0..2 * 64 * 64)
        .map(|i| i64::from((i / 8) % 5 == 0))
        .collect();
    (
        Tensor::from_data(TensorData::new(images, [2, 3, 64, 64]), device),
        Tensor::from_data(TensorData::new(labels, [2, 64, 64]), device),
        Tensor::ones([2, 64, 64], device),
    )
}

/// Takes steps and gives the losses before each: total, cross entropy, dice.
fn train(mut network: Network, adam: &mut Adam, steps: usize) -> (Network, Vec<[f64; 3]>) {
    let (images, labels, weights) = batch(&Device::flex().autodiff());
    let mut losses = Vec::new();
    for _ in 0..steps {
        let logits = network.forward(images.clone());
        let settings = LossConfig::default().kernel();
        let loss = segmentation_loss(logits, labels.clone(), weights.clone(), &settings);
        let parts = [&loss.total, &loss.cross_entropy, &loss.dice];
        losses.push(parts.map(|part| part.clone().into_scalar::<f64>()));
        let gradients = loss.total.backward();
        drop(loss);
        network = adam.step(network, gradients, 5e-4);
    }
    (network, losses)
}

fn start() -> Network {
    let device = Device::flex();
    let state = formula_state(&config(), &device);
    Network::from_state_dict(&config(), state, &device)
        .unwrap()
        .train()
}

#[test]
fn six_steps_agree_with_pytorch() {
    // Printed by `pytorch/training_steps.py`.
    const LOSSES: [[f64; 3]; 6] = [
        [0.826_961_46, 0.683_593_15, 0.716_841_52],
        [0.811_541_74, 0.668_747_90, 0.713_969_05],
        [0.798_441_83, 0.655_993_04, 0.712_243_91],
        [0.785_768_75, 0.643_546_70, 0.711_110_12],
        [0.772_346_32, 0.630_295_10, 0.710_255_98],
        [0.758_257_75, 0.616_274_00, 0.709_918_62],
    ];
    let (network, losses) = train(start(), &mut Adam::new(AdamConfig::default()), 6);
    for (found, expected) in losses.iter().flatten().zip(LOSSES.iter().flatten()) {
        assert!((found - expected).abs() < 1e-5, "{losses:?}");
    }
    let state = StateDict::of(&network);
    let running = &state.values("encoder.bn1.running_var")[..3];
    for (found, expected) in running.iter().zip([0.647_729_9, 0.593_020_5, 0.874_174_9]) {
        assert!((found - expected).abs() < 1e-5, "{running:?}");
    }
    let (images, ..) = batch(&Device::flex());
    let mean: f64 = network.for_inference().forward(images).mean().into_scalar();
    assert!((mean + 0.136_570_79).abs() < 1e-4, "{mean}");
}

#[test]
fn an_optimizer_goes_on_from_its_state() {
    let mut adam = Adam::new(AdamConfig::default());
    let (network, _) = train(start(), &mut adam, 2);
    let state = StateDict::of(&network);
    let (whole, _) = train(network, &mut adam, 1);

    let (first, mut earlier) = (start(), Adam::new(AdamConfig::default()));
    train(first, &mut earlier, 2);
    let device = Device::flex();
    let mut resumed = Adam::resume(
        AdamConfig::default(),
        earlier.steps(),
        earlier.state(),
        &device,
    );
    let network = Network::from_state_dict(&config(), state, &device)
        .unwrap()
        .train();
    let (network, _) = train(network, &mut resumed, 1);
    assert_eq!(StateDict::of(&network), StateDict::of(&whole));
    assert_eq!(resumed.state(), adam.state());
    assert_eq!(resumed.steps(), 3);
}
