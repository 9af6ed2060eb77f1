//! A training, as the tracker shows it: curves by batch and epoch, pictures of each epoch.

use super::{Pictures, Tracked};
use footpath_mapping::solution::{TrainObserver, TrainPlace};
use footpath_vision::train::TrainEvent;
use std::sync::Arc;

/// Tells the tracker of a training, and then `next`.
pub(crate) fn observer(
    run: &Tracked,
    pictures: Pictures,
    next: Option<TrainObserver>,
) -> TrainObserver {
    let run = run.clone();
    Arc::new(move |place, event| {
        if run.is_recording() {
            tell(&run, &pictures, place, event);
        }
        if let Some(next) = &next {
            next(place, event);
        }
    })
}

fn tell(tracked: &Tracked, pictures: &Pictures, place: &TrainPlace<'_>, event: &TrainEvent<'_>) {
    let run = &tracked.0.run;
    let stage = match place.stage.stages {
        1 => String::new(),
        _ => format!("stage_{}/", place.stage.index + 1),
    };
    let metric = |name: &str, step: usize, value: f64| {
        run.metric(&format!("{stage}{name}"), step as i64, value);
    };
    match event {
        TrainEvent::Started {
            progress, epochs, ..
        } => {
            if let Some(folder) = place.folder {
                tracked.remember(folder);
            }
            let text = format!(
                "goes on from epoch {}, batch {}",
                progress.epoch + 1,
                progress.batch
            );
            if progress.epoch > 0 || progress.batch > 0 {
                run.text(&format!("{stage}messages"), 0, &text);
            }
            run.tag(&format!("{stage}epochs"), &epochs.to_string());
        }
        TrainEvent::Batch(report) => {
            let step = report.epoch * report.batches + report.batch;
            metric("batch/loss", step, report.losses.total);
            metric("batch/cross_entropy", step, report.losses.cross_entropy);
            metric("batch/dice_loss", step, report.losses.dice);
            metric("batch/learning_rate", step, report.learning_rate);
            metric("batch/gradient_norm", step, report.gradient_norm);
            metric("batch/images_per_second", step, report.images_per_second);
        }
        TrainEvent::EpochEnd {
            record,
            training,
            validation,
            ..
        } => {
            let epoch = record.epoch + 1;
            metric("epoch/loss", epoch, record.losses.total);
            metric("epoch/cross_entropy", epoch, record.losses.cross_entropy);
            metric("epoch/dice_loss", epoch, record.losses.dice);
            metric("epoch/learning_rate", epoch, record.learning_rate);
            metric("epoch/training_s", epoch, training.as_secs_f64());
            metric("epoch/validation_s", epoch, validation.as_secs_f64());
            for (name, &value) in &record.metrics {
                metric(&format!("validation/{name}"), epoch, value);
            }
        }
        TrainEvent::Validating { epoch, predictor } => {
            let key = format!("{stage}validation");
            for picture in pictures.of(predictor) {
                run.picture(&key, *epoch as i64 + 1, picture);
            }
        }
        TrainEvent::Skipped(skipped) => {
            run.text(&format!("{stage}messages"), 0, &skipped.to_string());
        }
        TrainEvent::LeftOut {
            epoch,
            batch,
            samples,
        } => {
            let text = format!(
                "epoch {}, batch {batch} left out: no finite loss on {}",
                epoch + 1,
                samples.join(", ")
            );
            run.text(&format!("{stage}messages"), *epoch as i64 + 1, &text);
        }
        TrainEvent::Pretrained(_) | TrainEvent::Saving | TrainEvent::Saved { .. } => {}
    }
}
