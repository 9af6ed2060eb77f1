//! The weight gradient of a convolution: dot products of gradient rows with shifted image rows.
//!
//! The pixels of a batch are cut into spans, the (channel, tap) columns of the weight into panels. A task gathers a
//! panel of shifted pixels for each of its spans and multiplies it by the gradient's rows, which are read in place
//! where a span lies in one image. Layers with few panels also split their spans into parts, whose sums are added in
//! order at the end.

use rayon::prelude::*;

use super::{
    geometry::ConvGeometry,
    microkernel::{DOT_LANES, DOT_LEFT, DOT_RIGHT, SumLanes, dot_product},
    packing::{Gather, Source, runs},
    scratch::with_scratch,
    simd::Level,
    winograd,
};

/// Pixels of a span: with ten rows of it a block of products fits in the L1 cache.
const SPAN: usize = 512;
/// Weight columns of a panel: 96 KiB with a whole span.
const PANEL: usize = BLOCKS * DOT_RIGHT;
/// Blocks of products across a panel.
const BLOCKS: usize = 8;
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
    let panels = columns.div_ceil(PANEL);
    let parts = TASKS.div_ceil(panels).min(spans.len());
    let spans_a_part = spans.len().div_ceil(parts);
    let padded_rows = rows.next_multiple_of(DOT_LEFT);
    let sums_len = padded_rows * PANEL;
    with_scratch(panels * parts * sums_len, |all_sums| {
        all_sums
            .par_chunks_exact_mut(sums_len)
            .enumerate()
            .for_each(|(task, sums)| {
                let (panel, part) = (task / parts, task % parts);
                let depths = panel * PANEL..columns.min((panel + 1) * PANEL);
                let last = spans.len().min((part + 1) * spans_a_part);
                with_scratch(sums_len * DOT_LANES, |lanes| {
                    lanes.fill(0.0);
                    for span in spans.get(part * spans_a_part..last).unwrap_or_default() {
                        add_span(geometry, x, gradient, span, depths.clone(), lanes);
                    }
                    // Elements stay in the order of their blocks.
                    Level::current().run(SumLanes { lanes, sums });
                });
            });
        let (all_sums, scale) = (&*all_sums, sums_len);
        weight
            .par_chunks_exact_mut(columns)
            .enumerate()
            .for_each(|(row, weight)| {
                let in_panel = row / DOT_LEFT * DOT_LEFT * PANEL + row % DOT_LEFT * DOT_RIGHT;
                for (panel, weight) in weight.chunks_mut(PANEL).enumerate() {
                    for part in 0..parts {
                        let sums = &all_sums[(panel * parts + part) * scale + in_panel..];
                        let blocks = sums.chunks(DOT_LEFT * DOT_RIGHT);
                        for (weight, sums) in weight.chunks_mut(DOT_RIGHT).zip(blocks) {
                            for (weight, sum) in weight.iter_mut().zip(sums) {
                                *weight += sum;
                            }
                        }
                    }
                }
            });
    });
}

/// Cuts the result's pixels, image after image: large images into equal spans, small ones joined.
fn spans(geometry: &ConvGeometry) -> Vec<std::ops::Range<usize>> {
    let plane = geometry.output_pixels();
    let total = geometry.images * plane;
    if plane >= SPAN {
        let len = plane
            .div_ceil(plane.div_ceil(SPAN))
            .next_multiple_of(DOT_LANES);
        (0..geometry.images)
            .flat_map(|image| {
                (0..plane)
                    .step_by(len)
                    .map(move |start| image * plane + start..image * plane + plane.min(start + len))
            })
            .collect()
    } else {
        (0..total)
            .step_by(SPAN)
            .map(|start| start..total.min(start + SPAN))
            .collect()
    }
}

/// Adds one span's products to `sums`, `[rows / DOT_LEFT][BLOCKS][DOT_LEFT][DOT_RIGHT][DOT_LANES]`.
fn add_span(
    geometry: &ConvGeometry,
    x: &[f32],
    gradient: &[f32],
    span: &std::ops::Range<usize>,
    depths: std::ops::Range<usize>,
    sums: &mut [f32],
) {
    let level = Level::current();
    let source = Source {
        values: x,
        channels: geometry.channels_in,
        plane: geometry.input,
        step: geometry.stride,
    };
    let taps: Vec<[isize; 2]> = (0..geometry.kernel[0])
        .flat_map(|ky| (0..geometry.kernel[1]).map(move |kx| [ky, kx]))
        .map(|tap| std::array::from_fn(|axis| tap[axis] as isize - geometry.padding[axis] as isize))
        .collect();
    let depth = span.len().next_multiple_of(DOT_LANES);
    // Rows a power of two apart would share few sets of the L1 cache.
    let pitch = depth + DOT_LANES;
    let columns = depths.len().next_multiple_of(DOT_RIGHT);
    let rows = geometry.channels_out;
    let padded_rows = rows.next_multiple_of(DOT_LEFT);
    let plane = geometry.output_pixels();
    let in_place =
        depth == span.len() && rows == padded_rows && span.start / plane == (span.end - 1) / plane;
    let copied = if in_place { 0 } else { padded_rows * pitch };
    with_scratch(columns * pitch + copied, |scratch| {
        let (panel, rows_copy) = scratch.split_at_mut(columns * pitch);
        let mut row_runs = Vec::new();
        runs(geometry.output, span.start, span.end, &mut row_runs);
        let mut gather = Gather::default();
        gather.plan(&source, &taps, &row_runs);
        if depth > span.len() || columns > depths.len() {
            panel.fill(0.0);
        }
        gather.fill(&source, depths, pitch, panel);

        let left = if in_place {
            let image = span.start / plane;
            let start = image * rows * plane + span.start % plane;
            (gradient[start..].as_ptr(), plane)
        } else {
            rows_copy.fill(0.0);
            let mut position = span.start;
            while position < span.end {
                let (image, pixel) = (position / plane, position % plane);
                let len = (plane - pixel).min(span.end - position);
                for row in 0..rows {
                    let from = (image * rows + row) * plane + pixel;
                    let to = row * pitch + position - span.start;
                    rows_copy[to..to + len].copy_from_slice(&gradient[from..from + len]);
                }
                position += len;
            }
            (rows_copy.as_ptr(), pitch)
        };
        for row in (0..padded_rows).step_by(DOT_LEFT) {
            for column in (0..columns).step_by(DOT_RIGHT) {
                let block = row / DOT_LEFT * BLOCKS + column / DOT_RIGHT;
                let c = &mut sums[block * DOT_LEFT * DOT_RIGHT * DOT_LANES..];
                // SAFETY: `padded_rows` rows of `depth` pixels lie at `left` (in place: whole rows of one image),
                // `columns` rows in the panel, and `c` starts with this block's sums.
                unsafe {
                    let left = (left.0.add(row * left.1), left.1);
                    let right = (panel[column * pitch..].as_ptr(), pitch);
                    dot_product(level, depth, left, right, c.as_mut_ptr());
                }
            }
        }
    });
}
