use burn::{
    backend::Dispatch,
    tensor::{Tensor, module, ops::ConvOptions},
};

use crate::{
    Activation,
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

/// [`conv2d`] whose activation follows the sum with `residual`, which has the result's shape: the end of a `ResNet`
/// block whose batch norm is folded into the convolution.
///
/// One pass on untracked tensors of the CPU; otherwise composed of [`conv2d`] and a sum.
///
/// # Panics
/// If the shapes do not fit together, a stride is zero, or the padded image is smaller than the kernel.
#[must_use]
pub fn conv2d_residual(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    residual: Tensor<4>,
    stride: [usize; 2],
    padding: [usize; 2],
    activation: Activation,
) -> Tensor<4> {
    fn untracked<const D: usize>(tensor: &Tensor<D>) -> bool {
        supports(tensor) && !tensor.device().is_autodiff()
    }
    if [&x, &weight, &residual].into_iter().all(untracked) && bias.as_ref().is_none_or(untracked) {
        let operation = Convolution {
            direction: Direction::Forward,
            geometry: ConvGeometry::new(x.dims(), weight.dims(), stride, padding),
            relu: activation == Activation::Relu,
        };
        return extension::convolution_residual(operation, x, weight, bias, residual);
    }
    activation.apply(conv2d(x, weight, bias, stride, padding, Activation::None) + residual)
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

    use super::{composed, conv2d, conv2d_residual};
    use crate::{
        Activation,
        fused_tests::{assert_agree, assert_same_gradients, constant, leaf},
    };

    #[test]
    fn residual_joins_before_the_activation() {
        let (x, weight) = (constant([2, 5, 9, 11], 1), constant([6, 5, 3, 3], 2));
        let (bias, residual) = (constant([6], 3), constant([2, 6, 9, 11], 4));
        let run = |x, weight, bias, residual| {
            conv2d_residual(
                x,
                weight,
                Some(bias),
                residual,
                [1, 1],
                [1, 1],
                Activation::Relu,
            )
        };
        let fused = run(x.clone(), weight.clone(), bias.clone(), residual.clone());
        let sum = composed(x, weight, Some(bias), [1, 1], [1, 1], Activation::None) + residual;
        assert_agree(&fused, &sum.clamp_min(0.0), "result");
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
