//! The convolution: transformed filters once, then tiles in groups that stay in the L2 cache.

use std::{ops::Range, sync::OnceLock};

use rayon::prelude::*;

use super::{
    super::{
        bf16::pair_rows,
        convolution::Epilogue,
        geometry::ConvGeometry,
        microkernel::{COLUMNS, Left, Product, ROWS, outer_product, outer_product_bf16},
        packing::Run,
        scratch::with_scratch,
        shared::SharedSlice,
        simd::{Kernel, Level, Vector},
    },
    FREQUENCIES, LANES, STRIP, TILE,
    layout::{Taps, Tiling, suits},
    transform::{Phases, Strip, column_of, filter, store},
};
use crate::Precision;

/// Values of a group's transformed inputs and outputs: they and a panel of filters fit in an L2 cache of 1 MiB.
const GROUP_VALUES: usize = 160 * 1024;
/// A convolution in one direction.
#[derive(Clone, Copy)]
pub(crate) struct Filter<'a> {
    taps: Taps,
    tiling: Tiling,
    input: Side,
    output: Side,
    /// `[C_out, C_in, K_h, K_w]` of the forward direction.
    weight: &'a [f32],
    kernel_taps: usize,
    transposed: bool,
    precision: Precision,
}

/// The images on one side of a convolution.
#[derive(Clone, Copy)]
struct Side {
    plane: [usize; 2],
    channels: usize,
    /// Phases in each direction.
    step: usize,
}

impl Side {
    /// Channels of all phases.
    fn width(self) -> usize {
        self.channels * self.step * self.step
    }

    fn pixels(self) -> usize {
        self.plane[0] * self.plane[1]
    }
}

impl<'a> Filter<'a> {
    /// The convolution that `geometry` describes, if this method suits it.
    pub(crate) fn forward(
        geometry: &ConvGeometry,
        weight: &'a [f32],
        precision: Precision,
    ) -> Option<Self> {
        Self::new(geometry, weight, precision, false)
    }

    /// Its transpose, from its outputs to its inputs, if this method suits it.
    pub(crate) fn transposed(
        geometry: &ConvGeometry,
        weight: &'a [f32],
        precision: Precision,
    ) -> Option<Self> {
        Self::new(geometry, weight, precision, true)
    }

    fn new(
        geometry: &ConvGeometry,
        weight: &'a [f32],
        precision: Precision,
        transposed: bool,
    ) -> Option<Self> {
        let step = geometry.stride[0];
        let larger = Side {
            plane: geometry.input,
            channels: geometry.channels_in,
            step,
        };
        let smaller = Side {
            plane: geometry.output,
            channels: geometry.channels_out,
            step: 1,
        };
        let (input, output, grid) = if transposed {
            (
                smaller,
                larger,
                geometry.input.map(|side| side.div_ceil(step)),
            )
        } else {
            (larger, smaller, geometry.output)
        };
        let tiling = Tiling::new(geometry.images, grid);
        if !suits(geometry) {
            return None;
        }
        Some(Self {
            taps: Taps::new(geometry, transposed)?,
            tiling,
            input,
            output,
            weight,
            kernel_taps: geometry.taps(),
            transposed,
            precision,
        })
    }

    /// Values that hold so many input channels: half as many if they are pairs of bfloat16.
    fn slots(&self, channels: usize) -> usize {
        match self.precision {
            Precision::F32 => channels,
            Precision::Bf16 => channels / 2,
        }
    }

    /// Convolves; the transformed filters are kept in `kept`, if there is such a place, and taken from there.
    pub(crate) fn run(
        &self,
        x: &[f32],
        epilogue: Epilogue,
        kept: Option<&OnceLock<Vec<f32>>>,
        y: &mut [f32],
    ) {
        let len = FREQUENCIES * self.filter_pitch();
        match kept {
            Some(kept) => {
                let filters = kept.get_or_init(|| {
                    let mut filters = vec![0.0; len];
                    self.transform_filters(&mut filters);
                    filters
                });
                assert_eq!(filters.len(), len, "filters kept for another convolution");
                self.run_with(filters, x, epilogue, y);
            }
            None => with_scratch(len, |filters| {
                self.transform_filters(filters);
                self.run_with(filters, x, epilogue, y);
            }),
        }
    }

