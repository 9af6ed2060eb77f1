//! Whole runs of a tiny network on squares.

use std::sync::atomic::AtomicUsize;

use image::RgbImage;

use super::*;
use crate::network::Encoder;
use crate::plane::{Plane, Size};
use crate::sample::Sample;

const SIZE: Size = Size::new(64, 64);

/// Bright squares on a dark, uneven ground.
fn squares(count: usize) -> Vec<Sample> {
    let sample = |index: usize| {
        let (top, left) = (5 + 7 * (index % 4), 3 + 11 * (index % 3));
        let inside =
            |y: usize, x: usize| (top..top + 24).contains(&y) && (left..left + 24).contains(&x);
        let image = RgbImage::from_fn(64, 64, |x, y| {
            let noise = (x.wrapping_mul(7).wrapping_add(y.wrapping_mul(13)) % 32) as u8;
            image::Rgb(if inside(y as usize, x as usize) {
                [200 + noise, 120 + noise, 100]
            } else {
                [40 + noise, 90, 50 + noise]
            })
        });
        let labels = Plane::from_fn(SIZE, |y, x| u8::from(inside(y, x)));
        let distances = Plane::from_fn(SIZE, |_, _| 0.0);
        let sizes = Plane::from_fn(SIZE, |_, _| 576.0);
        Sample::new(format!("{index}.png"), image, labels, distances, sizes).unwrap()
    };
    (0..count).map(sample).collect()
}

fn network() -> UnetConfig {
    UnetConfig {
        encoder: Encoder::ResNet18,
        decoder_filters: 4,
        ..UnetConfig::default()
    }
}

fn config(epochs: usize) -> TrainConfig {
    TrainConfig {
        seed: 11,
        epochs,
        batch_size: 3,
        size: SIZE,
        ..TrainConfig::default()
    }
}

/// A run and what it needs.
struct Setup {
    network: UnetConfig,
    config: TrainConfig,
    samples: Vec<Sample>,
    device: Device,
    folder: tempfile::TempDir,
    cancel: AtomicBool,
}

impl Setup {
    fn new(config: TrainConfig, samples: usize) -> Self {
        Self {
            network: network(),
            config,
            samples: squares(samples),
            device: Device::flex(),
            folder: tempfile::tempdir().unwrap(),
            cancel: AtomicBool::new(false),
        }
    }

    fn training(&self) -> Training<'_> {
        Training {
            network: &self.network,
            config: &self.config,
            samples: &self.samples,
            device: &self.device,
            folder: self.folder.path(),
            resume: true,
            cancel: &self.cancel,
        }
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }
}

/// Mean probability on building pixels minus that elsewhere.
fn contrast(predictor: &Predictor) -> f64 {
    let samples = squares(2);
    let images: Vec<_> = samples
        .iter()
        .map(|sample| sample.image().clone())
        .collect();
    let planes = predictor.predict(&images);
    let mean = |label| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (sample, plane) in samples.iter().zip(&planes) {
            for (&l, &p) in sample.labels().values().iter().zip(plane.values()) {
                if l == label {
                    sum += f64::from(p);
                    count += 1.0;
                }
            }
        }
        sum / count
    };
    mean(1) - mean(0)
}

fn validation(score: f64) -> Validation {
    Validation {
        score,
        metrics: BTreeMap::from([("twice".into(), 2.0 * score)]),
    }
}

/// Epochs scored in turn by `scores`.
fn scripted(scores: &[f64]) -> impl FnMut(&Predictor) -> ValidationResult {
    let mut scores = scores.iter().copied();
    move |_| Ok(validation(scores.next().ok_or("no score left")?))
}

#[test]
fn loss_falls_and_the_network_tells_squares_from_ground() {
    let mut config = config(8);
    config.batch_size = 2;
    config.adam.learning_rate = 3e-2;
    config.augment.enabled = false;
    config.loss = config.loss.unweighted();
    let setup = Setup::new(config, 12);
    let report = setup
        .training()
        .run(|network| Ok(validation(contrast(network))), |_| {})
        .unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    let history = &report.progress.history;
    let (first, last) = (history[0].losses.total, history[7].losses.total);
    assert!(last < 0.8 * first, "loss went from {first} to {last}");
    let best = report.progress.best().unwrap();
    assert!(best.score > 0.4, "{history:#?}");
    // The file holds the network of that epoch.
    let path = setup.folder.path().join(BEST);
    let predictor = Predictor::open(&path, &setup.device).unwrap();
    assert_eq!(contrast(&predictor), best.score);
}

#[test]
fn a_run_repeats_to_the_byte_for_any_number_of_threads() {
    let files = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let setup = Setup::new(config(2), 5);
        pool.install(|| {
            setup
                .training()
                .run(|network| Ok(validation(contrast(network))), |_| {})
        })
        .unwrap();
        (setup.bytes(LAST), setup.bytes(BEST))
    };
    let one = files(1);
    assert!(one == files(2), "2 threads give another result than 1");
    assert!(one == files(4), "4 threads give another result than 1");
}

