//! Steps over the items of collections.

use std::sync::Arc;

use serde::Serialize;

use super::Pipeline;
use super::code::{Code, assert_captures_nothing};
use super::steps::first;
use crate::config::Config;
use crate::each::{ItemWork, Stream};
use crate::graph::{EachSetup, Edge, Kind, NodeRef, Slot, Work};
use crate::handle::Handle;
use crate::items::{AnyItems, Items};
use crate::transformer::{Transformer, Version};
use crate::wires::FeedsEach;

impl Pipeline {
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
}
