//! Convolution and transposed convolution as an implicit matrix product.
//!
//! The result's pixels are cut into tiles of [`COLUMNS`] grid positions. A task gathers the pixels that its tile sees
//! into a panel that stays in the L2 cache, [`DEPTH`] rows of (channel, tap) at a time, and multiplies it by all
//! weights. A transposed convolution (also the data gradient) with stride `s` is `s · s` interleaved convolutions of
//! stride 1, each with the taps of its phase (Shi et al. 2016, <https://arxiv.org/abs/1609.07009>).

use rayon::prelude::*;

use super::{
    bf16::{pair, pair_neighbours, pair_rows},
    geometry::ConvGeometry,
    microkernel::{COLUMNS, Left, Product, ROWS, outer_product, outer_product_bf16},
    packing::{Gather, Run, Source, runs},
    scratch::with_scratch,
    shared::SharedSlice,
    simd::{Level, vectorised},
    winograd,
};
use crate::Precision;

/// Rows of a panel: 48 KiB. An even number, so that no pair of bfloat16 is parted.
const DEPTH: usize = 256;
/// Tasks that keep any sensible number of threads busy; layers with fewer tiles are cut along channels too.
const TASKS: usize = 16;

/// What happens to a convolution's sums before they are stored, in this order.
#[derive(Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    /// A value for each channel to add.
    pub(crate) bias: Option<&'a [f32]>,
    /// A tensor of the result's shape to add.
    pub(crate) residual: Option<&'a [f32]>,
    /// Whether negative values become zero.
    pub(crate) relu: bool,
}

/// `y = epilogue(x * weight)`; `weight` is `[C_out, C_in, K_h, K_w]`.
pub(crate) fn convolve(
    geometry: &ConvGeometry,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue,
    precision: Precision,
    y: &mut [f32],
) {
    assert_eq!(x.len(), geometry.input_len());
    assert_eq!(weight.len(), geometry.weight_len());
    assert_eq!(y.len(), geometry.output_len());
    if let Some(filter) = winograd::Filter::forward(geometry, weight, precision) {
        filter.run(x, epilogue, y);
        return;
    }
    let mut input = geometry.input;
    let mut output = geometry.output;
    if geometry.taps() == 1 && geometry.stride == [1, 1] && geometry.padding == [0, 0] {
        // Rows need no borders: one long row runs faster.
        input = [1, geometry.input_pixels()];
        output = input;
    }
    let taps = (0..geometry.kernel[0])
        .flat_map(|ky| (0..geometry.kernel[1]).map(move |kx| [ky, kx]))
        .map(|tap| std::array::from_fn(|axis| tap[axis] as isize - geometry.padding[axis] as isize))
        .collect();
    let depth = geometry.channels_in * geometry.taps();
    let rows = geometry.channels_out;
    let pass = |packed: &[f32], depth: usize| {
        Pass {
            source: Source {
                values: x,
                channels: geometry.channels_in,
                plane: input,
                step: geometry.stride,
            },
            images: geometry.images,
            grid: output,
            phases: vec![Phase {
                taps,
                weights: 0,
                row_stride: depth,
                depth_stride: 1,
                block_stride: ROWS * depth,
            }],
            weights: packed,
            step: [1, 1],
            plane: output,
            channels: rows,
            epilogue,
            precision,
        }
        .run(y);
    };
    let padded_rows = rows.next_multiple_of(ROWS);
    if precision == Precision::Bf16 {
        let pairs = depth.div_ceil(2);
        with_scratch(padded_rows * pairs, |packed| {
            let (filled, rest) = packed.split_at_mut(rows * pairs);
            let rows = filled.par_chunks_mut(pairs.max(1));
            rows.zip(weight.par_chunks(depth.max(1)))
                .for_each(|(packed, weight)| {
                    vectorised(|| pair_neighbours(weight, packed));
                    if let ([.., target], [last]) = (packed, weight.as_chunks::<2>().1) {
                        *target = pair(*last, 0.0);
                    }
                });
            rest.fill(0.0);
            pass(packed, pairs);
        });
    } else if rows == padded_rows {
        pass(weight, depth);
    } else {
        with_scratch(padded_rows * depth, |packed| {
            packed[..weight.len()].copy_from_slice(weight);
            packed[weight.len()..].fill(0.0);
            pass(packed, depth);
        });
    }
}

