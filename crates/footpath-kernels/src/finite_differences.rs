//! Gradients against finite differences, in the direction of a random vector.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::{
    Activation, SegmentationLoss, batch_norm_train, concat_channels, conv_transpose2d, conv2d,
    fused_tests::{list, values},
    max_pool2d, segmentation_loss, upsample_bilinear,
};

/// Checks the derivative of `Σ weight · f(x)` along a random direction, relative to the gradient's length.
fn check<const D: usize, const E: usize>(
    name: &str,
    shape: [usize; D],
    step: f64,
    f: impl Fn(Tensor<D>) -> Tensor<E>,
) {
    let len = shape.iter().product();
    let (point, direction) = (values(len, 11), values(len, 12));
    let at = |offset: f64| {
        let moved = point.iter().zip(&direction);
        let moved: Vec<f32> = moved
            .map(|(x, d)| (f64::from(*x) + offset * f64::from(*d)) as f32)
            .collect();
        Tensor::<D>::from_data(TensorData::new(moved, shape), &Device::flex().autodiff())
    };
    // In double precision: the differences are small beside the sums.
    let weighted = |y: &Tensor<E>| -> f64 {
        let y = list(y);
        let weights = values(y.len(), 13);
        y.iter()
            .zip(weights)
            .map(|(y, w)| f64::from(*y) * f64::from(w))
            .sum()
    };
    let difference = (weighted(&f(at(step))) - weighted(&f(at(-step)))) / (2.0 * step);

    let x = at(0.0).require_grad();
    let y = f(x.clone());
    let weights = values(y.dims().iter().product(), 13);
    let weights = Tensor::<E>::from_data(
        TensorData::new(weights, y.dims()),
        &Device::flex().autodiff(),
    );
    let gradients = (y * weights).sum().backward();
    let gradient = list(&x.grad(&gradients).expect("a gradient"));
    let slope: f64 = gradient
        .iter()
        .zip(&direction)
        .map(|(g, d)| f64::from(*g) * f64::from(*d))
        .sum();
    let length = gradient
        .iter()
        .map(|g| f64::from(*g).powi(2))
        .sum::<f64>()
        .sqrt();
    assert!(
        (slope - difference).abs() < 2e-3 * length,
        "{name}: slope {slope}, finite difference {difference}, length of the gradient {length}"
    );
}

fn constant<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    Tensor::from_inner(crate::fused_tests::constant(shape, seed))
}

#[test]
fn convolution() {
    // By minimal filtering and by matrix product.
    for channels in [16, 5] {
        let (x, w) = ([2, channels, 26, 30], [16, channels, 3, 3]);
        let run = |x, w| conv2d(x, w, None, [1, 1], [1, 1], Activation::None);
        check("data", x, 0.1, |x| run(x, constant(w, 1)));
        check("weight", w, 0.1, |w| run(constant(x, 1), w));
        check("bias", [16], 0.1, |bias| {
            conv2d(
                constant(x, 1),
                constant(w, 2),
                Some(bias),
                [2, 2],
                [1, 1],
                Activation::None,
            )
        });
    }
}

#[test]
fn rectified_convolution() {
    let (x, w) = ([2, 4, 12, 10], [6, 4, 3, 3]);
    let run = |x, w| {
        conv2d(
            x,
            w,
            Some(constant([6], 3)),
            [2, 2],
            [1, 1],
            Activation::Relu,
        )
    };
    check("data", x, 1e-4, |x| run(x, constant(w, 1)));
    check("weight", w, 1e-4, |w| run(constant(x, 1), w));
}

#[test]
fn transposed_convolution() {
    // By minimal filtering and by matrix product.
    for channels in [16, 5] {
        let (x, w) = ([2, channels, 36, 44], [channels, 16, 4, 4]);
        let run = |x, w| conv_transpose2d(x, w, None, [2, 2], [1, 1], [0, 0], Activation::None);
        check("data", x, 0.1, |x| run(x, constant(w, 1)));
        check("weight", w, 0.1, |w| run(constant(x, 1), w));
    }
}

#[test]
fn batch_norm() {
    let shape = [3, 4, 7, 9];
    let run = |x, gamma, beta, residual| {
        batch_norm_train(x, gamma, beta, 1e-5, residual, Activation::None).0
    };
    let (gamma, beta) = (|| constant([4], 1) + 2.0, || constant([4], 2));
    check("x", shape, 1e-2, |x| run(x, gamma(), beta(), None));
    check("gamma", [4], 0.1, |gamma| {
        run(constant(shape, 3), gamma, beta(), None)
    });
    check("beta", [4], 0.1, |beta| {
        run(constant(shape, 3), gamma(), beta, None)
    });
    check("residual", shape, 0.1, |r| {
        run(constant(shape, 3), gamma(), beta(), Some(r))
    });
}

#[test]
fn pooling_concatenation_and_upsampling() {
    let shape = [2, 3, 8, 10];
    check("halving", shape, 1e-4, |x| {
        max_pool2d(x, [2, 2], [2, 2], [0, 0])
    });
    check("overlapping", shape, 1e-4, |x| {
        max_pool2d(x, [3, 3], [2, 2], [1, 1])
    });
    check("concatenation", shape, 0.1, |x| {
        concat_channels(vec![constant([2, 1, 8, 10], 1), x.clone(), x])
    });
    check("upsampling", shape, 0.1, |x| upsample_bilinear(x, [13, 20]));
}

#[test]
fn loss() {
    let labels: Vec<i64> = (0..2 * 9 * 11).map(|i| i * 7 % 3).collect();
    let device = Device::flex().autodiff();
    let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, [2, 9, 11]), &device);
    let weights = (constant([2, 9, 11], 1) + 0.5).clamp_min(0.0);
    let settings = SegmentationLoss {
        dice_factor: 20.0,
        ..SegmentationLoss::default()
    };
    check("logits", [2, 3, 9, 11], 1e-2, |logits| {
        segmentation_loss(logits, labels.clone(), weights.clone(), &settings).total
    });
}
