//! Weights before training.
//!
//! As in PyTorch: the encoder's convolutions are drawn as torchvision draws them (normal, He et
//! al. 2015, arXiv 1502.01852, fan-out), the decoder's as `torch.nn` does by default (uniform,
//! ±1/√fan-in for weight and bias), batch norm starts as the identity. Each tensor has its own
//! random stream by its name, so its values depend on the seed alone.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Network;
use crate::parameter_path::ParameterPath;
use crate::random::stream;

/// `network` with every tensor drawn anew.
pub(super) fn initialise(network: Network, seed: u64) -> Network {
    network.map(&mut Initialiser {
        seed,
        path: ParameterPath::default(),
        last_bound: 0.0,
    })
}

struct Initialiser {
    seed: u64,
    path: ParameterPath,
    /// 1/√fan-in of the decoder's weight last met; its bias, which follows, has the same bound.
    last_bound: f64,
}

impl ModuleMapper for Initialiser {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        param.map(|tensor| {
            let shape = tensor.dims();
            let values = self.values(&name, &shape);
            Tensor::from_data(TensorData::new(values, shape), &tensor.device())
        })
    }
}

impl Initialiser {
    fn values(&mut self, name: &str, shape: &[usize]) -> Vec<f32> {
        let count = shape.iter().product();
        let mut rng = stream(self.seed, "initial weights", name.as_bytes());
        let in_encoder = name.starts_with("encoder.");
        let layer = name.rsplit('.').nth(1).unwrap_or_default();
        let is_norm = layer.starts_with("bn");
        let is_identity = (in_encoder || is_norm) && name.ends_with(".weight");
        match *shape {
            [outputs, _, kernel, _] if in_encoder => {
                let fan_out = (outputs * kernel * kernel) as f64;
                normals(&mut rng, (2.0 / fan_out).sqrt(), count)
            }
            // PyTorch takes the second axis for the fan-in of transposed convolutions as well.
            [_, inputs, kernel, _] => {
                self.last_bound = 1.0 / ((inputs * kernel * kernel) as f64).sqrt();
                uniforms(&mut rng, self.last_bound, count)
            }
            _ if name.ends_with("running_var") || is_identity => vec![1.0; count],
            _ if in_encoder || is_norm => vec![0.0; count],
            _ => uniforms(&mut rng, self.last_bound, count),
        }
    }
}

fn uniforms(rng: &mut ChaCha8Rng, bound: f64, count: usize) -> Vec<f32> {
    let draw = |_| ((2.0 * rng.random::<f64>() - 1.0) * bound) as f32;
    (0..count).map(draw).collect()
}

/// Normal numbers with mean 0, two at a time (Box and Muller 1958).
fn normals(rng: &mut ChaCha8Rng, deviation: f64, count: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = deviation * (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
        values.push((radius * cos) as f32);
        values.push((radius * sin) as f32);
    }
    values.truncate(count);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Encoder, UnetConfig};
    use crate::state_dict::StateDict;

    fn tiny(seed: u64) -> StateDict {
        let config = UnetConfig {
            encoder: Encoder::ResNet18,
            decoder_filters: 2,
            ..UnetConfig::default()
        };
        StateDict::of(&Network::new(&config, seed, &burn::tensor::Device::flex()))
    }

    fn moments(values: &[f32]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = values
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn follows_torchvision_in_the_encoder_and_torch_in_the_decoder() {
        let state = tiny(1);
        // 512 outputs, 3x3: deviation √(2 / 4608).
        let (mean, deviation) = moments(state.values("encoder.layer4.0.conv1.weight"));
        assert!(mean.abs() < 1e-4, "{mean}");
        assert!(
            (deviation - (2.0_f64 / 4608.0).sqrt()).abs() < 1e-4,
            "{deviation}"
        );
        // 512 inputs, 3x3: uniform within 1/√4608, deviation that over √3.
        let bound = 1.0 / 4608.0_f64.sqrt();
        let weight = state.values("center.conv.conv.weight");
        assert!(weight.iter().all(|v| f64::from(v.abs()) <= bound));
        assert!((moments(weight).1 - bound / 3.0_f64.sqrt()).abs() < 1e-4);
        let bias = state.values("center.conv.conv.bias");
        assert!(
            bias.iter()
                .all(|v| f64::from(v.abs()) <= bound && *v != 0.0)
        );
        assert!(state.values("encoder.bn1.weight").iter().all(|&v| v == 1.0));
        assert!(
            state
                .values("encoder.bn1.running_var")
                .iter()
                .all(|&v| v == 1.0)
        );
        assert!(
            state
                .values("encoder.bn1.running_mean")
                .iter()
                .all(|&v| v == 0.0)
        );
    }

    #[test]
    fn batch_norms_outside_an_encoder_start_as_the_identity() {
        let config = UnetConfig {
            encoder: Encoder::Plain,
            ..UnetConfig::default()
        };
        let network = Network::new(&config, 1, &burn::tensor::Device::flex());
        let state = StateDict::of(&network);
        let all = |name: &str, value| state.values(name).iter().all(|&v| v == value);
        assert!(all("up.1.second.bn.weight", 1.0) && all("up.1.second.bn.bias", 0.0));
        assert!(all("floor.first.bn.running_mean", 0.0) && all("floor.first.bn.running_var", 1.0));
        // 16 inputs, 3x3.
        let weight = state.values("down.0.first.conv.weight");
        assert!(weight.iter().all(|v| v.abs() <= 1.0 / 12.0 && *v != 0.0));
    }

    #[test]
    fn depends_on_the_seed_alone() {
        assert_eq!(tiny(3), tiny(3));
        assert_ne!(tiny(3), tiny(4));
    }
}
