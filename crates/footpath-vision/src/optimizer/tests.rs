use burn::tensor::{Int, TensorData};
use footpath_kernels::segmentation_loss;

use super::*;
use crate::golden;
use crate::layer_rates::Freeze;
use crate::loss::LossConfig;
use crate::network::{Encoder, UnetConfig, tests::formula_state};
use crate::tensor_map::floats;

fn config_of_network() -> UnetConfig {
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
fn train(
    mut network: Network,
    optimizer: &mut Optimizer,
    rate: f64,
    steps: usize,
) -> (Network, Vec<[f64; 3]>) {
    let (images, labels, weights) = batch(&Device::flex().autodiff());
    let mut losses = Vec::new();
    for _ in 0..steps {
        let logits = network.forward(images.clone());
        let settings = LossConfig::default().kernel();
        let loss = segmentation_loss(logits, labels.clone(), weights.clone(), &settings);
        let parts = [&loss.total, &loss.cross_entropy, &loss.dice];
        losses.push(parts.map(|part| part.clone().into_scalar::<f64>()));
        let gradients = TensorMap::of_gradients(&network, loss.total.backward());
        drop(loss);
        network = optimizer.step(network, gradients, &|_| rate);
    }
    (network, losses)
}

fn start() -> Network {
    let device = Device::flex();
    let state = formula_state(&config_of_network(), &device);
    Network::from_state_dict(&config_of_network(), state, &device)
        .unwrap()
        .train()
}

/// How far the loss before a step may be from PyTorch's: sums are rounded in another order, and Adam divides by a
/// gradient's own size, so that the rounding of gradients near zero grows from step to step.
fn tolerance(step: usize) -> f64 {
    5e-6 * (step + 1) as f64
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
    let (network, losses) = train(
        start(),
        &mut Optimizer::new(OptimizerConfig::default()),
        5e-4,
        6,
    );
    for (step, (found, expected)) in losses.iter().zip(LOSSES).enumerate() {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < tolerance(step), "{losses:?}");
        }
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

/// What six steps bring, as `pytorch/training_steps.py` prints it: the losses before each, then
/// the mean logit and the first running variance.
fn six_steps(config: OptimizerConfig, freeze: &Freeze, rate: f64) -> [f64; 8] {
    let network = freeze.apply(start()).unwrap();
    let (network, losses) = train(network, &mut Optimizer::new(config), rate, 6);
    let (images, ..) = batch(&Device::flex());
    let mean: f64 = network.for_inference().forward(images).mean().into_scalar();
    let variance = f64::from(StateDict::of(&network).values("encoder.bn1.running_var")[0]);
    let losses: Vec<f64> = losses.iter().map(|losses| losses[0]).collect();
    [
        losses[0], losses[1], losses[2], losses[3], losses[4], losses[5], mean, variance,
    ]
}

fn assert_agree(found: [f64; 8], expected: [f64; 8]) {
    for (index, (f, e)) in found.iter().zip(expected).enumerate() {
        let tolerance = match index {
            6 => 1e-4,
            7 => 1e-5,
            step => tolerance(step),
        };
        assert!(
            (f - e).abs() < tolerance,
            "{found:?} instead of {expected:?}"
        );
    }
}

#[test]
fn adamw_agrees_with_pytorch() {
    let adam = AdamConfig {
        weight_decay: 0.1,
        ..AdamConfig::default()
    };
    assert_agree(
        six_steps(OptimizerConfig::AdamW(adam), &Freeze::default(), 5e-4),
        [
            0.826_961_46,
            0.811_539_11,
            0.798_342_35,
            0.785_589_34,
            0.772_111_18,
            0.757_939_88,
            -0.136_790_51,
            0.647_888_96,
        ],
    );
}

#[test]
fn gradient_descent_agrees_with_pytorch() {
    let sgd = |nesterov| {
        OptimizerConfig::Sgd(SgdConfig {
            weight_decay: 0.1,
            nesterov,
            ..SgdConfig::default()
        })
    };
    assert_agree(
        six_steps(sgd(false), &Freeze::default(), 0.02),
        [
            0.826_961_46,
            0.821_627_26,
            0.811_860_50,
            0.798_668_98,
            0.783_079_21,
            0.766_166_45,
            -0.113_194_66,
            0.640_182_97,
        ],
    );
    assert_agree(
        six_steps(sgd(true), &Freeze::default(), 0.02),
        [
            0.826_961_46,
            0.816_919_27,
            0.803_482_17,
            0.787_671_03,
            0.770_523_73,
            0.753_065_82,
            -0.102_079_36,
            0.637_483_42,
        ],
    );
}

#[test]
fn a_frozen_encoder_agrees_with_pytorchs_in_evaluation_mode() {
    let freeze = Freeze {
        layers: vec!["encoder".into()],
        batch_norm: false,
    };
    assert_agree(
        six_steps(OptimizerConfig::default(), &freeze, 5e-4),
        [
            0.825_668_99,
            0.819_399_36,
            0.812_998_95,
            0.806_296_53,
            0.799_204_11,
            0.791_680_81,
            -0.113_867_39,
            0.620_895_62,
        ],
    );
}

#[test]
fn an_optimizer_goes_on_from_its_state() {
    let state_dict = |optimizer: &Optimizer| {
        let mut state = StateDict::default();
        for (name, tensor) in optimizer.state() {
            state.insert(name, &tensor.shape, floats(&tensor.to_data()).to_vec());
        }
        state
    };
    for config in [
        OptimizerConfig::default(),
        OptimizerConfig::Sgd(SgdConfig::default()),
    ] {
        let mut whole = Optimizer::new(config.clone());
        let (network, _) = train(start(), &mut whole, 5e-4, 2);
        let state = StateDict::of(&network);
        let memory = state_dict(&whole);
        let (expected, _) = train(network, &mut whole, 5e-4, 1);

        let device = Device::flex();
        let mut resumed = Optimizer::resume(config, 2, memory, &device);
        let network = Network::from_state_dict(&config_of_network(), state, &device)
            .unwrap()
            .train();
        let (network, _) = train(network, &mut resumed, 5e-4, 1);
        assert_eq!(StateDict::of(&network), StateDict::of(&expected));
        assert_eq!(state_dict(&resumed), state_dict(&whole));
        assert_eq!(resumed.steps(), 3);
    }
}
