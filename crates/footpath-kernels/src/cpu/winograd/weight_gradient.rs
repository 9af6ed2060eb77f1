//! The weight gradient: frequencies of inputs times frequencies of gradients, summed over tiles.
//!
//! Tiles are taken in rounds whose transforms stay in the L3 cache; each frequency's sums are one task of a round.

use rayon::prelude::*;

use super::super::packing::Run;
use super::{
    super::{
        geometry::ConvGeometry,
        microkernel::{COLUMNS, Left, ROWS, outer_product},
        scratch::with_scratch,
        shared::SharedSlice,
        simd::{Kernel, Level, Vector},
    },
    FREQUENCIES, LANES, STRIP, Tiling,
    transform::{Strip, filter_gradient},
};

/// Values of a round's transforms.
const ROUND_VALUES: usize = 1536 * 1024;

/// The gradient with respect to the weight, if this method suits the convolution; otherwise nothing is written.
pub(crate) fn weight_gradient(
    geometry: &ConvGeometry,
    x: &[f32],
    gradient: &[f32],
    weight: &mut [f32],
) -> bool {
    let whole = |channels: usize| channels > 0 && channels.is_multiple_of(LANES);
    let tiling = Tiling::new(geometry.images, geometry.output);
    let (inputs, outputs) = (geometry.channels_in, geometry.channels_out);
    let suits = geometry.kernel == [3, 3]
        && geometry.stride == [1, 1]
        && whole(inputs)
        && whole(outputs)
        && geometry.input.into_iter().all(|side| side > 0)
        && tiling.tiles() >= 48;
    if !suits {
        return false;
    }
    let tiles = tiling.tiles();
    let round = (ROUND_VALUES / FREQUENCIES / (inputs + outputs))
        .next_multiple_of(4 * STRIP)
        .min(tiles);
    let input_pitch = round * inputs + LANES;
    let output_pitch = round * outputs + LANES;
    let sum_pitch = inputs * outputs + LANES;
    with_scratch(
        FREQUENCIES * (input_pitch + output_pitch + sum_pitch),
        |scratch| {
            let (transforms, sums) =
                scratch.split_at_mut(FREQUENCIES * (input_pitch + output_pitch));
            for first in (0..tiles).step_by(round) {
                let len = round.min(tiles - first);
                let strips = tiling.strips(first..first + len);
                let (left, right) = transforms.split_at_mut(FREQUENCIES * output_pitch);
                {
                    let (shared_left, shared_right) =
                        (SharedSlice::new(left), SharedSlice::new(right));
                    strips.par_chunks(4).for_each(|strips| {
                        Level::current().run(Transform {
                            geometry,
                            strips,
                            x,
                            gradient,
                            inputs: (&shared_right, input_pitch),
                            outputs: (&shared_left, output_pitch),
                        });
                    });
                }
                sums.par_chunks_exact_mut(sum_pitch)
                    .enumerate()
                    .for_each(|(frequency, sums)| {
                        let left = &left[frequency * output_pitch..][..output_pitch];
                        let right = &right[frequency * input_pitch..][..input_pitch];
                        multiply([outputs, inputs], len, left, right, sums, first > 0);
                    });
            }
            let (sums, weight) = (&*sums, SharedSlice::new(weight));
            (0..outputs).into_par_iter().for_each(|output| {
                Level::current().run(Finish {
                    inputs,
                    output,
                    sums,
                    pitch: sum_pitch,
                    weight: &weight,
                });
            });
        },
    );
    true
}

/// `sums[output][input] (+)= Σ_tile left[tile][output] · right[tile][input]`.
fn multiply(
    [outputs, inputs]: [usize; 2],
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
    for column in (0..inputs).step_by(COLUMNS) {
        let width = COLUMNS.min(inputs - column);
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
    strips: &'a [Run],
    x: &'a [f32],
    gradient: &'a [f32],
    /// `[frequency][tile][channel]` and the frequency's pitch.
    inputs: (&'a SharedSlice<'a>, usize),
    outputs: (&'a SharedSlice<'a>, usize),
}

impl Kernel for Transform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let g = self.geometry;
        let mut strip = Strip::new();
        for run in self.strips {
            for channel in (0..g.channels_in).step_by(LANES) {
                let base = &self.x[(run.image * g.channels_in + channel) * g.input_pixels()..];
                // SAFETY: the tiles of each strip belong to one task.
                unsafe {
                    let target = self.inputs.0.from(run.start * g.channels_in + channel);
                    strip.read::<V, 6>(base, g.input, run, g.padding);
                    strip.transform_inputs::<V>(run.len, target, self.inputs.1, g.channels_in);
                }
            }
            for channel in (0..g.channels_out).step_by(LANES) {
                let base =
                    &self.gradient[(run.image * g.channels_out + channel) * g.output_pixels()..];
                // SAFETY: the tiles of each strip belong to one task.
                unsafe {
                    let target = self.outputs.0.from(run.start * g.channels_out + channel);
                    strip.read::<V, 4>(base, g.output, run, [0, 0]);
                    strip.transform_gradients::<V>(run.len, target, self.outputs.1, g.channels_out);
                }
            }
        }
    }
}

/// Transforms the sums of one output channel to filters.
struct Finish<'a> {
    inputs: usize,
    output: usize,
    sums: &'a [f32],
    pitch: usize,
    weight: &'a SharedSlice<'a>,
}

impl Kernel for Finish<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut taps = [0.0_f32; LANES * LANES];
        let mut filters = [0.0_f32; 9 * LANES + 7];
        for input in (0..self.inputs).step_by(LANES) {
            for lane in (0..LANES).step_by(V::LANES) {
                let start = self.output * self.inputs + input + lane;
                assert!(self.sums.len() >= (FREQUENCIES - 1) * self.pitch + start + V::LANES);
                // SAFETY: the extents of `sums` were checked.
                unsafe {
                    let sum = |row: usize, column: usize| {
                        V::load(
                            self.sums
                                .as_ptr()
                                .add((6 * row + column) * self.pitch + start),
                        )
                    };
                    let rows: [[V; 3]; 6] = std::array::from_fn(|row| {
                        filter_gradient(std::array::from_fn(|column| sum(row, column)))
                    });
                    for column in 0..3 {
                        let values = filter_gradient(std::array::from_fn(|row| rows[row][column]));
                        for (row, value) in values.into_iter().enumerate() {
                            value.store(taps[(3 * row + column) * LANES + lane..].as_mut_ptr());
                        }
                    }
                }
            }
            // SAFETY: rows of 16 values nine apart, each overwriting the last seven of the one before.
            unsafe { V::transpose16((taps.as_ptr(), LANES), (filters.as_mut_ptr(), 9)) };
            // SAFETY: each output channel belongs to one task.
            let target = unsafe {
                self.weight
                    .part((self.output * self.inputs + input) * 9, 9 * LANES)
            };
            target.copy_from_slice(&filters[..9 * LANES]);
        }
    }
}
