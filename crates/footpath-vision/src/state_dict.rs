//! The network as an ordered map from names to tensors, as PyTorch's `state_dict()`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::tensor::{Dtype, Metadata, SafeTensorError, SafeTensors, TensorInfo, TensorView};

use crate::parameter_path::ParameterPath;

/// The one key of a safetensors file's metadata. A second one would be written in random order.
const METADATA_KEY: &str = "footpath";

/// The header's length is a multiple of this, as the format asks.
const HEADER_ALIGNMENT: usize = 8;

/// 32-bit float tensors by name, in the names' order.
///
/// Holds what PyTorch's state dict holds, but for `num_batches_tracked`, which nothing reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict(BTreeMap<String, TensorData>);

impl StateDict {
    /// The tensors of a module: parameters and running statistics.
    #[must_use]
    pub fn of<M: Module>(module: &M) -> Self {
        let mut reader = Reader::default();
        module.visit(&mut reader);
        reader.state
    }

    /// `module` with its tensors replaced by these.
    ///
    /// # Errors
    /// Lists by name each tensor that is missing, unexpected or of another shape.
    pub fn load_into<M: Module>(self, module: M) -> Result<M, StateDictError> {
        let mut loader = Loader {
            path: ParameterPath::default(),
            state: self,
            error: StateDictError::default(),
        };
        let module = module.map(&mut loader);
        let mut error = loader.error;
        error.unexpected = loader.state.0.into_keys().collect();
        if error == StateDictError::default() {
            Ok(module)
        } else {
            Err(error)
        }
    }

    /// Adds a tensor of `shape`, or replaces the one of that name.
    ///
    /// # Panics
    /// If the number of values is not the product of the shape.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) {
        self.insert_data(name, TensorData::new(values, shape.to_vec()));
    }

    /// Adds a tensor, converted to 32-bit floats.
    pub(crate) fn insert_data(&mut self, name: impl Into<String>, data: TensorData) {
        self.0.insert(name.into(), data.convert::<f32>());
    }

    /// Takes a tensor out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<TensorData> {
        self.0.remove(name)
    }

    /// Number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no tensor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and tensors in the names' order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TensorData)> {
        self.0.iter().map(|(name, data)| (name.as_str(), data))
    }

    /// The shape of a tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.0.get(name).map(|data| data.shape().as_slice())
    }

    /// The values of a tensor, row-major.
    ///
    /// # Panics
    /// If there is no tensor of that name.
    #[must_use]
    pub fn values(&self, name: &str) -> &[f32] {
        let Some(data) = self.0.get(name) else {
            panic!("the state dict has no tensor {name}");
        };
        floats(data)
    }

    /// Splits off the tensors whose name starts with `prefix`, the prefix cut.
    pub(crate) fn take_prefix(&mut self, prefix: &str) -> Self {
        let (inside, outside) = std::mem::take(&mut self.0)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(name, _)| name.starts_with(prefix));
        self.0 = outside;
        let cut = |(name, data): (String, _)| (name[prefix.len()..].to_owned(), data);
        Self(inside.into_iter().map(cut).collect())
    }

    /// The tensors as a safetensors file; equal tensors and metadata give equal bytes.
    ///
    /// # Errors
    /// If the header would pass the format's limit of 100 MB.
    pub fn to_safetensors(&self, metadata: &str) -> Result<Vec<u8>, SafeTensorError> {
        let views = self.iter().map(|(name, data)| {
            let shape = data.shape().as_slice().to_vec();
            TensorView::new(Dtype::F32, shape, data.as_bytes()).map(|view| (name, view))
        });
        safetensors::serialize(views.collect::<Result<Vec<_>, _>>()?, Some(wrap(metadata)))
    }

    /// The first tensor that holds an infinity or a NaN.
    #[must_use]
    pub fn first_not_finite(&self) -> Option<&str> {
        let broken = |data: &TensorData| floats(data).iter().any(|value| !value.is_finite());
        self.iter()
            .find(|(_, data)| broken(data))
            .map(|(name, _)| name)
    }

    /// Tensors (f32, f16 or bf16) and Footpath's metadata, if any, of a safetensors file.
    ///
    /// `num_batches_tracked` is passed over.
    ///
    /// # Errors
    /// If the bytes are no safetensors file or hold a tensor of another type.
    pub fn from_safetensors(bytes: &[u8]) -> Result<(Self, Option<String>), SafetensorsReadError> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let metadata = header
            .metadata()
            .as_ref()
            .and_then(|map| map.get(METADATA_KEY))
            .cloned();
        let mut state = Self::default();
        let mut tensors = SafeTensors::deserialize(bytes)?.tensors();
        tensors.retain(|(name, _)| !is_batch_counter(name));
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, view) in tensors {
            let values =
                decode(view.dtype(), view.data()).ok_or_else(|| SafetensorsReadError::Type {
                    name: name.clone(),
                    found: view.dtype(),
                })?;
            state.insert(name, view.shape(), values);
        }
        Ok((state, metadata))
    }
}

