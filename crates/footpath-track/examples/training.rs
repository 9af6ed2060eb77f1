//! A training that tells of itself: parameters, metrics a batch and an epoch, a picture with its
//! truth, a checkpoint, the source, and how it ended.
//!
//! ```text
//! cargo run -p footpath-track --example training          # into .footpath/track
//! FOOTPATH_TRACK=http://127.0.0.1:5000 cargo run -p footpath-track --example training
//! footpath runs ls demo
//! ```

use std::path::Path;

use footpath_track::client::{Layer, Picture, Run};
use footpath_track::{DATASET_CONTEXT_TAG, Dataset, DatasetInput, Tags};
use serde::Serialize;

#[derive(Serialize)]
struct Config {
    lr: f64,
    epochs: i64,
    net: Net,
}

#[derive(Serialize)]
struct Net {
    encoder: &'static str,
    depth: u32,
}

/// A picture of one grey pixel, as PNG.
const GREY: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\xdach\0\0\0\x82\0\x81\xdaE\x08;\0\0\0\0IEND\xaeB`\x82";

fn main() {
    let config = Config {
        lr: 0.01,
        epochs: 3,
        net: Net {
            encoder: "resnet34",
            depth: 5,
        },
    };
    // No call below waits for a disk or a network, and none fails.
    let run = Run::start("demo", "digits");
    run.params(&config);
    run.tag("kind", "example");
    run.note("A run that shows what a run can tell.");
    run.source(Path::new("."));
    run.input(DatasetInput {
        dataset: Dataset {
            name: "digits".into(),
            digest: "0f3a".into(),
            source_type: "local".into(),
            source: "data/digits".into(),
            ..Dataset::default()
        },
        tags: Tags::from([(DATASET_CONTEXT_TAG.into(), "training".into())]),
    });
    let mut step = 0;
    for epoch in 0..config.epochs {
        for _batch in 0..100 {
            run.metric("train/loss", step, 1.0 / (1.0 + config.lr * step as f64));
            step += 1;
        }
        run.metric(
            "valid/accuracy",
            epoch,
            1.0 - 0.5_f64.powi(epoch as i32 + 1),
        );
        let layer = |role: &str| Layer {
            role: role.into(),
            media_type: "image/png".into(),
            width_px: 1,
            height_px: 1,
            bytes: GREY.to_vec(),
        };
        run.picture(
            "valid/pictures",
            epoch,
            Picture {
                sample: "digit-7.png".into(),
                score: Some(0.5),
                caption: "a seven".into(),
                layers: vec![layer("input"), layer("truth"), layer("prediction")],
            },
        );
        run.bytes(&format!("checkpoints/epoch-{epoch}.bin"), vec![0; 1000]);
    }
    // Dropped without this, by `?` or a panic, the run has failed, and says why.
    run.finish();
}
