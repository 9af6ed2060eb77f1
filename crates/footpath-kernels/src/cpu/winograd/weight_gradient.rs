//! The weight gradient: frequencies of inputs times frequencies of gradients, summed over tiles.
//!
//! Tiles are taken in rounds whose transforms stay in the L3 cache; each frequency's sums are one task of a round.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    super::{
        geometry::ConvGeometry,
        microkernel::{COLUMNS, Left, ROWS, outer_product},
        packing::Run,
        scratch::with_scratch,
        shared::SharedSlice,
        simd::{Kernel, Level, Vector},
    },
    FREQUENCIES, LANES, STRIP,
    layout::{Taps, Tiling, suits},
    transform::{Phases, Strip, column_of, filter_gradient, store},
};
use crate::Precision;

/// Values of a round's transforms.
const ROUND_VALUES: usize = 1536 * 1024;

/// The gradient with respect to the weight, if this method suits the convolution; otherwise nothing is written.
pub(crate) fn weight_gradient(
    geometry: &ConvGeometry,
    x: &[f32],
    gradient: &[f32],
    weight: &mut [f32],
) -> bool {
    let tiling = Tiling::new(geometry.images, geometry.output);
    let tiles = tiling.tiles();
    if !suits(geometry) {
        return false;
    }
    let Some(taps) = Taps::new(geometry, false) else {
        return false;
    };
    let (inputs, outputs) = (geometry.channels_in * taps.phases(), geometry.channels_out);
    let round = (ROUND_VALUES / FREQUENCIES / (inputs + outputs))
        .next_multiple_of(4 * STRIP)
        .min(tiles);
    let input_pitch = round * inputs + LANES;
    let output_pitch = round * outputs + LANES;
    let sum_pitch = inputs * outputs + LANES;
    let transforms = FREQUENCIES * (input_pitch + output_pitch);
    with_scratch(transforms + FREQUENCIES * sum_pitch, |scratch| {
        let (transforms, sums) = scratch.split_at_mut(transforms);
        let (left, right) = transforms.split_at_mut(FREQUENCIES * output_pitch);
        for first in (0..tiles).step_by(round) {
            let len = round.min(tiles - first);
            let strips = tiling.strips(first..first + len);
            {
                let (left, right) = (SharedSlice::new(left), SharedSlice::new(right));
                strips.par_chunks(4).for_each(|strips| {
                    Level::current().run(Transform {
                        geometry,
                        taps: &taps,
                        strips,
                        x,
                        gradient,
                        inputs: (&right, input_pitch),
                        outputs: (&left, output_pitch),
                    });
                });
            }
            sums.par_chunks_exact_mut(sum_pitch)
                .enumerate()
                .for_each(|(frequency, sums)| {
                    let left = &left[frequency * output_pitch..][..output_pitch];
                    let right = &right[frequency * input_pitch..][..input_pitch];
                    for phase in 0..taps.phases() {
                        if taps.reaches(taps.phase(phase), frequency) {
                            let columns =
                                phase * geometry.channels_in..(phase + 1) * geometry.channels_in;
                            multiply(
                                [outputs, inputs],
                                columns,
                                len,
                                left,
                                right,
                                sums,
                                first > 0,
                            );
                        }
                    }
                });
        }
        let (sums, weight) = (&*sums, SharedSlice::new(weight));
        (0..outputs).into_par_iter().for_each(|output| {
            Level::current().run(Finish {
                geometry,
                taps: &taps,
                output,
                sums,
                pitch: sum_pitch,
                weight: &weight,
            });
        });
    });
    true
}

/// `sums[output][input] (+)= Σ_tile left[tile][output] · right[tile][input]` for some of the inputs.
fn multiply(
    [outputs, inputs]: [usize; 2],
    columns: Range<usize>,
    tiles: usize,
    left: &[f32],
    right: &[f32],
    sums: &mut [f32],
    accumulate: bool,
) {
    let level = Level::current();
    assert!(
        left.len() >= tiles * outputs
            && right.len() >= tiles * inputs
            && sums.len() >= outputs * inputs
    );
    for column in columns.clone().step_by(COLUMNS) {
        let width = COLUMNS.min(columns.end - column);
        for row in (0..outputs).step_by(ROWS) {
            // SAFETY: extents were checked; `outputs` and `inputs` are multiples of 16.
            unsafe {
                outer_product(
                    level,
                    tiles,
                    Left {
                        values: left[row..].as_ptr(),
                        row_stride: 1,
                        depth_stride: outputs,
                    },
                    (right[column..].as_ptr(), inputs),
                    width,
                    (sums[row * inputs + column..].as_mut_ptr(), inputs),
                    accumulate,
                );
            }
        }
    }
}

