//! The convolution: transformed filters once, then tiles in groups that stay in the L2 cache.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    super::{
        convolution::Epilogue,
        geometry::ConvGeometry,
        microkernel::{COLUMNS, Left, ROWS, outer_product},
        packing::Run,
        scratch::with_scratch,
        shared::SharedSlice,
        simd::{Kernel, Level, Vector},
    },
    FREQUENCIES, LANES, STRIP, TILE, Tiling,
    transform::{Strip, filter},
};

/// Values of a group's transformed inputs and outputs: they and a panel of filters fit in an L2 cache of 1 MiB.
const GROUP_VALUES: usize = 160 * 1024;

/// A 3x3 convolution with stride 1 in one direction.
#[derive(Clone, Copy)]
pub(crate) struct Filter<'a> {
    images: usize,
    input: [usize; 2],
    output: [usize; 2],
    channels_in: usize,
    channels_out: usize,
    padding: [usize; 2],
    /// `[C_out, C_in, 3, 3]` of the forward direction.
    weight: &'a [f32],
    transposed: bool,
}

impl<'a> Filter<'a> {
    /// The convolution that `geometry` describes, if this method suits it.
    pub(crate) fn forward(geometry: &ConvGeometry, weight: &'a [f32]) -> Option<Self> {
        Self {
            images: geometry.images,
            input: geometry.input,
            output: geometry.output,
            channels_in: geometry.channels_in,
            channels_out: geometry.channels_out,
            padding: geometry.padding,
            weight,
            transposed: false,
        }
        .suits(geometry)
    }

    /// Its transpose, from its outputs to its inputs, if this method suits it.
    pub(crate) fn transposed(geometry: &ConvGeometry, weight: &'a [f32]) -> Option<Self> {
        if geometry.padding.into_iter().any(|padding| padding > 2) {
            return None;
        }
        Self {
            images: geometry.images,
            input: geometry.output,
            output: geometry.input,
            channels_in: geometry.channels_out,
            channels_out: geometry.channels_in,
            padding: geometry.padding.map(|padding| 2 - padding),
            weight,
            transposed: true,
        }
        .suits(geometry)
    }

    fn suits(self, geometry: &ConvGeometry) -> Option<Self> {
        let whole = |channels: usize| channels > 0 && channels.is_multiple_of(LANES);
        // Transforming the filters costs as much as some tiles.
        let enough = Tiling::new(self.images, self.output).tiles() >= MINIMAL_TILES;
        let fits = geometry.kernel == [3, 3]
            && geometry.stride == [1, 1]
            && whole(self.channels_in)
            && whole(self.channels_out)
            && self.input.into_iter().all(|side| side > 0);
        (fits && enough).then_some(self)
    }

    pub(crate) fn run(&self, x: &[f32], epilogue: Epilogue, y: &mut [f32]) {
        let tiling = Tiling::new(self.images, self.output);
        let tiles = tiling.tiles();
        let group = self.group();
        let pitch = self.filter_pitch();
        with_scratch(FREQUENCIES * pitch, |filters| {
            self.transform_filters(filters);
            let (y, filters) = (SharedSlice::new(y), &*filters);
            (0..tiles.div_ceil(group)).into_par_iter().for_each(|task| {
                let range = task * group..tiles.min((task + 1) * group);
                self.group_of_tiles(tiling, range, x, filters, epilogue, &y);
            });
        });
    }

    /// Tiles of a task.
    fn group(&self) -> usize {
        let values = FREQUENCIES * (self.channels_in + self.channels_out);
        (GROUP_VALUES / values / ROWS * ROWS).clamp(2 * ROWS, COLUMNS)
    }

    /// Values of a frequency of the filters. Not a multiple of a page, whose 36 frequencies would share cache sets.
    fn filter_pitch(&self) -> usize {
        self.channels_in * self.channels_out + 5 * LANES
    }