#[test]
fn an_interrupted_run_ends_as_the_whole_one() {
    let whole = Setup::new(config(2), 5);
    let report = whole
        .training()
        .run(|network| Ok(validation(contrast(network))), |_| {})
        .unwrap();

    // Interrupted after every single batch, in mid-epoch and at an epoch's end.
    let broken = Setup::new(config(2), 5);
    let mut interruptions = 0;
    let resumed = loop {
        broken.cancel.store(false, Ordering::Relaxed);
        let report = broken
            .training()
            .run(
                |network| Ok(validation(contrast(network))),
                |event| {
                    if matches!(event, TrainEvent::Batch { .. }) {
                        broken.cancel.store(true, Ordering::Relaxed);
                    }
                },
            )
            .unwrap();
        if report.outcome != Outcome::Interrupted {
            break report;
        }
        interruptions += 1;
    };
    assert_eq!(interruptions, 4);
    assert_eq!(resumed, report);
    assert!(
        whole.bytes(LAST) == broken.bytes(LAST),
        "last checkpoints differ"
    );
    assert!(
        whole.bytes(BEST) == broken.bytes(BEST),
        "best networks differ"
    );
}

#[test]
fn training_stops_when_the_score_stops_rising_and_keeps_the_best() {
    let mut config = config(9);
    config.patience = Some(2);
    let setup = Setup::new(config, 1);
    let mut best_bytes = Vec::new();
    let report = setup
        .training()
        .run(scripted(&[0.1, 0.3, 0.2, 0.3, 0.9]), |event| {
            if let TrainEvent::EpochEnd { is_best: true, .. } = event {
                best_bytes = setup.bytes(BEST);
            }
        })
        .unwrap();
    assert_eq!(report.outcome, Outcome::StoppedEarly);
    assert_eq!(report.progress.epoch, 4);
    assert_eq!(report.progress.best().unwrap().epoch, 1);
    assert!(setup.bytes(BEST) == best_bytes);
}

#[test]
fn a_run_with_other_settings_is_not_gone_on_with() {
    let mut setup = Setup::new(config(1), 1);
    setup.training().run(scripted(&[0.1]), |_| {}).unwrap();
    setup.config.batch_size = 2;
    setup.config.adam.learning_rate = 1e-3;
    let error = setup
        .training()
        .run(scripted(&[]), |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(
            "of a run with other settings: training.adam.learning_rate 0.0005 instead of 0.001, \
             training.batch_size 3 instead of 2"
        ),
        "{error}"
    );
    // More epochs are no other run.
    setup.config = config(2);
    let report = setup.training().run(scripted(&[0.2]), |_| {}).unwrap();
    assert_eq!(report.progress.scores(), [0.1, 0.2]);
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_with_the_samples_names() {
    let mut setup = Setup::new(config(1), 2);
    setup.config.batch_size = 1;
    setup.training().run(scripted(&[0.1]), |_| {}).unwrap();
    let before = setup.bytes(LAST);
    setup.config.adam.learning_rate = 1e30;
    let mut training = setup.training();
    training.resume = false;
    let second = training.batch_plan().order(0)[1];
    let error = training
        .run(scripted(&[0.1]), |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!("in epoch 0, batch 1 ({second}.png)")),
        "{error}"
    );
    assert!(setup.bytes(LAST) == before);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let setup = Setup::new(config(1), 1);
    let mut training = setup.training();
    let missing = setup.folder.path().join("missing");
    training.folder = &missing;
    let error = training
        .run(scripted(&[0.1]), |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("missing/best.safetensors"), "{error}");
    assert!(error.contains("there was no earlier one"), "{error}");
}

#[test]
fn events_tell_the_whole_story() {
    let setup = Setup::new(config(1), 4);
    let seen = AtomicUsize::new(0);
    let mut story = Vec::new();
    setup
        .training()
        .run(scripted(&[0.5]), |event| {
            seen.fetch_add(1, Ordering::Relaxed);
            story.push(match event {
                TrainEvent::Started { batches, .. } => format!("{batches} batches"),
                TrainEvent::Batch { batch, losses, .. } => {
                    assert!(losses.total > 0.0 && losses.cross_entropy > 0.0 && losses.dice > 0.0);
                    format!("batch {batch}")
                }
                TrainEvent::Validating { epoch } => format!("validating {epoch}"),
                TrainEvent::EpochEnd {
                    record, is_best, ..
                } => {
                    format!("score {} best {is_best}", record.score)
                }
                other => format!("{other:?}"),
            });
        })
        .unwrap();
    let expected = [
        "2 batches",
        "batch 1",
        "batch 2",
        "validating 0",
        "score 0.5 best true",
    ];
    assert_eq!(story, expected);
}
