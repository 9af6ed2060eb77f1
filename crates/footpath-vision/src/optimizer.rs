//! Optimizers over a network's parameters, their state kept by the parameters' names.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor};
use footpath_kernels::{AdamSettings, AdamState, WeightDecay, adam_step};
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::parameter_path::ParameterPath;
use crate::setting::{SettingError, require};
use crate::state_dict::StateDict;
use crate::tensor_map::{NamedTensor, TensorMap, plain};

/// How parameters are moved against their gradients.
///
/// Weight decay spares batch norms and biases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum OptimizerConfig {
    /// Adam, weight decay added to the gradient (Kingma and Ba 2015, arXiv 1412.6980).
    Adam(AdamConfig),
    /// Adam, weight decay apart from the gradient (Loshchilov and Hutter 2019, arXiv 1711.05101).
    AdamW(AdamConfig),
    /// Stochastic gradient descent with momentum, as `torch.optim.SGD`.
    Sgd(SgdConfig),
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam(AdamConfig::default())
    }
}

/// Settings of Adam and `AdamW`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Weight decay of convolutions. 1e-4 unless told.
    pub weight_decay: f64,
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
            weight_decay: 1e-4,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

/// Settings of stochastic gradient descent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SgdConfig {
    /// Weight decay of convolutions, added to the gradient. 1e-4 unless told.
    pub weight_decay: f64,
    /// What is kept of the velocity each step. 0.9 unless told.
    pub momentum: f64,
    /// Looks one step ahead along the velocity. Off unless told.
    pub nesterov: bool,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self {
            weight_decay: 1e-4,
            momentum: 0.9,
            nesterov: false,
        }
    }
}

impl OptimizerConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let share =
            |name, value: f64| require(name, value, (0.0..1.0).contains(&value), "0 to below 1");
        let decay = match self {
            Self::Adam(adam) | Self::AdamW(adam) => {
                let epsilon = adam.epsilon;
                let valid = epsilon.is_finite() && epsilon > 0.0;
                let expected = "a finite number above 0";
                require("optimizer.epsilon", epsilon, valid, expected)?;
                share("optimizer.beta1", adam.beta1)?;
                share("optimizer.beta2", adam.beta2)?;
                adam.weight_decay
            }
            Self::Sgd(sgd) => {
                share("optimizer.momentum", sgd.momentum)?;
                sgd.weight_decay
            }
        };
        let valid = decay.is_finite() && decay >= 0.0;
        let expected = "a finite number, 0 or above";
        require("optimizer.weight_decay", decay, valid, expected)
    }
}

/// An optimizer and what it remembers of earlier gradients.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// Steps taken.
    step: u64,
    memory: BTreeMap<String, Memory>,
}

/// What is remembered for one parameter, flattened.
#[derive(Debug)]
struct Memory {
    shape: Vec<usize>,
    /// Adam's mean of gradients, or the velocity.
    first: Tensor<1>,
    /// Adam's mean of squared gradients.
    second: Option<Tensor<1>>,
}

impl Optimizer {
    /// An optimizer before its first step.
    #[must_use]
    pub fn new(config: OptimizerConfig) -> Self {
        Self {
            config,
            step: 0,
            memory: BTreeMap::new(),
        }
    }

    /// One step of a plain loop: the network, moved against the gradients of its loss, every
    /// parameter at the same learning rate.
    #[must_use]
    pub fn step_at(&mut self, network: Network, gradients: Gradients, rate: f64) -> Network {
        let gradients = TensorMap::of_gradients(&network, gradients);
        self.step(network, gradients, &|_| rate)
    }