/// `x = epilogue(transpose of the convolution applied to y)`; `weight` is `[C_out, C_in, K_h, K_w]` in the words of
/// `geometry`, so `y` is `[N, C_out, OH, OW]` and the result `[N, C_in, H, W]`.
pub(crate) fn convolve_transposed(
    geometry: &ConvGeometry,
    y: &[f32],
    weight: &[f32],
    epilogue: Epilogue,
    precision: Precision,
    x: &mut [f32],
) {
    assert_eq!(y.len(), geometry.output_len());
    assert_eq!(weight.len(), geometry.weight_len());
    assert_eq!(x.len(), geometry.input_len());
    if let Some(filter) = winograd::Filter::transposed(geometry, weight, precision) {
        filter.run(y, epilogue, x);
        return;
    }
    let rows = geometry.channels_in;
    let blocks = rows.div_ceil(ROWS);
    with_scratch(
        blocks * ROWS * geometry.channels_out * geometry.taps(),
        |packed| {
            let phases = pack_phases(geometry, weight, packed);
            Pass {
                source: Source {
                    values: y,
                    channels: geometry.channels_out,
                    plane: geometry.output,
                    step: [1, 1],
                },
                images: geometry.images,
                grid: std::array::from_fn(|axis| {
                    geometry.input[axis].div_ceil(geometry.stride[axis])
                }),
                phases,
                weights: packed,
                step: geometry.stride,
                plane: geometry.input,
                channels: rows,
                epilogue,
                // Only small layers come here.
                precision: Precision::F32,
            }
            .run(x);
        },
    );
}

/// The convolution that gives the pixels at one offset modulo the stride.
struct Phase {
    taps: Vec<[isize; 2]>,
    /// Where its weights start; element `(row, k)` lies at
    /// `row / ROWS · block_stride + row % ROWS · row_stride + k · depth_stride` from there.
    weights: usize,
    row_stride: usize,
    depth_stride: usize,
    block_stride: usize,
}

/// Reorders weights to `[phase][row block][C_out, taps of the phase][ROWS]`, rows beyond `C_in` zero.
fn pack_phases(geometry: &ConvGeometry, weight: &[f32], packed: &mut [f32]) -> Vec<Phase> {
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
            let block_stride = depth * ROWS;
            let (here, after) = rest.split_at_mut(rows.div_ceil(ROWS) * block_stride);
            if depth > 0 {
                here.par_chunks_exact_mut(block_stride)
                    .enumerate()
                    .for_each(|(block, panel)| {
                        let first = block * ROWS;
                        let filled = ROWS.min(rows - first);
                        for (index, values) in panel.chunks_exact_mut(ROWS).enumerate() {
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
                weights: start,
                row_stride: 1,
                depth_stride: ROWS,
                block_stride,
            });
            start += here.len();
            rest = after;
        }
    }
    phases
}

/// Pairs the first `depth` rows of a panel in place.
#[inline(always)]
fn pair_panel(panel: &mut [f32], depth: usize) {
    let rows = panel.as_chunks_mut::<COLUMNS>().0;
    for pair in 0..depth.div_ceil(2) {
        let first = rows[2 * pair];
        let second = if 2 * pair + 1 < depth {
            rows[2 * pair + 1]
        } else {
            [0.0; COLUMNS]
        };
        pair_rows(&first, &second, &mut rows[pair]);
    }
}

