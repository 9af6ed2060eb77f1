//! Starting from an encoder trained on ImageNet, or from a whole network.
//!
//! Reads torchvision's `.pth` files (every layout `torch.save` ever wrote) and `.safetensors`,
//! in 32- or 16-bit floats, with the names of torchvision (`conv1.weight`, `features.0.weight`)
//! or of this crate (`encoder.conv1.weight`). Of a file given as an encoder the classifier or
//! decoder are left out; of a training's checkpoint, its optimizer's memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use pytorch_reader::{DType, PytorchReader};

use crate::layer_rates::Freeze;
use crate::network::{Network, UnetConfig};
use crate::state_dict::{
    SafetensorsReadError, StateDict, StateDictError, WrongShape, is_batch_counter,
};

/// What was taken from a file of pretrained weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PretrainedReport {
    /// Number of tensors loaded: all that the encoder, or the network, has.
    pub loaded: usize,
    /// Tensors of the file that are left out (those of no encoder, or of layers that start anew),
    /// by their names in the file (without `num_batches_tracked`).
    pub ignored: Vec<String>,
}

/// Why pretrained weights could not be used.
#[derive(Debug, thiserror::Error)]
#[error("pretrained weights {}: {cause}", path.display())]
pub struct PretrainedError {
    path: PathBuf,
    #[source]
    cause: PretrainedCause,
}

#[derive(Debug, thiserror::Error)]
enum PretrainedCause {
    #[error("cannot read the file: {0}")]
    Read(#[from] std::io::Error),
    #[error("not a PyTorch file: {0}")]
    Pytorch(#[from] pytorch_reader::PytorchError),
    #[error("{0}")]
    Safetensors(#[from] SafetensorsReadError),
    #[error("tensor {name} is of type {found:?}; expected 16-, 32- or 64-bit floats")]
    Type { name: String, found: DType },
    #[error("unknown file type; expected .pth, .pt or .safetensors")]
    Extension,
    #[error(
        "not the weights of this encoder ({0}); choose the file that fits `encoder`, or the \
         encoder that fits the file"
    )]
    Misfit(StateDictError),
    #[error(
        "not the weights of this network ({0}); set `unet` to what the file was trained with, or \
         name layers that shall start anew in `unet.weights_except`"
    )]
    WholeMisfit(StateDictError),
    #[error("`unet.weights_except` names `{0}`, which is no layer of the network")]
    UnknownLayer(String),
}

/// `network` as `config` says it starts: with the weights of a whole network, of a pretrained
/// encoder, or, without either file, as it is.
///
/// # Errors
/// See [`load_encoder`] and [`load_network`].
pub fn start(
    network: Network,
    config: &UnetConfig,
) -> Result<(Network, Option<PretrainedReport>), PretrainedError> {
    let (network, report) = match (&config.weights, &config.pretrained) {
        (Some(path), _) => load_network(network, path, &config.weights_except)?,
        (None, Some(path)) => load_encoder(network, path)?,
        (None, None) => return Ok((network, None)),
    };
    Ok((network, Some(report)))
}

/// `network` with all tensors read from the file at `path`, but for the layers whose names start
/// with one of `except` (`final`, `encoder.layer4`).
///
/// # Errors
/// If the file cannot be read, or is not exactly this network but for those layers: then each
/// tensor that is missing, unexpected or of another shape is named.
pub fn load_network(
    network: Network,
    path: &Path,
    except: &[String],
) -> Result<(Network, PretrainedReport), PretrainedError> {
    let fail = |cause| PretrainedError {
        path: path.to_owned(),
        cause,
    };
    let anew = Freeze {
        layers: except.to_vec(),
        batch_norm: false,
    };
    let state = StateDict::of(&network);
    let unknown = except.iter().find(|layer| {
        let alone = Freeze {
            layers: vec![(*layer).clone()],
            batch_norm: false,
        };
        !state.iter().any(|(name, _)| alone.holds(name))
    });
    if let Some(layer) = unknown {
        return Err(fail(PretrainedCause::UnknownLayer(layer.clone())));
    }
    let mut ignored = Vec::new();
    let wanted = |name: &str| (!anew.holds(name)).then(|| name.to_owned());
    let mut file = StateDict::default();
    for (name, data) in read_named(path, &wanted, &mut ignored).map_err(fail)? {
        file.insert_data(name, data);
    }
    let loaded = file.len();
    for (name, data) in state {
        if anew.holds(&name) {
            file.insert_data(name, data);
        }
    }
    let network = file
        .load_into(network)
        .map_err(|misfit| fail(PretrainedCause::WholeMisfit(misfit)))?;
    Ok((network, PretrainedReport { loaded, ignored }))
}

