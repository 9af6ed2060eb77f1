//! Convolutions with small kernels by minimal filtering: F(4x4, 3x3) of Winograd, as Lavin and Gray 2016
//! (<https://arxiv.org/abs/1509.09308>) put it.
//!
//! An output tile of 4x4 pixels is a polynomial product, computed from its values at six points in each direction: 36
//! products instead of 144. Input tiles (6x6) and filters are transformed to these values ("frequencies" here), each
//! frequency is a matrix product over channels, and the results are transformed back. The points are 0, ±√½, ±√2 and
//! infinity, which lose less precision than the usual 0, ±1, ±2 and infinity.
//!
//! With stride 2 the larger image is taken apart into the four images of its even and odd rows and columns (phases),
//! which are as many more channels to the smaller image. A phase meets one or two taps of the kernel in each direction,
//! so that its filter is zero at the frequency 0, infinity or both: those products are left out.
//!
//! Vectors run along channels: strips of pixels are transposed on their way in and out.

mod convolution;
mod layout;
mod transform;
mod weight_gradient;

#[cfg(test)]
pub(crate) use self::layout::suits;
pub(crate) use self::{convolution::Filter, weight_gradient::weight_gradient};

/// Channels of a vector of the transforms.
const LANES: usize = 16;
/// Frequencies of a tile.
const FREQUENCIES: usize = 36;
/// Tiles of a strip.
const STRIP: usize = 8;
/// Pixels of an output tile's side.
const TILE: usize = 4;
