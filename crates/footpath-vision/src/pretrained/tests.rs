use burn::tensor::Device;

use super::*;
use crate::network::{Encoder, UnetConfig};

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("pytorch")
        .join(name)
}

fn config(encoder: Encoder) -> UnetConfig {
    UnetConfig {
        encoder,
        decoder_filters: 1,
        ..UnetConfig::default()
    }
}

fn network(encoder: Encoder, seed: u64) -> Network {
    Network::new(&config(encoder), seed, &Device::flex())
}

/// The encoder of a network as torchvision would save it.
fn torchvision_state(network: &Network, prefix: &str) -> StateDict {
    let mut file = StateDict::default();
    for (name, data) in StateDict::of(network) {
        if let Some(inside) = name.strip_prefix("encoder.") {
            file.insert_data(format!("{prefix}{inside}"), data);
        }
    }
    file
}

fn write(folder: &Path, state: &StateDict) -> PathBuf {
    let path = folder.join("weights.safetensors");
    std::fs::write(&path, state.to_safetensors("{}").unwrap()).unwrap();
    path
}

#[test]
fn files_of_torch_save_are_read_in_both_layouts() {
    for name in ["encoder.pth", "encoder_legacy.pth"] {
        let mut ignored = Vec::new();
        let tensors = read(&stored(name), &mut ignored).unwrap();
        assert_eq!(ignored, ["classifier.0.weight", "fc.bias"]);
        let names: Vec<_> = tensors.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "encoder.0.bias",
                "encoder.0.weight",
                "encoder.3.weight",
                "encoder.bn1.running_mean"
            ]
        );
        let values = |name: &str| tensors[name].try_to_vec::<f32>().unwrap();
        assert_eq!(tensors["encoder.0.weight"].shape().as_slice(), [2, 3, 3, 3]);
        assert_eq!(values("encoder.0.weight")[53], 53.0 / 8.0);
        assert_eq!(values("encoder.0.bias"), [0.5, -1.25]);
        // float16, transposed: [i, j, k] is 6·k + 2·j + i.
        assert_eq!(tensors["encoder.3.weight"].shape().as_slice(), [2, 3, 3, 1]);
        assert_eq!(values("encoder.3.weight")[..5], [0.0, 6.0, 12.0, 2.0, 8.0]);
        // bfloat16
        assert_eq!(values("encoder.bn1.running_mean"), [3.0, -0.5]);
    }
}

#[test]
fn a_resnet_encoder_is_replaced_and_the_decoder_kept() {
    let folder = tempfile::tempdir().unwrap();
    let source = network(Encoder::ResNet18, 1);
    let mut file = torchvision_state(&source, "");
    file.insert("fc.weight", &[1], vec![0.0]);
    let path = write(folder.path(), &file);
    let (loaded, report) = load_encoder(network(Encoder::ResNet18, 2), &path).unwrap();
    assert_eq!(report.loaded, 100);
    assert_eq!(report.ignored, ["fc.weight"]);
    let (source, loaded) = (StateDict::of(&source), StateDict::of(&loaded));
    let other = StateDict::of(&network(Encoder::ResNet18, 2));
    for (name, _) in loaded.iter() {
        let from = if name.starts_with("encoder.") {
            &source
        } else {
            &other
        };
        assert_eq!(loaded.values(name), from.values(name), "{name}");
    }
}

#[test]
fn a_vgg_goes_by_the_names_of_its_features() {
    let folder = tempfile::tempdir().unwrap();
    let source = network(Encoder::Vgg11, 1);
    let path = write(folder.path(), &torchvision_state(&source, "features."));
    let (loaded, report) = load_encoder(network(Encoder::Vgg11, 2), &path).unwrap();
    assert_eq!(report.loaded, 16);
    let (source, loaded) = (StateDict::of(&source), StateDict::of(&loaded));
    assert_eq!(
        loaded.values("encoder.18.weight"),
        source.values("encoder.18.weight")
    );
}

