//! Runs to and from other formats, through a store in a folder.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]

mod bundles;
mod comparisons;
mod exports;
mod imports;

use std::path::Path;

use footpath_track::access::{Access, Place, Search};
use footpath_track::client::{Layer, Picture, Run, RunOptions, Target};
use footpath_track::{Dataset, DatasetInput, StepOutcome, StepRecord};

/// A store in a folder, to be changed.
fn open(folder: &Path) -> Box<dyn Access> {
    Place::new(folder.display().to_string()).open().unwrap()
}

/// All runs of a store, the first begun first.
fn runs(access: &dyn Access) -> Vec<footpath_track::Run> {
    let search = Search {
        order: vec!["start_time".into()],
        limit: 1000,
        ..Search::default()
    };
    access.search(&search).unwrap().items
}

/// Tracks a run that tells a little of everything; gives its id.
fn track(store: &Path, name: &str, lr: f64, seed: u64) -> footpath_track::RunId {
    let options = RunOptions {
        name: Some(name.into()),
        system_metrics_every: None,
        record_signals: false,
        ..RunOptions::new(Target::Folder(store.into()))
    };
    let run = Run::start_with("maps", "unet", options);
    run.params(&serde_json::json!({ "lr": lr, "seed": seed, "net": { "depth": 34 } }));
    for step in 0..3000 {
        let value = if step == 7 {
            f64::NAN
        } else {
            lr / (step + 1) as f64
        };
        run.metric_at("train/loss", step, 1_700_000_000_000 + step, value);
    }
    run.metric_at("ap50", 1, 1_700_000_000_000, lr);
    run.tag("kind", "test\u{1b}[2J");
    run.text("log", 1, "hello");
    let layer = |role: &str, bytes: &[u8]| Layer {
        role: role.into(),
        media_type: "image/png".into(),
        width_px: 1,
        height_px: 1,
        bytes: bytes.to_vec(),
    };
    let picture = Picture {
        sample: "a.png".into(),
        score: Some(lr / 3.0),
        caption: String::new(),
        layers: vec![layer("input", b"in"), layer("prediction", name.as_bytes())],
    };
    run.picture("valid", 3, picture);
    run.bytes("model/w.bin", vec![7; 100_000]);
    run.bytes("source/dirty.diff", b"-one\n+two\n".to_vec());
    let dataset = Dataset {
        name: "tiles".into(),
        digest: "d1".into(),
        ..Dataset::default()
    };
    run.input(DatasetInput {
        dataset,
        ..DatasetInput::default()
    });
    for (step, inputs) in [("loader", vec![]), ("model", vec!["loader".to_owned()])] {
        run.step(StepRecord {
            pipeline: "unet".into(),
            step: step.into(),
            key: format!("{step}-{lr}"),
            outcome: StepOutcome::Computed,
            reason: None,
            inputs,
            time_ms: 0,
            seconds: 0.1,
            bytes: Some(3),
        });
    }
    let id = run.id().clone();
    run.finish();
    id
}