    fn run_with(&self, filters: &[f32], x: &[f32], epilogue: Epilogue, y: &mut [f32]) {
        let tiles = self.tiling.tiles();
        let width = self.input.width() + self.output.width();
        let operands = Operands {
            x,
            filters,
            epilogue,
            y: SharedSlice::new(y),
        };
        if tiles * width <= self.input.width() * self.output.width() {
            // More filters than pixels: all threads share one group, so that filters are read once.
            self.group(0..tiles, &operands, true);
            return;
        }
        let group = (GROUP_VALUES / FREQUENCIES / width / ROWS * ROWS).clamp(2 * ROWS, COLUMNS);
        (0..tiles.div_ceil(group)).into_par_iter().for_each(|task| {
            let range = task * group..tiles.min((task + 1) * group);
            self.group(range, &operands, false);
        });
    }

    /// Values of a frequency of the filters. Not a multiple of a page, whose 36 frequencies would share cache sets.
    fn filter_pitch(&self) -> usize {
        self.slots(self.input.width()) * self.output.width() + 5 * LANES
    }

    /// Fills `[frequency][output phase][block of COLUMNS output channels][input phase, C_in][channels of the block]`.
    fn transform_filters(&self, filters: &mut [f32]) {
        let filters = SharedSlice::new(filters);
        let across = self.output.channels / LANES;
        (0..across * self.input.channels / LANES)
            .into_par_iter()
            .for_each(|task| {
                Level::current().run(TransformFilters {
                    filter: self,
                    output: task % across * LANES,
                    input: task / across * LANES,
                    filters: &filters,
                });
            });
    }

    /// Where the block of filters from an output channel of a phase starts in a frequency, and the block's width.
    fn block(&self, phase: usize, output: usize) -> (usize, usize) {
        let first = output / COLUMNS * COLUMNS;
        let width = COLUMNS.min(self.output.channels - first);
        (
            (phase * self.output.channels + first) * self.slots(self.input.width()),
            width,
        )
    }

    /// Computes a group of tiles, by all threads or by this one.
    fn group(&self, range: Range<usize>, operands: &Operands, parallel: bool) {
        let level = Level::current();
        let strips = self.tiling.strips(range.clone());
        let rows = range.len().next_multiple_of(ROWS);
        // An odd number of vectors between frequencies keeps them apart in the cache.
        let input_pitch = rows * self.slots(self.input.width()) + LANES;
        let output_pitch = rows * self.output.width() + LANES;
        with_scratch(FREQUENCIES * (input_pitch + output_pitch), |scratch| {
            let (inputs, outputs) = scratch.split_at_mut(FREQUENCIES * input_pitch);
            {
                let inputs = SharedSlice::new(inputs);
                for_each(parallel, strips.len(), |strip| {
                    level.run(TransformInputs {
                        filter: self,
                        run: &strips[strip],
                        x: operands.x,
                        inputs: &inputs,
                        pitch: input_pitch,
                    });
                });
                let products = SharedSlice::new(outputs);
                for_each(parallel, FREQUENCIES, |frequency| {
                    // SAFETY: nobody writes the inputs now; each frequency of the outputs belongs to one task.
                    let (left, product) = unsafe {
                        (
                            &*inputs.part(frequency * input_pitch, input_pitch),
                            products.part(frequency * output_pitch, output_pitch),
                        )
                    };
                    let right =
                        &operands.filters[frequency * self.filter_pitch()..][..self.filter_pitch()];
                    for phase in 0..self.output.step * self.output.step {
                        self.multiply(level, frequency, phase, rows, left, right, product);
                    }
                });
            }
            for_each(parallel, strips.len(), |strip| {
                level.run(TransformOutputs {
                    filter: self,
                    run: &strips[strip],
                    outputs,
                    pitch: output_pitch,
                    operands,
                });
            });
        });
    }

    /// The product of one frequency for the channels of one output phase.
    #[expect(clippy::too_many_arguments, reason = "the operands of one product")]
    fn multiply(
        &self,
        level: Level,
        frequency: usize,
        output_phase: usize,
        rows: usize,
        left: &[f32],
        right: &[f32],
        product: &mut [f32],
    ) {
        let (depth, input_width) = (
            self.slots(self.input.channels),
            self.slots(self.input.width()),
        );
        let output_width = self.output.width();
        let outer: Product = match self.precision {
            Precision::F32 => outer_product,
            Precision::Bf16 => outer_product_bf16,
        };
        for column in (0..self.output.channels).step_by(COLUMNS) {
            let (start, width) = self.block(output_phase, column);
            let column = output_phase * self.output.channels + column;
            for row in (0..rows).step_by(ROWS) {
                let mut accumulate = false;
                for input_phase in 0..self.input.step * self.input.step {
                    // One side has one phase alone.
                    let phase = self.taps.phase(input_phase + output_phase);
                    let reaches = self.taps.reaches(phase, frequency);
                    let last = input_phase + 1 == self.input.step * self.input.step;
                    if !reaches && (accumulate || !last) {
                        continue;
                    }
                    // SAFETY: `left` holds `rows` rows of `input_width` values, `right` from `start` as many rows of
                    // `width` values, a multiple of 16, `product` `rows` rows of `output_width`.
                    unsafe {
                        outer(
                            level,
                            // Where no phase reaches, an empty sum.
                            if reaches { depth } else { 0 },
                            Left {
                                values: left[row * input_width + input_phase * depth..].as_ptr(),
                                row_stride: input_width,
                                depth_stride: 1,
                            },
                            (right[start + input_phase * depth * width..].as_ptr(), width),
                            width,
                            (
                                product[row * output_width + column..].as_mut_ptr(),
                                output_width,
                            ),
                            accumulate,
                        );
                    }
                    accumulate = true;
                }
            }
        }
    }
}

