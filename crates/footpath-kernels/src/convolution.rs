use burn::tensor::{Tensor, module, ops::ConvOptions};

use crate::Activation;

/// Two-dimensional convolution (cross-correlation, as in the field), bias and activation.
///
/// # Shapes
/// - `x`: `[N, C_in, H, W]`
/// - `weight`: `[C_out, C_in, K_h, K_w]`
/// - `bias`: `[C_out]`
/// - result: `[N, C_out, (H + 2·padding[0] - K_h) / stride[0] + 1, (W + 2·padding[1] - K_w) / stride[1] + 1]`
///
/// `stride` and `padding` are `[vertical, horizontal]`, in pixels; padding is with zeros on both sides.
///
/// # Panics
/// If the shapes do not fit together, a stride is zero, or the padded image is smaller than the kernel.
#[must_use]
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [usize; 2],
    activation: Activation,
) -> Tensor<4> {
    let options = ConvOptions::new(stride, padding, [1, 1], 1);
    activation.apply(module::conv2d(x, weight, bias, options))
}
