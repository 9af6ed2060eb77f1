use burn::tensor::{Tensor, activation::relu};

/// The activation function applied to an operation's result before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// The identity.
    None,
    /// The rectifier `max(x, 0)`. Backward, the gradient passes where the *output* is positive.
    Relu,
}

impl Activation {
    /// Applies the function with Burn's own operation.
    pub(crate) fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::None => x,
            Self::Relu => relu(x),
        }
    }
}
