use burn::{
    backend::Dispatch,
    tensor::{Tensor, module, ops::MaxPoolOptions},
};

use crate::{
    cpu::max_pool::PoolGeometry,
    extension::{Kernels, supports},
};

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
    if supports(&x) {
        let geometry = PoolGeometry::new(x.dims(), kernel, stride, padding);
        return Tensor::from_dispatch(Dispatch::max_pool(x.into_dispatch(), geometry));
    }
    composed(x, kernel, stride, padding)
}

/// [`max_pool2d`] of Burn's operations.
fn composed(
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{composed, max_pool2d};
    use crate::fused_tests::{assert_same_gradients, leaf};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn equals_composition(
            shape in [1..3_usize, 1..5_usize, 3..40_usize, 3..40_usize],
            window in prop::sample::select(vec![(2_usize, 2_usize, 0_usize), (3, 2, 1), (3, 1, 1), (2, 1, 0)]),
        ) {
            let (kernel, stride, padding) = window;
            let x = leaf(shape, 1);
            let run = |pool: fn(_, _, _, _) -> _| pool(x.clone(), [kernel; 2], [stride; 2], [padding; 2]);
            assert_same_gradients::<4, 4>(run(max_pool2d), run(composed), [&x, &x], &[]);
        }
    }
}
