//! Convolution and transposed convolution as an implicit matrix product.
//!
//! The result's pixels are cut into tiles of up to [`TILE`] grid positions. A task gathers the pixels that its tile
//! sees into a panel that stays in the L2 cache, [`DEPTH`] rows of (channel, tap) at a time, and multiplies it by all
//! weights, each block of which serves the whole tile from the L1 cache. A transposed convolution (also the data gradient) with stride `s` is `s · s` interleaved convolutions of
//! stride 1, each with the taps of its phase (Shi et al. 2016, <https://arxiv.org/abs/1609.07009>).

use std::sync::OnceLock;

use rayon::prelude::*;

use super::{
    bf16::pair_in_place,
    geometry::ConvGeometry,
    microkernel::{COLUMNS, Product, ROWS, outer_product, outer_product_bf16},
    packing::{BLOCK, Gather, Run, Source, runs},
    scratch::with_scratch,
    shared::SharedSlice,
    simd::{Level, vectorised},
    weights::{Phase, Weights, pack_phases, pack_rows, packed_depth},
    winograd,
};
use crate::Precision;

/// Rows of a panel: 208 KiB. An even number, so that no pair of bfloat16 is parted.
pub(super) const DEPTH: usize = 256;
/// Grid positions of a tile.
const TILE: usize = 4 * COLUMNS;
/// Values between rows of a panel: rows a power of two apart would share few sets of the cache.
const PITCH: usize = TILE + 16;
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

/// `y = epilogue(x * weight)`; `weight` is `[C_out, C_in, K_h, K_w]`. What is made of the weight alone may be `kept` for
/// the next call with the same weight.
pub(crate) fn convolve(
    geometry: &ConvGeometry,
    x: &[f32],
    weight: &[f32],
    epilogue: Epilogue,
    precision: Precision,
    kept: Option<&OnceLock<Vec<f32>>>,
    y: &mut [f32],
) {
    assert_eq!(x.len(), geometry.input_len());
    assert_eq!(weight.len(), geometry.weight_len());
    assert_eq!(y.len(), geometry.output_len());
    if let Some(filter) = winograd::Filter::forward(geometry, weight, precision) {
        filter.run(x, epilogue, kept, y);
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
    let pass = Pass {
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
            blocks_start: 0,
        }],
        weights: Weights::Rows(weight),
        step: [1, 1],
        plane: output,
        channels: rows,
        epilogue,
        precision,
    };
    let one_tile = geometry.images * geometry.output_pixels() <= TILE;
    if one_tile && rows.is_multiple_of(ROWS) && precision == Precision::F32 {
        // Read once, they are best read where they lie.
        pass.run(y);
        return;
    }
    let packed_len = rows.next_multiple_of(BLOCK) * packed_depth(depth, precision);
    with_scratch(packed_len, |packed| {
        pack_rows(weight, depth, precision, packed);
        let weights = Weights::Blocks(packed);
        Pass { weights, ..pass }.run(y);
    });
}