    /// One step: the network with its parameters moved against their `gradients`.
    ///
    /// `rate` gives each parameter's learning rate by its name. Parameters without a gradient
    /// stay. Buffers that the network alone holds are updated in place.
    pub(crate) fn step(
        &mut self,
        network: Network,
        gradients: TensorMap,
        rate: &dyn Fn(&str) -> f64,
    ) -> Network {
        self.step += 1;
        network.map(&mut Stepper {
            path: ParameterPath::default(),
            gradients,
            rate,
            optimizer: self,
        })
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// What is remembered: `first.NAME` and, of Adam, `second.NAME` for each parameter ever moved.
    pub(crate) fn state(&self) -> TensorMap {
        let mut state = TensorMap::default();
        for (name, memory) in &self.memory {
            let mut put = |kind: &str, flat: &Tensor<1>| {
                let (shape, flat) = (memory.shape.clone(), flat.clone());
                state.insert(format!("{kind}.{name}"), NamedTensor { shape, flat });
            };
            put("first", &memory.first);
            if let Some(second) = &memory.second {
                put("second", second);
            }
        }
        state
    }

    /// An optimizer after `steps` steps, with what [`state`](Self::state) told.
    pub(crate) fn resume(
        config: OptimizerConfig,
        steps: u64,
        mut state: StateDict,
        device: &Device,
    ) -> Self {
        let mut second = TensorMap::from_state(state.take_prefix("second."), device);
        let first = TensorMap::from_state(state.take_prefix("first."), device);
        let memory = first.into_iter().map(|(name, first)| {
            let second = second.remove(&name).map(|second| second.flat);
            let (shape, first) = (first.shape, first.flat);
            let memory = Memory {
                shape,
                first,
                second,
            };
            (name, memory)
        });
        Self {
            config,
            step: steps,
            memory: memory.collect(),
        }
    }
}

struct Stepper<'a> {
    path: ParameterPath,
    gradients: TensorMap,
    rate: &'a dyn Fn(&str) -> f64,
    optimizer: &'a mut Optimizer,
}

impl ModuleMapper for Stepper<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some(gradient) = self.gradients.remove(&name) else {
            return param;
        };
        let rate = (self.rate)(&name);
        let is_convolution = D == 4;
        param.map(|value| {
            let shape = value.dims();
            let elements = [shape.iter().product::<usize>()];
            let value = plain(value).reshape(elements);
            let memory = self.optimizer.memory.remove(&name);
            let (value, [first, second]) =
                self.optimizer
                    .update(value, gradient.flat, memory, rate, is_convolution);
            if let Some(first) = first {
                let shape = gradient.shape;
                let memory = Memory {
                    shape,
                    first,
                    second,
                };
                self.optimizer.memory.insert(name, memory);
            }
            Tensor::from_inner(value.reshape(shape)).require_grad()
        })
    }
}

impl Optimizer {
    /// A parameter and its memory after a step.
    fn update(
        &self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        memory: Option<Memory>,
        learning_rate: f64,
        decays: bool,
    ) -> (Tensor<1>, [Option<Tensor<1>>; 2]) {
        let decay_by = |weight_decay: f64| if decays { weight_decay } else { 0.0 };
        match &self.config {
            OptimizerConfig::Adam(adam) | OptimizerConfig::AdamW(adam) => {
                let settings = AdamSettings {
                    learning_rate,
                    beta1: adam.beta1,
                    beta2: adam.beta2,
                    epsilon: adam.epsilon,
                    weight_decay: decay_by(adam.weight_decay),
                    decay: match self.config {
                        OptimizerConfig::AdamW(_) => WeightDecay::Decoupled,
                        _ => WeightDecay::L2,
                    },
                    step: self.step,
                };
                let moments = memory.and_then(|memory| {
                    Some(AdamState {
                        first_moment: memory.first,
                        second_moment: memory.second?,
                    })
                });
                let moments = moments.unwrap_or_else(|| AdamState::zeros_like(&value));
                let (value, moments) = adam_step(value, gradient, moments, &settings);
                let moments = [Some(moments.first_moment), Some(moments.second_moment)];
                (value, moments)
            }
            OptimizerConfig::Sgd(sgd) => {
                let decay = decay_by(sgd.weight_decay);
                let gradient = if decay > 0.0 {
                    gradient + value.clone() * decay
                } else {
                    gradient
                };
                if sgd.momentum == 0.0 {
                    return (value - gradient * learning_rate, [None, None]);
                }
                let velocity = match memory {
                    Some(memory) => memory.first * sgd.momentum + gradient.clone(),
                    None => gradient.clone(),
                };
                let direction = if sgd.nesterov {
                    gradient + velocity.clone() * sgd.momentum
                } else {
                    velocity.clone()
                };
                (value - direction * learning_rate, [Some(velocity), None])
            }
        }
    }
}

#[cfg(test)]
mod tests;
