//! Whole runs of a tiny network on squares.

mod first_weights;
mod ranks;

use std::sync::atomic::AtomicUsize;

use image::RgbImage;

use super::*;
use crate::average::AverageConfig;
use crate::layer_rates::LayerRates;
use crate::lr_range::LrRangeConfig;
use crate::network::Encoder;
use crate::optimizer::{OptimizerConfig, SgdConfig};
use crate::plane::{Plane, Size};
use crate::sample::Sample;
use crate::train_config::{CheckpointConfig, NotFinite};
use crate::weights::Weights;

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
        Training::new(
            &self.network,
            &self.config,
            &self.samples,
            &self.device,
            self.folder.path(),
            &self.cancel,
        )
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
    config.learning_rate = 3e-2;
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
                    if matches!(event, TrainEvent::Batch(_)) {
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
    let (mut is_new, mut best_bytes) = (false, Vec::new());
    let report = setup
        .training()
        .run(scripted(&[0.1, 0.3, 0.2, 0.3, 0.9]), |event| match event {
            TrainEvent::EpochEnd { is_best, .. } => is_new = *is_best,
            TrainEvent::Saved { .. } if is_new => best_bytes = setup.bytes(BEST),
            _ => {}
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
    setup.config.learning_rate = 1e-3;
    let error = setup
        .training()
        .run(scripted(&[]), |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(
            "of a run with other settings: training.batch_size 3 instead of 2, \
             training.learning_rate 0.0005 instead of 0.001"
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
    setup.config.learning_rate = 1e30;
    let mut training = setup.training();
    training.resume = false;
    let second = training.batch_plan().order(0)[1];
    let error = training
        .run(scripted(&[0.1]), |_| {})
        .unwrap_err()
        .to_string();
    let place = format!("in epoch 0, batch 1 ({second}.png)");
    let saved = setup.folder.path().join(LAST);
    let saved = format!("What was saved last is in {}", saved.display());
    for part in [&*place, &*saved, "learning_rate", "not_finite: skip"] {
        assert!(error.contains(part), "{error}");
    }
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
                TrainEvent::Batch(report) => {
                    let losses = report.losses;
                    assert!(losses.total > 0.0 && losses.cross_entropy > 0.0 && losses.dice > 0.0);
                    assert!(report.gradient_norm > 0.0);
                    format!("batch {} at {}", report.batch, report.learning_rate)
                }
                TrainEvent::Saving => "saving".to_owned(),
                TrainEvent::Saved { path, .. } => {
                    assert_eq!(*path, setup.folder.path().join(LAST));
                    "saved".to_owned()
                }
                TrainEvent::Validating { epoch, .. } => format!("validating {epoch}"),
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
        "batch 1 at 0.0005",
        "batch 2 at 0.0005",
        "validating 0",
        "score 0.5 best true",
        "saving",
        "saved",
    ];
    assert_eq!(story, expected);
}

/// The best network of a run.
fn weights(setup: &Setup) -> StateDict {
    let path = setup.folder.path().join(BEST);
    Weights::read(&path).unwrap().state
}

fn trained(setup: &Setup) -> StateDict {
    setup.training().run(scripted(&[0.5]), |_| {}).unwrap();
    weights(setup)
}

#[test]
fn frozen_layers_and_batch_norms_stay_as_they_are() {
    let mut setup = Setup::new(config(1), 3);
    let first = StateDict::of(&Network::new(&setup.network, 11, &setup.device));
    setup.config.freeze.layers = vec!["encoder.layer1".into(), "dec5".into()];
    setup.config.freeze.batch_norm = true;
    let last = trained(&setup);
    for (name, data) in first.iter() {
        let frozen = name.starts_with("encoder.layer1.") || name.starts_with("dec5.");
        let stays = frozen || name.contains("running_");
        let same = data.as_bytes()
            == last
                .values(name)
                .iter()
                .flat_map(|v| v.to_ne_bytes())
                .collect::<Vec<u8>>();
        assert_eq!(same, stays, "{name}");
    }
}

#[test]
fn layers_learn_at_their_own_rates() {
    // One step of plain descent without decay: each tensor moves by rate times gradient.
    let moved = |rates: LayerRates| {
        let mut setup = Setup::new(config(1), 3);
        setup.config.optimizer = OptimizerConfig::Sgd(SgdConfig {
            weight_decay: 0.0,
            momentum: 0.0,
            nesterov: false,
        });
        // The gradients of so small a network all but vanish.
        setup.config.learning_rate = 1e5;
        setup.config.layer_rates = rates;
        let first = StateDict::of(&Network::new(&setup.network, 11, &setup.device));
        let last = trained(&setup);
        let distance = move |name: &str| {
            let pairs = first.values(name).iter().zip(last.values(name));
            pairs
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        [
            "encoder.layer4.0.conv1.weight",
            "encoder.conv1.weight",
            "final.weight",
        ]
        .map(distance)
    };
    let all = moved(LayerRates::default());
    let own = moved(LayerRates {
        encoder: 0.5,
        decoder: 2.0,
        level_decay: 0.8,
    });
    let expected = [0.5 * 0.8, 0.5 * 0.8_f64.powi(5), 2.0];
    for ((own, all), expected) in own.iter().zip(all).zip(expected) {
        assert!(
            (own / all - expected).abs() < 1e-3,
            "{own} of {all}: {expected}"
        );
    }
}

#[test]
fn clipped_gradients_have_the_norm_allowed() {
    let step = |clip_norm| {
        let mut setup = Setup::new(config(1), 3);
        setup.config.optimizer = OptimizerConfig::Sgd(SgdConfig {
            weight_decay: 0.0,
            momentum: 0.0,
            nesterov: false,
        });
        setup.config.learning_rate = 1.0;
        setup.config.clip_norm = clip_norm;
        let first = StateDict::of(&Network::new(&setup.network, 11, &setup.device));
        let mut norm = 0.0;
        let observe = |event: &TrainEvent| {
            if let TrainEvent::Batch(report) = event {
                norm = report.gradient_norm;
            }
        };
        setup.training().run(scripted(&[0.5]), observe).unwrap();
        let last = weights(&setup);
        let mut moved = 0.0;
        for (name, _) in first.iter().filter(|(name, _)| !name.contains("running_")) {
            for (a, b) in first.values(name).iter().zip(last.values(name)) {
                moved += f64::from(a - b).powi(2);
            }
        }
        (norm, moved.sqrt())
    };
    let (norm, moved) = step(None);
    assert!((moved / norm - 1.0).abs() < 1e-3, "{moved} for {norm}");
    let (same, clipped) = step(Some(norm / 4.0));
    assert_eq!(same, norm);
    assert!((clipped / norm - 0.25).abs() < 1e-3, "{clipped} for {norm}");
}

#[test]
fn a_step_that_is_not_finite_can_be_left_out() {
    let mut setup = Setup::new(config(1), 3);
    setup.config.batch_size = 1;
    setup.config.not_finite = NotFinite::Skip;
    // The weights of the second image's pixels overflow.
    let second = setup.training().batch_plan().order(0)[1];
    let distances = Plane::from_fn(SIZE, |_, _| 0.1);
    let old = &setup.samples[second];
    let bad = Sample::new(
        "bad.png",
        old.image().clone(),
        old.labels().clone(),
        distances,
        old.sizes().clone(),
    );
    setup.samples[second] = bad.unwrap();
    setup.config.loss.w0 = 1e39;
    let mut story = Vec::new();
    let observe = |event: &TrainEvent| match event {
        TrainEvent::Batch(report) => story.push(format!("batch {}", report.batch)),
        TrainEvent::LeftOut { batch, samples, .. } => {
            story.push(format!("left out {batch} {samples:?}"));
        }
        _ => {}
    };
    let report = setup.training().run(scripted(&[0.5]), observe).unwrap();
    assert_eq!(story, ["batch 1", "left out 2 [\"bad.png\"]", "batch 3"]);
    assert!(report.progress.history[0].losses.total.is_finite());
    assert_eq!(weights(&setup).first_not_finite(), None);

    setup.config.not_finite = NotFinite::Stop;
    let training = Training {
        resume: false,
        ..setup.training()
    };
    let error = training
        .run(scripted(&[0.5]), |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("epoch 0, batch 1 (bad.png)"), "{error}");
}

#[test]
fn checkpoints_are_written_every_so_many_batches_and_pruned() {
    let mut setup = Setup::new(config(3), 5);
    setup.config.batch_size = 1;
    setup.config.average = AverageConfig::Ema { decay: 0.5 };
    setup.config.checkpoint = CheckpointConfig {
        every_minutes: None,
        every_batches: Some(2),
        keep_last: 2,
        keep_best: 2,
        ..CheckpointConfig::default()
    };
    let mut saves = 0;
    let observe =
        |event: &TrainEvent| saves += usize::from(matches!(event, TrainEvent::Saved { .. }));
    setup
        .training()
        .run(scripted(&[0.5, 0.1, 0.3]), observe)
        .unwrap();
    // After batches 2 and 4 and at the end of each epoch.
    assert_eq!(saves, 9);
    let mut files: Vec<String> = std::fs::read_dir(setup.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let expected = [
        "best-0002.safetensors",
        "best.safetensors",
        "last-00000014.safetensors",
        "last.safetensors",
    ];
    assert_eq!(files, expected);
    // Any of them can be gone on with, and ends alike.
    let (last, best) = (setup.bytes(LAST), setup.bytes(BEST));
    let folder = setup.folder.path();
    std::fs::rename(folder.join("last-00000014.safetensors"), folder.join(LAST)).unwrap();
    setup.training().run(scripted(&[0.3]), |_| {}).unwrap();
    assert!(setup.bytes(LAST) == last);
    assert!(setup.bytes(BEST) == best);
}

#[test]
fn the_range_test_tries_rising_rates_and_saves_nothing() {
    let setup = Setup::new(config(1), 4);
    let range = LrRangeConfig {
        steps: 5,
        ..LrRangeConfig::default()
    };
    let found = setup.training().lr_range_test(&range, |_| {}).unwrap();
    // Two batches an epoch: the test goes on into the third.
    assert_eq!(found.points.len(), 5);
    assert_eq!(found.points[0].learning_rate, 1e-7);
    assert_eq!(std::fs::read_dir(setup.folder.path()).unwrap().count(), 0);
}
