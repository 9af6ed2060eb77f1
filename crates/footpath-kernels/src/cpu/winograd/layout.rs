//! How images fall into phases and tiles, and kernels into filters of three taps.

use std::ops::Range;

use super::{
    super::{
        geometry::ConvGeometry,
        packing::{Run, runs},
    },
    LANES, STRIP, TILE,
};

/// Fewer tiles are not worth the transforms of the filters; with stride 2, each kernel has four.
const MINIMAL_TILES: [usize; 2] = [8, 32];

/// Whether minimal filtering suits a convolution.
pub(crate) fn suits(geometry: &ConvGeometry) -> bool {
    let tiles = Tiling::new(geometry.images, geometry.output).tiles();
    let whole = |channels: usize| channels > 0 && channels.is_multiple_of(LANES);
    let minimal_tiles = match (geometry.kernel, geometry.stride) {
        ([3, 3], [1, 1]) => MINIMAL_TILES[0],
        ([4, 4], [2, 2]) => MINIMAL_TILES[1],
        _ => return false,
    };
    tiles >= minimal_tiles
        && whole(geometry.channels_in)
        && whole(geometry.channels_out)
        && geometry.input.into_iter().all(|side| side > 0)
}

/// One axis of a kernel: for each phase of the larger image, which tap of the kernel stands at each of the three taps
/// of the phase's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// Position of the filter's first tap relative to the tile's pixel.
    pub(super) first: isize,
    pub(super) taps: [[Option<usize>; 3]; 2],
}

impl Axis {
    /// The taps of a kernel; `None` if a phase has more than three.
    pub(super) fn new(
        kernel: usize,
        stride: usize,
        padding: usize,
        transposed: bool,
    ) -> Option<Self> {
        let stride = stride as isize;
        // Phase and position of each tap.
        let place = |tap: usize| {
            let distance = tap as isize - padding as isize;
            let (phase, position) = (distance.rem_euclid(stride), distance.div_euclid(stride));
            // Transposed, an output at `phase` meets this tap with the input as far on the other side.
            (
                phase as usize,
                if transposed { -position } else { position },
            )
        };
        let first = (0..kernel).map(|tap| place(tap).1).min()?;
        let mut taps = [[None; 3]; 2];
        for tap in 0..kernel {
            let (phase, position) = place(tap);
            *taps[phase].get_mut((position - first) as usize)? = Some(tap);
        }
        Some(Self { first, taps })
    }

    /// Whether the filter of a phase can differ from zero at a frequency.
    fn reaches(&self, phase: usize, frequency: usize) -> bool {
        let taps = self.taps[phase];
        match frequency {
            0 => taps[0].is_some(),
            5 => taps[2].is_some(),
            _ => taps.iter().any(Option::is_some),
        }
    }
}

/// A phase of the larger image, `[vertical, horizontal]`.
pub(super) type Phase = [usize; 2];

/// The kernel of a convolution as filters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps {
    pub(super) axes: [Axis; 2],
    /// Phases in each direction: the stride.
    pub(super) step: usize,
    kernel: [usize; 2],
}

impl Taps {
    pub(super) fn new(geometry: &ConvGeometry, transposed: bool) -> Option<Self> {
        let axis = |axis: usize| {
            Axis::new(
                geometry.kernel[axis],
                geometry.stride[axis],
                geometry.padding[axis],
                transposed,
            )
        };
        Some(Self {
            axes: [axis(0)?, axis(1)?],
            step: geometry.stride[0],
            kernel: geometry.kernel,
        })
    }

    pub(super) fn phases(&self) -> usize {
        self.step * self.step
    }

    pub(super) fn phase(&self, index: usize) -> Phase {
        [index / self.step, index % self.step]
    }

    /// Where each of the nine taps of a phase's filter lies in the kernel, if anywhere.
    pub(super) fn positions(&self, phase: Phase) -> [Option<usize>; 9] {
        std::array::from_fn(|tap| {
            let row = self.axes[0].taps[phase[0]][tap / 3]?;
            let column = self.axes[1].taps[phase[1]][tap % 3]?;
            Some(row * self.kernel[1] + column)
        })
    }

    /// Whether the filters of a phase can differ from zero at a frequency.
    pub(super) fn reaches(&self, phase: Phase, frequency: usize) -> bool {
        self.axes[0].reaches(phase[0], frequency / 6)
            && self.axes[1].reaches(phase[1], frequency % 6)
    }

    /// Pixels between the first that a tile sees and the tile's own first.
    pub(super) fn padding(&self) -> [isize; 2] {
        self.axes.map(|axis| -axis.first)
    }
}

/// A grid of positions cut into tiles, row-major, image after image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    images: usize,
    /// Tiles of a column and of a row.
    grid: [usize; 2],
}

impl Tiling {
    pub(super) fn new(images: usize, grid: [usize; 2]) -> Self {
        Self {
            images,
            grid: grid.map(|side| side.div_ceil(TILE)),
        }
    }

    pub(super) fn tiles(self) -> usize {
        self.images * self.grid[0] * self.grid[1]
    }

    /// Cuts tiles into strips: neighbours in a row, at most [`STRIP`].
    pub(super) fn strips(self, range: Range<usize>) -> Vec<Run> {
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

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn a_kernel_of_three_is_its_own_filter() {
        let axis = Axis::new(3, 1, 1, false).expect("three taps");
        assert_eq!(
            (axis.first, axis.taps[0]),
            (-1, [Some(0), Some(1), Some(2)])
        );
        let axis = Axis::new(3, 1, 0, true).expect("three taps");
        assert_eq!(
            (axis.first, axis.taps[0]),
            (-2, [Some(2), Some(1), Some(0)])
        );
    }

    #[test]
    fn a_doubling_kernel_has_two_taps_a_phase() {
        // Even outputs see the pixel before and their own, odd ones their own and the next.
        let axis = Axis::new(4, 2, 1, true).expect("three taps");
        assert_eq!(axis.first, -1);
        assert_eq!(
            axis.taps,
            [[Some(3), Some(1), None], [None, Some(2), Some(0)]]
        );
        assert!(axis.reaches(0, 0) && !axis.reaches(0, 5) && !axis.reaches(1, 0));
    }

    #[test]
    fn wider_kernels_are_refused() {
        assert_eq!(Axis::new(4, 1, 1, false), None);
        assert_eq!(Axis::new(7, 2, 3, false), None);
    }
}
