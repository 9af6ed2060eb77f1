//! Tensors of a network on their device, by name, without copying them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use rayon::prelude::*;

use crate::parameter_path::ParameterPath;
use crate::state_dict::{StateDict, TensorSource};

/// Values summed by one task; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1 << 16;

/// A tensor, flattened, with the shape it has in the network.
#[derive(Clone, Debug)]
pub(crate) struct NamedTensor {
    pub(crate) shape: Vec<usize>,
    /// Off autodiff.
    pub(crate) flat: Tensor<1>,
}

impl NamedTensor {
    fn new<const D: usize>(tensor: Tensor<D>) -> Self {
        let shape = tensor.dims().to_vec();
        let elements = [shape.iter().product::<usize>()];
        Self {
            shape,
            flat: plain(tensor).reshape(elements),
        }
    }

    /// The values on the host.
    pub(crate) fn to_data(&self) -> TensorData {
        self.flat.to_data().convert::<f32>()
    }
}

impl TensorSource for NamedTensor {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn values(&self) -> Cow<'_, TensorData> {
        Cow::Owned(self.to_data())
    }
}

/// A tensor off autodiff.
pub(crate) fn plain<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if tensor.is_autodiff() {
        tensor.inner()
    } else {
        tensor
    }
}

/// Which tensors of a network are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Parameters and running statistics.
    All,
    /// Running statistics of batch norms.
    Statistics,
}

/// Whether a tensor is a running statistic of a batch norm and not learnt.
pub(crate) fn is_statistic(name: &str) -> bool {
    name.ends_with(".running_mean") || name.ends_with(".running_var")
}

/// Handles to tensors in the order of their names.
///
/// A handle shares its tensor's buffer; whoever wants an optimizer to update in place drops the
/// handles first.
#[derive(Clone, Debug, Default)]
pub(crate) struct TensorMap(BTreeMap<String, NamedTensor>);

impl TensorMap {
    /// The tensors of `module`.
    pub(crate) fn of<M: Module>(module: &M, which: Which) -> Self {
        let mut reader = Reader {
            path: ParameterPath::default(),
            which,
            found: Self::default(),
        };
        module.visit(&mut reader);
        reader.found
    }

    /// The gradients of the parameters of `module`, taken out of `gradients`.
    pub(crate) fn of_gradients<M: Module>(module: &M, gradients: Gradients) -> Self {
        let mut reader = GradientReader {
            path: ParameterPath::default(),
            gradients,
            found: Self::default(),
        };
        module.visit(&mut reader);
        reader.found
    }

    /// The tensors of a state dict, put on `device`.
    pub(crate) fn from_state(state: StateDict, device: &Device) -> Self {
        let tensor = |(name, data): (String, TensorData)| {
            let elements = [data.num_elements()];
            let (bytes, shape, dtype) = data.into_parts();
            let data = TensorData::from_bytes(bytes, elements, dtype);
            let flat = Tensor::from_data(data, device);
            let shape = shape.as_slice().to_vec();
            (name, NamedTensor { shape, flat })
        };
        Self(state.into_iter().map(tensor).collect())
    }

    /// `module` with the tensors it shares a name with replaced by these.
    pub(crate) fn put_into<M: Module>(&self, module: M) -> M {
        module.map(&mut Writer {
            path: ParameterPath::default(),
            tensors: self,
        })
    }

