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

/// Compares with the shared golden numbers.
fn check(encoder: Encoder) {
    let name = format!("{encoder:?}").to_lowercase();
    let config = UnetConfig {
        encoder,
        ..UnetConfig::default()
    };
    if let Some(text) = golden::read("networks.json") {
        compare(&text, &name, &config);
    }
}

/// Compares with those of `pytorch/networks.py`.
fn check_option(name: &str, config: &UnetConfig) {
    compare(include_str!("../../pytorch/networks.json"), name, config);
}

fn compare(text: &str, name: &str, config: &UnetConfig) {
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let golden: Golden = serde_json::from_value(all[name].clone()).unwrap();
    let (device, classes) = (Device::flex(), config.classes);
    config.check().unwrap();
    let state = formula_state(config, &device);
    let parameters: usize = state
        .iter()
        .filter(|(name, _)| is_trained(name))
        .map(|(_, data)| data.num_elements())
        .sum();
    assert_eq!(parameters, golden.parameters, "{name}");

    let network = Network::from_state_dict(config, state, &device).unwrap();
    let input: Vec<f32> = golden::stream(7, 3 * 64 * 64).map(|u| u as f32).collect();
    let input = TensorData::new(input, [1, 3, 64, 64]);
    let logits = |network: &Network| -> Vec<f32> {
        let logits = network.forward(Tensor::from_data(input.clone(), &device));
        assert_eq!(logits.dims(), [1, classes, 64, 64]);
        logits.into_data().try_to_vec().unwrap()
    };
    let plain = logits(&network);
    let folded = logits(&network.for_inference());
    for logits in [&plain, &folded] {
        for &(channel, row, column, expected) in &golden.samples {
            let found = f64::from(logits[(channel * 64 + row) * 64 + column]);
            let least = 1e-4_f64.min(1e-3 * golden.std);
            let tolerance = least.max(1e-3 * expected.abs());
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
fn the_unet_from_scratch_agrees_with_pytorch() {
    let plain = UnetConfig {
        encoder: Encoder::Plain,
        ..UnetConfig::default()
    };
    check_option("plain", &plain);
    let deep = UnetConfig {
        classes: 3,
        context: ContextKind::Cascade,
        plain: PlainConfig {
            filters: 2,
            repeat_blocks: 6,
            ..PlainConfig::default()
        },
        ..plain.clone()
    };
    check_option("plain_deep_narrow", &deep);
    let bare = UnetConfig {
        upsampling: Upsampling::Bilinear,
        context: ContextKind::Pyramid,
        plain: PlainConfig {
            filters: 4,
            repeat_blocks: 2,
            conv_kernel: 5,
            batch_norm: false,
        },
        ..plain
    };
    check_option("plain_bare_bilinear", &bare);
}

#[test]
fn the_dilated_network_agrees_with_pytorch() {
    let dilated = UnetConfig {
        encoder: Encoder::Dilated,
        ..UnetConfig::default()
    };
    check_option("dilated", &dilated);
    let far = UnetConfig {
        classes: 5,
        dilated: DilatedConfig {
            filters: 4,
            dilations: vec![1, 2, 4, 7],
        },
        ..dilated
    };
    check_option("dilated_far", &far);
}

#[test]
fn decoders_with_context_and_bilinear_upsampling_agree_with_pytorch() {
    let resnet = UnetConfig {
        encoder: Encoder::ResNet18,
        decoder_filters: 4,
        ..UnetConfig::default()
    };
    let pyramid = UnetConfig {
        upsampling: Upsampling::Bilinear,
        context: ContextKind::Pyramid,
        ..resnet.clone()
    };
    check_option("resnet18_bilinear_pyramid", &pyramid);
    let aspp = UnetConfig {
        classes: 3,
        context: ContextKind::Aspp,
        ..resnet
    };
    check_option("resnet18_aspp", &aspp);
    let cascade = UnetConfig {
        encoder: Encoder::Vgg11,
        decoder_filters: 4,
        upsampling: Upsampling::Bilinear,
        context: ContextKind::Cascade,
        ..UnetConfig::default()
    };
    check_option("vgg11_bilinear_cascade", &cascade);
}

/// Each network with each option, small.
fn all_options() -> Vec<UnetConfig> {
    let contexts = [
        ContextKind::None,
        ContextKind::Pyramid,
        ContextKind::Aspp,
        ContextKind::Cascade,
    ];
    let encoders = [
        Encoder::ResNet18,
        Encoder::Vgg11,
        Encoder::Plain,
        Encoder::Dilated,
    ];
    let mut all = Vec::new();
    for encoder in encoders {
        for (index, context) in contexts.into_iter().enumerate() {
            let config = UnetConfig {
                encoder,
                context,
                decoder_filters: 4,
                upsampling: [Upsampling::Transposed, Upsampling::Bilinear][index % 2],
                dropout: 0.3,
                plain: PlainConfig {
                    filters: 8,
                    ..PlainConfig::default()
                },
                dilated: DilatedConfig {
                    filters: 4,
                    ..DilatedConfig::default()
                },
                ..UnetConfig::default()
            };
            if config.check().is_ok() {
                all.push(config);
            }
        }
    }
    assert_eq!(all.len(), 13);
    all
}

#[test]
fn every_parameter_of_every_option_learns_and_every_norm_freezes() {
    let device = Device::flex();
    for config in all_options() {
        let mut network = Network::new(&config, 3, &device).train();
        let input: Vec<f32> = golden::stream(7, 3 * 64 * 64).map(|u| u as f32).collect();
        let input = TensorData::new(input, [1, 3, 64, 64]);
        let images = Tensor::from_data(input, &device.clone().autodiff());
        let before = StateDict::of(&network);
        let logits = network.forward_in_training(images.clone(), 5);
        let gradients = crate::tensor_map::TensorMap::of_gradients(
            &network,
            (logits.clone() * logits).sum().backward(),
        );
        let after = StateDict::of(&network);
        for (name, data) in after.iter() {
            if is_trained(name) {
                assert!(gradients.get(name).is_some(), "{config:?}: {name}");
            } else {
                let moved = data.try_to_vec::<f32>().unwrap() != before.values(name);
                assert!(moved, "{config:?}: {name}");
            }
        }
        network.freeze_batch_norms(&|_| true);
        let _ = network.forward_in_training(images, 5);
        assert_eq!(StateDict::of(&network), after, "{config:?}");
    }
}

#[test]
fn dropout_is_drawn_by_the_batch_and_only_in_training() {
    let device = Device::flex();
    for config in all_options().into_iter().step_by(4) {
        let network = Network::new(&config, 3, &device);
        let images = Tensor::ones([1, 3, 64, 64], &device);
        let values = |logits: Tensor<4>| logits.into_data().try_to_vec::<f32>().unwrap();
        let plain = values(network.forward(images.clone()));
        let noisy = |seed| values(network.forward_in_training(images.clone(), seed));
        assert_eq!(noisy(1), noisy(1), "{config:?}");
        let different = (1..5).filter(|&seed| noisy(seed) != plain).count();
        assert!(different > 0, "{config:?}");
        let sure = UnetConfig {
            dropout: 0.0,
            ..config
        };
        let network = Network::new(&sure, 3, &device);
        let trained = values(network.forward_in_training(images.clone(), 1));
        assert_eq!(trained, plain, "{sure:?}");
    }
}

#[test]
fn options_that_make_no_sense_are_named() {
    let refused = |change: &dyn Fn(&mut UnetConfig)| {
        let mut config = UnetConfig::default();
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|c| c.dropout = 1.0),
        "unet.dropout is 1; expected 0 to below 1"
    );
    assert_eq!(
        refused(&|c| c.plain.conv_kernel = 4),
        "unet.plain.conv_kernel is 4; expected an odd number"
    );
    let message = refused(&|c| {
        c.encoder = Encoder::Dilated;
        c.context = ContextKind::Aspp;
    });
    assert!(message.starts_with("unet.context is aspp; expected none with the encoder dilated"));
    let message = refused(&|c| {
        c.encoder = Encoder::Plain;
        c.pretrained = Some("resnet34.pth".into());
    });
    assert!(
        message.contains("unet.pretrained is resnet34.pth; expected nothing, since this network")
    );
    let message = refused(&|c| {
        c.weights = Some("best.safetensors".into());
        c.pretrained = Some("resnet34.pth".into());
    });
    assert!(message.contains("nothing beside unet.weights"), "{message}");
    for (encoder, file) in [(Encoder::ResNet34, Some("w.pth")), (Encoder::Vgg16, None)] {
        let message = refused(&|c| {
            c.encoder = encoder;
            c.pretrained = file.map(Into::into);
            c.unit_activations = true;
        });
        let expected = "unet.unit_activations is true; expected false but for a VGG encoder";
        assert!(message.starts_with(expected), "{message}");
    }
    let plain = UnetConfig {
        encoder: Encoder::Plain,
        ..UnetConfig::default()
    };
    assert_eq!(plain.check_size(Size::new(48, 16)), Ok(()));
    assert!(plain.check_size(Size::new(40, 16)).is_err());
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
