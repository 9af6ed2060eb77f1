//! Times one training step and one inference batch of a U-Net at 256x256 pixels.
//!
//! `unet_step ENCODER BATCH MODE [REPETITIONS]`, for example `unet_step resnet34 4 train 5`; prints the median and
//! best time of a step and the peak memory as one line of JSON.

#![expect(clippy::print_stdout, reason = "the result of a benchmark")]

use std::time::Instant;

use burn::tensor::{Int, Tensor, TensorData};
use footpath_benches::{
    random::uniform,
    unet::{Encoder, UNet},
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let encoder = match arguments.first().map(String::as_str) {
        Some("resnet101") => Encoder::ResNet101,
        _ => Encoder::ResNet34,
    };
    let number = |index: usize, default: usize| {
        arguments
            .get(index)
            .and_then(|argument| argument.parse().ok())
            .unwrap_or(default)
    };
    let (batch, repetitions) = (number(1, 4), number(3, 5));
    let train = arguments.get(2).is_none_or(|mode| mode == "train");

    let mut network = UNet::new(encoder, train);
    let device = network.device();
    let x = uniform([batch, 3, 256, 256], 1.0, 7, &device);
    let labels: Vec<i64> = (0..batch * 256 * 256)
        .map(|i| i64::from(i / 64 % 3 == 0))
        .collect();
    let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, [batch, 256, 256]), &device);
    let weights = Tensor::<3>::ones([batch, 256, 256], &device);
    let mut losses = Vec::new();
    let mut run = || {
        let start = Instant::now();
        if train {
            losses.push(network.train_step(x.clone(), labels.clone(), weights.clone()));
        } else {
            let _ = network.forward(x.clone());
        }
        start.elapsed().as_secs_f64()
    };
    run();
    let mut seconds: Vec<f64> = (0..repetitions).map(|_| run()).collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{{\"stack\": \"footpath\", \"encoder\": \"{encoder:?}\", \"batch\": {batch}, \"train\": {train}, \
         \"median_s\": {:.4}, \"best_s\": {:.4}, \"peak_mib\": {}, \"losses\": {losses:?}}}",
        seconds[seconds.len() / 2],
        seconds[0],
        peak_mib(),
    );
}

/// Peak resident memory of this process in MiB; 0 where the system does not tell.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
