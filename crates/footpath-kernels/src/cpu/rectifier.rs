//! The backward pass of a fused bias and rectifier.

use rayon::prelude::*;

use super::{
    batch_norm::{Planes, lane_sums},
    shared::SharedSlice,
    simd::vectorised,
};

/// Removes the gradient where the rectified result `y` is 0 and returns its sum for each channel: the bias gradient.
pub(crate) fn backward(planes: Planes, y: Option<&[f32]>, gradient: &mut [f32]) -> Vec<f32> {
    assert_eq!(gradient.len(), planes.len());
    let mut sums = vec![0.0; planes.images * planes.channels];
    let pixels = planes.pixels;
    let shared = SharedSlice::new(gradient);
    sums.par_iter_mut().enumerate().for_each(|(plane, sum)| {
        // SAFETY: each plane belongs to one task.
        let gradient = unsafe { shared.part(plane * pixels, pixels) };
        *sum = vectorised(|| {
            if let Some(y) = y {
                for (g, y) in gradient.iter_mut().zip(&y[plane * pixels..][..pixels]) {
                    *g = if *y > 0.0 { *g } else { 0.0 };
                }
            }
            let mut sum = 0.0;
            for chunk in gradient.chunks(4096) {
                sum += lane_sums(chunk.len(), |i| [chunk[i]])[0];
            }
            sum
        });
    });
    (0..planes.channels)
        .map(|channel| {
            sums.iter()
                .skip(channel)
                .step_by(planes.channels)
                .sum::<f64>() as f32
        })
        .collect()
}