/// What all groups share.
struct Operands<'a> {
    x: &'a [f32],
    filters: &'a [f32],
    epilogue: Epilogue<'a>,
    y: SharedSlice<'a>,
}

fn for_each(parallel: bool, tasks: usize, work: impl Fn(usize) + Send + Sync) {
    if parallel {
        (0..tasks).into_par_iter().for_each(work);
    } else {
        (0..tasks).for_each(work);
    }
}

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
        let kernel = f.kernel_taps;
        // `[input channel][tap of the kernel][LANES]`
        let mut taps = [0.0_f32; 16 * LANES * LANES];
        if f.transposed {
            // In the words of the weight, inputs are output channels: their filters lie apart.
            for i in 0..LANES {
                let start = ((input + i) * f.output.channels + output) * kernel;
                let source = &f.weight[start..start + kernel * LANES];
                if kernel == LANES {
                    let target = taps[i * kernel * LANES..][..kernel * LANES].as_mut_ptr();
                    // SAFETY: 16 rows of 16 values each.
                    unsafe { V::transpose16((source.as_ptr(), LANES), (target, LANES)) };
                } else {
                    for (lane, source) in source.chunks_exact(kernel).enumerate() {
                        for (tap, value) in source.iter().enumerate() {
                            taps[(i * kernel + tap) * LANES + lane] = *value;
                        }
                    }
                }
            }
        } else {
            let row = f.input.channels * kernel;
            let source = &f.weight[output * row + input * kernel..];
            assert!(source.len() >= (LANES - 1) * row + kernel * LANES);
            for block in 0..kernel {
                // SAFETY: 16 rows of 16 values, checked above.
                unsafe {
                    V::transpose16(
                        (source[block * LANES..].as_ptr(), row),
                        (taps[block * LANES * LANES..].as_mut_ptr(), LANES),
                    );
                }
            }
        }
        for phase in 0..f.taps.phases() {
            let positions = f.taps.positions(f.taps.phase(phase));
            let (input_phase, output_phase) = if f.transposed { (0, phase) } else { (phase, 0) };
            let (start, width) = f.block(output_phase, output);
            let start =
                start + f.slots(input_phase * f.input.channels + input) * width + output % COLUMNS;
            match f.precision {
                Precision::F32 => {
                    for i in 0..LANES {
                        let taps = &taps[i * kernel * LANES..];
                        // SAFETY: each vector of the filters belongs to one task.
                        unsafe {
                            let target = filters.from(start + i * width);
                            transform_filter::<V>(taps, &positions, target, f.filter_pitch());
                        }
                    }
                }
                Precision::Bf16 => {
                    let mut pair = [[0.0_f32; FREQUENCIES * LANES]; 2];
                    for i in 0..LANES / 2 {
                        for (k, target) in pair.iter_mut().enumerate() {
                            let taps = &taps[(2 * i + k) * kernel * LANES..];
                            // SAFETY: the target holds 36 vectors.
                            unsafe {
                                transform_filter::<V>(taps, &positions, target.as_mut_ptr(), LANES);
                            };
                        }
                        let [first, second] = &pair;
                        let rows = first.chunks_exact(LANES).zip(second.chunks_exact(LANES));
                        for (frequency, (first, second)) in rows.enumerate() {
                            let start = frequency * f.filter_pitch() + start + i * width;
                            // SAFETY: each vector of the filters belongs to one task.
                            pair_rows(first, second, unsafe { filters.part(start, LANES) });
                        }
                    }
                }
            }
        }
    }
}