    /// Fills `[frequency][block of COLUMNS output channels][C_in][channels of the block]`.
    fn transform_filters(&self, filters: &mut [f32]) {
        let filters = SharedSlice::new(filters);
        let across = self.channels_out / LANES;
        (0..across * self.channels_in / LANES)
            .into_par_iter()
            .for_each(|task| {
                let (output, input) = (task % across * LANES, task / across * LANES);
                Level::current().run(TransformFilters {
                    filter: self,
                    output,
                    input,
                    filters: &filters,
                });
            });
    }

    /// Where the vector of an output channel starts in a frequency of the filters, and how far apart input channels
    /// lie there.
    fn filter_position(&self, output: usize) -> (usize, usize) {
        let block = output / COLUMNS * COLUMNS;
        let width = COLUMNS.min(self.channels_out - block);
        (block * self.channels_in + output - block, width)
    }

    fn group_of_tiles(
        &self,
        tiling: Tiling,
        range: Range<usize>,
        x: &[f32],
        filters: &[f32],
        epilogue: Epilogue,
        y: &SharedSlice,
    ) {
        let level = Level::current();
        let strips = tiling.strips(range.clone());
        let rows = range.len().next_multiple_of(ROWS);
        // An odd number of vectors between frequencies keeps them apart in the cache.
        let input_pitch = rows * self.channels_in + LANES;
        let output_pitch = rows * self.channels_out + LANES;
        with_scratch(FREQUENCIES * (input_pitch + output_pitch), |scratch| {
            let (inputs, outputs) = scratch.split_at_mut(FREQUENCIES * input_pitch);
            level.run(TransformInputs {
                filter: self,
                strips: &strips,
                x,
                inputs: &mut *inputs,
                pitch: input_pitch,
            });
            for frequency in 0..FREQUENCIES {
                let left = &inputs[frequency * input_pitch..][..input_pitch];
                let right = &filters[frequency * self.filter_pitch()..][..self.filter_pitch()];
                let product = &mut outputs[frequency * output_pitch..][..output_pitch];
                for column in (0..self.channels_out).step_by(COLUMNS) {
                    let (start, width) = self.filter_position(column);
                    for row in (0..rows).step_by(ROWS) {
                        // SAFETY: `left` holds `rows` rows of `channels_in` values, `right` from `start` as many rows
                        // of `width` values, a multiple of 16, `product` `rows` rows of `channels_out`.
                        unsafe {
                            outer_product(
                                level,
                                self.channels_in,
                                Left {
                                    values: left[row * self.channels_in..].as_ptr(),
                                    row_stride: self.channels_in,
                                    depth_stride: 1,
                                },
                                (right[start..].as_ptr(), width),
                                width,
                                (
                                    product[row * self.channels_out + column..].as_mut_ptr(),
                                    self.channels_out,
                                ),
                                false,
                            );
                        }
                    }
                }
            }
            level.run(TransformOutputs {
                filter: self,
                strips: &strips,
                outputs,
                pitch: output_pitch,
                epilogue,
                y,
            });
        });
    }
}

/// Fewer tiles are not worth it.
const MINIMAL_TILES: usize = 48;

struct TransformFilters<'a> {
    filter: &'a Filter<'a>,
    /// First output and input channel of this block of [`LANES`] each.
    output: usize,
    input: usize,
    filters: &'a SharedSlice<'a>,
}

