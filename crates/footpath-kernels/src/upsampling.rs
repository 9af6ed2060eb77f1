use burn::tensor::{
    Tensor, module,
    ops::{InterpolateMode, InterpolateOptions},
};

/// Bilinear interpolation of `[N, C, H, W]` to `[N, C, output_size[0], output_size[1]]`.
///
/// Pixel centres lie at half-integers (`align_corners = false`), samples beyond the border take the nearest pixel.
///
/// # Panics
/// If the input or the result has no pixel.
#[must_use]
pub fn upsample_bilinear(x: Tensor<4>, output_size: [usize; 2]) -> Tensor<4> {
    let options = InterpolateOptions::new(InterpolateMode::Bilinear)
        .with_align_corners(false)
        .with_output_size(output_size);
    module::interpolate(x, options)
}
