//! `footpath train`

use crate::args::TrainArgs;
use crate::commands::WrongUsage;
use crate::environment::repeats;
use crate::output::{result_line, say, write_file};
use crate::processes::Processes;
use crate::session::{Session, TrainingData};
use crate::table::{EPOCH_HEAD, epoch_row, second_level_table};
use crate::tracking::{Pictures, Tracked, TrackedBefore, observer, tracked};
use anyhow::Result;
use footpath_mapping::dataset::Split;
use footpath_mapping::second_level::Learner;
use footpath_mapping::solution::{PipelineName, TrainObserver, TrainedUnet, final_step};
use footpath_steps::Outcome;
use footpath_vision::train::TrainEvent;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let mut session = Session::open(&args.run)?;
    let name: PipelineName = args.pipeline.into();
    let lightgbm = matches!(session.config.scoring.learner, Learner::LightGbm { .. });
    if args.second_level.is_some() && !(lightgbm && name.scoring) {
        let told = "--second-level writes what LightGBM learnt: set scoring.learner.kind to lightgbm, and \
                    give a pipeline that ends in _scoring_model";
        return Err(WrongUsage(told.to_owned()).into());
    }
    session.restart = args.restart;
    if let Some(devices) = args.devices {
        session.train_on(devices);
    }
    let processes = Processes::join(&mut session)?;
    if let Some(done) = processes.follow(&session, name) {
        return done;
    }
    // Read before the run begins, since they tell whether it began before.
    let data = session.training_data();
    let read = data.as_ref().ok();
    let before = read.and_then(|data| TrackedBefore::of_training(&session, name, data));
    let command = ("train", name.as_str());
    let done = tracked(&args.track, &session, command, before.as_ref(), |run| {
        train(&session, args, &data?, run)
    });
    processes.finish(&session, &done);
    done
}

fn train(
    session: &Session,
    args: &TrainArgs,
    data: &TrainingData,
    tracked: &Tracked,
) -> Result<()> {
    let mut setup = session.setup(args.pipeline.into(), true);
    if args.json {
        setup.training.observer = Some(json_events());
    }
    tracked.data(session, Split::Train, &data.train);
    tracked.data(session, Split::Val, &data.val);
    let pictures = if tracked.is_recording() {
        Pictures::new(&data.val)
    } else {
        Pictures::default()
    };
    setup.training.observer = Some(observer(tracked, pictures, setup.training.observer.take()));
    let (graph, inputs) = session.graph_of(&setup, data)?;
    say(&format!(
        "{}: {} training tiles, {} validation tiles",
        graph.pipeline.name(),
        data.train.tiles.len(),
        data.val.tiles.len()
    ));
    if !repeats(args.run.device) {
        say("on this device sums come in any order: a repeated run differs in its last bits");
    }
    let targets = (&graph.model, Vec::from_iter(&graph.second_level));
    let run = session.runner().run(&graph.pipeline, targets, inputs)?;
    tracked.pipeline(&graph.pipeline, &run.report);
    let (model, second_level) = run.output;
    tracked.file("model/best.safetensors", model.weights());
    if !args.json {
        for model in &second_level {
            say(&second_level_table(model));
        }
    }
    let text = second_level.iter().find_map(|model| model.lightgbm_text());
    if let Some((path, text)) = args.second_level.as_ref().zip(text) {
        write_file(path, text.as_bytes())?;
    }
    let step = run.report.step(&final_step(&session.config.training));
    let kept = step.is_some_and(|step| step.outcome == Outcome::Hit);
    if kept && !args.json {
        say("this training was done before; nothing to do. Its epochs:");
        say(EPOCH_HEAD);
        model
            .history
            .iter()
            .for_each(|record| say(&epoch_row(record, None, false)));
    }
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| default_model_path(session, graph.pipeline.name()));
    write_file(&out, model.weights())?;
    finish(&model, &out, args.json)
}

/// Where a trained network is copied unless told.
fn default_model_path(session: &Session, pipeline: &str) -> PathBuf {
    session
        .config
        .work
        .join("models")
        .join(format!("{pipeline}.safetensors"))
}

fn finish(model: &TrainedUnet, out: &Path, json: bool) -> Result<()> {
    let mut best: Option<&footpath_vision::progress::EpochRecord> = None;
    for record in &model.history {
        if best.is_none_or(|best| record.score > best.score) {
            best = Some(record);
        }
    }
    if json {
        return result_line(&json!({"event": "finished", "model": out, "best": best}).to_string());
    }
    let best = best.map_or_else(String::new, |best| {
        let metric = |name| best.metrics.get(name).copied().unwrap_or(-1.0);
        let (ap50, iou) = (metric("ap50"), metric("iou"));
        format!(
            ", best in epoch {}: AP50 {ap50:.3}, IoU {iou:.3}",
            best.epoch + 1
        )
    });
    result_line(&format!("{}{best}", out.display()))
}

/// Training as JSON lines on stdout.
fn json_events() -> TrainObserver {
    Arc::new(|place, event| {
        let mut line = match event {
            TrainEvent::Started {
                progress,
                batches,
                epochs,
            } => json!({
                "event": "started", "epoch": progress.epoch, "batch": progress.batch,
                "batches": batches, "epochs": epochs, "step": place.stage.step,
                "stages": place.stage.stages, "run": place.folder,
            }),
            TrainEvent::Batch(report) => json!({
                "event": "batch", "epoch": report.epoch, "batch": report.batch,
                "batches": report.batches, "losses": report.losses,
                "learning_rate": report.learning_rate, "gradient_norm": report.gradient_norm,
                "images_per_second": report.images_per_second,
            }),
            TrainEvent::LeftOut {
                epoch,
                batch,
                samples,
            } => json!({"event": "left_out", "epoch": epoch, "batch": batch, "samples": samples}),
            TrainEvent::Saving => json!({"event": "saving"}),
            TrainEvent::Saved { path, duration } => {
                json!({"event": "saved", "path": path, "seconds": duration.as_secs_f64()})
            }
            TrainEvent::EpochEnd {
                record,
                is_best,
                training,
                validation,
            } => json!({
                "event": "epoch", "record": record, "is_best": is_best,
                "training_s": training.as_secs_f64(), "validation_s": validation.as_secs_f64(),
            }),
            TrainEvent::Skipped(skipped) => {
                json!({"event": "skipped", "message": skipped.to_string()})
            }
            TrainEvent::Pretrained(report) => {
                json!({"event": "pretrained", "loaded": report.loaded, "ignored": report.ignored})
            }
            TrainEvent::Validating { epoch, .. } => json!({"event": "validating", "epoch": epoch}),
        };
        line["stage"] = json!(place.stage.index + 1);
        if let Err(error) = result_line(&line.to_string()) {
            tracing::warn!("{error:#}");
        }
    })
}
