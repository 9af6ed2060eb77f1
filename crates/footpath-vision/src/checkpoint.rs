//! A training run as it stands between two batches, on disk.
//!
//! One safetensors file holds everything the rest of the run depends on: the network
//! (`network.*`), Adam's moments (`adam.first.*`, `adam.second.*`), and as metadata the configs
//! and the [`Progress`]. Random streams need no state: they follow from the seed and the
//! progress. Times are left out, so equal runs give equal bytes.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::atomic_file::{WriteError, replace_file};
use crate::network::{Network, UnetConfig};
use crate::optimizer::Adam;
use crate::progress::Progress;
use crate::state_dict::{SafetensorsReadError, StateDict, StateDictError, write_safetensors};
use crate::train_config::TrainConfig;

/// Version of the metadata.
const FORMAT: u32 = 1;

/// Settings that may change when a run goes on: they decide when it ends, not what it does.
const FREE: [&str; 3] = ["training.epochs", "training.patience", "network.pretrained"];

/// What the file says besides its tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    format: u32,
    network: UnetConfig,
    training: TrainConfig,
    /// Optimizer steps taken.
    steps: u64,
    progress: Progress,
}

/// A network in training.
#[derive(Debug)]
pub struct TrainingState {
    /// The network, on an autodiff device.
    pub network: Network,
    /// The optimizer.
    pub optimizer: Adam,
    /// How far the run is.
    pub progress: Progress,
}

/// Why a run could not go on from its checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("checkpoint {}: {cause}; move it away or train without resuming to start anew", path.display())]
pub struct CheckpointError {
    path: PathBuf,
    #[source]
    cause: CheckpointCause,
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
    Format(u32),
    #[error("of a run with other settings: {}", .0.join(", "))]
    OtherRun(Vec<String>),
    #[error("{0}")]
    Misfit(#[from] StateDictError),
}

/// Writes a run's state, its network's `tensors` already read, keeping the earlier file until the new one is whole.
///
/// # Errors
/// If the file cannot be written; the earlier one is intact.
pub fn write(
    path: &Path,
    state: &TrainingState,
    tensors: &StateDict,
    network: &UnetConfig,
    training: &TrainConfig,
) -> Result<(), WriteError> {
    let metadata = Metadata {
        format: FORMAT,
        network: network.clone(),
        training: training.clone(),
        steps: state.optimizer.steps(),
        progress: state.progress.clone(),
    };
    let moments = state.optimizer.state();
    replace_file(path, |path| {
        let metadata = serde_json::to_string(&metadata)?;
        write_safetensors(
            path,
            &metadata,
            &[("network.", tensors), ("adam.", &moments)],
        )
    })
}

/// Reads a run's state, to be gone on with under the same settings.
///
/// # Errors
/// If the file is not a whole checkpoint, or was written under other settings, which are listed.
pub fn read(
    path: &Path,
    network: &UnetConfig,
    training: &TrainConfig,
    device: &Device,
) -> Result<TrainingState, CheckpointError> {
    let read = || -> Result<TrainingState, CheckpointCause> {
        let (mut tensors, metadata) = StateDict::from_safetensors(&std::fs::read(path)?)?;
        let found: serde_json::Value =
            serde_json::from_str(&metadata.ok_or(CheckpointCause::Foreign)?)?;
        if found.get("training").is_none() {
            return Err(CheckpointCause::Foreign);
        }
        let found: Metadata = serde_json::from_value(found)?;
        if found.format != FORMAT {
            return Err(CheckpointCause::Format(found.format));
        }
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
        let moments = tensors.take_prefix("adam.");
        let tensors = tensors.take_prefix("network.");
        Ok(TrainingState {
            network: burn::module::Module::train(Network::from_state_dict(
                network, tensors, device,
            )?),
            optimizer: Adam::resume(training.adam.clone(), found.steps, moments, device),
            progress: found.progress,
        })
    };
    read().map_err(|cause| CheckpointError {
        path: path.to_owned(),
        cause,
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
