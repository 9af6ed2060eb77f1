//! The weight gradient of a convolution as a matrix product summed over pixels.
//!
//! The pixels of each image are cut into spans, the (channel, tap) columns of the weight into panels. A task gathers a
//! panel of shifted pixels for each of its spans, turns it so that a pixel's columns lie side by side, and multiplies
//! it by the gradient's rows, which are read where they lie. Layers with few panels also split their spans into parts,
//! whose sums are added in order at the end.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    geometry::ConvGeometry,
    microkernel::{COLUMNS, Left, ROWS, outer_product},
    packing::{BLOCK, Gather, Run, Source, Turn, runs},
    scratch::with_scratch,
    simd::Level,
    winograd,
};

/// Pixels of a span: a panel of them is 48 KiB.
const SPAN: usize = 256;
/// Tasks that keep any sensible number of threads busy.
const TASKS: usize = 16;

/// The gradient with respect to the weight `[C_out, C_in, K_h, K_w]`, where `gradient` is the result's.
pub(crate) fn weight_gradient(
    geometry: &ConvGeometry,
    x: &[f32],
    gradient: &[f32],
    weight: &mut [f32],
) {
    assert_eq!(x.len(), geometry.input_len());
    assert_eq!(gradient.len(), geometry.output_len());
    assert_eq!(weight.len(), geometry.weight_len());
    if winograd::weight_gradient(geometry, x, gradient, weight) {
        return;
    }
    let (rows, columns) = (
        geometry.channels_out,
        geometry.channels_in * geometry.taps(),
    );
    let spans = spans(geometry);
    weight.fill(0.0);
    if rows == 0 || columns == 0 || spans.is_empty() {
        return;
    }
    let taps: Vec<[isize; 2]> = (0..geometry.kernel[0])
        .flat_map(|ky| (0..geometry.kernel[1]).map(move |kx| [ky, kx]))
        .map(|tap| std::array::from_fn(|axis| tap[axis] as isize - geometry.padding[axis] as isize))
        .collect();
    // Panels of equal width leave no narrow one, which would be slow.
    let width = columns
        .div_ceil(columns.div_ceil(COLUMNS))
        .next_multiple_of(BLOCK);
    let panels = columns.div_ceil(width);
    let parts = TASKS.div_ceil(panels).min(spans.len());
    let spans_a_part = spans.len().div_ceil(parts);
    let sums_len = rows.next_multiple_of(ROWS) * width;
    with_scratch(panels * parts * sums_len, |all_sums| {
        all_sums
            .par_chunks_exact_mut(sums_len)
            .enumerate()
            .for_each(|(task, sums)| {
                let (panel, part) = (task / parts, task % parts);
                let last = spans.len().min((part + 1) * spans_a_part);
                let sum = Sum {
                    geometry,
                    taps: &taps,
                    x,
                    gradient,
                    columns: panel * width..columns.min((panel + 1) * width),
                    width,
                };
                sums.fill(0.0);
                sum.add(
                    spans.get(part * spans_a_part..last).unwrap_or_default(),
                    sums,
                );
            });
        let all_sums = &*all_sums;
        weight
            .par_chunks_exact_mut(columns)
            .enumerate()
            .for_each(|(row, weight)| {
                for (panel, weight) in weight.chunks_mut(width).enumerate() {
                    for part in 0..parts {
                        let sums = &all_sums[(panel * parts + part) * sums_len + row * width..];
                        for (weight, sum) in weight.iter_mut().zip(sums) {
                            *weight += sum;
                        }
                    }
                }
            });
    });
}

/// Cuts the pixels of each image of the result into equal spans, as positions of the whole batch.
fn spans(geometry: &ConvGeometry) -> Vec<Range<usize>> {
    let plane = geometry.output_pixels();
    if plane == 0 {
        return Vec::new();
    }
    let len = plane.div_ceil(plane.div_ceil(SPAN)).next_multiple_of(BLOCK);
    (0..geometry.images)
        .flat_map(|image| {
            (0..plane)
                .step_by(len)
                .map(move |start| image * plane + start..image * plane + plane.min(start + len))
        })
        .collect()
}

/// The products of some columns of the weight.
struct Sum<'a> {
    geometry: &'a ConvGeometry,
    taps: &'a [[isize; 2]],
    x: &'a [f32],
    gradient: &'a [f32],
    columns: Range<usize>,
    /// Columns of the panel, a multiple of [`BLOCK`].
    width: usize,
}

impl Sum<'_> {
    /// Adds the products of spans to `sums`, `[rows][width]`.
    fn add(&self, spans: &[Range<usize>], sums: &mut [f32]) {
        let source = Source {
            values: self.x,
            channels: self.geometry.channels_in,
            plane: self.geometry.input,
            step: self.geometry.stride,
        };
        // Rows a power of two apart would share few sets of the L1 cache.
        let pitch = SPAN + BLOCK;
        let (mut gather, mut row_runs): (Gather, Vec<Run>) = (Gather::default(), Vec::new());
        with_scratch(self.width * (pitch + SPAN) + ROWS * SPAN, |scratch| {
            let (gathered, scratch) = scratch.split_at_mut(self.width * pitch);
            let (panel, last_rows) = scratch.split_at_mut(self.width * SPAN);
            // What is turned beyond the columns and pixels meets no weight, but is to be a number.
            gathered.fill(0.0);
            for span in spans {
                runs(self.geometry.output, span.start, span.end, &mut row_runs);
                gather.plan(&source, self.taps, &row_runs);
                gather.fill(&source, self.columns.clone(), pitch, gathered);
                Level::current().run(Turn {
                    rows: gathered,
                    pitch,
                    depth: span.len(),
                    width: self.width,
                    turned: panel,
                });
                self.multiply(span, panel, last_rows, sums);
            }
        });
    }

    fn multiply(
        &self,
        span: &Range<usize>,
        panel: &[f32],
        last_rows: &mut [f32],
        sums: &mut [f32],
    ) {
        let (level, depth) = (Level::current(), span.len());
        let (rows, plane) = (self.geometry.channels_out, self.geometry.output_pixels());
        let image = span.start / plane;
        let gradient = &self.gradient[image * rows * plane + span.start % plane..];
        for (block, c) in sums.chunks_exact_mut(ROWS * self.width).enumerate() {
            let row = block * ROWS;
            let left = if row + ROWS <= rows {
                (&gradient[row * plane..], plane)
            } else {
                last_rows.fill(0.0);
                for (target, row) in last_rows.chunks_exact_mut(SPAN).zip(row..rows) {
                    target[..depth].copy_from_slice(&gradient[row * plane..][..depth]);
                }
                (&*last_rows, SPAN)
            };
            assert!(
                left.0.len() >= (ROWS - 1) * left.1 + depth && panel.len() >= depth * self.width
            );
            let left = Left {
                values: left.0.as_ptr(),
                row_stride: left.1,
                depth_stride: 1,
            };
            // SAFETY: the extents of the left and of the panel were checked, `c` is a block of sums.
            unsafe {
                outer_product(
                    level,
                    depth,
                    left,
                    (panel.as_ptr(), self.width),
                    self.width,
                    (c.as_mut_ptr(), self.width),
                    true,
                );
            }
        }
    }
}
