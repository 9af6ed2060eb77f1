//! The convolutions against nested loops.

use proptest::prelude::*;

use super::{
    batch_norm::{self, Planes},
    bf16,
    convolution::{Epilogue, convolve, convolve_transposed},
    geometry::ConvGeometry,
    rectifier,
    weight_gradient::weight_gradient,
    winograd,
};
use crate::Precision;

/// Reproducible values in [-1, 1).
fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Calls `visit(x index, weight index, y index)` for every product of the convolution.
fn for_each_product(g: &ConvGeometry, mut visit: impl FnMut(usize, usize, usize)) {
    for n in 0..g.images {
        for co in 0..g.channels_out {
            for oy in 0..g.output[0] {
                for ox in 0..g.output[1] {
                    for ci in 0..g.channels_in {
                        for ky in 0..g.kernel[0] {
                            for kx in 0..g.kernel[1] {
                                let iy = (oy * g.stride[0] + ky).wrapping_sub(g.padding[0]);
                                let ix = (ox * g.stride[1] + kx).wrapping_sub(g.padding[1]);
                                if iy < g.input[0] && ix < g.input[1] {
                                    visit(
                                        ((n * g.channels_in + ci) * g.input[0] + iy) * g.input[1]
                                            + ix,
                                        ((co * g.channels_in + ci) * g.kernel[0] + ky)
                                            * g.kernel[1]
                                            + kx,
                                        ((n * g.channels_out + co) * g.output[0] + oy)
                                            * g.output[1]
                                            + ox,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn assert_close(actual: &[f32], expected: &[f64], what: &str) {
    let scale = expected
        .iter()
        .fold(1.0_f64, |scale, value| scale.max(value.abs()));
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let difference = (f64::from(*actual) - expected).abs();
        assert!(
            difference < 1e-5 * scale,
            "{what}[{i}]: {actual}, expected {expected}"
        );
    }
}

fn check(g: &ConvGeometry) {
    let x = values(g.input_len(), 1);
    let w = values(g.weight_len(), 2);
    let dy = values(g.output_len(), 3);
    let mut expected_y = vec![0.0; g.output_len()];
    let mut expected_dx = vec![0.0; g.input_len()];
    let mut expected_dw = vec![0.0; g.weight_len()];
    for_each_product(g, |xi, wi, yi| {
        expected_y[yi] += f64::from(x[xi]) * f64::from(w[wi]);
        expected_dx[xi] += f64::from(dy[yi]) * f64::from(w[wi]);
        expected_dw[wi] += f64::from(dy[yi]) * f64::from(x[xi]);
    });
    let mut y = vec![f32::NAN; g.output_len()];
    convolve(g, &x, &w, Epilogue::default(), Precision::F32, None, &mut y);
    assert_close(&y, &expected_y, "y");
    let mut dx = vec![f32::NAN; g.input_len()];
    convolve_transposed(
        g,
        &dy,
        &w,
        Epilogue::default(),
        Precision::F32,
        None,
        &mut dx,
    );
    assert_close(&dx, &expected_dx, "dx");
    let mut dw = vec![f32::NAN; g.weight_len()];
    weight_gradient(g, &x, &dy, &mut dw);
    assert_close(&dw, &expected_dw, "dw");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn equals_nested_loops(
        images in 1..4_usize,
        channels_in in 1..20_usize,
        channels_out in 1..20_usize,
        input in [1..40_usize, 1..40_usize],
        kernel in [1..5_usize, 1..5_usize],
        stride in [1..4_usize, 1..4_usize],
        padding in [0..4_usize, 0..4_usize],
    ) {
        prop_assume!((0..2).all(|axis| input[axis] + 2 * padding[axis] >= kernel[axis]));
        let x = [images, channels_in, input[0], input[1]];
        let weight = [channels_out, channels_in, kernel[0], kernel[1]];
        check(&ConvGeometry::new(x, weight, stride, padding));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn minimal_filtering_equals_nested_loops(
        images in 2..4_usize,
        channels in [1..5_usize, 1..5_usize],
        input in [22..40_usize, 50..70_usize],
        padding in [0..3_usize, 0..3_usize],
        kernel_and_stride in prop::sample::select(vec![(3_usize, 1_usize), (4, 2)]),
    ) {
        let (kernel, stride) = kernel_and_stride;
        let [channels_in, channels_out] = channels.map(|vectors| 16 * vectors);
        let x = [images, channels_in, stride * input[0], stride * input[1] - channels[0] % 2];
        let g = ConvGeometry::new(x, [channels_out, channels_in, kernel, kernel], [stride; 2], padding);
        prop_assume!(winograd::suits(&g));
        check(&g);
    }
}

#[test]
fn bfloat16_comes_near() {
    if !bf16::is_supported() {
        return;
    }
    for (x, channels_out, kernel, stride, padding) in [
        ([2, 64, 33, 31], 48, 3, 1, 1),
        ([2, 32, 64, 62], 48, 4, 2, 1),
        ([1, 64, 20, 20], 36, 1, 1, 0),
        ([2, 3, 33, 47], 64, 7, 2, 3),
        ([1, 300, 9, 9], 8, 1, 2, 0),
    ] {
        let weight = [channels_out, x[1], kernel, kernel];
        let g = ConvGeometry::new(x, weight, [stride; 2], [padding; 2]);
        let (x, w) = (values(g.input_len(), 1), values(g.weight_len(), 2));
        let run = |precision| {
            let mut y = vec![f32::NAN; g.output_len()];
            convolve(&g, &x, &w, Epilogue::default(), precision, None, &mut y);
            let mut dx = vec![f32::NAN; g.input_len()];
            convolve_transposed(&g, &y, &w, Epilogue::default(), precision, None, &mut dx);
            [y, dx]
        };
        for (rounded, exact) in run(Precision::Bf16).iter().zip(&run(Precision::F32)) {
            let length = |values: &[f32]| values.iter().map(|v| v.powi(2)).sum::<f32>().sqrt();
            let difference: Vec<f32> = rounded.iter().zip(exact).map(|(a, b)| a - b).collect();
            let error = length(&difference) / length(exact);
            assert!(error < 0.03, "{g:?}: {error}");
        }
    }
}

#[test]
fn network_layers() {
    for (x, channels_out, kernel, stride, padding) in [
        ([1, 64, 48, 48], 64, 3, 1, 1),
        ([2, 3, 33, 47], 64, 7, 2, 3),
        ([1, 32, 64, 64], 16, 3, 2, 1),
        ([2, 64, 16, 16], 128, 1, 2, 0),
        ([2, 16, 40, 40], 24, 4, 2, 1),
        ([4, 40, 8, 8], 72, 3, 1, 1),
        ([1, 32, 50, 50], 2, 1, 1, 0),
    ] {
        let weight = [channels_out, x[1], kernel, kernel];
        check(&ConvGeometry::new(x, weight, [stride; 2], [padding; 2]));
    }
}

#[test]
fn transposed_geometry_inverts_the_size() {
    let g = ConvGeometry::of_transposed([1, 8, 5, 7], [8, 4, 4, 4], [2, 2], [1, 1], [0, 0]);
    assert_eq!((g.input, g.channels_in), ([10, 14], 4));
    check(&g);
    let g = ConvGeometry::of_transposed([1, 8, 5, 7], [8, 4, 3, 3], [2, 2], [1, 1], [1, 1]);
    assert_eq!((g.input, g.channels_in), ([10, 14], 4));
    check(&g);
}

#[test]
fn epilogue_adds_and_rectifies() {
    let g = ConvGeometry::new([1, 1, 1, 3], [1, 1, 1, 1], [1, 1], [0, 0]);
    let mut y = [f32::NAN; 3];
    let epilogue = Epilogue {
        bias: Some(&[0.5]),
        residual: Some(&[1.0, 0.0, -4.0]),
        relu: true,
    };
    convolve(
        &g,
        &[1.0, -2.0, 3.0],
        &[2.0],
        epilogue,
        Precision::F32,
        None,
        &mut y,
    );
    assert_eq!(y.map(f32::to_bits), [3.5_f32, 0.0, 2.5].map(f32::to_bits));
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let g = ConvGeometry::new([2, 24, 40, 40], [40, 24, 3, 3], [1, 1], [1, 1]);
    let x = values(g.input_len(), 1);
    let w = values(g.weight_len(), 2);
    let dy = values(g.output_len(), 3);
    let planes = Planes {
        images: 2,
        channels: 24,
        pixels: 1600,
    };
    let run = || {
        let mut y = vec![0.0; g.output_len()];
        convolve(
            &g,
            &x,
            &w,
            Epilogue::default(),
            Precision::F32,
            None,
            &mut y,
        );
        let mut dx = vec![0.0; g.input_len()];
        convolve_transposed(
            &g,
            &dy,
            &w,
            Epilogue::default(),
            Precision::F32,
            None,
            &mut dx,
        );
        let mut dw = vec![0.0; g.weight_len()];
        weight_gradient(&g, &x, &dy, &mut dw);
        let bias = rectifier::backward(
            Planes {
                channels: 40,
                ..planes
            },
            None,
            &mut dy.clone(),
        );
        let operands = batch_norm::Operands {
            x: &x,
            gamma: &w[..24],
            beta: &w[24..48],
            residual: None,
            epsilon: 1e-5,
            relu: true,
        };
        let mut normalised = vec![0.0; x.len()];
        let statistics = batch_norm::normalise_batch(planes, operands, &mut normalised);
        let values = [
            y,
            dx,
            dw,
            bias,
            normalised,
            statistics.mean,
            statistics.variance,
        ]
        .concat();
        values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool");
        pool.install(run)
    };
    let one = with_threads(1);
    assert!(one == with_threads(2));
    assert!(one == with_threads(4));
}
