//! What a run gives back.

use std::sync::Arc;

use super::next_value;
use crate::graph::{NodeRef, Slot};
use crate::handle::Handle;

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
