//! Averages of a network's weights over training.

use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::setting::{SettingError, require};
use crate::tensor_map::{TensorMap, Which};

/// Whether what is validated and kept is an average of the weights instead of the last ones.
///
/// Running statistics of batch norms are averaged like weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum AverageConfig {
    /// The last weights.
    #[default]
    None,
    /// Exponential moving average over the optimizer's steps (Polyak and Juditsky 1992,
    /// doi:10.1137/0330046; with the factor as in arXiv 1703.01780).
    Ema {
        /// What is kept of the average each step. 0.999 unless told.
        #[serde(default = "decay")]
        decay: f64,
    },
    /// Mean of the weights at the end of each epoch (stochastic weight averaging; Izmailov et al.
    /// 2018, arXiv 1803.05407).
    Swa {
        /// The first epoch that counts, from 0. 0 unless told.
        #[serde(default)]
        from_epoch: usize,
    },
}

fn decay() -> f64 {
    0.999
}

impl AverageConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        match *self {
            Self::Ema { decay } => {
                let valid = (0.0..1.0).contains(&decay);
                require("average.decay", decay, valid, "0 to below 1")
            }
            Self::None | Self::Swa { .. } => Ok(()),
        }
    }
}

/// An average in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Average {
    pub(crate) tensors: TensorMap,
    /// Networks averaged.
    pub(crate) count: u64,
}

impl Average {
    /// Takes in the network after a step of the optimizer.
    pub(crate) fn add_step(&mut self, config: AverageConfig, network: &Network) {
        if let AverageConfig::Ema { decay } = config {
            self.add(network, decay);
        }
    }

    /// Takes in the network at the end of an epoch.
    pub(crate) fn add_epoch(&mut self, config: AverageConfig, network: &Network, epoch: usize) {
        if let AverageConfig::Swa { from_epoch } = config
            && epoch >= from_epoch
        {
            let count = self.count as f64;
            self.add(network, count / (count + 1.0));
        }
    }

    fn add(&mut self, network: &Network, keep: f64) {
        let mut new = TensorMap::of(network, Which::All);
        self.tensors = if self.count == 0 {
            new
        } else {
            std::mem::take(&mut self.tensors).map(|name, average| match new.remove(name) {
                Some(tensor) => average * keep + tensor.flat * (1.0 - keep),
                None => average,
            })
        };
        self.count += 1;
    }

    /// The averaged network; `network` itself as long as there is no average.
    pub(crate) fn network(&self, network: &Network) -> Network {
        self.tensors.put_into(network.clone())
    }

    /// The tensors of [`network`](Self::network).
    pub(crate) fn tensors(&self, network: &Network) -> TensorMap {
        if self.tensors.is_empty() {
            TensorMap::of(network, Which::All)
        } else {
            self.tensors.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::Device;

    use super::*;
    use crate::network::{Encoder, UnetConfig};
    use crate::state_dict::StateDict;

    /// Networks whose `final.bias` is each of `values`, averaged.
    fn averaged(config: AverageConfig, values: &[f32], by_epoch: bool) -> (f32, u64) {
        let shape = UnetConfig {
            encoder: Encoder::ResNet18,
            decoder_filters: 1,
            ..UnetConfig::default()
        };
        let device = Device::flex();
        let network = Network::new(&shape, 1, &device);
        let mut average = Average::default();
        for (epoch, value) in values.iter().enumerate() {
            let mut state = StateDict::of(&network);
            state.insert("final.bias", &[2], vec![*value; 2]);
            let network = Network::from_state_dict(&shape, state, &device)
                .unwrap()
                .train();
            if by_epoch {
                average.add_epoch(config, &network, epoch);
            } else {
                average.add_step(config, &network);
            }
        }
        let network = average.network(&network);
        (
            StateDict::of(&network).values("final.bias")[0],
            average.count,
        )
    }

    #[test]
    fn the_exponential_average_follows_its_formula() {
        let config = AverageConfig::Ema { decay: 0.75 };
        // 8, then 0.75 · 8 + 0.25 · 4 = 7, then 0.75 · 7 + 0.25 · 3 = 6.
        assert_eq!(averaged(config, &[8.0, 4.0, 3.0], false), (6.0, 3));
        assert_eq!(averaged(config, &[8.0, 4.0, 3.0], true).1, 0);
    }

    #[test]
    fn the_mean_counts_epochs_from_the_first_asked_for() {
        let config = AverageConfig::Swa { from_epoch: 1 };
        assert_eq!(averaged(config, &[9.0, 2.0, 4.0, 6.0], true), (4.0, 3));
        assert_eq!(averaged(config, &[9.0, 2.0], false).1, 0);
    }
}