/// `network` with its encoder's tensors read from the file at `path`.
///
/// # Errors
/// If the file cannot be read, or is not exactly this network's encoder: then each tensor that
/// is missing, unexpected or of another shape is named.
pub fn load_encoder(
    network: Network,
    path: &Path,
) -> Result<(Network, PretrainedReport), PretrainedError> {
    let fail = |cause| PretrainedError {
        path: path.to_owned(),
        cause,
    };
    let mut ignored = Vec::new();
    let file = read(path, &mut ignored).map_err(fail)?;
    let mut state = StateDict::of(&network);
    let loaded = file.len();
    replace_encoder(&mut state, file).map_err(|misfit| fail(PretrainedCause::Misfit(misfit)))?;
    let network = state
        .load_into(network)
        .map_err(|misfit| fail(PretrainedCause::Misfit(misfit)))?;
    Ok((network, PretrainedReport { loaded, ignored }))
}

/// The encoder's tensors of a file by their names in the network; other names are put aside.
fn read(
    path: &Path,
    ignored: &mut Vec<String>,
) -> Result<BTreeMap<String, TensorData>, PretrainedCause> {
    read_named(path, &encoder_name, ignored)
}

/// The tensors of a file (of a training's checkpoint: the network's) that `name_of` gives a name;
/// the others, but for counts of batches, are put aside unread.
fn read_named(
    path: &Path,
    name_of: &dyn Fn(&str) -> Option<String>,
    ignored: &mut Vec<String>,
) -> Result<BTreeMap<String, TensorData>, PretrainedCause> {
    let mut tensors = BTreeMap::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => {
            let (mut state, _) = StateDict::from_safetensors(&std::fs::read(path)?)?;
            let network = state.take_prefix("network.");
            for (name, data) in if network.is_empty() { state } else { network } {
                match name_of(&name) {
                    Some(inside) => drop(tensors.insert(inside, data)),
                    None => ignored.push(name),
                }
            }
        }
        Some("pth" | "pt") => {
            let reader = PytorchReader::new(path)?;
            let names: std::collections::BTreeSet<String> = reader.keys().into_iter().collect();
            for name in names {
                let Some(tensor) = reader.get(&name).filter(|_| !is_batch_counter(&name)) else {
                    continue;
                };
                match name_of(&name) {
                    Some(inside) => {
                        let values = floats(tensor)?;
                        let data = TensorData::new(values, tensor.shape().to_vec());
                        tensors.insert(inside, data);
                    }
                    None => ignored.push(name),
                }
            }
        }
        _ => return Err(PretrainedCause::Extension),
    }
    Ok(tensors)
}

fn floats(tensor: &pytorch_reader::Tensor) -> Result<Vec<f32>, PretrainedCause> {
    let bytes = tensor.read()?;
    Ok(match tensor.dtype() {
        DType::F64 => {
            let words = bytes.as_chunks().0.iter();
            words.map(|&b| f64::from_ne_bytes(b) as f32).collect()
        }
        DType::F32 => {
            let words = bytes.as_chunks().0.iter();
            words.map(|&b| f32::from_ne_bytes(b)).collect()
        }
        DType::F16 => {
            let words = bytes.as_chunks().0.iter();
            words
                .map(|&b| half::f16::from_ne_bytes(b).to_f32())
                .collect()
        }
        DType::BF16 => {
            let words = bytes.as_chunks().0.iter();
            words
                .map(|&b| half::bf16::from_ne_bytes(b).to_f32())
                .collect()
        }
        found => {
            return Err(PretrainedCause::Type {
                name: tensor.name.clone(),
                found,
            });
        }
    })
}

/// A tensor's name in the network from its name in a file; `None` if no encoder has it.
fn encoder_name(name: &str) -> Option<String> {
    if name.starts_with("encoder.") {
        return Some(name.to_owned());
    }
    let torchvision = ["conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4."];
    let is_resnet = torchvision.iter().any(|prefix| name.starts_with(prefix));
    if let Some(layer) = name.strip_prefix("features.") {
        Some(format!("encoder.{layer}"))
    } else {
        is_resnet.then(|| format!("encoder.{name}"))
    }
}

/// Puts the file's tensors in the place of all of the encoder's.
fn replace_encoder(
    state: &mut StateDict,
    file: BTreeMap<String, TensorData>,
) -> Result<(), StateDictError> {
    let is_wanted = |name: &&str| name.starts_with("encoder.") && !file.contains_key(*name);
    let mut misfit = StateDictError {
        missing: state
            .iter()
            .map(|(name, _)| name)
            .filter(is_wanted)
            .map(str::to_owned)
            .collect(),
        ..StateDictError::default()
    };
    for (name, data) in file {
        match state.shape(&name) {
            None => misfit.unexpected.push(name),
            Some(expected) if expected != data.shape().as_slice() => {
                misfit.wrong_shape.push(WrongShape {
                    expected: expected.to_vec(),
                    found: data.shape().as_slice().to_vec(),
                    name,
                });
            }
            Some(_) => state.insert_data(name, data),
        }
    }
    if misfit == StateDictError::default() {
        Ok(())
    } else {
        Err(misfit)
    }
}

#[cfg(test)]
mod tests;
