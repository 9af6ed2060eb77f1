//! What feeds an `each` step: collections, side by side.

use std::sync::Arc;

use super::next_value;
use crate::digest::{Digest, Digester};
use crate::error::BoxError;
use crate::fingerprint::Fingerprint;
use crate::graph::{Edge, NodeRef, Slot};
use crate::handle::Handle;
use crate::items::{ItemError, Items, Memo, Source};

/// Handles that together feed an `each` step whose item is `In`.
///
/// | handles | `In` |
/// | --- | --- |
/// | `&Handle<Items<T>>`, `&Handle<Vec<T>>` | `T` |
/// | `(a, b)`, up to four: side by side, equally long | `(Arc<A>, Arc<B>)` |
/// | [`whole`](crate::whole)`(&handle)` in a tuple: the same value beside every item | `Arc<T>` in its place |
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

/// Collections side by side.
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