/// A tensor to be written, read only when its turn comes.
pub(crate) trait TensorSource {
    /// Its shape.
    fn shape(&self) -> &[usize];

    /// Its values, 32-bit floats.
    fn values(&self) -> Cow<'_, TensorData>;
}

impl TensorSource for TensorData {
    fn shape(&self) -> &[usize] {
        self.shape().as_slice()
    }

    fn values(&self) -> Cow<'_, TensorData> {
        Cow::Borrowed(self)
    }
}

/// Writes 32-bit float tensors to one safetensors file at `path`, in their order.
///
/// Tensor by tensor, so that no second copy of them is held. (The safetensors crate's own writer
/// leaves a file of random name behind when killed, readable by the owner alone.)
pub(crate) fn write_safetensors(
    path: &Path,
    metadata: &str,
    tensors: &[(String, &dyn TensorSource)],
) -> io::Result<()> {
    let mut end = 0;
    let infos = tensors.iter().map(|(name, tensor)| {
        let start = end;
        end += tensor.shape().iter().product::<usize>() * size_of::<f32>();
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: tensor.shape().to_vec(),
            data_offsets: (start, end),
        };
        (name.clone(), info)
    });
    let header = Metadata::new(Some(wrap(metadata)), infos.collect()).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(HEADER_ALIGNMENT), b' ');

    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for (_, tensor) in tensors {
        file.write_all(tensor.values().as_bytes())?;
    }
    file.flush()
}

fn wrap(metadata: &str) -> HashMap<String, String> {
    HashMap::from([(METADATA_KEY.to_owned(), metadata.to_owned())])
}

impl IntoIterator for StateDict {
    type Item = (String, TensorData);
    type IntoIter = std::collections::btree_map::IntoIter<String, TensorData>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Whether a tensor is batch norm's count of batches, an integer PyTorch keeps and never uses.
pub(crate) fn is_batch_counter(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}

/// The values of a tensor that is known to hold 32-bit floats.
fn floats(data: &TensorData) -> &[f32] {
    match data.as_slice() {
        Ok(values) => values,
        Err(error) => unreachable!("a state dict holds 32-bit floats only: {error}"),
    }
}

/// Little-endian f32, f16 or bf16 bytes as f32; `None` for other types.
fn decode(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
    Some(match dtype {
        Dtype::F32 => {
            let quads = bytes.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
            quads.map(f32::from_le_bytes).collect()
        }
        Dtype::F16 => pairs()
            .map(|b| half::f16::from_le_bytes(b).to_f32())
            .collect(),
        Dtype::BF16 => pairs()
            .map(|b| half::bf16::from_le_bytes(b).to_f32())
            .collect(),
        _ => return None,
    })
}

/// Why a safetensors file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsReadError {
    /// The file is cut or its header broken.
    #[error("not a whole safetensors file")]
    Format(#[from] SafeTensorError),
    /// A tensor is not of a float type this program reads.
    #[error("tensor {name} is of type {found:?}; expected F32, F16 or BF16")]
    Type {
        /// The tensor.
        name: String,
        /// Its type.
        found: Dtype,
    },
}

/// How a state dict does not fit a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDictError {
    /// Tensors the network has and the state dict has not.
    pub missing: Vec<String>,
    /// Tensors the state dict has and the network has not.
    pub unexpected: Vec<String>,
    /// Tensors of another shape.
    pub wrong_shape: Vec<WrongShape>,
}

/// A tensor whose shape is not the network's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongShape {
    /// The tensor.
    pub name: String,
    /// The network's shape.
    pub expected: Vec<usize>,
    /// The state dict's shape.
    pub found: Vec<usize>,
}

impl std::error::Error for StateDictError {}

impl fmt::Display for StateDictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the weights do not fit the network")?;
        let mut part = |title: &str, names: Vec<String>| match names.len() {
            0 => Ok(()),
            count => {
                let mark = if title == "missing" { ':' } else { ';' };
                write!(f, "{mark} {count} {title}: {}", names.join(", "))
            }
        };
        part("missing", self.missing.clone())?;
        part("unexpected", self.unexpected.clone())?;
        let wrong = self.wrong_shape.iter();
        let wrong = wrong.map(|w| format!("{} {:?} instead of {:?}", w.name, w.found, w.expected));
        part("of another shape", wrong.collect())
    }
}

#[derive(Default)]
struct Reader {
    path: ParameterPath,
    state: StateDict,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.state
            .insert_data(self.path.name(), param.val().into_data());
    }
}

struct Loader {
    path: ParameterPath,
    state: StateDict,
    error: StateDictError,
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let expected = param.lazy_shape().as_slice().to_vec();
        match self.state.remove(&name) {
            None => self.error.missing.push(name),
            Some(data) if data.shape().as_slice() != expected => {
                let found = data.shape().as_slice().to_vec();
                self.error.wrong_shape.push(WrongShape {
                    name,
                    expected,
                    found,
                });
            }
            Some(data) => {
                let active = param.is_require_grad();
                return param
                    .map(|old| Tensor::from_data(data, &old.device()).set_require_grad(active));
            }
        }
        param
    }
}

#[cfg(test)]
mod tests;
