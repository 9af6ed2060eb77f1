//! Reproducible tensors.

use burn::tensor::{Device, Tensor, TensorData};

/// A tensor of `shape` with uniform values in `[-scale, scale)`, the same for the same seed.
#[must_use]
pub fn uniform<const D: usize>(
    shape: [usize; D],
    scale: f32,
    seed: u64,
    device: &Device,
) -> Tensor<D> {
    let mut state = seed;
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            scale * (((state >> 40) as f32) / (1 << 23) as f32 - 1.0)
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
