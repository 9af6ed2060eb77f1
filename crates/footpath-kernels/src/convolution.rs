use burn::{
    backend::Dispatch,
    tensor::{Tensor, module, ops::ConvOptions},
};

use crate::{
    Activation, InferenceOptions, Precision,
    cpu::geometry::ConvGeometry,
    extension::{self, Convolution, Direction, Kernels, supports},
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

/// [`conv2d`] to infer with.
///
/// One pass on untracked tensors of the CPU, which multiplies in the [`Precision`](crate::Precision) of the weight;
/// elsewhere composed of [`conv2d`] and a sum, in single precision.
///
/// # Panics
/// If the shapes do not fit together, a stride is zero, the padded image is smaller than the kernel, or this processor
/// lacks the precision (see [`Precision::check`](crate::Precision::check)).
#[must_use]
pub fn conv2d_inference(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [usize; 2],
    options: InferenceOptions,
) -> Tensor<4> {
    if options.apply_to(&x, &weight, bias.as_ref()) {
        let geometry = ConvGeometry::new(x.dims(), weight.dims(), stride, padding);
        return extension::inference(Direction::Forward, &geometry, x, weight, bias, options);
    }
    let weight = Precision::F32.of_weight(weight);
    options.compose(|activation| conv2d(x, weight, bias, stride, padding, activation))
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

    use burn::tensor::Tensor;

    use super::{composed, conv2d, conv2d_inference};
    use crate::{
        Activation, InferenceOptions, Precision,
        fused_tests::{assert_agree, assert_same_gradients, constant, leaf},
    };

    #[test]
    fn residual_joins_before_the_activation() {
        let (x, weight) = (constant([2, 5, 9, 11], 1), constant([6, 5, 3, 3], 2));
        let (bias, residual) = (constant([6], 3), constant([2, 6, 9, 11], 4));
        let run = |x, weight, bias, residual| {
            let options = InferenceOptions {
                residual: Some(residual),
                activation: Activation::Relu,
                filters: None,
            };
            conv2d_inference(x, weight, Some(bias), [1, 1], [1, 1], options)
        };
        let fused = run(x.clone(), weight.clone(), bias.clone(), residual.clone());
        let sum = composed(x, weight, Some(bias), [1, 1], [1, 1], Activation::None) + residual;
        assert_agree(&fused, &sum.clamp_min(0.0), "result");
    }

    #[test]
    fn weights_in_bfloat16_give_nearly_the_same() {
        if Precision::Bf16.check().is_err() {
            return;
        }
        let (x, weight) = (constant([2, 32, 26, 30], 1), constant([16, 32, 3, 3], 2));
        let run = |precision: Precision| {
            let options = InferenceOptions {
                residual: None,
                activation: Activation::Relu,
                filters: None,
            };
            let weight = precision.of_weight(weight.clone());
            conv2d_inference(x.clone(), weight, None, [1, 1], [1, 1], options)
        };
        let (exact, rounded) = (run(Precision::F32), run(Precision::Bf16));
        let square = |x: Tensor<4>| x.powi_scalar(2).mean().into_scalar::<f32>();
        let error = square(rounded - exact.clone()) / square(exact);
        assert!(error > 0.0 && error < 1e-3, "{error}");
    }

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
