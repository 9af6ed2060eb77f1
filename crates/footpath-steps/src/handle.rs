//! Typed references to what a step gives, and the policies set through them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::artifact::Artifact;
use crate::error::BoxError;
use crate::graph::{AnyValue, Codec, ItemsCodec, Keep, Node, NodeRef, OnFailure};
use crate::items::{AnyItems, Items, KeptItems};

/// The output of a step or input, of type `T`, before any run.
///
/// Only a pipeline makes handles, so a wire of the wrong type does not compile
/// and a handle of another pipeline is refused. Cloning is cheap. The methods
/// set the step's policies and give the handle back:
///
/// ```
/// # use footpath_steps::*;
/// let p = Pipeline::new("example");
/// let number = p.input::<f64>("number");
/// let square = p.map("square", Version(1), &number, |x| x * x).keep_output();
/// ```
pub struct Handle<T> {
    node: NodeRef,
    output: PhantomData<fn() -> T>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self::new(self.node.clone())
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Handle({}: {})",
            self.node.name(),
            std::any::type_name::<T>()
        )
    }
}

impl<T> Handle<T> {
    pub(crate) fn new(node: NodeRef) -> Self {
        Self {
            node,
            output: PhantomData,
        }
    }

    pub(crate) fn node(&self) -> &NodeRef {
        &self.node
    }

    fn set(self, change: impl FnOnce(&mut Node)) -> Self {
        self.node.graph.update(self.node.index, change);
        self
    }

    /// The step's name, with the names of its scopes.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        self.node.name()
    }

    /// Keeps the output in the store: a later run with the same key reads it.
    ///
    /// The items of an `each` step are kept one by one, each under its own key,
    /// as soon as they are computed.
    #[must_use]
    pub fn keep_output(self) -> Self
    where
        T: Keepable,
    {
        self.set(|node| {
            node.keep = Keep::Disk;
            node.codec = Some(T::codec());
        })
    }

    /// Keeps the output in memory, for later runs in this process on the same
    /// [`Store`](crate::Store) value, until [`Store::clear_memory`](crate::Store::clear_memory).
    #[must_use]
    pub fn cache_output(self) -> Self {
        self.set(|node| node.keep = Keep::Memory)
    }

    /// Keeps the output nowhere: the default, but for `fit`, whose models are kept.
    #[must_use]
    pub fn never_keep(self) -> Self {
        self.set(|node| node.keep = Keep::Nowhere)
    }

    /// Runs the step, and all that depends on it, in every run that leads to it.
    ///
    /// For work whose result is not decided by its key: a refit to see how much
    /// chance matters, a step that reads something outside the pipeline.
    #[must_use]
    pub fn always_run(self) -> Self {
        self.set(|node| node.always_run = true)
    }

    /// Gives the step a seed, which [`Context::seed`](crate::Context::seed)
    /// hands to the transformer and which is part of the key.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.set(|node| node.seed = Some(seed))
    }
}

impl<T> Handle<Items<T>> {
    /// Leaves out items that fail, reports them, and goes on with the others.
    ///
    /// Without it the first failed item fails the step. A left-out item is a
    /// hole in the collection, is tried again by the next run, and is part of
    /// the key of whatever takes the collection as a whole.
    #[must_use]
    pub fn skip_failures(self) -> Self {
        self.set(|node| node.on_failure = OnFailure::Skip)
    }
}

/// An output that [`Handle::keep_output`] can keep: an [`Artifact`] or [`Items`] of them.
#[diagnostic::on_unimplemented(
    message = "an output of type `{Self}` cannot be kept",
    label = "this output has no form as bytes",
    note = "for plain data derive `Serialize` and `Deserialize` and implement `Record`; for values with a byte format implement `Artifact`"
)]
pub trait Keepable: sealed::Sealed {}

impl<T: sealed::Sealed> Keepable for T {}

pub(crate) mod sealed {
    use super::Codec;

    #[expect(unnameable_types, reason = "sealed: users implement `Artifact`")]
    pub trait Sealed {
        #[expect(private_interfaces, reason = "sealed: called by this crate only")]
        fn codec() -> Codec;
    }
}

impl<T: Artifact> sealed::Sealed for T {
    #[expect(private_interfaces, reason = "sealed: called by this crate only")]
    fn codec() -> Codec {
        Codec {
            type_tag: tag::<T>,
            encode: encode::<T>,
            decode: decode::<T>,
            items: None,
        }
    }
}

impl<T: Artifact> sealed::Sealed for Items<T> {
    #[expect(private_interfaces, reason = "sealed: called by this crate only")]
    fn codec() -> Codec {
        let items = ItemsCodec {
            open: open::<T>,
            from_store: KeptItems::open::<T>,
        };
        Codec {
            items: Some(items),
            ..T::codec()
        }
    }
}

fn tag<T: Artifact>() -> String {
    T::type_tag().into_owned()
}

fn encode<T: Artifact>(value: &AnyValue, write: &mut dyn FnMut(&[u8])) -> Result<(), BoxError> {
    let value: &T = value
        .downcast_ref()
        .expect("the codec was made for the step's type");
    write(&value.encode()?);
    Ok(())
}

fn decode<T: Artifact>(bytes: Vec<u8>) -> Result<AnyValue, BoxError> {
    Ok(Arc::new(T::decode(bytes)?))
}

fn open<T: Artifact>(value: &AnyValue) -> Arc<dyn AnyItems> {
    let items: &Items<T> = value
        .downcast_ref()
        .expect("the codec was made for the step's type");
    Arc::new(items.clone())
}
