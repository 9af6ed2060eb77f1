//! Building a pipeline.

use std::any::type_name;
use std::sync::Arc;

use serde::Serialize;

use crate::artifact::Artifact;
use crate::config::{Config, ConfigError};
use crate::context::Context;
use crate::digest::Digester;
use crate::each::{ItemWork, Stream};
use crate::error::{BoxError, BuildError, Error};
use crate::fingerprint::Fingerprint;
use crate::graph::{
    AnyValue, Codec, EachSetup, Edge, Graph, Keep, Kind, Node, NodeRef, OnFailure, Slot, StepWork,
    Work,
};
use crate::handle::Handle;
use crate::inputs::Inputs;
use crate::items::{AnyItems, Items};
use crate::run::{Run, Runner};
use crate::store::Store;
use crate::transformer::{Estimator, Transformer, Version};
use crate::wires::{Feeds, FeedsEach, Targets};

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

/// What goes into a step's key besides its inputs.
struct Code {
    kind: Kind,
    name: &'static str,
    version: u32,
    config: Result<Config, ConfigError>,
}

impl Code {
    fn closure(kind: Kind, version: Version) -> Self {
        Self {
            kind,
            name: "closure",
            version: version.0,
            config: Ok(Config::none()),
        }
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

    /// A step that transforms the values of `inputs`.
    pub fn step<X, W>(&self, name: &str, transformer: X, inputs: W) -> Handle<X::Output>
    where
        X: Transformer + Serialize,
        W: Feeds<X::Input>,
    {
        let code = Code {
            kind: Kind::Step,
            name: X::NAME,
            version: X::VERSION,
            config: Config::of(&transformer),
        };
        self.add_step(name, code, inputs, move |input, context| {
            transformer.transform(input, context)
        })
    }

    /// A step that calls a closure: the adapter between steps.
    ///
    /// The closure must not capture anything, since what it captured would be
    /// missing from the key; this is checked when compiling. Give it its data
    /// as an input or [`constant`](Pipeline::constant), or write a [`Transformer`].
    ///
    /// ```compile_fail
    /// # use footpath_steps::*;
    /// let p = Pipeline::new("captures");
    /// let x = p.input::<f64>("x");
    /// let factor = 2.0;
    /// let y = p.map("scaled", Version(1), &x, move |x| x * factor); // captures `factor`
    /// ```
    pub fn map<In, Out, W, F>(
        &self,
        name: &str,
        version: Version,
        inputs: W,
        closure: F,
    ) -> Handle<Out>
    where
        W: Feeds<In>,
        In: Send + Sync + 'static,
        Out: Send + Sync + 'static,
        F: Fn(&In) -> Out + Send + Sync + 'static,
    {
        const { assert_captures_nothing::<F>() };
        self.add_step(
            name,
            Code::closure(Kind::Map, version),
            inputs,
            move |input, _| Ok(closure(input)),
        )
    }

    /// A step that fits `estimator` to the values of `inputs` and gives the model.
    ///
    /// The model is kept in the store, unless [`Handle::never_keep`] says otherwise.
    pub fn fit<E, W>(&self, name: &str, estimator: E, inputs: W) -> Handle<E::Model>
    where
        E: Estimator + Serialize,
        E::Model: Artifact,
        W: Feeds<E::Input>,
    {
        let code = Code {
            kind: Kind::Fit,
            name: E::NAME,
            version: E::VERSION,
            config: Config::of(&estimator),
        };
        self.add_step(name, code, inputs, move |input, context| {
            estimator.fit(input, context)
        })
        .keep_output()
    }

    /// A step that transforms the values of `inputs` by a model.
    pub fn apply<M, W>(&self, name: &str, model: &Handle<M>, inputs: W) -> Handle<M::Output>
    where
        M: Transformer,
        W: Feeds<M::Input>,
    {
        let code = Code {
            kind: Kind::Apply,
            name: M::NAME,
            version: M::VERSION,
            config: Ok(Config::none()),
        };
        let mut nodes = vec![model.node().clone()];
        inputs.nodes(&mut nodes);
        let read = inputs.reader();
        let work = move |slots: &[Slot], context: &Context| {
            let mut slots = slots.iter();
            let model = first(slots.next()).value::<M>();
            Ok(Arc::new(model.transform(&read(&mut slots), context)?) as AnyValue)
        };
        self.add(name, code, &nodes, Work::Step(Arc::new(work)))
    }

    /// A step that transforms a collection item by item.
    ///
    /// Items are worked on in parallel, and a chain of `each` steps runs item
    /// by item without holding the collections between: what is neither
    /// [kept](Handle::keep_output) nor asked for by several steps is computed
    /// when the next step asks for it, and not held.
    pub fn each<X, W>(&self, name: &str, transformer: X, items: W) -> Handle<Items<X::Output>>
    where
        X: Transformer + Serialize,
        W: FeedsEach<X::Input>,
    {
        let code = Code {
            kind: Kind::Each,
            name: X::NAME,
            version: X::VERSION,
            config: Config::of(&transformer),
        };
        let work: ItemWork<X::Input, X::Output> =
            Arc::new(move |input, context| transformer.transform(input, context));
        self.add_each(name, code, None, items, move |_| Arc::clone(&work))
    }

    /// A step that calls a closure, which captures nothing, for each item.
    pub fn map_each<In, Out, W, F>(
        &self,
        name: &str,
        version: Version,
        items: W,
        closure: F,
    ) -> Handle<Items<Out>>
    where
        W: FeedsEach<In>,
        In: Send + Sync + 'static,
        Out: Send + Sync + 'static,
        F: Fn(&In) -> Out + Send + Sync + 'static,
    {
        const { assert_captures_nothing::<F>() };
        let work: ItemWork<In, Out> = Arc::new(move |input, _| Ok(closure(input)));
        self.add_each(
            name,
            Code::closure(Kind::MapEach, version),
            None,
            items,
            move |_| Arc::clone(&work),
        )
    }

    /// A step that transforms a collection item by item by a model.
    pub fn apply_each<M, W>(
        &self,
        name: &str,
        model: &Handle<M>,
        items: W,
    ) -> Handle<Items<M::Output>>
    where
        M: Transformer,
        W: FeedsEach<M::Input>,
    {
        let code = Code {
            kind: Kind::ApplyEach,
            name: M::NAME,
            version: M::VERSION,
            config: Ok(Config::none()),
        };
        let model = model.node().clone().by(Edge::Beside);
        self.add_each(name, code, Some(model), items, |model| {
            let model = first(model).value::<M>();
            Arc::new(move |input, context| model.transform(input, context))
        })
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

    fn add_step<In, Out, W>(
        &self,
        name: &str,
        code: Code,
        inputs: W,
        work: impl Fn(&In, &Context) -> Result<Out, BoxError> + Send + Sync + 'static,
    ) -> Handle<Out>
    where
        W: Feeds<In>,
        In: Send + Sync + 'static,
        Out: Send + Sync + 'static,
    {
        let mut nodes = Vec::new();
        inputs.nodes(&mut nodes);
        let read = inputs.reader();
        let work: Arc<StepWork> = Arc::new(move |slots, context| {
            Ok(Arc::new(work(&read(&mut slots.iter()), context)?) as AnyValue)
        });
        self.add(name, code, &nodes, Work::Step(work))
    }

    fn add_each<In, Out, W>(
        &self,
        name: &str,
        code: Code,
        model: Option<NodeRef>,
        items: W,
        item_work: impl Fn(Option<&Slot>) -> ItemWork<In, Out> + Send + Sync + 'static,
    ) -> Handle<Items<Out>>
    where
        W: FeedsEach<In>,
        In: Send + Sync + 'static,
        Out: Send + Sync + 'static,
    {
        let models = usize::from(model.is_some());
        let mut nodes: Vec<NodeRef> = model.into_iter().collect();
        items.nodes(&mut nodes);
        let read = items.source_reader();
        let work = move |setup: EachSetup<'_>| {
            let (model, collections) = setup.slots.split_at(models);
            let upstream = read(&mut collections.iter())?.0;
            if upstream.len().is_none() {
                return Err("no collection among its inputs: every handle is `whole`".into());
            }
            let stream = Stream {
                node: setup.node,
                code: setup.code,
                upstream,
                work: item_work(model.first()),
                context: setup.context,
                shared: setup.shared,
                meter: setup.meter,
            };
            Ok(Arc::new(Items::from_source(stream)) as Arc<dyn AnyItems>)
        };
        self.add(name, code, &nodes, Work::Each(Arc::new(work)))
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

/// The model of an `apply` step: its first input.
fn first(slot: Option<&Slot>) -> &Slot {
    slot.expect("the model is the first input")
}

const fn assert_captures_nothing<F>() {
    assert!(
        size_of::<F>() == 0,
        "this closure captures values, which would be missing from the step's key: \
         pass them as inputs or constants, or write a `Transformer` with them as fields"
    );
}