#[test]
fn the_wrong_encoder_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = torchvision_state(&network(Encoder::ResNet18, 1), "");
    file.remove("bn1.bias");
    file.insert("layer1.9.conv1.weight", &[1], vec![0.0]);
    file.insert("conv1.weight", &[2], vec![0.0; 2]);
    let path = write(folder.path(), &file);
    let error = load_encoder(network(Encoder::ResNet18, 2), &path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "pretrained weights {}: not the weights of this encoder (the weights do not fit the \
             network: 1 missing: encoder.bn1.bias; 1 unexpected: encoder.layer1.9.conv1.weight; \
             1 of another shape: encoder.conv1.weight [2] instead of [64, 3, 7, 7]); choose the \
             file that fits `encoder`, or the encoder that fits the file",
            path.display()
        )
    );
}

#[test]
fn broken_missing_and_foreign_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(stored("encoder.pth")).unwrap();
    for (name, bytes) in [
        ("cut.pth", &whole[..whole.len() / 2]),
        ("cut.safetensors", &whole[..9]),
        ("weights.onnx", &whole[..]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = load_encoder(network(Encoder::ResNet18, 2), &path).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    let missing = folder.path().join("missing.pth");
    assert!(load_encoder(network(Encoder::ResNet18, 2), &missing).is_err());
}

/// A network with `classes` outputs.
fn with_classes(classes: usize, seed: u64) -> Network {
    let config = UnetConfig {
        classes,
        ..config(Encoder::ResNet18)
    };
    Network::new(&config, seed, &Device::flex())
}

#[test]
fn a_whole_network_starts_from_a_file_of_weights_or_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let source = StateDict::of(&with_classes(2, 1));
    let mut checkpoint = StateDict::default();
    for (name, data) in source.clone() {
        checkpoint.insert_data(format!("network.{name}"), data);
    }
    checkpoint.insert("optimizer.first.final.bias", &[2], vec![0.0; 2]);
    for file in [&source, &checkpoint] {
        let config = UnetConfig {
            weights: Some(write(folder.path(), file)),
            ..config(Encoder::ResNet18)
        };
        let (loaded, report) = start(with_classes(2, 2), &config).unwrap();
        assert_eq!(StateDict::of(&loaded), source);
        assert_eq!(report.unwrap().loaded, source.len());
    }
}

#[test]
fn another_number_of_classes_is_named_and_can_start_anew() {
    let folder = tempfile::tempdir().unwrap();
    let source = StateDict::of(&with_classes(2, 1));
    let path = write(folder.path(), &source);
    let error = load_network(with_classes(3, 2), &path, &[]).unwrap_err();
    let message = error.to_string();
    for part in [
        "2 of another shape: final.weight [2, 1, 1, 1] instead of [3, 1, 1, 1], final.bias [2] instead of [3]",
        "`unet.weights_except`",
    ] {
        assert!(message.contains(part), "no {part} in {message}");
    }
    let except = ["final".to_owned()];
    let (loaded, report) = load_network(with_classes(3, 2), &path, &except).unwrap();
    assert_eq!(report.ignored, ["final.bias", "final.weight"]);
    let (loaded, fresh) = (StateDict::of(&loaded), StateDict::of(&with_classes(3, 2)));
    assert_eq!(
        loaded.values("dec0.conv.weight"),
        source.values("dec0.conv.weight")
    );
    assert_eq!(loaded.values("final.weight"), fresh.values("final.weight"));
    let error = load_network(with_classes(3, 2), &path, &["last".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("names `last`"), "{error}");
}

#[test]
fn missing_and_unexpected_tensors_of_a_whole_network_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = StateDict::of(&with_classes(2, 1));
    file.remove("center.conv.conv.bias");
    file.insert("fc.bias", &[1], vec![0.0]);
    let path = write(folder.path(), &file);
    let error = load_network(with_classes(2, 2), &path, &[]).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("1 missing: center.conv.conv.bias; 1 unexpected: fc.bias"),
        "{message}"
    );
}
