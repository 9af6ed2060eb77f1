//! What saving costs: seconds and memory of the checkpoints of a `ResNet34` U-Net with Adam,
//! trained on batches of 4 tiles of 256x256 pixels. The folder to save in may be given.
//!
//! Memory is the greatest resident set while saving over that just before (Linux).

#![expect(clippy::print_stdout, reason = "the result of a benchmark")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use footpath_vision::network::{Encoder, UnetConfig};
use footpath_vision::plane::{Plane, Size};
use footpath_vision::sample::Sample;
use footpath_vision::train::{LAST, TrainEvent, Training, Validation};
use footpath_vision::train_config::{CheckpointConfig, TrainConfig};
use image::{Rgb, RgbImage};

const SIDE: u32 = 256;
const BATCH: usize = 4;
const BATCHES: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::args_os().nth(1);
    let folder = match &place {
        Some(place) => tempfile::tempdir_in(place)?,
        None => tempfile::tempdir()?,
    };
    let samples = (0..BATCH * BATCHES)
        .map(sample)
        .collect::<Result<Vec<_>, _>>()?;
    let network = UnetConfig {
        encoder: Encoder::ResNet34,
        ..UnetConfig::default()
    };
    let config = TrainConfig {
        epochs: 1,
        batch_size: BATCH,
        size: Size::new(SIDE as usize, SIDE as usize),
        checkpoint: CheckpointConfig {
            every_minutes: None,
            every_batches: Some(1),
            ..CheckpointConfig::default()
        },
        ..TrainConfig::default()
    };
    let device = footpath_vision::device::cpu();
    let cancel = AtomicBool::new(false);
    let training = Training::new(&network, &config, &samples, &device, folder.path(), &cancel);
    let (mut saves, mut steps, mut before) = (Vec::new(), Vec::new(), 0.0);
    let mut last = Instant::now();
    training.run(
        |_| {
            Ok(Validation {
                score: 0.5,
                metrics: BTreeMap::new(),
            })
        },
        |event| match event {
            TrainEvent::Batch(_) => steps.push(last.elapsed().as_secs_f64()),
            TrainEvent::Saving => before = reset_peak(),
            TrainEvent::Saved { duration, .. } => {
                saves.push((duration.as_secs_f64(), peak_mib() - before));
                last = Instant::now();
            }
            _ => {}
        },
    )?;
    let file = fs::metadata(folder.path().join(LAST))?.len() as f64 / MIB;
    let seconds = median(saves.iter().map(|save| save.0).collect());
    let memory = saves.iter().map(|save| save.1).fold(0.0, f64::max);
    println!("model and optimizer  {file:8.1} MiB");
    println!(
        "a step               {:8.3} s (median of {})",
        median(steps),
        BATCHES
    );
    println!(
        "a save               {seconds:8.3} s (median of {})",
        saves.len()
    );
    println!(
        "one save a minute    {:8.2} % of the time",
        100.0 * seconds / 60.0
    );
    println!(
        "memory while saving  {memory:8.1} MiB more, {:.3} of model and optimizer",
        memory / file
    );
    Ok(())
}

const MIB: f64 = 1024.0 * 1024.0;

fn sample(index: usize) -> Result<Sample, Box<dyn Error>> {
    let image = RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let value = x.wrapping_mul(7) ^ y.wrapping_mul(13) ^ index as u32;
        Rgb([value as u8, (value >> 1) as u8, (value >> 2) as u8])
    });
    let size = Size::new(SIDE as usize, SIDE as usize);
    let inside = |y: usize, x: usize| (64..128).contains(&y) && (32 + index..160).contains(&x);
    Ok(Sample::new(
        format!("{index}.png"),
        image,
        Plane::from_fn(size, |y, x| u8::from(inside(y, x))),
        Plane::from_fn(size, |_, _| 0.0),
        Plane::from_fn(size, |_, _| 4096.0),
    )?)
}

/// Starts measuring the greatest resident set anew; gives the present one, MiB.
fn reset_peak() -> f64 {
    // Linux; elsewhere the peak is told as 0.
    let _ = fs::write("/proc/self/clear_refs", "5");
    status_mib("VmRSS:")
}

fn peak_mib() -> f64 {
    status_mib("VmHWM:")
}

fn status_mib(name: &str) -> f64 {
    let status = fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
