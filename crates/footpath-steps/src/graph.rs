//! The graph behind a pipeline: untyped nodes, checked as they are added.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::Config;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{BoxError, BuildError};
use crate::items::{AnyItems, KeptItems};

/// A value of any type, shared.
pub(crate) type AnyValue = Arc<dyn Any + Send + Sync>;

/// A value in a run: what it is and the key it is known by.
#[doc(hidden)]
#[derive(Clone)]
pub struct Slot {
    pub(crate) key: Digest,
    pub(crate) value: AnyValue,
}

impl Slot {
    pub(crate) fn value<T: Send + Sync + 'static>(&self) -> Arc<T> {
        Arc::downcast(Arc::clone(&self.value))
            .expect("handles are typed when made, so slots hold their type")
    }
}

/// One node of one graph.
#[doc(hidden)]
#[derive(Clone)]
pub struct NodeRef {
    pub(crate) graph: Arc<Graph>,
    pub(crate) index: usize,
    pub(crate) edge: Edge,
}

/// How a node's output reaches a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// As it is.
    Value,
    /// Item by item, to an `each` step.
    Item,
    /// As it is, beside every item of an `each` step.
    Beside,
}

/// What kind of node it is, for keys, reports and diagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A value given to the run.
    Input,
    /// A value fixed when the pipeline is built.
    Constant,
    /// A transformer.
    Step,
    /// A closure.
    Map,
    /// An estimator that learns a model.
    Fit,
    /// A model that transforms.
    Apply,
    /// A transformer, item by item.
    Each,
    /// A closure, item by item.
    MapEach,
    /// A model that transforms item by item.
    ApplyEach,
}

impl Kind {
    /// Its name in keys, files and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Constant => "constant",
            Self::Step => "step",
            Self::Map => "map",
            Self::Fit => "fit",
            Self::Apply => "apply",
            Self::Each => "each",
            Self::MapEach => "map_each",
            Self::ApplyEach => "apply_each",
        }
    }

    pub(crate) fn is_each(self) -> bool {
        matches!(self, Self::Each | Self::MapEach | Self::ApplyEach)
    }

    pub(crate) fn is_given(self) -> bool {
        matches!(self, Self::Input | Self::Constant)
    }
}

/// Where a step's output stays after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Nowhere,
    Memory,
    Disk,
}

/// What an `each` step does about an item that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    Stop,
    Skip,
}

/// Turns a value into bytes and hands them over.
pub(crate) type Encode = fn(&AnyValue, &mut dyn FnMut(&[u8])) -> Result<(), BoxError>;

/// How a node's output becomes bytes and comes back.
#[derive(Clone)]
pub(crate) struct Codec {
    pub(crate) type_tag: fn() -> String,
    /// For a collection: of one item.
    /// Hands the bytes over rather than returning them: they may be borrowed from the value.
    pub(crate) encode: Encode,
    pub(crate) decode: fn(Vec<u8>) -> Result<AnyValue, BoxError>,
    pub(crate) items: Option<ItemsCodec>,
}

/// What a collection needs beyond its items' codec.
#[derive(Clone)]
pub(crate) struct ItemsCodec {
    pub(crate) open: fn(&AnyValue) -> Arc<dyn AnyItems>,
    pub(crate) from_store: fn(KeptItems) -> AnyValue,
}

/// What a node does.
#[derive(Clone)]
pub(crate) enum Work {
    Input,
    Constant(Slot),
    Step(Arc<StepWork>),
    Each(Arc<EachWork>),
}

pub(crate) type StepWork = dyn Fn(&[Slot], &Context) -> Result<AnyValue, BoxError> + Send + Sync;
pub(crate) type EachWork =
    dyn Fn(EachSetup<'_>) -> Result<Arc<dyn AnyItems>, BoxError> + Send + Sync;

/// What an `each` step is given to set up its stream of outputs.
pub(crate) struct EachSetup<'a> {
    pub(crate) node: usize,
    pub(crate) slots: &'a [Slot],
    /// The digest of everything but the items themselves.
    pub(crate) code: Digest,
    pub(crate) context: Context,
    /// Whether several steps ask for each item.
    pub(crate) shared: bool,
    pub(crate) meter: Arc<crate::each::Meter>,
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    /// The transformer's explicit name and version.
    pub(crate) code: &'static str,
    pub(crate) version: u32,
    pub(crate) config: Arc<Config>,
    pub(crate) config_digest: Digest,
    pub(crate) seed: Option<u64>,
    pub(crate) inputs: Arc<[(usize, Edge)]>,
    pub(crate) keep: Keep,
    pub(crate) on_failure: OnFailure,
    pub(crate) always_run: bool,
    pub(crate) codec: Option<Codec>,
    pub(crate) output_type: &'static str,
    pub(crate) work: Work,
}