impl Kernel for TransformFilters<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self {
            filter: f,
            output,
            input,
            filters,
        } = self;
        // `[input channel][tap][LANES]`
        let mut taps = [0.0_f32; (9 * LANES + 7) * LANES];
        if f.transposed {
            // In the words of the weight, inputs are output channels: their filters lie apart.
            for i in 0..LANES {
                let start = ((input + i) * f.channels_out + output) * 9;
                let source = &f.weight[start..start + 9 * LANES];
                for (lane, source) in source.chunks_exact(9).enumerate() {
                    for (tap, value) in source.iter().enumerate() {
                        taps[(i * 9 + 8 - tap) * LANES + lane] = *value;
                    }
                }
            }
        } else {
            let row = f.channels_in * 9;
            let source = &f.weight[output * row + input * 9..];
            assert!(source.len() >= (LANES - 1) * row + 9 * LANES);
            for block in 0..9 {
                // SAFETY: 16 rows of 16 values, checked above.
                unsafe {
                    V::transpose16(
                        (source[block * LANES..].as_ptr(), row),
                        (taps[block * LANES * LANES..].as_mut_ptr(), LANES),
                    );
                }
            }
        }
        let (start, width) = f.filter_position(output);
        for (i, taps) in taps.chunks_exact(9 * LANES).take(LANES).enumerate() {
            for lane in (0..LANES).step_by(V::LANES) {
                // SAFETY: nine vectors of taps; each vector of the filters belongs to one task.
                unsafe {
                    let tap = |row: usize, column: usize| {
                        V::load(taps[(3 * row + column) * LANES + lane..].as_ptr())
                    };
                    let rows: [[V; 6]; 3] =
                        std::array::from_fn(|row| filter([tap(row, 0), tap(row, 1), tap(row, 2)]));
                    for column in 0..6 {
                        let values = filter([rows[0][column], rows[1][column], rows[2][column]]);
                        for (row, value) in values.into_iter().enumerate() {
                            let start = (6 * row + column) * f.filter_pitch()
                                + start
                                + (input + i) * width
                                + lane;
                            value.store(filters.part(start, V::LANES).as_mut_ptr());
                        }
                    }
                }
            }
        }
    }
}

struct TransformInputs<'a> {
    filter: &'a Filter<'a>,
    strips: &'a [Run],
    x: &'a [f32],
    inputs: &'a mut [f32],
    pitch: usize,
}

impl Kernel for TransformInputs<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let f = self.filter;
        let pixels = f.input[0] * f.input[1];
        let mut strip = Strip::new();
        for run in self.strips {
            for channel in (0..f.channels_in).step_by(LANES) {
                let base = &self.x[(run.image * f.channels_in + channel) * pixels..];
                let target = &mut self.inputs[run.start * f.channels_in + channel..];
                assert!(
                    target.len()
                        >= (FREQUENCIES - 1) * self.pitch + (run.len - 1) * f.channels_in + LANES
                );
                // SAFETY: the extents of `target` were checked.
                unsafe {
                    strip.read::<V, 6>(base, f.input, run, f.padding);
                    strip.transform_inputs::<V>(
                        run.len,
                        target.as_mut_ptr(),
                        self.pitch,
                        f.channels_in,
                    );
                }
            }
        }
    }
}

struct TransformOutputs<'a> {
    filter: &'a Filter<'a>,
    strips: &'a [Run],
    outputs: &'a [f32],
    pitch: usize,
    epilogue: Epilogue<'a>,
    y: &'a SharedSlice<'a>,
}

impl Kernel for TransformOutputs<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let f = self.filter;
        let [height, width] = f.output;
        let mut strip = Strip::new();
        let mut line = [0.0; LANES * TILE * STRIP];
        for run in self.strips {
            let (top, x) = (run.row * TILE, run.column * TILE);
            let columns = (run.len * TILE).min(width - x);
            for channel in (0..f.channels_out).step_by(LANES) {
                let source = &self.outputs[run.start * f.channels_out + channel..];
                assert!(
                    source.len()
                        >= (FREQUENCIES - 1) * self.pitch + (run.len - 1) * f.channels_out + LANES
                );
                // SAFETY: the extents of `source` were checked.
                unsafe {
                    strip.transform_outputs::<V>(
                        run.len,
                        source.as_ptr(),
                        self.pitch,
                        f.channels_out,
                    )
                };
                for row in 0..TILE.min(height - top) {
                    // SAFETY: the instruction set is the caller's contract.
                    unsafe { strip.write::<V>(row, run.len, &mut line) };
                    for (lane, line) in line.chunks_exact(TILE * STRIP).enumerate() {
                        let channel = channel + lane;
                        let start = ((run.image * f.channels_out + channel) * height + top + row)
                            * width
                            + x;
                        // SAFETY: each pixel of each channel belongs to one task.
                        let target = unsafe { self.y.part(start, columns) };
                        self.epilogue
                            .store(&line[..columns], channel, start, target);
                    }
                }
            }
        }
    }
}
