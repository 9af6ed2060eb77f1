//! Gathers the pixels that kernel taps see into dense panels.

use std::ops::Range;

use super::simd::{Kernel, Level, Vector};

/// Rows and columns that [`Turn`] turns at once.
pub(crate) const BLOCK: usize = 16;

/// Consecutive positions of a row of the grid over which a kernel moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) image: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) len: usize,
    /// Where the run starts in the panel.
    pub(crate) start: usize,
}

/// Cuts the positions `start..end` of a stack of grids (`[image, row, column]`, row-major) into runs.
pub(crate) fn runs(grid: [usize; 2], start: usize, end: usize, runs: &mut Vec<Run>) {
    runs.clear();
    let pixels = grid[0] * grid[1];
    let mut position = start;
    while position < end {
        let column = position % grid[1];
        let len = (grid[1] - column).min(end - position);
        runs.push(Run {
            image: position / pixels,
            row: position % pixels / grid[1],
            column,
            len,
            start: position - start,
        });
        position += len;
    }
}

/// The image stack that a panel is gathered from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// `[image, channel, row, column]`.
    pub(crate) values: &'a [f32],
    pub(crate) channels: usize,
    pub(crate) plane: [usize; 2],
    /// Pixels between neighbouring grid positions.
    pub(crate) step: [usize; 2],
}

/// Where one run of one tap reads: the same for every channel.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Of the first value read, in channel 0.
    offset: usize,
    /// Columns of the panel that lie left of the image, inside it, and right of it.
    before: usize,
    inside: usize,
    after: usize,
    start: usize,
}

/// The pieces of all taps for one panel; kept between panels for its memory.
#[derive(Default)]
pub(crate) struct Gather {
    pieces: Vec<Piece>,
    runs: usize,
    taps: usize,
}

impl Gather {
    /// Plans the gathering of `runs` for `taps`, which are `[vertical, horizontal]` offsets in pixels from a grid
    /// position times the step.
    pub(crate) fn plan(&mut self, source: &Source, taps: &[[isize; 2]], runs: &[Run]) {
        self.pieces.clear();
        self.runs = runs.len();
        self.taps = taps.len();
        let [height, width] = source.plane;
        let [step_y, step_x] = source.step;
        for tap in taps {
            for run in runs {
                let y = (run.row * step_y) as isize + tap[0];
                let x = (run.column * step_x) as isize + tap[1];
                let before = if x < 0 {
                    (-x as usize).div_ceil(step_x).min(run.len)
                } else {
                    0
                };
                let first = x + (before * step_x) as isize;
                let fitting = if first < width as isize {
                    (width as isize - first) as usize - 1
                } else {
                    0
                };
                let inside = if y < 0 || y >= height as isize || first >= width as isize {
                    0
                } else {
                    (fitting / step_x + 1).min(run.len - before)
                };
                let offset = if inside == 0 {
                    0
                } else {
                    (run.image * source.channels * height + y as usize) * width + first as usize
                };
                self.pieces.push(Piece {
                    offset,
                    before,
                    inside,
                    after: run.len - before - inside,
                    start: run.start,
                });
            }
        }
    }

    /// Fills rows `depths` (row = channel · taps + tap) of the planned panel, `pitch` values apart in `panel`.
    pub(crate) fn fill(
        &self,
        source: &Source,
        depths: Range<usize>,
        pitch: usize,
        panel: &mut [f32],
    ) {
        match Level::current() {
            // SAFETY: the level was detected.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { fill_avx512(self, source, depths, pitch, panel) },
            _ => self.fill_rows(source, depths, pitch, panel),
        }
    }

    #[inline(always)]
    fn fill_rows(&self, source: &Source, depths: Range<usize>, pitch: usize, panel: &mut [f32]) {
        let plane = source.plane[0] * source.plane[1];
        for (row, depth) in panel.chunks_exact_mut(pitch).zip(depths) {
            let (channel, tap) = (depth / self.taps, depth % self.taps);
            for piece in &self.pieces[tap * self.runs..][..self.runs] {
                let mut target = &mut row[piece.start..];
                clear(&mut target[..piece.before]);
                target = &mut target[piece.before..];
                let values = &source.values[piece.offset + channel * plane..];
                match source.step[1] {
                    1 => copy(&mut target[..piece.inside], &values[..piece.inside]),
                    2 => copy_every_second(&mut target[..piece.inside], values),
                    step => {
                        for (target, value) in target[..piece.inside]
                            .iter_mut()
                            .zip(values.iter().step_by(step))
                        {
                            *target = *value;
                        }
                    }
                }
                clear(&mut target[piece.inside..piece.inside + piece.after]);
            }
        }
    }
}

