//! A table of a U-Net's convolutions at batch 4 of 256x256 pixels: GFLOP/s forward, of the data gradient and of the
//! weight gradient.
//!
//! `layers [resnet34|resnet101]`, `ResNet34` unless told.

#![expect(clippy::print_stdout, reason = "the result of a benchmark")]

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use footpath_benches::random::uniform;
use footpath_kernels::{Activation, conv_transpose2d, conv2d};

/// Name, how often it occurs, channels in and out, input side, kernel, stride, whether transposed.
type Layer = (&'static str, usize, [usize; 2], usize, usize, usize, bool);

const RESNET34: [Layer; 25] = [
    ("stem", 1, [3, 64], 256, 7, 2, false),
    ("layer1", 6, [64, 64], 64, 3, 1, false),
    ("layer2 first", 1, [64, 128], 64, 3, 2, false),
    ("layer2", 7, [128, 128], 32, 3, 1, false),
    ("layer2 shortcut", 1, [64, 128], 64, 1, 2, false),
    ("layer3 first", 1, [128, 256], 32, 3, 2, false),
    ("layer3", 11, [256, 256], 16, 3, 1, false),
    ("layer3 shortcut", 1, [128, 256], 32, 1, 2, false),
    ("layer4 first", 1, [256, 512], 16, 3, 2, false),
    ("layer4", 5, [512, 512], 8, 3, 1, false),
    ("layer4 shortcut", 1, [256, 512], 16, 1, 2, false),
    ("center conv", 1, [512, 512], 4, 3, 1, false),
    ("center deconv", 1, [512, 256], 4, 4, 2, true),
    ("dec5 conv", 1, [768, 512], 8, 3, 1, false),
    ("dec5 deconv", 1, [512, 256], 8, 4, 2, true),
    ("dec4 conv", 1, [512, 512], 16, 3, 1, false),
    ("dec4 deconv", 1, [512, 256], 16, 4, 2, true),
    ("dec3 conv", 1, [384, 256], 32, 3, 1, false),
    ("dec3 deconv", 1, [256, 64], 32, 4, 2, true),
    ("dec2 conv", 1, [128, 128], 64, 3, 1, false),
    ("dec2 deconv", 1, [128, 128], 64, 4, 2, true),
    ("dec1 conv", 1, [128, 128], 128, 3, 1, false),
    ("dec1 deconv", 1, [128, 32], 128, 4, 2, true),
    ("dec0", 1, [32, 32], 256, 3, 1, false),
    ("final", 1, [32, 2], 256, 1, 1, false),
];

const RESNET101: [Layer; 37] = [
    ("stem", 1, [3, 64], 256, 7, 2, false),
    ("layer1 first", 1, [64, 64], 64, 1, 1, false),
    ("layer1 reduce", 2, [256, 64], 64, 1, 1, false),
    ("layer1", 3, [64, 64], 64, 3, 1, false),
    ("layer1 expand", 4, [64, 256], 64, 1, 1, false),
    ("layer2 first", 1, [256, 128], 64, 1, 1, false),
    ("layer2 reduce", 3, [512, 128], 32, 1, 1, false),
    ("layer2 stride", 1, [128, 128], 64, 3, 2, false),
    ("layer2", 3, [128, 128], 32, 3, 1, false),
    ("layer2 expand", 4, [128, 512], 32, 1, 1, false),
    ("layer2 shortcut", 1, [256, 512], 64, 1, 2, false),
    ("layer3 first", 1, [512, 256], 32, 1, 1, false),
    ("layer3 reduce", 22, [1024, 256], 16, 1, 1, false),
    ("layer3 stride", 1, [256, 256], 32, 3, 2, false),
    ("layer3", 22, [256, 256], 16, 3, 1, false),
    ("layer3 expand", 23, [256, 1024], 16, 1, 1, false),
    ("layer3 shortcut", 1, [512, 1024], 32, 1, 2, false),
    ("layer4 first", 1, [1024, 512], 16, 1, 1, false),
    ("layer4 reduce", 2, [2048, 512], 8, 1, 1, false),
    ("layer4 stride", 1, [512, 512], 16, 3, 2, false),
    ("layer4", 2, [512, 512], 8, 3, 1, false),
    ("layer4 expand", 3, [512, 2048], 8, 1, 1, false),
    ("layer4 shortcut", 1, [1024, 2048], 16, 1, 2, false),
    ("center conv", 1, [2048, 512], 4, 3, 1, false),
    ("center deconv", 1, [512, 256], 4, 4, 2, true),
    ("dec5 conv", 1, [2304, 512], 8, 3, 1, false),
    ("dec5 deconv", 1, [512, 256], 8, 4, 2, true),
    ("dec4 conv", 1, [1280, 512], 16, 3, 1, false),
    ("dec4 deconv", 1, [512, 256], 16, 4, 2, true),
    ("dec3 conv", 1, [768, 256], 32, 3, 1, false),
    ("dec3 deconv", 1, [256, 64], 32, 4, 2, true),
    ("dec2 conv", 1, [320, 128], 64, 3, 1, false),
    ("dec2 deconv", 1, [128, 128], 64, 4, 2, true),
    ("dec1 conv", 1, [128, 128], 128, 3, 1, false),
    ("dec1 deconv", 1, [128, 32], 128, 4, 2, true),
    ("dec0", 1, [32, 32], 256, 3, 1, false),
    ("final", 1, [32, 2], 256, 1, 1, false),
];

const BATCH: usize = 4;

fn main() -> Result<(), String> {
    let network = std::env::args().nth(1);
    let layers: &[Layer] = match network.as_deref() {
        None | Some("resnet34") => &RESNET34,
        Some("resnet101") => &RESNET101,
        Some(other) => return Err(format!("no layers of {other:?}: resnet34 or resnet101")),
    };
    println!(
        "layer              count  GFLOP   forward  data grad.  weight grad.  (GFLOP/s)  ms of a step"
    );
    let (mut total_flop, mut total_ms) = (0.0, [0.0; 3]);
    for &layer in layers {
        let (name, count, [channels_in, channels_out], side, kernel, stride, transposed) = layer;
        let pixels = if transposed {
            side * side
        } else {
            (side / stride) * (side / stride)
        };
        let products = BATCH * channels_in * channels_out * kernel * kernel * pixels;
        let gflop = 2e-9 * products as f64;
        let seconds = [
            time(layer, [false, false]),
            time(layer, [true, false]),
            time(layer, [false, true]),
        ];
        let ms = seconds.map(|seconds| 1e3 * count as f64 * seconds);
        let speed = seconds.map(|seconds| gflop / seconds);
        println!(
            "{name:18} {count:5} {gflop:6.2} {:9.0} {:11.0} {:13.0} {:25.1}",
            speed[0],
            speed[1],
            speed[2],
            ms.iter().sum::<f64>(),
        );
        total_flop += gflop * count as f64;
        for (total, ms) in total_ms.iter_mut().zip(ms) {
            *total += ms;
        }
    }
    let speed = total_ms.map(|ms| 1e3 * total_flop / ms);
    println!(
        "{:18} {:5} {total_flop:6.1} {:9.0} {:11.0} {:13.0} {:25.1}",
        "all",
        "",
        speed[0],
        speed[1],
        speed[2],
        total_ms.iter().sum::<f64>(),
    );
    Ok(())
}

/// The best time of the forward pass, or of the backward pass for the operands that require a gradient.
fn time(layer: Layer, gradients: [bool; 2]) -> f64 {
    let (_, _, [channels_in, channels_out], side, kernel, stride, transposed) = layer;
    let backward = gradients != [false, false];
    let device = if backward {
        Device::flex().autodiff()
    } else {
        Device::flex()
    };
    let track = |tensor: Tensor<4>, yes: bool| if yes { tensor.require_grad() } else { tensor };
    let x = track(
        uniform([BATCH, channels_in, side, side], 1.0, 1, &device),
        gradients[0],
    );
    let (first, second) = if transposed {
        (channels_in, channels_out)
    } else {
        (channels_out, channels_in)
    };
    let weight = track(
        uniform([first, second, kernel, kernel], 1.0, 2, &device),
        gradients[1],
    );
    let run = || {
        let (x, weight, strides) = (x.clone(), weight.clone(), [stride; 2]);
        if transposed {
            conv_transpose2d(x, weight, None, strides, [1, 1], [0, 0], Activation::None)
        } else {
            conv2d(x, weight, None, strides, [kernel / 2; 2], Activation::None)
        }
    };
    let mut best = f64::INFINITY;
    for _ in 0..6 {
        let start = Instant::now();
        let y = run();
        let mut seconds = start.elapsed().as_secs_f64();
        if backward {
            let start = Instant::now();
            let _ = y.backward();
            seconds = start.elapsed().as_secs_f64();
        }
        best = best.min(seconds);
    }
    best
}
