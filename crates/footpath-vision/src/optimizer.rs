//! Adam over a network's parameters, its state kept by their names.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use footpath_kernels::{AdamSettings, AdamState, WeightDecay, adam_step};
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::parameter_path::ParameterPath;
use crate::setting::{SettingError, require};
use crate::state_dict::StateDict;

/// Settings of Adam (Kingma and Ba 2015, arXiv 1412.6980).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Learning rate of the first epoch; the schedule takes it from there. 5e-4 unless told.
    pub learning_rate: f64,
    /// Weight decay of convolutions (not of batch norm and biases). 1e-4 unless told.
    pub weight_decay: f64,
    /// Decays weights apart from the gradient, as AdamW (arXiv 1711.05101). Off unless told.
    pub decoupled: bool,
    /// Decay of the mean of gradients. 0.9 unless told.
    pub beta1: f64,
    /// Decay of the mean of squared gradients. 0.999 unless told.
    pub beta2: f64,
    /// Added to the divisor. 1e-8 unless told.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self {
            learning_rate: 5e-4,
            weight_decay: 1e-4,
            decoupled: false,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

impl AdamConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        for (name, value) in [
            ("adam.learning_rate", self.learning_rate),
            ("adam.epsilon", self.epsilon),
        ] {
            let valid = value.is_finite() && value > 0.0;
            require(name, value, valid, "a finite number above 0")?;
        }
        for (name, value) in [("adam.beta1", self.beta1), ("adam.beta2", self.beta2)] {
            require(name, value, (0.0..1.0).contains(&value), "0 to below 1")?;
        }
        let decay = self.weight_decay;
        let valid = decay.is_finite() && decay >= 0.0;
        require(
            "adam.weight_decay",
            decay,
            valid,
            "a finite number, 0 or above",
        )
    }
}

/// Adam and its moments.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    /// Steps taken.
    step: u64,
    /// The moments of each parameter, flattened.
    moments: BTreeMap<String, AdamState<1>>,
}

impl Adam {
    /// Adam before its first step.
    #[must_use]
    pub fn new(config: AdamConfig) -> Self {
        Self {
            config,
            step: 0,
            moments: BTreeMap::new(),
        }
    }

    /// One step: the network with its parameters moved against their gradients.
    ///
    /// Parameters without a gradient stay. Drop the loss before, so that parameters are held
    /// by the network alone and can be updated in place.
    #[must_use]
    pub fn step(&mut self, network: Network, gradients: Gradients, learning_rate: f64) -> Network {
        self.step += 1;
        let AdamConfig {
            weight_decay,
            decoupled,
            beta1,
            beta2,
            epsilon,
            ..
        } = self.config;
        network.map(&mut Stepper {
            path: ParameterPath::default(),
            gradients,
            moments: &mut self.moments,
            settings: AdamSettings {
                learning_rate,
                beta1,
                beta2,
                epsilon,
                weight_decay,
                decay: if decoupled {
                    WeightDecay::Decoupled
                } else {
                    WeightDecay::L2
                },
                step: self.step,
            },
        })
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The moments: `first.NAME` and `second.NAME` for each parameter that was ever moved.
    #[must_use]
    pub fn state(&self) -> StateDict {
        let mut state = StateDict::default();
        for (name, moments) in &self.moments {
            let mut put = |kind: &str, moment: &Tensor<1>| {
                state.insert_data(format!("{kind}.{name}"), moment.to_data());
            };
            put("first", &moments.first_moment);
            put("second", &moments.second_moment);
        }
        state
    }

    /// Adam after `steps` steps, with the moments of [`state`](Self::state).
    #[must_use]
    pub fn resume(config: AdamConfig, steps: u64, mut state: StateDict, device: &Device) -> Self {
        let mut second = state.take_prefix("second.");
        let first = state.take_prefix("first.").into_iter();
        let moments = first.filter_map(|(name, first)| {
            let tensor = |data: TensorData| Tensor::<1>::from_data(data, device);
            let second = second.remove(&name)?;
            let moments = AdamState {
                first_moment: tensor(first),
                second_moment: tensor(second),
            };
            Some((name, moments))
        });
        Self {
            config,
            step: steps,
            moments: moments.collect(),
        }
    }
}

struct Stepper<'a> {
    path: ParameterPath,
    gradients: Gradients,
    moments: &'a mut BTreeMap<String, AdamState<1>>,
    settings: AdamSettings,
}

impl ModuleMapper for Stepper<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = param.grad_remove(&mut self.gradients) else {
            return param;
        };
        let name = self.path.name();
        let is_convolution = D == 4;
        let settings = AdamSettings {
            weight_decay: if is_convolution {
                self.settings.weight_decay
            } else {
                0.0
            },
            ..self.settings
        };
        param.map(|value| {
            let shape = value.dims();
            let elements = [shape.iter().product::<usize>()];
            let value = value.inner().reshape(elements);
            let moments = self.moments.remove(&name);
            let moments = moments.unwrap_or_else(|| AdamState::zeros_like(&value));
            let gradient = gradient.reshape(elements);
            let (value, moments) = adam_step(value, gradient, moments, &settings);
            self.moments.insert(name, moments);
            Tensor::from_inner(value.reshape(shape)).require_grad()
        })
    }
}

#[cfg(test)]
mod tests;
