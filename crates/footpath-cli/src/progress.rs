//! Progress for people: bars on a terminal, nothing where stderr is a file.

use crate::output::say;
use crate::table::{EPOCH_HEAD, epoch_row};
use footpath_mapping::solution::{TrainObserver, TrainPlace, UNET_STEP};
use footpath_steps::Event;
use footpath_vision::train::TrainEvent;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A bar of `total` units.
pub(crate) fn bar(unit: &str, total: u64) -> ProgressBar {
    styled(
        ProgressBar::new(total),
        &format!("{{pos}}/{{len}} {unit}  {{per_sec}}  {{eta}} left"),
    )
}

fn styled(bar: ProgressBar, tail: &str) -> ProgressBar {
    let template = format!("{{prefix:14}} {{bar:30}} {tail}  {{msg}}");
    // The template is ours and valid; a bar without style is still a bar.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

/// Shows the steps of a run: a bar for each that is at work.
#[derive(Clone, Default)]
pub(crate) struct StepBars {
    all: MultiProgress,
    bars: Arc<Mutex<BTreeMap<Arc<str>, ProgressBar>>>,
}

impl StepBars {
    /// Reacts to an event of the run. The network's fits have a bar of their own.
    pub(crate) fn show(&self, event: &Event) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Progress {
                step,
                done,
                total: Some(total),
            } if !step.starts_with(UNET_STEP) => {
                let bar = bars.entry(Arc::clone(step)).or_insert_with(|| {
                    let bar = self.all.add(ProgressBar::new(*total));
                    let bar = styled(bar, "{pos}/{len} tiles  {per_sec}  {eta} left");
                    bar.set_prefix(step.to_string());
                    bar
                });
                bar.set_position(*done);
            }
            Event::Finished { step, .. } | Event::Failed { step, .. } => {
                if let Some(bar) = bars.remove(step) {
                    bar.finish_and_clear();
                }
            }
            Event::Waiting { step } => self.all.suspend(|| {
                say(&format!(
                    "another process computes step {step} in this store; waiting for what it finds"
                ));
            }),
            // One that ends its step is told as the command's failure.
            Event::ItemFailed {
                step,
                item,
                cause,
                ends_step: false,
            } => {
                self.all
                    .suspend(|| tracing::warn!("{step}, tile {item}: {cause}; left out"));
            }
            _ => {}
        }
    }

    /// An observer of training: a bar over the epoch's batches, a table row for each epoch.
    pub(crate) fn training(&self) -> TrainObserver {
        let all = self.all.clone();
        let view = Mutex::new(TrainingView::default());
        Arc::new(move |place, event| {
            let mut view = view.lock().unwrap_or_else(PoisonError::into_inner);
            view.show(&all, place, event);
        })
    }
}

#[derive(Default)]
struct TrainingView {
    bar: Option<ProgressBar>,
    batches: usize,
    /// Images of the epoch so far.
    speed: Mean,
}

#[derive(Default)]
struct Mean {
    sum_seconds_per_image: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, images_per_second: f64) {
        if images_per_second > 0.0 {
            self.sum_seconds_per_image += images_per_second.recip();
            self.count += 1.0;
        }
    }

    fn images_per_second(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.count / self.sum_seconds_per_image)
    }
}

impl TrainingView {
    fn show(&mut self, all: &MultiProgress, place: &TrainPlace<'_>, event: &TrainEvent<'_>) {
        let line = |text: &str| all.suspend(|| say(text));
        match event {
            TrainEvent::Pretrained(report) => {
                let ignored = match report.ignored.as_slice() {
                    [] => String::new(),
                    names => format!(" ({} not used: {})", names.len(), names.join(", ")),
                };
                line(&format!(
                    "pretrained encoder: {} tensors loaded{ignored}",
                    report.loaded
                ));
            }
            TrainEvent::Started {
                progress, batches, ..
            } => {
                self.batches = *batches;
                let stage = place.stage;
                if stage.stages > 1 {
                    let (number, stages) = (stage.index + 1, stage.stages);
                    line(&format!("stage {number} of {stages}, step {}", stage.step));
                }
                if let Some(folder) = place.folder {
                    line(&format!("metrics and curves: {}", folder.display()));
                }
                if progress.epoch > 0 || progress.batch > 0 {
                    line(&format!(
                        "going on from epoch {}, batch {}",
                        progress.epoch + 1,
                        progress.batch
                    ));
                }
                line(EPOCH_HEAD);
                progress
                    .history
                    .iter()
                    .for_each(|record| line(&epoch_row(record, None, false)));
            }
            TrainEvent::Skipped(skipped) => line(&format!("{skipped}; trained without it")),
            TrainEvent::Batch(report) => {
                self.speed.add(report.images_per_second);
                let bar = self.bar.get_or_insert_with(|| {
                    let bar = all.add(ProgressBar::new(report.batches as u64));
                    styled(bar, "{pos}/{len} batches  {eta} left")
                });
                bar.set_prefix(format!("epoch {}", report.epoch + 1));
                bar.set_position(report.batch as u64);
                let speed = self.speed.images_per_second();
                let speed = speed.unwrap_or(report.images_per_second);
                let loss = report.losses.total;
                bar.set_message(format!("loss {loss:.3}  {speed:.1} images/s"));
            }
            TrainEvent::LeftOut {
                epoch,
                batch,
                samples,
            } => line(&format!(
                "a loss or gradient is not finite in epoch {}, up to batch {batch} ({}); nothing \
                 was learnt from it",
                epoch + 1,
                samples.join(", ")
            )),
            TrainEvent::Saving | TrainEvent::Saved { .. } => {}
            TrainEvent::Validating { .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_message("validating");
                }
            }
            TrainEvent::EpochEnd {
                record, is_best, ..
            } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let speed = std::mem::take(&mut self.speed).images_per_second();
                line(&epoch_row(record, speed, *is_best));
            }
        }
    }
}
