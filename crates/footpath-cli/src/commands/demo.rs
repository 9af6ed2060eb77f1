//! `footpath demo`: the whole journey on tiles that it makes itself.

use crate::args::{DemoArgs, DeviceName};
use crate::commands::predict::draw_overlays;
use crate::commands::synth;
use crate::output::{result_line, say, write_file, write_json};
use crate::session::{Session, TrainingData};
use crate::table::metrics_table;
use crate::tracking::{Pictures, TrackArgs, Tracked, TrackedBefore, observer, tracked};
use anyhow::{Context, Result};
use footpath_mapping::dataset::Split;
use footpath_mapping::solution::{PipelineName, SolutionConfig};
use footpath_mapping::synth::SynthSettings;
use std::path::Path;
use std::time::Instant;

/// The demo's configuration, written beside its results for the user to go on with.
const CONFIG: &str = include_str!("../../../../configs/demo.yaml");

/// Side of a tile, px of 0.3 m.
const TILE_PX: usize = 256;
const SEED: u64 = 1;

pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let started = Instant::now();
    let out = &args.out;
    let data = out.join("data");
    say(&format!(
        "1/5 synth: {} training and {} validation tiles of a synthetic suburb",
        args.train, args.val
    ));
    let settings = SynthSettings {
        train: args.train,
        val: args.val,
        size: TILE_PX,
        seed: SEED,
    };
    synth::make(&settings, &data, false)?;

    let config_file = out.join("config.yaml");
    write_file(&config_file, CONFIG.as_bytes())?;
    let config = SolutionConfig::load(Some(&config_file), &args.overrides)?;
    if !args.overrides.is_empty() {
        write_file(&config_file, overridden(&config)?.as_bytes())?;
    }
    let session = Session::of(config, false, DeviceName::Cpu)?;
    let track = TrackArgs {
        track: Some(out.join(".footpath/track").display().to_string()),
        project: "footpath".to_owned(),
        experiment: Some("demo".to_owned()),
        run_name: None,
    };
    let data = session.training_data()?;
    let before = TrackedBefore::of_training(&session, PipelineName::UNET_TTA, &data);
    let command = ("demo", PipelineName::UNET_TTA.as_str());
    tracked(&track, &session, command, before.as_ref(), |run| {
        learn(out, &session, &data, run)
    })?;
    tell_what_was_made(out, &config_file, started)
}

/// The configuration as a file for whoever goes on with it; its folders stay beside it.
fn overridden(config: &SolutionConfig) -> Result<String> {
    let own: SolutionConfig = serde_saphyr::from_str(CONFIG).context("the demo's configuration")?;
    let config = SolutionConfig {
        data: own.data,
        work: own.work,
        ..config.clone()
    };
    serde_saphyr::to_string(&config).context("cannot write the configuration as YAML")
}

/// From tiles to outlines on those that the network never saw.
fn learn(out: &Path, session: &Session, data: &TrainingData, tracked: &Tracked) -> Result<()> {
    let mut setup = session.setup(PipelineName::UNET_TTA, true);
    tracked.data(session, Split::Train, &data.train);
    tracked.data(session, Split::Val, &data.val);
    let pictures = Pictures::new(&data.val);
    setup.training.observer = Some(observer(tracked, pictures, setup.training.observer.take()));
    let (graph, inputs) = session.graph_of(&setup, data)?;

    say("2/5 prepare, 3/5 train: a small U-Net from scratch, best epoch kept");
    say("     then 4/5: evaluate with test-time augmentation, on tiles it never trained on");
    let targets = (&graph.model, &graph.metrics, &graph.objects);
    let run = session.runner().run(&graph.pipeline, targets, inputs)?;
    tracked.pipeline(&graph.pipeline, &run.report);
    let (model, metrics, objects) = run.output;
    tracked.file("model/best.safetensors", model.weights());
    tracked.metrics(metrics.as_ref());
    write_file(&out.join("model.safetensors"), model.weights())?;
    write_json(&out.join("metrics.json"), metrics.as_ref())?;
    result_line(&metrics_table(&metrics))?;

    say("5/5 predict: outlines drawn on the validation tiles");
    let overlays = out.join("overlays");
    let tiles = &data.val.tiles;
    write_json(
        &out.join("predictions.json"),
        &super::evaluate::records(tiles, &objects),
    )?;
    draw_overlays(tiles, &objects, &overlays)
}

fn tell_what_was_made(out: &Path, config_file: &Path, started: Instant) -> Result<()> {
    let config_file = config_file.display();
    let shown = out.display();
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let image_dir = out.join("data").join("val").join("images");
    result_line(&format!(
        "
Done in {minutes:.1} minutes. In {shown}:
  data/               the tiles with their annotations (CrowdAI layout)
  config.yaml         the configuration
  model.safetensors   the trained network
  metrics.json        the metrics above
  predictions.json    the buildings found (COCO results)
  overlays/           the same, drawn on the tiles: look here first

Next:
  footpath evaluate -c {config_file} --pipeline unet_tta --set postprocess.threshold=0.5
      a changed threshold reruns no training and no network
  footpath evaluate -c {config_file} --pipeline unet_weighted
      the same network without test-time augmentation
  footpath train -c {config_file} --pipeline unet
      the same without pixel weights
  footpath ui --store {shown}/.footpath/track
      curves, pictures of each epoch and the pipeline, in the browser
  footpath predict -c {config_file} --pipeline unet_tta {} -o out.json --overlays seen
      buildings in a folder of images",
        image_dir.display()
    ))
    .context("cannot print the summary")
}