impl Node {
    pub(crate) fn is_given(&self) -> bool {
        self.kind.is_given()
    }
}

/// The nodes of one pipeline. A node's inputs come before it, so the order of
/// the nodes is an order in which they can run, and there are no cycles.
pub(crate) struct Graph {
    pub(crate) name: String,
    state: Mutex<State>,
}

struct State {
    /// Shared with the runs; copied only when the pipeline grows while one is going on.
    nodes: Arc<Vec<Node>>,
    by_name: HashMap<Arc<str>, usize>,
    fault: Option<BuildError>,
}

impl Graph {
    pub(crate) fn new(name: String) -> Self {
        let state = State {
            nodes: Arc::default(),
            by_name: HashMap::new(),
            fault: None,
        };
        Self {
            name,
            state: Mutex::new(state),
        }
    }

    /// Adds a node fed by `inputs`; a fault is remembered and told by [`Graph::nodes`].
    pub(crate) fn add(self: &Arc<Self>, mut node: Node, inputs: &[NodeRef]) -> usize {
        let fault = self.check(&node.name, inputs);
        let mut state = self.state.lock();
        if state.by_name.contains_key(&node.name) {
            let (pipeline, name) = (self.name.clone(), node.name.to_string());
            state
                .fault
                .get_or_insert(BuildError::DuplicateName { pipeline, name });
        }
        if let Some(fault) = fault {
            state.fault.get_or_insert(fault);
        } else {
            node.inputs = inputs
                .iter()
                .map(|input| (input.index, input.edge))
                .collect();
        }
        let index = state.nodes.len();
        state.by_name.insert(Arc::clone(&node.name), index);
        Arc::make_mut(&mut state.nodes).push(node);
        index
    }

    fn check(self: &Arc<Self>, name: &str, inputs: &[NodeRef]) -> Option<BuildError> {
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Some(BuildError::BadName {
                pipeline: self.name.clone(),
                name: name.to_owned(),
            });
        }
        inputs
            .iter()
            .find_map(|input| self.foreign(input, Some(name)))
    }

    /// The error of using `handle` here, if another pipeline made it.
    pub(crate) fn foreign(
        self: &Arc<Self>,
        handle: &NodeRef,
        step: Option<&str>,
    ) -> Option<BuildError> {
        (!Arc::ptr_eq(self, &handle.graph)).then(|| BuildError::ForeignHandle {
            pipeline: self.name.clone(),
            step: step.map(str::to_owned),
            handle: handle.name().to_string(),
            owner: handle.graph.name.clone(),
        })
    }

    pub(crate) fn set_fault(&self, fault: BuildError) {
        self.state.lock().fault.get_or_insert(fault);
    }

    pub(crate) fn update(&self, index: usize, change: impl FnOnce(&mut Node)) {
        change(&mut Arc::make_mut(&mut self.state.lock().nodes)[index]);
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.state.lock().by_name.get(name).copied()
    }

    /// The nodes as they are now, if nothing was wrong with how they were put together.
    pub(crate) fn nodes(&self) -> Result<Arc<Vec<Node>>, BuildError> {
        let state = self.state.lock();
        state
            .fault
            .clone()
            .map_or_else(|| Ok(Arc::clone(&state.nodes)), Err)
    }

    fn name_of(&self, index: usize) -> Arc<str> {
        Arc::clone(&self.state.lock().nodes[index].name)
    }
}

impl NodeRef {
    pub(crate) fn name(&self) -> Arc<str> {
        self.graph.name_of(self.index)
    }

    pub(crate) fn by(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }
}
