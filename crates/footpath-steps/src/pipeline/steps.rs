//! Steps over whole values.

use std::sync::Arc;

use serde::Serialize;

use super::Pipeline;
use super::code::{Code, assert_captures_nothing};
use crate::artifact::Artifact;
use crate::config::Config;
use crate::context::Context;
use crate::error::BoxError;
use crate::graph::{AnyValue, Kind, Slot, StepWork, Work};
use crate::handle::Handle;
use crate::transformer::{Estimator, Transformer, Version};
use crate::wires::Feeds;

impl Pipeline {
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
}

/// The model of an `apply` step: its first input.
pub(super) fn first(slot: Option<&Slot>) -> &Slot {
    slot.expect("the model is the first input")
}
