//! Building a pipeline.

use std::any::type_name;
use std::sync::Arc;

use crate::config::{Config, ConfigError};
use crate::digest::Digester;
use crate::error::{BuildError, Error};
use crate::fingerprint::Fingerprint;
use crate::graph::{Codec, Edge, Graph, Keep, Kind, Node, NodeRef, OnFailure, Slot, Work};
use crate::handle::Handle;
use crate::inputs::Inputs;
use crate::run::{Run, Runner};
use crate::store::Store;
use crate::wires::Targets;

mod code;
mod each_steps;
mod steps;

use code::Code;

/// A graph of named steps over typed handles.
///
/// Steps are added by methods that take handles and give a handle; nothing
/// runs before [`Pipeline::run`]. A mistake made while building (two steps of
/// one name, a handle of another pipeline) is told by whatever is done next
/// with the pipeline. Clones refer to the same pipeline.
///
/// ```
/// use footpath_steps::{Inputs, Pipeline, Store, Version};
///
/// let p = Pipeline::new("hello");
/// let name = p.input::<String>("name");
/// let greeting = p.map("greet", Version(1), &name, |name| format!("Hello, {name}!"));
///
/// let inputs = Inputs::new().with(&name, "world".to_owned());
/// let run = p.run(&greeting, inputs, &Store::in_memory())?;
/// assert_eq!(*run.output, "Hello, world!");
/// # Ok::<(), footpath_steps::Error>(())
/// ```
#[derive(Clone)]
pub struct Pipeline {
    graph: Arc<Graph>,
    /// `scope/` before every name, for a scope.
    prefix: String,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("name", &self.graph.name)
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    /// An empty pipeline; the store remembers its runs under `name`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            graph: Arc::new(Graph::new(name.into())),
            prefix: String::new(),
        }
    }

    /// The pipeline's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The same pipeline, naming what is added through it `name/…`.
    ///
    /// A sub-pipeline is a function that takes a scope and handles and gives
    /// handles; two scopes keep its names apart.
    #[must_use]
    pub fn scope(&self, name: &str) -> Self {
        Self {
            graph: Arc::clone(&self.graph),
            prefix: format!("{}{name}/", self.prefix),
        }
    }

    /// A value that each run is given, by [`Inputs::with`].
    #[must_use]
    pub fn input<T: Send + Sync + 'static>(&self, name: &str) -> Handle<T> {
        let code = Code {
            kind: Kind::Input,
            name: "input",
            version: 0,
            config: Ok(Config::none()),
        };
        self.add::<T>(name, code, &[], Work::Input)
    }

    /// A value fixed here.
    pub fn constant<T: Fingerprint + Send + Sync + 'static>(
        &self,
        name: &str,
        value: T,
    ) -> Handle<T> {
        let mut digester = Digester::new("input");
        let config = value
            .fingerprint(&mut digester)
            .map(|()| Config::none())
            .map_err(|error| ConfigError::Unserialisable(error.to_string()));
        let code = Code {
            kind: Kind::Constant,
            name: "constant",
            version: 0,
            config,
        };
        let slot = Slot {
            key: digester.finish(),
            value: Arc::new(value),
        };
        self.add::<T>(name, code, &[], Work::Constant(slot))
    }

    /// The handle of the step called `name`, scopes included.
    ///
    /// # Errors
    /// When there is none, with the nearest name, or when it gives another type.
    pub fn handle<T: 'static>(&self, name: &str) -> Result<Handle<T>, Error> {
        let nodes = self.graph.nodes()?;
        let full = format!("{}{name}", self.prefix);
        let index = self
            .graph
            .find(&full)
            .ok_or_else(|| self.unknown_step(&full, &nodes))?;
        let found = nodes[index].output_type;
        if found != type_name::<T>() {
            return Err(Error::WrongType {
                step: full,
                expected: type_name::<T>(),
                found,
            });
        }
        Ok(Handle::new(self.node(index)))
    }

    pub(crate) fn node(&self, index: usize) -> NodeRef {
        NodeRef {
            graph: Arc::clone(&self.graph),
            index,
            edge: Edge::Value,
        }
    }

    pub(crate) fn unknown_step(&self, name: &str, nodes: &[Node]) -> Error {
        let nearest = nodes
            .iter()
            .map(|node| (strsim::damerau_levenshtein(&node.name, name), &node.name))
            .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 3)
            .min();
        Error::UnknownStep {
            pipeline: self.graph.name.clone(),
            name: name.to_owned(),
            nearest: nearest.map(|(_, name)| name.to_string()),
        }
    }

    /// Runs what leads to `targets` and gives their values, with what is kept in `store` used and added to.
    ///
    /// For cancellation, progress or a thread budget see [`Runner`].
    ///
    /// # Errors
    /// When the pipeline was built wrongly, an input is missing, a step failed
    /// or the store cannot be used. What had finished is kept.
    pub fn run<G: Targets>(
        &self,
        targets: G,
        inputs: Inputs,
        store: &Store,
    ) -> Result<Run<G::Output>, Error> {
        Runner::new(store).run(self, targets, inputs)
    }

    fn add<T: 'static>(&self, name: &str, code: Code, inputs: &[NodeRef], work: Work) -> Handle<T> {
        let name: Arc<str> = format!("{}{name}", self.prefix).into();
        let config = code.config.unwrap_or_else(|cause| {
            self.graph.set_fault(BuildError::Config {
                step: name.to_string(),
                cause,
            });
            Config::none()
        });
        let node = Node {
            name,
            kind: code.kind,
            code: code.name,
            version: code.version,
            config_digest: config.digest(),
            config: Arc::new(config),
            seed: None,
            inputs: Arc::default(),
            keep: Keep::Nowhere,
            on_failure: OnFailure::Stop,
            always_run: false,
            codec: None::<Codec>,
            output_type: type_name::<T>(),
            work,
        };
        Handle::new(self.node(self.graph.add(node, inputs)))
    }
}