/// [`Gather::fill`] with copies through wide registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn fill_avx512(
    gather: &Gather,
    source: &Source,
    depths: Range<usize>,
    pitch: usize,
    panel: &mut [f32],
) {
    gather.fill_rows(source, depths, pitch, panel);
}

/// `copy_from_slice` without the call, for the short runs of small images.
#[inline(always)]
fn copy(target: &mut [f32], source: &[f32]) {
    let len = target.len();
    if len >= 16 {
        // The last block overlaps the one before.
        let mut start = 0;
        while start + 16 <= len {
            copy_block::<16>(target, source, start);
            start += 16;
        }
        if start < len {
            copy_block::<16>(target, source, len - 16);
        }
    } else if len >= 8 {
        copy_block::<8>(target, source, 0);
        copy_block::<8>(target, source, len - 8);
    } else if len >= 4 {
        copy_block::<4>(target, source, 0);
        copy_block::<4>(target, source, len - 4);
    } else {
        for (target, source) in target.iter_mut().zip(source) {
            *target = *source;
        }
    }
}

/// `fill(0.0)` without the call, for the single column that most kernels see beyond an edge.
#[inline(always)]
fn clear(target: &mut [f32]) {
    match target {
        [] => {}
        [value] => *value = 0.0,
        _ => target.fill(0.0),
    }
}

/// `target[i] = source[2 i]`, whole registers at a time.
#[inline(always)]
fn copy_every_second(target: &mut [f32], source: &[f32]) {
    // The last value read may be the source's last, whose block is not whole.
    let whole = (target.len() / 16).min(source.len() / 32);
    let (blocks, rest) = target.split_at_mut(16 * whole);
    let pairs = source.as_chunks::<32>().0;
    for (block, pairs) in blocks.as_chunks_mut::<16>().0.iter_mut().zip(pairs) {
        for (i, target) in block.iter_mut().enumerate() {
            *target = pairs[2 * i];
        }
    }
    for (target, value) in rest.iter_mut().zip(source[32 * whole..].iter().step_by(2)) {
        *target = *value;
    }
}

#[inline(always)]
fn copy_block<const N: usize>(target: &mut [f32], source: &[f32], start: usize) {
    target[start..start + N].copy_from_slice(&source[start..start + N]);
}

/// Turns rows into columns: `turned[k][row] = rows[row][k]`.
pub(crate) struct Turn<'a> {
    pub(crate) rows: &'a [f32],
    /// Values between rows.
    pub(crate) pitch: usize,
    /// Values of a row, turned in blocks: what follows them up to a multiple of [`BLOCK`] is turned too.
    pub(crate) depth: usize,
    /// Rows, a multiple of [`BLOCK`].
    pub(crate) width: usize,
    /// `[depth][width]`, the depth a multiple of [`BLOCK`].
    pub(crate) turned: &'a mut [f32],
}

impl Kernel for Turn<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let depth = self.depth.next_multiple_of(BLOCK);
        assert!(self.width.is_multiple_of(BLOCK) && self.width > 0);
        assert!(self.rows.len() >= (self.width - 1) * self.pitch + depth);
        assert!(self.turned.len() >= self.width * depth);
        for row in (0..self.width).step_by(BLOCK) {
            for k in (0..depth).step_by(BLOCK) {
                // SAFETY: 16 x 16 values of both, by the extents checked above.
                unsafe {
                    let rows = self.rows.as_ptr().add(row * self.pitch + k);
                    let turned = self.turned.as_mut_ptr().add(k * self.width + row);
                    V::transpose16((rows, self.pitch), (turned, self.width));
                }
            }
        }
    }
}
