//! How handles are put together to feed a step: the adapters.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::digest::{Digest, Digester};
use crate::error::BoxError;
use crate::fingerprint::Fingerprint;
use crate::graph::{Edge, NodeRef, Slot};
use crate::handle::Handle;
use crate::items::{ItemError, Items, Memo, Source};

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

fn next_value<T: Send + Sync + 'static>(slots: &mut std::slice::Iter<'_, Slot>) -> Arc<T> {
    let slot = slots
        .next()
        .expect("the engine gives one slot for each node");
    slot.value::<T>()
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

/// Handles that together feed an `each` step whose item is `In`.
///
/// | handles | `In` |
/// | --- | --- |
/// | `&Handle<Items<T>>`, `&Handle<Vec<T>>` | `T` |
/// | `(a, b)`, up to four: side by side, equally long | `(Arc<A>, Arc<B>)` |
/// | [`whole`]`(&handle)` in a tuple: the same value beside every item | `Arc<T>` in its place |
#[diagnostic::on_unimplemented(
    message = "these handles do not fit this `each` step: its item is `{In}`, but it is fed by `{Self}`",
    label = "this does not give items of `{In}`",
    note = "`&Handle<Items<T>>` and `&Handle<Vec<T>>` give items `T`; `(&a, &b)` gives `(Arc<A>, Arc<B>)` side by side",
    note = "a value that stands beside every item is written `whole(&handle)`"
)]
pub trait FeedsEach<In> {
    #[doc(hidden)]
    fn nodes(&self, nodes: &mut Vec<NodeRef>);
    #[doc(hidden)]
    fn source_reader(&self) -> SourceReader<In>;
}

/// Takes the values of [`FeedsEach::nodes`] in order and gives the items to work on.
#[doc(hidden)]
pub(crate) type SourceReader<In> =
    Box<dyn Fn(&mut std::slice::Iter<'_, Slot>) -> Result<EachSource<In>, BoxError> + Send + Sync>;

/// The items of an `each` step.
#[doc(hidden)]
pub struct EachSource<In>(pub(crate) Arc<dyn Source<In>>);

impl<In, W: FeedsEach<In>> FeedsEach<In> for &W {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        (*self).nodes(nodes);
    }

    fn source_reader(&self) -> SourceReader<In> {
        (*self).source_reader()
    }
}

impl<T: Send + Sync + 'static> FeedsEach<T> for Handle<Items<T>> {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        nodes.push(self.node().clone().by(Edge::Item));
    }

    fn source_reader(&self) -> SourceReader<T> {
        Box::new(|slots| {
            Ok(EachSource(Arc::clone(
                &next_value::<Items<T>>(slots).source,
            )))
        })
    }
}

impl<T: Fingerprint + Clone + Send + Sync + 'static> FeedsEach<T> for Handle<Vec<T>> {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        nodes.push(self.node().clone().by(Edge::Item));
    }

    fn source_reader(&self) -> SourceReader<T> {
        Box::new(|slots| {
            let values = next_value::<Vec<T>>(slots);
            Ok(EachSource(Items::new(values.as_ref().clone())?.source))
        })
    }
}

/// A handle whose whole value stands beside every item of an `each` step; see [`whole`].
#[derive(Debug, Clone)]
pub struct Whole<T>(Handle<T>);

/// Gives the whole value of `handle` to every item of an `each` step.
///
/// ```
/// # use std::sync::Arc;
/// # use footpath_steps::*;
/// # fn main() -> Result<(), Error> {
/// let p = Pipeline::new("lengths");
/// let words = p.input::<Vec<String>>("words");
/// let suffix = p.input::<String>("suffix");
/// let joined = p.map_each("join", Version(1), (&words, whole(&suffix)), |(word, suffix)| {
///     format!("{word}{suffix}")
/// });
/// let inputs = Inputs::new()
///     .with(&words, vec!["a".to_owned(), "b".to_owned()])
///     .with(&suffix, "!".to_owned());
/// let run = p.run(&joined, inputs, &Store::in_memory())?;
/// assert_eq!(*run.output.get(1).unwrap(), "b!");
/// # Ok(()) }
/// ```
#[must_use]
pub fn whole<T>(handle: &Handle<T>) -> Whole<T> {
    Whole(handle.clone())
}

impl<T: Send + Sync + 'static> FeedsEach<T> for Whole<T> {
    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        nodes.push(self.0.node().clone().by(Edge::Beside));
    }

    fn source_reader(&self) -> SourceReader<T> {
        Box::new(|slots| {
            let key = slots
                .as_slice()
                .first()
                .map_or_else(|| Digester::new("none").finish(), |slot| slot.key);
            Ok(EachSource(Arc::new(Beside {
                key,
                value: next_value::<T>(slots),
            })))
        })
    }
}

struct Beside<T> {
    key: Digest,
    value: Arc<T>,
}

impl<T: Send + Sync> Source<T> for Beside<T> {
    fn len(&self) -> Option<usize> {
        None
    }

    fn key(&self, _: usize) -> Digest {
        self.key
    }

