//! The file a trained network is kept in.

use std::io;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::atomic_file::{WriteError, replace_file};
use crate::network::{Network, SizeError, UnetConfig};
use crate::plane::Size;
use crate::predictor::Predictor;
use crate::setting::SettingError;
use crate::state_dict::{
    SafetensorsReadError, StateDict, StateDictError, TensorSource, write_safetensors,
};

/// Version of the metadata.
const FORMAT: u32 = 1;

/// A trained network: its shape, its input size, and its tensors by PyTorch's names.
///
/// Kept as a safetensors file that Python reads as a state dict; equal networks give equal
/// bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The network's shape.
    pub network: UnetConfig,
    /// The input size it was trained at.
    pub size: Size,
    /// Its tensors.
    pub state: StateDict,
}

/// What the file says besides its tensors.
#[derive(Serialize, Deserialize)]
struct Metadata {
    format: u32,
    network: UnetConfig,
    size: Size,
}

/// Why a file of weights could not be used.
#[derive(Debug, thiserror::Error)]
#[error("weights {}: {cause}", path.display())]
pub struct WeightsError {
    path: PathBuf,
    #[source]
    cause: WeightsCause,
}

#[derive(Debug, thiserror::Error)]
enum WeightsCause {
    #[error("cannot read the file: {0}")]
    Read(#[from] io::Error),
    #[error("{0}")]
    Safetensors(#[from] SafetensorsReadError),
    #[error("written by another program (no Footpath metadata); give it as `pretrained` instead")]
    Foreign,
    #[error("its metadata cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("of format {0}; this program reads format {FORMAT}")]
    Format(u32),
    #[error("{0}")]
    Setting(#[from] SettingError),
    #[error("{0}")]
    Size(#[from] SizeError),
    #[error("{0}")]
    Misfit(#[from] StateDictError),
}

impl Weights {
    /// Writes the file, keeping an earlier one until the new one is whole.
    ///
    /// # Errors
    /// If the file cannot be written; the earlier one is intact.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        let tensors = self.state.iter();
        write(
            path,
            &self.network,
            self.size,
            tensors.map(|(name, data)| (name, data as _)),
        )
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it is not a whole file of weights of a known format.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let bytes = std::fs::read(path).map_err(|cause| WeightsError {
            path: path.to_owned(),
            cause: cause.into(),
        })?;
        Self::from_bytes(&bytes, path)
    }

    /// The weights of a file's content; `path` names the file in errors.
    ///
    /// # Errors
    /// If it is not a whole file of weights of a known format.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, WeightsError> {
        let read = || -> Result<Self, WeightsCause> {
            let (state, metadata) = StateDict::from_safetensors(bytes)?;
            let metadata = metadata.ok_or(WeightsCause::Foreign)?;
            let Metadata {
                format,
                network,
                size,
            } = serde_json::from_str(&metadata)?;
            if format != FORMAT {
                return Err(WeightsCause::Format(format));
            }
            network.check()?;
            network.check_size(size)?;
            Ok(Self {
                network,
                size,
                state,
            })
        };
        read().map_err(|cause| WeightsError {
            path: path.to_owned(),
            cause,
        })
    }

    /// A predictor with these weights.
    ///
    /// # Errors
    /// If the tensors are not those of the network the file names.
    pub fn into_predictor(self, device: &Device) -> Result<Predictor, StateDictError> {
        let network = Network::from_state_dict(&self.network, self.state, device)?;
        Ok(Predictor::new(&network, self.size, device))
    }
}

/// Writes a file of [`Weights`] from its parts.
///
/// Where its first weights came from is not written: it is no part of the network.
pub(crate) fn write<'a>(
    path: &Path,
    network: &UnetConfig,
    size: Size,
    tensors: impl Iterator<Item = (&'a str, &'a dyn TensorSource)>,
) -> Result<(), WriteError> {
    let metadata = Metadata {
        format: FORMAT,
        network: network.without_files(),
        size,
    };
    replace_file(path, |path| {
        let metadata = serde_json::to_string(&metadata)?;
        let tensors: Vec<_> = tensors.map(|(name, t)| (name.to_owned(), t)).collect();
        write_safetensors(path, &metadata, &tensors)
    })
}

impl Predictor {
    /// The predictor of a file of weights.
    ///
    /// # Errors
    /// If the file cannot be read or does not hold the network it names.
    pub fn open(path: &Path, device: &Device) -> Result<Self, WeightsError> {
        let predictor = Weights::read(path)?.into_predictor(device);
        predictor.map_err(|cause| WeightsError {
            path: path.to_owned(),
            cause: cause.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Encoder;

    fn weights() -> Weights {
        let network = UnetConfig {
            encoder: Encoder::ResNet18,
            decoder_filters: 1,
            ..UnetConfig::default()
        };
        Weights {
            state: StateDict::of(&Network::new(&network, 1, &Device::flex())),
            size: Size::new(64, 128),
            network,
        }
    }

    fn with_metadata(metadata: &str) -> String {
        let bytes = weights().state.to_safetensors(metadata).unwrap();
        let result = Weights::from_bytes(&bytes, Path::new("a.safetensors"));
        result.unwrap_err().to_string()
    }

    #[test]
    fn weights_come_back_but_for_where_they_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.safetensors");
        let mut written = weights();
        written.network.pretrained = Some("resnet18.pth".into());
        written.write(&path).unwrap();
        assert_eq!(Weights::read(&path).unwrap(), weights());
        let predictor = Predictor::open(&path, &Device::flex()).unwrap();
        assert_eq!(predictor.size(), Size::new(64, 128));
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let error = with_metadata("{}");
        assert!(
            error.contains("its metadata cannot be read: missing field `format`"),
            "{error}"
        );
        let error = with_metadata(r#"{"format":2,"network":{},"size":{"height":64,"width":64}}"#);
        assert_eq!(
            error,
            "weights a.safetensors: of format 2; this program reads format 1"
        );
        let error = with_metadata(
            r#"{"format":1,"network":{"classes":1},"size":{"height":64,"width":64}}"#,
        );
        assert_eq!(
            error,
            "weights a.safetensors: classes is 1; expected 2 to 254"
        );
        let error = with_metadata(r#"{"format":1,"network":{},"size":{"height":64,"width":65}}"#);
        assert!(error.contains("input size 64x65 does not fit"), "{error}");
    }
}
