//! Dilated convolutions by the kernels of plain ones.
//!
//! A dilation of d joins pixels whose rows and columns are equal modulo d. So the image is taken
//! apart into its d² phases, each a smaller image, in which those pixels are neighbours; the plain
//! convolution of all phases as one batch is the dilated convolution of the image.

use burn::tensor::Tensor;

/// `convolve`, of stride 1 and keeping the size with zeros around, applied with its pixels
/// `dilation` apart: `[N, C, H, W]` → `[N, C_out, H, W]`.
pub(super) fn dilate(
    x: Tensor<4>,
    dilation: usize,
    convolve: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    if dilation == 1 {
        return convolve(x);
    }
    let [images, channels, height, width] = x.dims();
    let d = dilation;
    let (rows, columns) = (height.div_ceil(d), width.div_ceil(d));
    // The zeros added are those that the convolution would see there.
    let x = widened(widened(x, 2, rows * d), 3, columns * d);
    let phases = x
        .reshape([images, channels, rows, d, columns, d])
        .permute([0, 3, 5, 1, 2, 4])
        .reshape([images * d * d, channels, rows, columns]);
    let y = convolve(phases);
    let [_, outputs, _, _] = y.dims();
    let y = y
        .reshape([images, d, d, outputs, rows, columns])
        .permute([0, 3, 4, 1, 5, 2])
        .reshape([images, outputs, rows * d, columns * d]);
    y.narrow(2, 0, height).narrow(3, 0, width)
}

/// `x` with zeros at the end of an axis, up to `length`.
fn widened(x: Tensor<4>, axis: usize, length: usize) -> Tensor<4> {
    let mut shape = x.dims();
    if shape[axis] == length {
        return x;
    }
    shape[axis] = length - shape[axis];
    let zeros = Tensor::zeros(shape, &x.device());
    Tensor::cat(vec![x, zeros], axis)
}

#[cfg(test)]
mod tests {
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;
    use burn::tensor::{Device, TensorData};
    use footpath_kernels::Activation;

    use super::*;
    use crate::golden;

    fn leaf(shape: [usize; 4], seed: u64) -> Tensor<4> {
        let values: Vec<f32> = golden::stream(seed, shape.iter().product())
            .map(|u| u as f32)
            .collect();
        let device = Device::flex().autodiff();
        Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
    }

    fn close(found: Tensor<4>, expected: Tensor<4>) {
        assert_eq!(found.dims(), expected.dims());
        let largest: f64 = (found - expected).abs().max().into_scalar();
        assert!(largest < 2e-4, "{largest}");
    }

    #[test]
    fn phases_make_the_dilated_convolution_and_its_gradients() {
        for (dilation, size) in [(2, [12, 8]), (3, [13, 8]), (5, [3, 11])] {
            let x = leaf([2, 3, size[0], size[1]], 1);
            let weight = leaf([4, 3, 3, 3], 2);
            let convolve = |x| {
                let weight = weight.clone();
                footpath_kernels::conv2d(x, weight, None, [1, 1], [1, 1], Activation::None)
            };
            let ours = dilate(x.clone(), dilation, convolve);
            let options = ConvOptions::new([1, 1], [dilation; 2], [dilation; 2], 1);
            let burns = conv2d(x.clone(), weight.clone(), None, options);
            close(ours.clone(), burns.clone());
            let (ours, burns) = (
                ours.powi_scalar(2).sum().backward(),
                burns.powi_scalar(2).sum().backward(),
            );
            for leaf in [&x, &weight] {
                close(leaf.grad(&ours).unwrap(), leaf.grad(&burns).unwrap());
            }
        }
    }
}