    fn get(&self, _: usize, _: &Memo) -> Result<Arc<T>, ItemError> {
        Ok(Arc::clone(&self.value))
    }
}

/// The collections of one `each` step differ in length.
#[derive(Debug, thiserror::Error)]
#[error(
    "its collections differ in length: {lengths:?} items (position of the handle in the tuple, length)"
)]
struct UnequalLengths {
    lengths: Vec<(usize, usize)>,
}

fn common_length(lengths: &[Option<usize>]) -> Result<Option<usize>, UnequalLengths> {
    let known: Vec<(usize, usize)> = lengths
        .iter()
        .enumerate()
        .filter_map(|(place, length)| Some((place, (*length)?)))
        .collect();
    if known.windows(2).any(|pair| pair[0].1 != pair[1].1) {
        return Err(UnequalLengths { lengths: known });
    }
    Ok(known.first().map(|(_, length)| *length))
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

struct Zip<S> {
    sources: S,
    len: Option<usize>,
}

macro_rules! feeds_each_tuple {
    ($($wire:ident $value:ident $name:ident),*) => {
        impl<$($wire, $value),*> FeedsEach<($(Arc<$value>,)*)> for ($($wire,)*)
        where $($wire: FeedsEach<$value>, $value: Send + Sync + 'static),*
        {
            fn nodes(&self, nodes: &mut Vec<NodeRef>) {
                let ($($name,)*) = self;
                $($name.nodes(nodes);)*
            }

            fn source_reader(&self) -> SourceReader<($(Arc<$value>,)*)> {
                let ($($name,)*) = self;
                $(let $name = $name.source_reader();)*
                Box::new(move |slots| {
                    $(let $name = $name(slots)?.0;)*
                    let len = common_length(&[$($name.len()),*])?;
                    Ok(EachSource(Arc::new(Zip { sources: ($($name,)*), len })))
                })
            }
        }

        impl<$($value: Send + Sync + 'static),*> Source<($(Arc<$value>,)*)> for Zip<($(Arc<dyn Source<$value>>,)*)> {
            fn len(&self) -> Option<usize> {
                self.len
            }

            fn key(&self, index: usize) -> Digest {
                let ($($name,)*) = &self.sources;
                let mut digester = Digester::new("beside");
                $(digester.digest(&$name.key(index));)*
                digester.finish()
            }

            fn get(&self, index: usize, memo: &Memo) -> Result<Arc<($(Arc<$value>,)*)>, ItemError> {
                let ($($name,)*) = &self.sources;
                Ok(Arc::new(($($name.get(index, memo)?,)*)))
            }
        }
    };
}

feeds_each_tuple!(W1 A a, W2 B b);
feeds_each_tuple!(W1 A a, W2 B b, W3 C c);
feeds_each_tuple!(W1 A a, W2 B b, W3 C c, W4 D d);

/// The handles whose values a run gives back: `&handle`, a tuple of them, or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name outputs of a pipeline",
    label = "give `&handle`, a tuple of handles or a `Vec` of handles"
)]
pub trait Targets {
    /// `Arc<T>` for a handle, a tuple or `Vec` of those otherwise.
    type Output;
    #[doc(hidden)]
    fn nodes(&self, nodes: &mut Vec<NodeRef>);
    #[doc(hidden)]
    fn collect(&self, slots: &mut std::slice::Iter<'_, Slot>) -> Self::Output;
}

impl<T: Send + Sync + 'static> Targets for Handle<T> {
    type Output = Arc<T>;

    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        nodes.push(self.node().clone());
    }

    fn collect(&self, slots: &mut std::slice::Iter<'_, Slot>) -> Arc<T> {
        next_value(slots)
    }
}

impl<W: Targets> Targets for &W {
    type Output = W::Output;

    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        (*self).nodes(nodes);
    }

    fn collect(&self, slots: &mut std::slice::Iter<'_, Slot>) -> Self::Output {
        (*self).collect(slots)
    }
}

impl<W: Targets> Targets for Vec<W> {
    type Output = Vec<W::Output>;

    fn nodes(&self, nodes: &mut Vec<NodeRef>) {
        for wire in self {
            wire.nodes(nodes);
        }
    }

    fn collect(&self, slots: &mut std::slice::Iter<'_, Slot>) -> Self::Output {
        self.iter().map(|wire| wire.collect(slots)).collect()
    }
}

macro_rules! targets_tuple {
    ($($wire:ident $name:ident),*) => {
        impl<$($wire: Targets),*> Targets for ($($wire,)*) {
            type Output = ($($wire::Output,)*);

            fn nodes(&self, nodes: &mut Vec<NodeRef>) {
                let ($($name,)*) = self;
                $($name.nodes(nodes);)*
            }

            fn collect(&self, slots: &mut std::slice::Iter<'_, Slot>) -> Self::Output {
                let ($($name,)*) = self;
                ($($name.collect(slots),)*)
            }
        }
    };
}

targets_tuple!(A a, B b);
targets_tuple!(A a, B b, C c);
targets_tuple!(A a, B b, C c, D d);
