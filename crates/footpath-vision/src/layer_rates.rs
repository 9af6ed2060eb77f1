//! Which layers learn, and how fast.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::network::{Encoder, Network};
use crate::parameter_path::ParameterPath;
use crate::setting::{SettingError, require};
use crate::tensor_map::{TensorMap, Which, is_statistic};

/// Factors of the learning rate by layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerRates {
    /// Factor of the encoder. 1 unless told.
    pub encoder: f64,
    /// Factor of everything else. 1 unless told.
    pub decoder: f64,
    /// Factor of each level of the encoder over the next deeper one: with 0.8 the last of five
    /// levels learns at 0.8, the first at 0.8⁵ of the encoder's rate (layer-wise decay; Howard and
    /// Ruder 2018, arXiv 1801.06146). 1 unless told.
    pub level_decay: f64,
}

impl Default for LayerRates {
    fn default() -> Self {
        Self {
            encoder: 1.0,
            decoder: 1.0,
            level_decay: 1.0,
        }
    }
}

/// Layers that do not learn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Freeze {
    /// Layers by the start of their names, such as `encoder` or `encoder.layer1`: neither their
    /// parameters nor the running statistics of their batch norms change. None unless told.
    pub layers: Vec<String>,
    /// Every batch norm normalises by its running statistics, which stay as they are; its scale
    /// and shift still learn. Off unless told.
    pub batch_norm: bool,
}

/// A layer to freeze that the network does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("freeze.layers names `{layer}`, which is no layer of the network; its layers are {}", layers.join(", "))]
pub struct UnknownLayer {
    layer: String,
    layers: Vec<String>,
}

impl LayerRates {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        for (name, value) in [
            ("layer_rates.encoder", self.encoder),
            ("layer_rates.decoder", self.decoder),
            ("layer_rates.level_decay", self.level_decay),
        ] {
            let valid = value.is_finite() && value > 0.0;
            require(name, value, valid, "a finite number above 0")?;
        }
        Ok(())
    }

    /// The factor of a parameter of a network with this encoder.
    #[must_use]
    pub fn factor(&self, encoder: Encoder, parameter: &str) -> f64 {
        match level(encoder, parameter) {
            None => self.decoder,
            Some(level) => self.encoder * self.level_decay.powi(LEVELS - level),
        }
    }
}

/// Levels of an encoder: each but the first halves the size of what it is given.
const LEVELS: i32 = 5;

/// The encoder's level a parameter belongs to, from 0; `None` for the decoder's.
fn level(encoder: Encoder, parameter: &str) -> Option<i32> {
    let inside = parameter.strip_prefix("encoder.")?;
    let part = inside.split('.').next().unwrap_or_default();
    // Where torchvision's list of VGG's layers has its max pools.
    let pools: &[usize] = match encoder {
        Encoder::Vgg11 => &[2, 5, 10, 15],
        Encoder::Vgg16 => &[4, 9, 16, 23],
        _ => {
            let stage = part.strip_prefix("layer");
            return Some(stage.and_then(|stage| stage.parse().ok()).unwrap_or(0));
        }
    };
    let index: usize = part.parse().ok()?;
    Some(pools.iter().filter(|&&pool| index > pool).count() as i32)
}