/// Transforms filters of [`LANES`] channels: `taps` are the kernels' vectors, the result 36 vectors, `pitch` values
/// apart.
#[inline(always)]
unsafe fn transform_filter<V: Vector>(
    taps: &[f32],
    positions: &[Option<usize>; 9],
    target: *mut f32,
    pitch: usize,
) {
    // SAFETY: the extents are the caller's contract.
    unsafe {
        for lane in (0..LANES).step_by(V::LANES) {
            let mut rows = [[V::splat(0.0); 6]; 3];
            for (row, positions) in rows.iter_mut().zip(positions.as_chunks::<3>().0) {
                let mut filter_row = [V::splat(0.0); 3];
                for (value, position) in filter_row.iter_mut().zip(positions) {
                    if let Some(tap) = position {
                        *value = V::load(taps[tap * LANES + lane..][..V::LANES].as_ptr());
                    }
                }
                *row = filter(filter_row);
            }
            for column in 0..6 {
                let values = filter(column_of(&rows, column));
                store(values, target.add(column * pitch + lane), 6 * pitch);
            }
        }
    }
}

struct TransformInputs<'a> {
    filter: &'a Filter<'a>,
    run: &'a Run,
    x: &'a [f32],
    inputs: &'a SharedSlice<'a>,
    pitch: usize,
}

impl Kernel for TransformInputs<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (f, run) = (self.filter, self.run);
        let channels = f.input.channels;
        let mut strip = Strip::new();
        for phase in 0..f.input.step * f.input.step {
            let phases = Phases {
                plane: f.input.plane,
                step: f.input.step,
                phase: [phase / f.input.step, phase % f.input.step],
            };
            for channel in (0..channels).step_by(LANES) {
                let base = &self.x[(run.image * channels + channel) * f.input.pixels()..];
                let width = f.slots(f.input.width());
                let start = run.start * width + f.slots(phase * channels + channel);
                // SAFETY: the strip's tiles lie within `pitch` values of each frequency and belong to one task.
                unsafe {
                    let target = self.inputs.from(start);
                    strip.read::<V, 6>(base, phases, run, f.taps.padding());
                    strip.transform_inputs::<V>(run.len, target, self.pitch, width, f.precision);
                }
            }
        }
    }
}

struct TransformOutputs<'a> {
    filter: &'a Filter<'a>,
    run: &'a Run,
    outputs: &'a [f32],
    pitch: usize,
    operands: &'a Operands<'a>,
}

impl Kernel for TransformOutputs<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (f, run) = (self.filter, self.run);
        let Side {
            plane: [height, width],
            channels,
            step,
        } = f.output;
        let (mut first, mut second) = (Strip::new(), Strip::new());
        let mut strips = [&mut first, &mut second];
        let mut lines = [[0.0; LANES * TILE * STRIP]; 2];
        let mut joined = [0.0; 2 * TILE * STRIP];
        let x = run.column * TILE * step;
        let columns = (run.len * TILE * step).min(width.saturating_sub(x));
        for channel in (0..channels).step_by(LANES) {
            for phase_y in 0..step {
                for (phase_x, strip) in strips.iter_mut().take(step).enumerate() {
                    let phase = phase_y * step + phase_x;
                    let start = run.start * f.output.width() + phase * channels + channel;
                    let source = &self.outputs[start..];
                    assert!(
                        source.len()
                            >= (FREQUENCIES - 1) * self.pitch
                                + (run.len - 1) * f.output.width()
                                + LANES
                    );
                    // SAFETY: the extents of `source` were checked.
                    unsafe {
                        strip.transform_outputs::<V>(
                            run.len,
                            source.as_ptr(),
                            self.pitch,
                            f.output.width(),
                        );
                    }
                }
                for row in 0..TILE {
                    let y = (run.row * TILE + row) * step + phase_y;
                    if y >= height {
                        break;
                    }
                    for (strip, line) in strips.iter().zip(&mut lines).take(step) {
                        // SAFETY: the instruction set is the caller's contract.
                        unsafe { strip.write::<V>(row, run.len, line) };
                    }
                    for lane in 0..LANES {
                        let pixels = lane * TILE * STRIP..(lane + 1) * TILE * STRIP;
                        let mut line = &lines[0][pixels.clone()];
                        if step == 2 {
                            let pairs = line.iter().zip(&lines[1][pixels]);
                            for (joined, (even, odd)) in
                                joined.as_chunks_mut::<2>().0.iter_mut().zip(pairs)
                            {
                                *joined = [*even, *odd];
                            }
                            line = &joined;
                        }
                        let channel = channel + lane;
                        let start = ((run.image * channels + channel) * height + y) * width + x;
                        // SAFETY: each pixel of each channel belongs to one task.
                        let target = unsafe { self.operands.y.part(start, columns) };
                        self.operands
                            .epilogue
                            .store(&line[..columns], channel, start, target);
                    }
                }
            }
        }
    }
}
