use burn::tensor::{Tensor, module, ops::ConvTransposeOptions};

use crate::Activation;

/// Two-dimensional transposed convolution, bias and activation: the data gradient of [`conv2d`](crate::conv2d).
///
/// # Shapes
/// - `x`: `[N, C_in, H, W]`
/// - `weight`: `[C_in, C_out, K_h, K_w]`
/// - `bias`: `[C_out]`
/// - result: `[N, C_out, (H - 1)·stride[0] + K_h + output_padding[0] - 2·padding[0], …]`
///
/// `padding` removes that many pixels from each side of the result; `output_padding` adds rows and columns at its
/// end, so that sizes which a strided convolution maps to the same size can be told apart.
///
/// # Panics
/// If the shapes do not fit together, a stride is zero, or the result would be empty.
#[must_use]
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [usize; 2],
    output_padding: [usize; 2],
    activation: Activation,
) -> Tensor<4> {
    let options = ConvTransposeOptions::new(stride, padding, output_padding, [1, 1], 1);
    activation.apply(module::conv_transpose2d(x, weight, bias, options))
}
