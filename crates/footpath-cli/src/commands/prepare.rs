//! `footpath prepare`

use crate::args::PrepareArgs;
use crate::output::{result_line, write_file, write_json};
use crate::session::Session;
use anyhow::{Context, Result};
use footpath_mapping::dataset::Split;
use footpath_mapping::plane::Plane;
use footpath_mapping::solution::{PipelineName, TrainingGraph};
use footpath_mapping::targets::{BUILDING, IGNORE, TargetMasks};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

pub(crate) fn run(args: &PrepareArgs) -> Result<()> {
    let session = Session::open(&args.run)?;
    // Both pipelines learn from the same targets, so either graph prepares them.
    let graph = TrainingGraph::new(&session.setup(PipelineName::UNET_WEIGHTED, false));
    let mut summary = serde_json::Map::new();
    for split in [Split::Train, Split::Val] {
        let tiles = session.read(split)?;
        let inputs = graph
            .inputs(&session.config, &tiles, &tiles)
            .map_err(|cause| anyhow::anyhow!(cause))?;
        let started = Instant::now();
        let run =
            session
                .runner()
                .run(&graph.pipeline, (&graph.targets, &graph.readable), inputs)?;
        let seconds = started.elapsed().as_secs_f64();
        let counts_of = |step| {
            let step = run.report.step(step).and_then(|step| step.items);
            step.unwrap_or_default()
        };
        let (counts, unreadable) = (counts_of("targets"), counts_of("images").failed);
        let (targets, _) = &run.output;
        let name = split.folder();
        if let Some(folder) = &args.export {
            for (tile, targets) in tiles.tiles.iter().zip(targets.iter()) {
                // A tile that failed was reported when it did.
                let Ok(targets) = targets else { continue };
                export(&folder.join(name), &tile.file_name, &targets)?;
            }
        }
        summary.insert(
            name.to_owned(),
            json!({
                "tiles": tiles.tiles.len(), "computed": counts.computed, "reused": counts.reused,
                "failed": counts.failed, "unreadable_images": unreadable, "seconds": seconds,
            }),
        );
        if !args.json {
            let (computed, reused, failed) = (counts.computed, counts.reused, counts.failed);
            let unreadable = match unreadable {
                0 => String::new(),
                1 => ", 1 image unreadable".to_owned(),
                more => format!(", {more} images unreadable"),
            };
            result_line(&format!(
                "{name}: {} tiles, {computed} prepared, {reused} already there, {failed} failed{unreadable}, {seconds:.2} s",
                tiles.tiles.len()
            ))?;
        }
    }
    if args.json {
        write_json(Path::new("-"), &summary)?;
    }
    Ok(())
}

/// Writes what the network will learn from as pictures: masks (0, 255 building, 128 ignored, 64
/// and its multiples the further classes), distances (tenths of a pixel) and sizes (px²), both 16-bit.
fn export(folder: &Path, file_name: &str, targets: &TargetMasks) -> Result<()> {
    let planes = targets.planes();
    let grey = |label: u8| match label {
        BUILDING => 255,
        IGNORE => 128,
        other => other.saturating_sub(1).saturating_mul(64),
    };
    let stem = Path::new(file_name).with_extension("png");
    let masks = planes.labels.map(grey);
    let size = (masks.width(), masks.height());
    let write = |kind: &str, samples: &[u8], colour| {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(samples, size.0, size.1, colour)
            .with_context(|| format!("cannot encode the {kind} of {file_name}"))?;
        write_file(&folder.join(kind).join(&stem), &bytes)
    };
    write("masks", masks.values(), ExtendedColorType::L8)?;
    let sixteen = |plane: &Plane<f32>, scale: f32| -> Vec<u8> {
        plane
            .values()
            .iter()
            .flat_map(|value| ((value * scale).round() as u16).to_ne_bytes())
            .collect()
    };
    write(
        "distances",
        &sixteen(&planes.distances, 10.0),
        ExtendedColorType::L16,
    )?;
    write(
        "sizes",
        &sixteen(&planes.sizes, 1.0),
        ExtendedColorType::L16,
    )
}