/// Transforms strips of the input and of the gradient.
struct Transform<'a> {
    geometry: &'a ConvGeometry,
    taps: &'a Taps,
    strips: &'a [Run],
    x: &'a [f32],
    gradient: &'a [f32],
    /// `[frequency][tile][phase, channel]` and the frequency's pitch.
    inputs: (&'a SharedSlice<'a>, usize),
    outputs: (&'a SharedSlice<'a>, usize),
}

impl Kernel for Transform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let g = self.geometry;
        let width = g.channels_in * self.taps.phases();
        let mut strip = Strip::new();
        for run in self.strips {
            for phase in 0..self.taps.phases() {
                let phases = Phases {
                    plane: g.input,
                    step: self.taps.step,
                    phase: self.taps.phase(phase),
                };
                for channel in (0..g.channels_in).step_by(LANES) {
                    let base = &self.x[(run.image * g.channels_in + channel) * g.input_pixels()..];
                    let start = run.start * width + phase * g.channels_in + channel;
                    // SAFETY: the tiles of each strip belong to one task.
                    unsafe {
                        let target = self.inputs.0.from(start);
                        strip.read::<V, 6>(base, phases, run, self.taps.padding());
                        strip.transform_inputs::<V>(
                            run.len,
                            target,
                            self.inputs.1,
                            width,
                            Precision::F32,
                        );
                    }
                }
            }
            let whole = Phases {
                plane: g.output,
                step: 1,
                phase: [0, 0],
            };
            for channel in (0..g.channels_out).step_by(LANES) {
                let base =
                    &self.gradient[(run.image * g.channels_out + channel) * g.output_pixels()..];
                // SAFETY: the tiles of each strip belong to one task.
                unsafe {
                    let target = self.outputs.0.from(run.start * g.channels_out + channel);
                    strip.read::<V, 4>(base, whole, run, [0, 0]);
                    strip.transform_gradients::<V>(run.len, target, self.outputs.1, g.channels_out);
                }
            }
        }
    }
}

/// Transforms the sums of one output channel to the taps of its kernels.
struct Finish<'a> {
    geometry: &'a ConvGeometry,
    taps: &'a Taps,
    output: usize,
    sums: &'a [f32],
    pitch: usize,
    weight: &'a SharedSlice<'a>,
}

impl Kernel for Finish<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (inputs, kernel) = (self.geometry.channels_in, self.geometry.taps());
        let mut filter = [0.0_f32; 9 * LANES];
        let mut taps = [0.0_f32; LANES * LANES];
        let mut kernels = [0.0_f32; LANES * LANES];
        for input in (0..inputs).step_by(LANES) {
            for phase in 0..self.taps.phases() {
                let phases = self.taps.phase(phase);
                let start = (self.output * self.taps.phases() + phase) * inputs + input;
                assert!(self.sums.len() >= (FREQUENCIES - 1) * self.pitch + start + LANES);
                for lane in (0..LANES).step_by(V::LANES) {
                    // SAFETY: the extents of `sums` were checked.
                    unsafe {
                        // What no phase reaches was not summed, and is not part of the taps below.
                        let mut rows = [[V::splat(0.0); 3]; 6];
                        for (row, values) in rows.iter_mut().enumerate() {
                            let mut sums = [V::splat(0.0); 6];
                            for (column, sum) in sums.iter_mut().enumerate() {
                                let frequency = 6 * row + column;
                                if self.taps.reaches(phases, frequency) {
                                    *sum = V::load(
                                        self.sums
                                            .as_ptr()
                                            .add(frequency * self.pitch + start + lane),
                                    );
                                }
                            }
                            *values = filter_gradient(sums);
                        }
                        for column in 0..3 {
                            let values = column_of(&rows, column);
                            let target = filter[column * LANES + lane..].as_mut_ptr();
                            store(filter_gradient(values), target, 3 * LANES);
                        }
                    }
                }
                let positions = self.taps.positions(phases);
                for (values, position) in filter.chunks_exact(LANES).zip(positions) {
                    if let Some(tap) = position {
                        taps[tap * LANES..][..LANES].copy_from_slice(values);
                    }
                }
            }
            // SAFETY: 16 x 16 values of both.
            unsafe { V::transpose16((taps.as_ptr(), LANES), (kernels.as_mut_ptr(), LANES)) };
            let start = (self.output * inputs + input) * kernel;
            // SAFETY: each output channel belongs to one task.
            let target = unsafe { self.weight.part(start, kernel * LANES) };
            for (target, values) in target
                .chunks_exact_mut(kernel)
                .zip(kernels.chunks_exact(LANES))
            {
                target.copy_from_slice(&values[..kernel]);
            }
        }
    }
}
