//! 3x3 convolutions with stride 1 by minimal filtering: F(4x4, 3x3) of Winograd, as Lavin and Gray 2016
//! (<https://arxiv.org/abs/1509.09308>) put it.
//!
//! An output tile of 4x4 pixels is a polynomial product, computed from its values at six points in each direction: 36
//! products instead of 144. Input tiles (6x6) and filters are transformed to these values ("frequencies" here), each
//! frequency is a matrix product over channels, and the results are transformed back. The points are 0, ±√½, ±√2 and
//! infinity, which lose less precision than the usual 0, ±1, ±2 and infinity.
//!
//! Vectors run along channels: strips of pixels are transposed on their way in and out.

mod convolution;
mod transform;
mod weight_gradient;

pub(crate) use self::{convolution::Filter, weight_gradient::weight_gradient};

use super::packing::{Run, runs};

/// Channels of a vector of the transforms.
const LANES: usize = 16;
/// Frequencies of a tile.
const FREQUENCIES: usize = 36;
/// Tiles of a strip.
const STRIP: usize = 8;
/// Pixels of an output tile's side.
const TILE: usize = 4;

/// Planes cut into tiles, row-major, image after image.
#[derive(Clone, Copy, Debug)]
struct Tiling {
    images: usize,
    /// Tiles of a column and of a row.
    grid: [usize; 2],
}

impl Tiling {
    fn new(images: usize, plane: [usize; 2]) -> Self {
        Self {
            images,
            grid: plane.map(|side| side.div_ceil(TILE)),
        }
    }

    fn tiles(self) -> usize {
        self.images * self.grid[0] * self.grid[1]
    }

    /// Cuts tiles into strips: neighbours in a row, at most [`STRIP`].
    fn strips(self, range: std::ops::Range<usize>) -> Vec<Run> {
        let mut rows = Vec::new();
        runs(self.grid, range.start, range.end, &mut rows);
        rows.into_iter()
            .flat_map(|run| {
                (0..run.len).step_by(STRIP).map(move |first| Run {
                    column: run.column + first,
                    start: run.start + first,
                    len: STRIP.min(run.len - first),
                    ..run
                })
            })
            .collect()
    }
}
