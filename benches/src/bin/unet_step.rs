//! Times training steps or inference batches of the product's U-Net at 256x256 pixels.
//!
//! `unet_step ENCODER BATCH MODE [REPETITIONS]`, for example `unet_step resnet34 4 train 5`; MODE is `train`, `infer`
//! or `infer-bf16`. Prints the median and best time of a step and the peak memory as one line of JSON.

#![expect(clippy::print_stdout, reason = "the result of a benchmark")]

use std::{error::Error, time::Instant};

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor, TensorData},
};
use footpath_benches::random::uniform;
use footpath_kernels::{Precision, UnsupportedPrecision, segmentation_loss};
use footpath_vision::{
    loss::LossConfig,
    network::{Encoder, Network, UnetConfig},
    optimizer::{Optimizer, OptimizerConfig},
};

const USAGE: &str = "usage: unet_step ENCODER BATCH train|infer|infer-bf16 [REPETITIONS]";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, batch, mode, rest @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let encoder = Encoder::ALL
        .into_iter()
        .find(|encoder| format!("{encoder:?}").eq_ignore_ascii_case(name))
        .ok_or(USAGE)?;
    let batch: usize = batch.parse()?;
    let repetitions: usize = rest.first().map_or(Ok(5), |number| number.parse())?;
    let config = UnetConfig {
        encoder,
        ..UnetConfig::default()
    };
    let network = Network::new(&config, 7, &Device::flex());
    let mut run = match mode.as_str() {
        "train" => training(network, batch),
        "infer" => inference(&network, batch, Precision::F32)?,
        "infer-bf16" => inference(&network, batch, Precision::Bf16)?,
        _ => return Err(USAGE.into()),
    };

    run(); // Buffers and threads come into being.
    let mut losses = Vec::new();
    let mut seconds: Vec<f64> = (0..repetitions)
        .map(|_| {
            let start = Instant::now();
            losses.extend(run());
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let (kind, stack) = match mode.strip_suffix("-bf16") {
        Some(kind) => (kind, "footpath bf16"),
        None => (mode.as_str(), "footpath"),
    };
    println!(
        "{{\"stack\": \"{stack}\", \"encoder\": \"{name}\", \"batch\": {batch}, \"mode\": \"{kind}\", \
         \"median_s\": {:.4}, \"best_s\": {:.4}, \"peak_mib\": {}, \"losses\": {losses:?}}}",
        seconds[seconds.len() / 2],
        seconds[0],
        peak_mib(),
    );
    Ok(())
}

/// A training step; returns its loss.
fn training(network: Network, batch: usize) -> Box<dyn FnMut() -> Option<f32>> {
    let device = Device::flex().autodiff();
    let images = uniform([batch, 3, 256, 256], 1.0, 7, &device);
    let labels: Vec<i64> = (0..batch * 256 * 256)
        .map(|i| i64::from(i / 64 % 3 == 0))
        .collect();
    let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, [batch, 256, 256]), &device);
    let weights = Tensor::<3>::ones([batch, 256, 256], &device);
    let loss = LossConfig::default().kernel();
    let mut adam = Optimizer::new(OptimizerConfig::default());
    let mut network = Some(network.train());
    Box::new(move || {
        let current = network.take()?;
        let logits = current.forward(images.clone());
        let loss = segmentation_loss(logits, labels.clone(), weights.clone(), &loss).total;
        let gradients = loss.backward();
        let value = loss.into_scalar::<f32>();
        network = Some(adam.step_at(current, gradients, 1e-4));
        Some(value)
    })
}

/// An inference batch.
fn inference(
    network: &Network,
    batch: usize,
    precision: Precision,
) -> Result<Box<dyn FnMut() -> Option<f32>>, UnsupportedPrecision> {
    precision.check()?;
    let network = network.for_inference().in_precision(precision);
    let images = uniform([batch, 3, 256, 256], 1.0, 7, &Device::flex());
    Ok(Box::new(move || {
        let _ = network.forward(images.clone());
        None
    }))
}

/// Peak resident memory of this process in MiB; 0 where the system does not tell.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
