use burn::tensor::{Tensor, module, ops::MaxPoolOptions};

/// Maximum over windows of `kernel` pixels, `stride` apart.
///
/// `x` is `[N, C, H, W]`, the result `[N, C, (H + 2·padding[0] - kernel[0]) / stride[0] + 1, …]`. Padded pixels never
/// win. Backward, the gradient goes to the first maximum of a window in row-major order.
///
/// # Panics
/// If a stride or kernel side is zero, or the padded image is smaller than the kernel.
#[must_use]
pub fn max_pool2d(
    x: Tensor<4>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Tensor<4> {
    let options = MaxPoolOptions::new(kernel)
        .with_stride(stride)
        .with_padding(padding);
    module::max_pool2d(x, options)
}