impl Freeze {
    /// Whether a parameter, statistic or layer belongs to a frozen layer.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.layers.iter().any(|layer| {
            name.strip_prefix(layer.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// `network` (in training) with these layers frozen.
    ///
    /// # Errors
    /// If a layer is not the network's.
    pub(crate) fn apply(&self, network: Network) -> Result<Network, UnknownLayer> {
        if self.layers.is_empty() && !self.batch_norm {
            return Ok(network);
        }
        let tensors = TensorMap::of(&network, Which::All);
        for layer in &self.layers {
            let alone = Self {
                layers: vec![layer.clone()],
                batch_norm: false,
            };
            if !tensors.iter().any(|(name, _)| alone.holds(name)) {
                return Err(UnknownLayer {
                    layer: layer.clone(),
                    layers: layers(tensors.iter().map(|(name, _)| name.as_str())),
                });
            }
        }
        let mut network = network.map(&mut Freezer {
            path: ParameterPath::default(),
            freeze: self,
        });
        network.freeze_batch_norms(&|norm| self.batch_norm || self.holds(norm));
        Ok(network)
    }
}

/// The first levels of names: `encoder.layer1`, `dec5`, `final`.
fn layers<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut layers = Vec::new();
    for name in names {
        let depth = if name.starts_with("encoder.") { 2 } else { 1 };
        let layer = name.split('.').take(depth).collect::<Vec<_>>().join(".");
        if !layers.contains(&layer) {
            layers.push(layer);
        }
    }
    layers
}

struct Freezer<'a> {
    path: ParameterPath,
    freeze: &'a Freeze,
}

impl ModuleMapper for Freezer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        if self.freeze.holds(&name) && !is_statistic(&name) {
            param.set_require_grad(false)
        } else {
            param
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::network::UnetConfig;

    #[test]
    fn deeper_levels_learn_faster_and_the_decoder_by_its_own_factor() {
        let rates = LayerRates {
            encoder: 0.1,
            decoder: 2.0,
            level_decay: 0.5,
        };
        let factor = |name| rates.factor(Encoder::ResNet34, name);
        assert_eq!(factor("encoder.conv1.weight"), 0.1 / 32.0);
        assert_eq!(factor("encoder.bn1.bias"), 0.1 / 32.0);
        assert_eq!(factor("encoder.layer1.2.conv1.weight"), 0.1 / 16.0);
        assert_eq!(factor("encoder.layer4.0.conv1.weight"), 0.1 / 2.0);
        assert_eq!(factor("center.conv.conv.weight"), 2.0);
        let vgg = |name| rates.factor(Encoder::Vgg16, name);
        assert_eq!(vgg("encoder.0.weight"), 0.1 / 32.0);
        assert_eq!(vgg("encoder.5.weight"), 0.1 / 16.0);
        assert_eq!(vgg("encoder.28.bias"), 0.1 / 2.0);
        assert_eq!(
            LayerRates::default().factor(Encoder::Vgg11, "encoder.3.weight"),
            1.0
        );
    }

    #[test]
    fn vggs_levels_are_its_blocks() {
        // Convolutions of the five blocks, by torchvision's numbers.
        let blocks = |encoder| {
            let name = |index: usize| format!("encoder.{index}.weight");
            let config = UnetConfig {
                encoder,
                decoder_filters: 1,
                ..UnetConfig::default()
            };
            let network = Network::new(&config, 1, &Device::flex());
            let tensors = TensorMap::of(&network, Which::All);
            let mut blocks = [0; 5];
            for index in (0..40).filter(|&index| tensors.get(&name(index)).is_some()) {
                blocks[level(encoder, &name(index)).unwrap() as usize] += 1;
            }
            blocks
        };
        assert_eq!(blocks(Encoder::Vgg11), [1, 1, 2, 2, 2]);
        assert_eq!(blocks(Encoder::Vgg16), [2, 2, 3, 3, 3]);
    }

    #[test]
    fn a_layer_the_network_has_not_is_named_with_those_it_has() {
        let config = UnetConfig {
            encoder: Encoder::ResNet18,
            decoder_filters: 1,
            ..UnetConfig::default()
        };
        let network = Network::new(&config, 1, &Device::flex()).train();
        let freeze = Freeze {
            layers: vec!["encoder.layer".into()],
            batch_norm: false,
        };
        let error = freeze.apply(network).unwrap_err().to_string();
        assert!(
            error.starts_with("freeze.layers names `encoder.layer`, which is no layer"),
            "{error}"
        );
        assert!(error.contains("encoder.layer1, encoder.layer2"), "{error}");
        assert!(error.contains("dec5"), "{error}");
    }
}
