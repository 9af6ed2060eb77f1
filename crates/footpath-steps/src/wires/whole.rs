//! One value beside every item.

use std::sync::Arc;

use super::feeds_each::{EachSource, FeedsEach, SourceReader};
use super::next_value;
use crate::digest::{Digest, Digester};
use crate::graph::{Edge, NodeRef};
use crate::handle::Handle;
use crate::items::{ItemError, Memo, Source};

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