/// One sweep over a grid of positions that writes `step[0] · step[1]` interleaved phases of a result.
struct Pass<'a> {
    source: Source<'a>,
    images: usize,
    /// Positions of one image, before interleaving.
    grid: [usize; 2],
    /// Row-major `[step[0]][step[1]]`.
    phases: Vec<Phase>,
    weights: &'a [f32],
    step: [usize; 2],
    /// Sides of the result.
    plane: [usize; 2],
    /// Channels of the result.
    channels: usize,
    epilogue: Epilogue<'a>,
    /// Of `weights`, which are pairs along the depth with [`Precision::Bf16`].
    precision: Precision,
}

impl Pass<'_> {
    fn run(&self, result: &mut [f32]) {
        let positions = self.images * self.grid[0] * self.grid[1];
        let tiles = positions.div_ceil(COLUMNS);
        let blocks = self.channels.div_ceil(ROWS);
        if tiles == 0 || blocks == 0 {
            return;
        }
        let cuts = TASKS.div_ceil(tiles * self.step[0]).min(blocks);
        let blocks_a_cut = blocks.div_ceil(cuts);
        let result = SharedSlice::new(result);
        (0..tiles * self.step[0] * cuts)
            .into_par_iter()
            .for_each(|task| {
                let (tile, rest) = (task / (self.step[0] * cuts), task % (self.step[0] * cuts));
                let (phase_y, cut) = (rest / cuts, rest % cuts);
                let first = tile * COLUMNS;
                let last = positions.min(first + COLUMNS);
                let block_range = cut * blocks_a_cut..blocks.min((cut + 1) * blocks_a_cut);
                if !block_range.is_empty() {
                    self.tile(first..last, phase_y, block_range, &result);
                }
            });
    }

    /// Computes grid positions `range` of the rows of one phase, for some blocks of channels.
    fn tile(
        &self,
        range: std::ops::Range<usize>,
        phase_y: usize,
        blocks: std::ops::Range<usize>,
        result: &SharedSlice,
    ) {
        let columns = range.len();
        let level = Level::current();
        let mut row_runs = Vec::new();
        runs(self.grid, range.start, range.end, &mut row_runs);
        let mut gather = Gather::default();
        let sums_len = blocks.len() * ROWS * COLUMNS;
        let phases = &self.phases[phase_y * self.step[1]..][..self.step[1]];
        with_scratch(DEPTH * COLUMNS + sums_len * phases.len(), |scratch| {
            let (panel, all_sums) = scratch.split_at_mut(DEPTH * COLUMNS);
            for (phase, sums) in phases.iter().zip(all_sums.chunks_exact_mut(sums_len)) {
                let depth = self.source.channels * phase.taps.len();
                if depth == 0 {
                    sums.fill(0.0);
                    continue;
                }
                gather.plan(&self.source, &phase.taps, &row_runs);
                let mut start = 0;
                while start < depth {
                    let end = depth.min(start + DEPTH);
                    gather.fill(&self.source, start..end, COLUMNS, panel);
                    let (product, weights_start, panel_depth): (Product, _, _) =
                        match self.precision {
                            Precision::F32 => (outer_product, start, end - start),
                            Precision::Bf16 => {
                                vectorised(|| pair_panel(panel, end - start));
                                (outer_product_bf16, start / 2, (end - start).div_ceil(2))
                            }
                        };
                    for (block, c) in blocks.clone().zip(sums.chunks_exact_mut(ROWS * COLUMNS)) {
                        let first = phase.weights + block * phase.block_stride;
                        let values = &self.weights[first..first + phase.block_stride];
                        let left = Left {
                            values: values[weights_start * phase.depth_stride..].as_ptr(),
                            row_stride: phase.row_stride,
                            depth_stride: phase.depth_stride,
                        };
                        // SAFETY: the block's `ROWS` x `depth` weights lie in `values`, the panel holds `end - start`
                        // rows, `c` is one block of sums.
                        unsafe {
                            product(
                                level,
                                panel_depth,
                                left,
                                (panel.as_ptr(), COLUMNS),
                                columns,
                                (c.as_mut_ptr(), COLUMNS),
                                start > 0,
                            );
                        }
                    }
                    start = end;
                }
            }
            vectorised(|| {
                if self.step == [1, 1] {
                    self.store_dense(range, blocks, all_sums, result);
                } else {
                    self.store_interleaved(&row_runs, phase_y, blocks, all_sums, result);
                }
            });
        });
    }

    /// Stores sums whose positions are the result's own pixels.
    #[inline(always)]
    fn store_dense(
        &self,
        range: std::ops::Range<usize>,
        blocks: std::ops::Range<usize>,
        sums: &[f32],
        result: &SharedSlice,
    ) {
        let plane = self.plane[0] * self.plane[1];
        let channels = blocks.start * ROWS..self.channels.min(blocks.end * ROWS);
        let mut position = range.start;
        while position < range.end {
            let (image, pixel) = (position / plane, position % plane);
            let len = (plane - pixel).min(range.end - position);
            for (channel, row) in channels.clone().zip(sums.chunks_exact(COLUMNS)) {
                let start = (image * self.channels + channel) * plane + pixel;
                // SAFETY: each pixel of each channel belongs to one task.
                let target = unsafe { result.part(start, len) };
                self.epilogue.store(
                    &row[position - range.start..][..len],
                    channel,
                    start,
                    target,
                );
            }
            position += len;
        }
    }

    /// Stores sums of the phases of a row side by side.
    #[inline(always)]
    fn store_interleaved(
        &self,
        row_runs: &[Run],
        phase_y: usize,
        blocks: std::ops::Range<usize>,
        sums: &[f32],
        result: &SharedSlice,
    ) {
        let [height, width] = self.plane;
        let [step_y, step_x] = self.step;
        let sums_len = blocks.len() * ROWS * COLUMNS;
        let channels = blocks.start * ROWS..self.channels.min(blocks.end * ROWS);
        let mut line = [0.0_f32; 8 * COLUMNS];
        for run in row_runs {
            let y = run.row * step_y + phase_y;
            if y >= height {
                continue;
            }
            for (index, channel) in channels.clone().enumerate() {
                let sums = &sums[index * COLUMNS + run.start..];
                let x = run.column * step_x;
                // Strides beyond 8 are stored in pieces of the line buffer.
                let piece = (line.len() / step_x).max(1);
                for first in (0..run.len).step_by(piece) {
                    let len = piece.min(run.len - first);
                    let x = x + first * step_x;
                    if x >= width {
                        break;
                    }
                    if step_x == 2 {
                        let (even, odd) = (&sums[first..][..len], &sums[sums_len + first..][..len]);
                        for ((pair, even), odd) in line.chunks_exact_mut(2).zip(even).zip(odd) {
                            pair[0] = *even;
                            pair[1] = *odd;
                        }
                    } else {
                        for phase in 0..step_x {
                            let sums = &sums[phase * sums_len + first..][..len];
                            for (i, sum) in sums.iter().enumerate() {
                                line[i * step_x + phase] = *sum;
                            }
                        }
                    }
                    let len = (len * step_x).min(width - x);
                    let start = ((run.image * self.channels + channel) * height + y) * width + x;
                    // SAFETY: each pixel of each channel belongs to one task.
                    let target = unsafe { result.part(start, len) };
                    self.epilogue.store(&line[..len], channel, start, target);
                }
            }
        }
    }
}

impl Epilogue<'_> {
    /// Finishes the sums of consecutive pixels, which start at `offset` in the result.
    #[inline(always)]
    pub(super) fn store(&self, sums: &[f32], channel: usize, offset: usize, target: &mut [f32]) {
        let bias = self.bias.map_or(0.0, |bias| bias[channel]);
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        match self.residual {
            None => {
                for (target, sum) in target.iter_mut().zip(sums) {
                    let value = sum + bias;
                    *target = if value < floor { floor } else { value };
                }
            }
            Some(residual) => {
                let residual = &residual[offset..offset + target.len()];
                for ((target, sum), residual) in target.iter_mut().zip(sums).zip(residual) {
                    let value = sum + bias + residual;
                    *target = if value < floor { floor } else { value };
                }
            }
        }
    }
}
