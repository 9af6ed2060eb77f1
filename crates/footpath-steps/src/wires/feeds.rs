//! What feeds a step: one handle, tuples, lists and maps of handles.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::next_value;
use crate::graph::{NodeRef, Slot};
use crate::handle::Handle;

/// Handles that together feed a step whose input is `In`.
///
/// | handles | `In` |
/// | --- | --- |
/// | `&Handle<T>` | `T` |
/// | `(a, b)`, up to six | `(Arc<A>, Arc<B>)` |
/// | `Vec<a>` | `Vec<Arc<A>>` |
/// | `BTreeMap<String, a>` | `BTreeMap<String, Arc<A>>` |
/// | `()` | `()` |
///
/// They nest: `((&a, &b), vec![&c])` feeds `(Arc<(Arc<A>, Arc<B>)>, Arc<Vec<Arc<C>>>)`.
/// A constant is an input with a fixed value: [`Pipeline::constant`](crate::Pipeline::constant).
#[diagnostic::on_unimplemented(
    message = "these handles do not fit this step: it takes `{In}`, but is fed by `{Self}`",
    label = "this does not give `{In}`",
    note = "one handle `&Handle<T>` gives `T`; a tuple `(&a, &b)` gives `(Arc<A>, Arc<B>)`; a `Vec` of handles gives `Vec<Arc<T>>`",
    note = "use `Pipeline::map` to turn one value into another"
)]
pub trait Feeds<In> {
    #[doc(hidden)]
    fn nodes(&self, nodes: &mut Vec<NodeRef>);
    #[doc(hidden)]
    fn reader(&self) -> Reader<In>;
}

/// Takes the values of [`Feeds::nodes`] in the same order and puts them together.
#[doc(hidden)]
pub(crate) type Reader<In> = Box<dyn Fn(&mut std::slice::Iter<'_, Slot>) -> Arc<In> + Send + Sync>;

impl<T: Send + Sync + 'static> Feeds<T> for Handle<T> {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        nodes.push(self.node().clone());
    }

    fn reader(&self) -> Reader<T> {
        Box::new(|slots| next_value(slots))
    }
}

impl<In, W: Feeds<In>> Feeds<In> for &W {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        (*self).nodes(nodes);
    }

    fn reader(&self) -> Reader<In> {
        (*self).reader()
    }
}

impl Feeds<()> for () {
    fn nodes(&self, _: &mut Vec<NodeRef>) {}

    fn reader(&self) -> Reader<()> {
        Box::new(|_| Arc::new(()))
    }
}

impl<In: 'static, W: Feeds<In>> Feeds<Vec<Arc<In>>> for Vec<W> {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        for wire in self {
            wire.nodes(nodes);
        }
    }

    fn reader(&self) -> Reader<Vec<Arc<In>>> {
        let readers: Vec<Reader<In>> = self.iter().map(Feeds::reader).collect();
        Box::new(move |slots| Arc::new(readers.iter().map(|read| read(slots)).collect()))
    }
}

impl<In: 'static, W: Feeds<In>> Feeds<BTreeMap<String, Arc<In>>> for BTreeMap<String, W> {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        for wire in self.values() {
            wire.nodes(nodes);
        }
    }

    fn reader(&self) -> Reader<BTreeMap<String, Arc<In>>> {
        let readers: Vec<(String, Reader<In>)> = self
            .iter()
            .map(|(name, wire)| (name.clone(), wire.reader()))
            .collect();
        Box::new(move |slots| {
            Arc::new(
                readers
                    .iter()
                    .map(|(name, read)| (name.clone(), read(slots)))
                    .collect(),
            )
        })
    }
}

macro_rules! feeds_tuple {
    ($($wire:ident $value:ident $name:ident),*) => {
        impl<$($wire, $value),*> Feeds<($(Arc<$value>,)*)> for ($($wire,)*)
        where $($wire: Feeds<$value>, $value: 'static),*
        {
            fn nodes(&self, nodes: &mut Vec<NodeRef>) {
                let ($($name,)*) = self;
                $($name.nodes(nodes);)*
            }

            fn reader(&self) -> Reader<($(Arc<$value>,)*)> {
                let ($($name,)*) = self;
                $(let $name = $name.reader();)*
                Box::new(move |slots| Arc::new(($($name(slots),)*)))
            }
        }
    };
}

feeds_tuple!(W1 A a, W2 B b);
feeds_tuple!(W1 A a, W2 B b, W3 C c);
feeds_tuple!(W1 A a, W2 B b, W3 C c, W4 D d);
feeds_tuple!(W1 A a, W2 B b, W3 C c, W4 D d, W5 E e);
feeds_tuple!(W1 A a, W2 B b, W3 C c, W4 D d, W5 E e, W6 F f);