    pub(crate) fn insert(&mut self, name: String, tensor: NamedTensor) {
        self.0.insert(name, tensor);
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<NamedTensor> {
        self.0.remove(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&NamedTensor> {
        self.0.get(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> btree_map::Iter<'_, String, NamedTensor> {
        self.0.iter()
    }

    /// Replaces each tensor by what `change` makes of it.
    pub(crate) fn map(self, mut change: impl FnMut(&str, Tensor<1>) -> Tensor<1>) -> Self {
        let changed = self.0.into_iter().map(|(name, tensor)| {
            let flat = change(&name, tensor.flat);
            let shape = tensor.shape;
            (name, NamedTensor { shape, flat })
        });
        Self(changed.collect())
    }

    /// The root of the sum of all squares, in 64 bits, the same for any number of threads.
    ///
    /// Buffers that nobody else holds are read without being copied.
    pub(crate) fn norm(self) -> (Self, f64) {
        let mut sum = 0.0;
        let map = self.map(|_, tensor| {
            let device = tensor.device();
            let data = tensor.into_data().convert::<f32>();
            sum += sum_of_squares(floats(&data));
            Tensor::from_data(data, &device)
        });
        (map, sum.sqrt())
    }

    /// The first tensor that holds an infinity or a NaN.
    pub(crate) fn first_not_finite(&self) -> Option<&str> {
        let is_broken = |tensor: &NamedTensor| {
            let data = tensor.to_data();
            floats(&data)
                .par_chunks(CHUNK)
                .any(|chunk| chunk.iter().any(|value| !value.is_finite()))
        };
        self.iter()
            .find(|(_, tensor)| is_broken(tensor))
            .map(|(name, _)| name.as_str())
    }
}

impl IntoIterator for TensorMap {
    type Item = (String, NamedTensor);
    type IntoIter = btree_map::IntoIter<String, NamedTensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The values of a tensor that was converted to 32-bit floats.
pub(crate) fn floats(data: &TensorData) -> &[f32] {
    match data.as_slice() {
        Ok(values) => values,
        Err(error) => unreachable!("converted to 32-bit floats just before: {error}"),
    }
}

/// Of values in any number of threads: the same sum for each.
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    let square = |&value: &f32| f64::from(value) * f64::from(value);
    let chunks = values.par_chunks(CHUNK);
    let sums: Vec<f64> = chunks.map(|c| c.iter().map(square).sum()).collect();
    sums.iter().sum()
}

struct Reader {
    path: ParameterPath,
    which: Which,
    found: TensorMap,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.name();
        if self.which == Which::All || is_statistic(&name) {
            self.found.insert(name, NamedTensor::new(param.val()));
        }
    }
}

struct GradientReader {
    path: ParameterPath,
    gradients: Gradients,
    found: TensorMap,
}

impl ModuleVisitor for GradientReader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            self.found
                .insert(self.path.name(), NamedTensor::new(gradient));
        }
    }
}

struct Writer<'a> {
    path: ParameterPath,
    tensors: &'a TensorMap,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(tensor) = self.tensors.get(&self.path.name()) else {
            return param;
        };
        let value = tensor.flat.clone();
        param.map(|old| {
            let value = value.reshape(old.dims());
            if old.is_autodiff() {
                Tensor::from_inner(value).set_require_grad(old.is_require_grad())
            } else {
                value
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Encoder, Network, UnetConfig};

    fn network() -> Network {
        let config = UnetConfig {
            encoder: Encoder::ResNet18,
            decoder_filters: 1,
            ..UnetConfig::default()
        };
        Network::new(&config, 3, &Device::flex()).train()
    }

    #[test]
    fn tensors_go_out_and_come_back() {
        let network = network();
        let doubled = TensorMap::of(&network, Which::All).map(|_, tensor| tensor * 2.0);
        let statistics = TensorMap::of(&network, Which::Statistics);
        assert!(statistics.iter().all(|(name, _)| is_statistic(name)));
        let before = StateDict::of(&network);
        let network = statistics.put_into(doubled.put_into(network));
        for (name, data) in StateDict::of(&network).iter() {
            let factor = if is_statistic(name) { 1.0 } else { 2.0 };
            let expected: Vec<f32> = before.values(name).iter().map(|v| v * factor).collect();
            assert_eq!(floats(data), expected, "{name}");
        }
        let again = TensorMap::from_state(before.clone(), &Device::flex());
        assert_eq!(StateDict::of(&again.put_into(network)), before);
    }

    #[test]
    fn the_norm_is_that_of_all_values_for_any_number_of_threads() {
        let network = network();
        let map = TensorMap::of(&network, Which::All);
        let sum = |data: &TensorData| {
            let squares = floats(data).iter().map(|v| f64::from(*v).powi(2));
            squares.sum::<f64>()
        };
        let expected: f64 = StateDict::of(&network).iter().map(|(_, d)| sum(d)).sum();
        let norm = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| map.clone().norm().1)
        };
        let found = norm(1);
        assert!((found - expected.sqrt()).abs() < 1e-9 * found, "{found}");
        assert_eq!(found.to_bits(), norm(4).to_bits());
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let map = TensorMap::of(&network(), Which::All);
        assert_eq!(map.first_not_finite(), None);
        let broken = map.map(|name, tensor| {
            if name == "final.bias" {
                tensor / 0.0
            } else {
                tensor
            }
        });
        assert_eq!(broken.first_not_finite(), Some("final.bias"));
    }
}
