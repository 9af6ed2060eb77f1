use burn::tensor::Tensor;

/// Concatenates feature maps along channels: `[N, C_i, H, W]` each, in order, to `[N, ΣC_i, H, W]`.
///
/// # Panics
/// If there is no part, or the parts differ in more than the number of channels.
#[must_use]
pub fn concat_channels(parts: Vec<Tensor<4>>) -> Tensor<4> {
    Tensor::cat(parts, 1)
}
