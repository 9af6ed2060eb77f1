use proptest::prelude::*;

use super::*;
use crate::network::{Encoder, Network, UnetConfig};
use burn::tensor::Device;

fn small() -> StateDict {
    let mut state = StateDict::default();
    state.insert("b.weight", &[2, 1], vec![1.5, -2.0]);
    state.insert("a.bias", &[3], vec![0.0, f32::MIN_POSITIVE, -7.25]);
    state
}

fn tiny_config() -> UnetConfig {
    UnetConfig {
        encoder: Encoder::ResNet18,
        decoder_filters: 1,
        ..UnetConfig::default()
    }
}

#[test]
fn names_are_those_of_pytorch() {
    let state = StateDict::of(&Network::new(&tiny_config(), 0, &Device::flex()));
    for name in [
        "encoder.conv1.weight",
        "encoder.bn1.running_var",
        "encoder.layer2.0.downsample.0.weight",
        "encoder.layer2.0.downsample.1.bias",
        "center.conv.conv.weight",
        "dec1.deconv.bias",
        "dec0.conv.weight",
        "final.bias",
    ] {
        assert!(state.shape(name).is_some(), "{name}");
    }
    // PyTorch counts 148 with 20 `num_batches_tracked`.
    assert_eq!(state.len(), 128);
}

#[test]
fn every_misfit_is_listed_by_name() {
    let device = Device::flex();
    let mut state = StateDict::of(&Network::new(&tiny_config(), 0, &device));
    state.remove("final.bias");
    state.insert("final.weight", &[3, 1, 1, 1], vec![0.0; 3]);
    state.insert("fc.weight", &[1], vec![0.0]);
    let error = Network::from_state_dict(&tiny_config(), state, &device).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the weights do not fit the network: 1 missing: final.bias; 1 unexpected: fc.weight; \
         1 of another shape: final.weight [3, 1, 1, 1] instead of [2, 1, 1, 1]"
    );
}

#[test]
fn a_network_comes_back_from_its_bytes() {
    let device = Device::flex();
    let state = StateDict::of(&Network::new(&tiny_config(), 5, &device));
    let bytes = state.to_safetensors("{}").unwrap();
    let (read, metadata) = StateDict::from_safetensors(&bytes).unwrap();
    assert_eq!(metadata.as_deref(), Some("{}"));
    let network = Network::from_state_dict(&tiny_config(), read, &device).unwrap();
    assert_eq!(StateDict::of(&network), state);
}

#[test]
fn half_precision_is_widened() {
    let f16 = |v: f32| half::f16::from_f32(v).to_le_bytes();
    let bf16 = |v: f32| half::bf16::from_f32(v).to_le_bytes();
    let (a, b) = ([f16(1.5), f16(-0.25)].concat(), [bf16(3.0)].concat());
    let tensors = [
        ("a", TensorView::new(Dtype::F16, vec![2], &a).unwrap()),
        ("b", TensorView::new(Dtype::BF16, vec![1], &b).unwrap()),
    ];
    let bytes = safetensors::serialize(tensors, None).unwrap();
    let (state, metadata) = StateDict::from_safetensors(&bytes).unwrap();
    assert_eq!(state.values("a"), [1.5, -0.25]);
    assert_eq!(state.values("b"), [3.0]);
    assert_eq!(metadata, None);
}

#[test]
fn a_tensor_of_integers_is_refused_by_name() {
    let view = TensorView::new(Dtype::I64, vec![1], &[0; 8]).unwrap();
    let bytes = safetensors::serialize([("steps", view)], None).unwrap();
    let error = StateDict::from_safetensors(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tensor steps is of type I64; expected F32, F16 or BF16"
    );
}

#[test]
fn counters_of_batches_are_passed_over() {
    let counter = TensorView::new(Dtype::I64, vec![], &[7; 8]).unwrap();
    let name = "encoder.bn1.num_batches_tracked";
    let bytes = safetensors::serialize([(name, counter)], None).unwrap();
    assert!(StateDict::from_safetensors(&bytes).unwrap().0.is_empty());
}

#[test]
fn a_file_of_several_parts_is_whole_and_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let small = small();
    let parts = |prefixes: &[&str]| -> Vec<(String, &dyn TensorSource)> {
        let named = |prefix| {
            let name = move |(name, data)| (format!("{prefix}{name}"), data as &dyn TensorSource);
            small.iter().map(name)
        };
        prefixes.iter().flat_map(named).collect()
    };
    write_safetensors(&path, "meta", &parts(&[""])).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes, small.to_safetensors("meta").unwrap());

    write_safetensors(&path, "meta", &parts(&["x.", "y."])).unwrap();
    let (mut read, metadata) = StateDict::from_safetensors(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(metadata.as_deref(), Some("meta"));
    assert_eq!(read.take_prefix("y."), small);
    assert_eq!(read.take_prefix("x."), small);
    assert!(read.is_empty());
}

#[test]
fn equal_states_have_equal_bytes_and_any_cut_is_an_error() {
    let bytes = small().to_safetensors("meta").unwrap();
    assert_eq!(bytes, small().to_safetensors("meta").unwrap());
    for length in 0..bytes.len() {
        assert!(
            StateDict::from_safetensors(&bytes[..length]).is_err(),
            "{length} bytes"
        );
    }
}

proptest! {
    #[test]
    fn bytes_round_trip(tensors in prop::collection::btree_map("[a-z.]{1,8}", prop::collection::vec(any::<f32>(), 0..5), 0..6)) {
        let mut state = StateDict::default();
        for (name, values) in &tensors {
            state.insert(name, &[values.len()], values.clone());
        }
        let (read, _) = StateDict::from_safetensors(&state.to_safetensors("").unwrap()).unwrap();
        prop_assert_eq!(read.len(), tensors.len());
        for (name, values) in &tensors {
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(read.values(name)), bits(values));
        }
    }
}
