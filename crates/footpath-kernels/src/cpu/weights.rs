//! The left operand of a convolution's products: weights in blocks of rows that the inner loop reads as one stream.
//! Rows where they lie would often be a power of two apart, and so share few sets of the cache.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    bf16::pair_in_place,
    convolution::DEPTH,
    geometry::ConvGeometry,
    microkernel::{Left, ROWS},
    packing::{BLOCK, Turn},
    scratch::with_scratch,
    simd::{Level, vectorised},
};
use crate::Precision;

/// The weights of all phases.
#[derive(Clone, Copy)]
pub(super) enum Weights<'a> {
    /// `[rows][depth]` of the only phase; whole blocks of [`ROWS`].
    Rows(&'a [f32]),
    /// `[phase][row block][depth][BLOCK]`; rows beyond the last are of any value.
    Blocks(&'a [f32]),
}

impl Weights<'_> {
    /// Weights of [`ROWS`] rows from `row` and of a part of the depth; both depths in pairs for bfloat16.
    ///
    /// # Panics
    ///
    /// If there are not as many weights.
    pub(super) fn left(self, phase: &Phase, row: usize, depth: usize, part: Range<usize>) -> Left {
        match self {
            Self::Rows(values) => Left {
                values: values[row * depth..][part.start..(ROWS - 1) * depth + part.end].as_ptr(),
                row_stride: depth,
                depth_stride: 1,
            },
            Self::Blocks(values) => {
                let (block, row) = (row / BLOCK, row % BLOCK);
                let block = &values[phase.blocks_start + block * depth * BLOCK..];
                let part = &block[part.start * BLOCK..part.end * BLOCK];
                Left {
                    values: part[row..][..part.len() - BLOCK + ROWS].as_ptr(),
                    row_stride: 1,
                    depth_stride: BLOCK,
                }
            }
        }
    }
}

/// Reorders `[rows][depth]` to the blocks of a single phase, pairs along the depth for bfloat16.
pub(super) fn pack_rows(weight: &[f32], depth: usize, precision: Precision, packed: &mut [f32]) {
    if weight.is_empty() {
        return;
    }
    let packed_depth = packed_depth(depth, precision);
    packed
        .par_chunks_exact_mut(BLOCK * packed_depth)
        .zip(weight.par_chunks(BLOCK * depth))
        .for_each(|(packed, weight)| {
            with_scratch(2 * DEPTH * BLOCK, |scratch| {
                let (turned, copied) = scratch.split_at_mut(DEPTH * BLOCK);
                let mut packed = packed;
                for start in (0..depth).step_by(DEPTH) {
                    let len = DEPTH.min(depth - start);
                    let whole = weight.len() == BLOCK * depth && len.is_multiple_of(BLOCK);
                    let (rows, pitch) = if whole {
                        (&weight[start..], depth)
                    } else {
                        let rows = copied.chunks_exact_mut(DEPTH);
                        for (row, copied) in weight.chunks_exact(depth).zip(rows) {
                            copied[..len].copy_from_slice(&row[start..][..len]);
                        }
                        (&*copied, DEPTH)
                    };
                    Level::current().run(Turn {
                        rows,
                        pitch,
                        depth: len,
                        width: BLOCK,
                        turned,
                    });
                    if precision == Precision::Bf16 {
                        vectorised(|| pair_in_place::<BLOCK>(turned, len));
                    }
                    let (target, rest) =
                        packed.split_at_mut(BLOCK * self::packed_depth(len, precision));
                    target.copy_from_slice(&turned[..target.len()]);
                    packed = rest;
                }
            });
        });
}

/// Values that hold the depth's weights of a row: half as many if they are pairs of bfloat16.
pub(super) fn packed_depth(depth: usize, precision: Precision) -> usize {
    match precision {
        Precision::F32 => depth,
        Precision::Bf16 => depth.div_ceil(2),
    }
}

/// The convolution that gives the pixels at one offset modulo the stride.
pub(super) struct Phase {
    pub(super) taps: Vec<[isize; 2]>,
    /// Where its weights start among [`Weights::Blocks`].
    pub(super) blocks_start: usize,
}

/// Reorders weights to `[phase][row block][C_out, taps of the phase][BLOCK]`, rows beyond `C_in` zero.
pub(super) fn pack_phases(
    geometry: &ConvGeometry,
    weight: &[f32],
    packed: &mut [f32],
) -> Vec<Phase> {
    let taps_of = |axis: usize, phase: usize| -> Vec<(usize, isize)> {
        let stride = geometry.stride[axis] as isize;
        (0..geometry.kernel[axis])
            .map(|k| {
                (
                    k,
                    phase as isize + geometry.padding[axis] as isize - k as isize,
                )
            })
            .filter(|(_, distance)| distance % stride == 0)
            .map(|(k, distance)| (k, distance / stride))
            .collect()
    };
    let rows = geometry.channels_in;
    let (taps, kernel_width) = (geometry.taps(), geometry.kernel[1]);
    let mut phases = Vec::new();
    let mut rest = packed;
    let mut start = 0;
    for phase_y in 0..geometry.stride[0] {
        for phase_x in 0..geometry.stride[1] {
            let (mut offsets, mut positions) = (Vec::new(), Vec::new());
            for &(ky, dy) in &taps_of(0, phase_y) {
                for &(kx, dx) in &taps_of(1, phase_x) {
                    offsets.push([dy, dx]);
                    positions.push(ky * kernel_width + kx);
                }
            }
            let depth = geometry.channels_out * offsets.len();
            let block_stride = depth * BLOCK;
            let (here, after) = rest.split_at_mut(rows.div_ceil(BLOCK) * block_stride);
            if depth > 0 {
                here.par_chunks_exact_mut(block_stride)
                    .enumerate()
                    .for_each(|(block, panel)| {
                        let first = block * BLOCK;
                        let filled = BLOCK.min(rows - first);
                        for (index, values) in panel.chunks_exact_mut(BLOCK).enumerate() {
                            let (channel, tap) = (index / positions.len(), index % positions.len());
                            let weight =
                                &weight[(channel * rows + first) * taps + positions[tap]..];
                            for (row, value) in values.iter_mut().enumerate() {
                                *value = if row < filled {
                                    weight[row * taps]
                                } else {
                                    0.0
                                };
                            }
                        }
                    });
            }
            phases.push(Phase {
                taps: offsets,
                blocks_start: start,
            });
            start += here.len();
            rest = after;
        }
    }
    phases
}