/// `x = epilogue(transpose of the convolution applied to y)`; `weight` is `[C_out, C_in, K_h, K_w]` in the words of
/// `geometry`, so `y` is `[N, C_out, OH, OW]` and the result `[N, C_in, H, W]`. `kept` as for [`convolve`].
pub(crate) fn convolve_transposed(
    geometry: &ConvGeometry,
    y: &[f32],
    weight: &[f32],
    epilogue: Epilogue,
    precision: Precision,
    kept: Option<&OnceLock<Vec<f32>>>,
    x: &mut [f32],
) {
    assert_eq!(y.len(), geometry.output_len());
    assert_eq!(weight.len(), geometry.weight_len());
    assert_eq!(x.len(), geometry.input_len());
    if let Some(filter) = winograd::Filter::transposed(geometry, weight, precision) {
        filter.run(y, epilogue, kept, x);
        return;
    }
    let rows = geometry.channels_in;
    with_scratch(
        rows.next_multiple_of(BLOCK) * geometry.channels_out * geometry.taps(),
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
                weights: Weights::Blocks(packed),
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

/// One sweep over a grid of positions that writes `step[0] · step[1]` interleaved phases of a result.
struct Pass<'a> {
    source: Source<'a>,
    images: usize,
    /// Positions of one image, before interleaving.
    grid: [usize; 2],
    /// Row-major `[step[0]][step[1]]`.
    phases: Vec<Phase>,
    weights: Weights<'a>,
    step: [usize; 2],
    /// Sides of the result.
    plane: [usize; 2],
    /// Channels of the result.
    channels: usize,
    epilogue: Epilogue<'a>,
    /// Of products: pairs along the depth with [`Precision::Bf16`].
    precision: Precision,
}

impl Pass<'_> {
    fn run(&self, result: &mut [f32]) {
        let positions = self.images * self.grid[0] * self.grid[1];
        let tiles = positions.div_ceil(TILE);
        let blocks = self.channels.div_ceil(ROWS);
        if tiles == 0 || blocks == 0 {
            return;
        }
        // Tiles of equal size leave no small one for the end.
        let tile_len = positions.div_ceil(tiles).next_multiple_of(16);
        let cuts = TASKS.div_ceil(tiles * self.step[0]).min(blocks);
        let blocks_a_cut = blocks.div_ceil(cuts);
        let result = SharedSlice::new(result);
        (0..tiles * self.step[0] * cuts)
            .into_par_iter()
            .for_each(|task| {
                let (tile, rest) = (task / (self.step[0] * cuts), task % (self.step[0] * cuts));
                let (phase_y, cut) = (rest / cuts, rest % cuts);
                let first = positions.min(tile * tile_len);
                let last = positions.min(first + tile_len);
                let block_range = cut * blocks_a_cut..blocks.min((cut + 1) * blocks_a_cut);
                if first < last && !block_range.is_empty() {
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
        let sums_len = blocks.len() * ROWS * TILE;
        let phases = &self.phases[phase_y * self.step[1]..][..self.step[1]];
        with_scratch(DEPTH * PITCH + sums_len * phases.len(), |scratch| {
            let (panel, all_sums) = scratch.split_at_mut(DEPTH * PITCH);
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
                    gather.fill(&self.source, start..end, PITCH, panel);
                    let (product, product_depth): (Product, _) = match self.precision {
                        Precision::F32 => (outer_product, end - start),
                        Precision::Bf16 => {
                            vectorised(|| pair_in_place::<PITCH>(panel, end - start));
                            (outer_product_bf16, (end - start).div_ceil(2))
                        }
                    };
                    let whole_depth = packed_depth(depth, self.precision);
                    let weights_start = packed_depth(start, self.precision);
                    let part = weights_start..weights_start + product_depth;
                    for (block, c) in blocks.clone().zip(sums.chunks_exact_mut(ROWS * TILE)) {
                        let row = block * ROWS;
                        let left = self.weights.left(phase, row, whole_depth, part.clone());
                        for column in (0..columns).step_by(COLUMNS) {
                            // SAFETY: the weights hold `product_depth` values of each row from there, the panel as
                            // many rows of a tile, `c` is one block of sums.
                            unsafe {
                                product(
                                    level,
                                    product_depth,
                                    left,
                                    (panel.as_ptr().add(column), PITCH),
                                    COLUMNS.min(columns - column),
                                    (c.as_mut_ptr().add(column), TILE),
                                    start > 0,
                                );
                            }
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
            for (channel, row) in channels.clone().zip(sums.chunks_exact(TILE)) {
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
        let sums_len = blocks.len() * ROWS * TILE;
        let channels = blocks.start * ROWS..self.channels.min(blocks.end * ROWS);
        let mut line = [0.0_f32; 8 * COLUMNS];
        for run in row_runs {
            let y = run.row * step_y + phase_y;
            if y >= height {
                continue;
            }
            for (index, channel) in channels.clone().enumerate() {
                let sums = &sums[index * TILE + run.start..];
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
