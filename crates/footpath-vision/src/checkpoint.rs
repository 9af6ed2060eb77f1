//! A training run as it stands between two batches, on disk.
//!
//! One safetensors file holds everything the rest of the run depends on: the network
//! (`network.*`), the optimizer's memory (`optimizer.first.*`, `optimizer.second.*`), an average
//! of the weights if there is one (`average.*`), and as metadata the configs and the
//! [`Progress`]. Random streams need no state: they follow from the seed and the progress, and so
//! does the schedule. Times are left out, so equal runs give equal bytes.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::atomic_file::{WriteError, replace_file};
use crate::average::Average;
use crate::network::{Network, UnetConfig};
use crate::optimizer::Optimizer;
use crate::progress::Progress;
use crate::state_dict::{
    SafetensorsReadError, StateDict, StateDictError, TensorSource, write_safetensors,
};
use crate::tensor_map::{TensorMap, Which};
use crate::train_config::TrainConfig;

/// Version of the metadata.
const FORMAT: u32 = 2;

/// Settings that may change when a run goes on: they decide when it ends or is saved, not what it
/// learns.
const FREE: [&str; 10] = [
    "training.epochs",
    "training.patience",
    "training.strict",
    "training.not_finite",
    "training.checkpoint",
    "training.stages",
    "network.pretrained",
    "network.unit_activations",
    "network.weights",
    "network.weights_except",
];

/// What the file says besides its tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    format: u32,
    network: UnetConfig,
    training: TrainConfig,
    /// Optimizer steps taken.
    steps: u64,
    /// Networks averaged.
    averaged: u64,
    progress: Progress,
}

/// A network in training.
#[derive(Debug)]
pub(crate) struct TrainingState {
    /// The network, on an autodiff device.
    pub(crate) network: Network,
    /// The optimizer.
    pub(crate) optimizer: Optimizer,
    /// The average of the weights.
    pub(crate) average: Average,
    /// How far the run is.
    pub(crate) progress: Progress,
}

/// Why a run could not go on from its checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("checkpoint {}: {cause}; move it away or train without resuming to start anew", path.display())]
pub struct CheckpointError {
    path: PathBuf,
    #[source]
    cause: Box<CheckpointCause>,
}

#[derive(Debug, thiserror::Error)]
enum CheckpointCause {
    #[error("cannot read the file: {0}")]
    Read(#[from] std::io::Error),
    #[error("{0}")]
    Safetensors(#[from] SafetensorsReadError),
    #[error("it holds weights, not a training run")]
    Foreign,
    #[error("its metadata cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("of format {0}; this program reads format {FORMAT}")]
    Format(u64),
    #[error("of a run with other settings: {}", .0.join(", "))]
    OtherRun(Vec<String>),
    #[error("{0}")]
    Misfit(#[from] StateDictError),
}

/// Writes a run's state, keeping the earlier file until the new one is whole.
///
/// Tensors are read from the device one by one: no second copy of them is held.
///
/// # Errors
/// If the file cannot be written; the earlier one is intact.
pub(crate) fn write(
    path: &Path,
    state: &TrainingState,
    network: &UnetConfig,
    training: &TrainConfig,
) -> Result<(), WriteError> {
    let metadata = Metadata {
        format: FORMAT,
        network: network.clone(),
        training: training.clone(),
        steps: state.optimizer.steps(),
        averaged: state.average.count,
        progress: state.progress.clone(),
    };
    let tensors = TensorMap::of(&state.network, Which::All);
    let memory = state.optimizer.state();
    let parts = [
        ("average.", &state.average.tensors),
        ("network.", &tensors),
        ("optimizer.", &memory),
    ];
    let named = parts.iter().flat_map(|(prefix, tensors)| {
        let source = move |(name, tensor)| (format!("{prefix}{name}"), tensor as &dyn TensorSource);
        tensors.iter().map(source)
    });
    let named: Vec<_> = named.collect();
    replace_file(path, |path| {
        let metadata = serde_json::to_string(&metadata)?;
        write_safetensors(path, &metadata, &named)
    })
}

/// Reads a run's state from the content of the file at `path`, to be gone on with under the same
/// settings.
///
/// # Errors
/// If the file is not a whole checkpoint, or was written under other settings, which are listed.
pub(crate) fn from_bytes(
    bytes: &[u8],
    path: &Path,
    network: &UnetConfig,
    training: &TrainConfig,
    device: &Device,
) -> Result<TrainingState, CheckpointError> {
    let read = || -> Result<TrainingState, CheckpointCause> {
        let (mut tensors, metadata) = StateDict::from_safetensors(bytes)?;
        let found: serde_json::Value =
            serde_json::from_str(&metadata.ok_or(CheckpointCause::Foreign)?)?;
        if found.get("training").is_none() {
            return Err(CheckpointCause::Foreign);
        }
        // The format first: the rest of another one need not be readable.
        let format = found.get("format").and_then(serde_json::Value::as_u64);
        if let Some(format) = format.filter(|&format| format != u64::from(FORMAT)) {
            return Err(CheckpointCause::Format(format));
        }
        let found: Metadata = serde_json::from_value(found)?;
        let mut differences = Vec::new();
        compare(
            "network",
            &to_json(&found.network)?,
            &to_json(network)?,
            &mut differences,
        );
        compare(
            "training",
            &to_json(&found.training)?,
            &to_json(training)?,
            &mut differences,
        );
        if !differences.is_empty() {
            return Err(CheckpointCause::OtherRun(differences));
        }
        let memory = tensors.take_prefix("optimizer.");
        let average = Average {
            tensors: TensorMap::from_state(tensors.take_prefix("average."), device),
            count: found.averaged,
        };
        let tensors = tensors.take_prefix("network.");
        Ok(TrainingState {
            network: Network::from_state_dict(network, tensors, device)?.train(),
            optimizer: Optimizer::resume(training.optimizer.clone(), found.steps, memory, device),
            average,
            progress: found.progress,
        })
    };
    read().map_err(|cause| CheckpointError {
        path: path.to_owned(),
        cause: Box::new(cause),
    })
}

/// The content of the checkpoint at `path`.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|cause| CheckpointError {
        path: path.to_owned(),
        cause: Box::new(cause.into()),
    })
}

fn to_json(config: &impl Serialize) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(config)
}

/// Lists the settings in which two configs differ, as `training.batch_size 4 instead of 8`.
fn compare(
    path: &str,
    found: &serde_json::Value,
    wanted: &serde_json::Value,
    differences: &mut Vec<String>,
) {
    use serde_json::Value::Object;
    if FREE.contains(&path) || found == wanted {
        return;
    }
    match (found, wanted) {
        (Object(a), Object(b)) if a.keys().all(|key| b.contains_key(key)) => {
            for (key, wanted) in b {
                let found = a.get(key).unwrap_or(&serde_json::Value::Null);
                compare(&format!("{path}.{key}"), found, wanted, differences);
            }
        }
        _ => differences.push(format!("{path} {found} instead of {wanted}")),
    }
}
