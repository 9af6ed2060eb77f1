use burn::{
    backend::Dispatch,
    tensor::{Tensor, module, ops::ConvTransposeOptions},
};

use crate::{
    Activation, InferenceOptions, Precision,
    cpu::geometry::ConvGeometry,
    extension::{self, Convolution, Direction, Kernels, supports},
};

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
    if supports(&x) {
        let geometry =
            ConvGeometry::of_transposed(x.dims(), weight.dims(), stride, padding, output_padding);
        let operation = Convolution {
            direction: Direction::Transposed,
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
    composed(x, weight, bias, stride, padding, output_padding, activation)
}

/// [`conv_transpose2d`] to infer with.
///
/// One pass on untracked tensors of the CPU, which multiplies in the [`Precision`](crate::Precision) of the weight;
/// elsewhere composed of [`conv_transpose2d`] and a sum, in single precision.
///
/// # Panics
/// If the shapes do not fit together, a stride is zero, the result would be empty, or this processor lacks the
/// precision (see [`Precision::check`](crate::Precision::check)).
#[must_use]
pub fn conv_transpose2d_inference(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [usize; 2],
    output_padding: [usize; 2],
    options: InferenceOptions,
) -> Tensor<4> {
    if options.apply_to(&x, &weight, bias.as_ref()) {
        let geometry =
            ConvGeometry::of_transposed(x.dims(), weight.dims(), stride, padding, output_padding);
        return extension::inference(Direction::Transposed, &geometry, x, weight, bias, options);
    }
    let weight = Precision::F32.of_weight(weight);
    options.compose(|activation| {
        conv_transpose2d(x, weight, bias, stride, padding, output_padding, activation)
    })
}

/// [`conv_transpose2d`] of Burn's operations.
fn composed(
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{composed, conv_transpose2d};
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
            input in [2..30_usize, 2..30_usize],
            kernel_and_output_padding in prop::sample::select(vec![(4_usize, 0_usize), (3, 1), (2, 0)]),
            padding in 0..2_usize,
            relu: bool,
        ) {
            let (kernel, output_padding) = kernel_and_output_padding;
            let x = leaf([images, channels[0], input[0], input[1]], 1);
            let weight = leaf([channels[0], channels[1], kernel, kernel], 2);
            let bias = leaf([channels[1]], 3);
            let activation = if relu { Activation::Relu } else { Activation::None };
            let run = |convolve: fn(_, _, _, _, _, _, _) -> _| {
                convolve(
                    x.clone(),
                    weight.clone(),
                    Some(bias.clone()),
                    [2, 2],
                    [padding; 2],
                    [output_padding; 2],
                    activation,
                )
            };
            let fused = run(conv_transpose2d);
            assert_same_gradients::<4, 4>(fused, run(composed), [&x, &weight], &[&bias]);
        }
    }
}
