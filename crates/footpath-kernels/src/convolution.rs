use burn::{
    backend::Dispatch,
    tensor::{Tensor, module, ops::ConvOptions},
};

use crate::{
    Activation,
    cpu::geometry::ConvGeometry,
    extension::{Convolution, Direction, Kernels, supports},
};

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
    if supports(&x) {
        let geometry = ConvGeometry::new(x.dims(), weight.dims(), stride, padding);
        let operation = Convolution {
            direction: Direction::Forward,
            geometry,
            relu: activation == Activation::Relu,
        };
        let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
        return Tensor::from_dispatch(match bias {
            Some(bias) => {
                Dispatch::convolution_with_bias(x, weight, bias.into_dispatch(), operation)
            }
            None => Dispatch::convolution(x, weight, operation),
        });
    }
    composed(x, weight, bias, stride, padding, activation)
}

/// [`conv2d`] of Burn's operations.
fn composed(
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{composed, conv2d};
    use crate::{
        Activation,
        fused_tests::{assert_same_gradients, leaf},
    };

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn equals_composition(
            images in 1..4_usize,
            channels in [1..20_usize, 1..20_usize],
            input in [7..40_usize, 7..40_usize],
            kernel in prop::sample::select(vec![1_usize, 3, 7]),
            stride in 1..3_usize,
            padding in 0..4_usize,
            relu: bool,
        ) {
            let x = leaf([images, channels[0], input[0], input[1]], 1);
            let weight = leaf([channels[1], channels[0], kernel, kernel], 2);
            let bias = leaf([channels[1]], 3);
            let activation = if relu { Activation::Relu } else { Activation::None };
            let run = |convolve: fn(_, _, _, _, _, _) -> _| {
                convolve(
                    x.clone(),
                    weight.clone(),
                    Some(bias.clone()),
                    [stride; 2],
                    [padding; 2],
                    activation,
                )
            };
            assert_same_gradients::<4, 4>(run(conv2d), run(composed), [&x, &weight], &[&bias]);
        }
    }
}
