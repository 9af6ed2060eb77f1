//! `footpath predict`

use crate::args::PredictArgs;
use crate::commands::WrongUsage;
use crate::commands::evaluate::records;
use crate::commands::trained::{read_model, second_level, trained};
use crate::output::{result_line, write_file, write_json};
use crate::progress::bar;
use crate::session::Session;
use crate::tracking::{Tracked, tracked};
use anyhow::{Context, Result, anyhow};
use footpath_mapping::dataset::{ImageFile, list_images, read_rgb};
use footpath_mapping::overlay::{Instance, draw_outlines};
use footpath_mapping::rle::to_plane;
use footpath_mapping::solution::{PipelineName, PredictionGraph, TileObjects, images_of};
use footpath_steps::{Inputs, Items};
use image::codecs::png::PngEncoder;
use rayon::prelude::*;
use serde_json::json;
use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let session = Session::open(&args.run)?;
    let name: PipelineName = args.pipeline.into();
    let command = ("predict", name.as_str());
    tracked(&args.track, &session, command, None, |run| {
        predict(&session, name, args, run)
    })
}

/// Refuses to write over a file that holds no results, say the annotations.
fn refuse_other_files(out: &Path) -> Result<()> {
    let Ok(file) = std::fs::File::open(out) else {
        return Ok(());
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(());
    }
    let first = BufReader::new(file)
        .bytes()
        .find(|byte| !matches!(byte, Ok(byte) if byte.is_ascii_whitespace()));
    if let None | Some(Ok(b'[')) = first {
        return Ok(());
    }
    let out = out.display();
    Err(WrongUsage(format!(
        "{out} holds something else than COCO results and is not written over; name another file after -o"
    ))
    .into())
}

fn predict(
    session: &Session,
    name: PipelineName,
    args: &PredictArgs,
    tracked: &Tracked,
) -> Result<()> {
    let files = list_images(&args.images)?;
    refuse_other_files(&args.out)?;
    let graph = PredictionGraph::new(&session.setup(name, false));
    let images = images_of(&files, &session.store).map_err(|cause| anyhow!(cause))?;
    let inputs = Inputs::new().with(&graph.images, images);
    let inputs = graph
        .with_ensemble(inputs, &session.config)
        .map_err(|cause| anyhow!(cause))?;
    let (inputs, scoring) = if let Some(path) = &args.model {
        let model = read_model(session, path)?;
        let scoring = second_level(session, name, Arc::clone(&model))?;
        (inputs.with_shared(&graph.model, model), scoring)
    } else {
        let found = trained(session, name)?;
        let inputs = inputs.with_kept(&graph.model, found.model);
        (inputs, found.second_level)
    };
    let inputs = match (&graph.second_level, scoring) {
        (Some(handle), Some(scoring)) => inputs.with_shared(handle, scoring),
        _ => inputs,
    };
    let run = session
        .runner()
        .run(&graph.pipeline, &graph.objects, inputs)?;
    tracked.pipeline(&graph.pipeline, &run.report);
    let objects = run.output.as_ref();
    let failed = run
        .report
        .steps
        .iter()
        .filter_map(|step| step.items)
        .map(|items| items.failed)
        .max()
        .unwrap_or(0);

    let results = records(&files, objects);
    write_json(&args.out, &results)?;
    tracked.number("prediction/images", files.len() as f64);
    tracked.number("prediction/failed", failed as f64);
    tracked.number("prediction/buildings", results.len() as f64);
    tracked.json("predictions.json", &results);
    if let Some(folder) = &args.overlays {
        draw_overlays(&files, objects, folder)?;
    }
    let summary = json!({
        "images": files.len(), "failed": failed, "buildings": results.len(), "out": args.out, "overlays": args.overlays,
    });
    if args.json {
        return write_json(Path::new("-"), &summary);
    }
    let failed = if failed > 0 {
        format!(", {failed} of them unreadable")
    } else {
        String::new()
    };
    result_line(&format!(
        "{}: {} images{failed}, {} buildings",
        args.out.display(),
        files.len(),
        results.len()
    ))
}

/// Draws the outlines of what was found on each image, as PNG.
pub(crate) fn draw_overlays(
    files: &[ImageFile],
    objects: &Items<TileObjects>,
    folder: &Path,
) -> Result<()> {
    let bar = bar("overlays", files.len() as u64);
    let stems: Vec<PathBuf> = files
        .iter()
        .map(|file| Path::new(&file.file_name).with_extension("png"))
        .collect();
    let mut times = HashMap::new();
    for stem in &stems {
        *times.entry(stem).or_insert(0) += 1;
    }
    let drawn = (0..files.len()).into_par_iter().try_for_each(|index| {
        let (file, Ok(found)) = (&files[index], objects.get(index)) else {
            return Ok(());
        };
        let mut image = read_rgb(&file.path)?;
        let masks: Vec<Vec<bool>> = found
            .detections()
            .map(|detection| {
                to_plane(&detection.mask)
                    .values()
                    .iter()
                    .map(|&value| value != 0)
                    .collect()
            })
            .collect();
        let width = image.width() as usize;
        let instances: Vec<Instance<'_>> = masks
            .iter()
            .map(|mask| Instance {
                x: 0,
                y: 0,
                width,
                mask,
            })
            .collect();
        draw_outlines(&mut image, &instances);
        let mut bytes = Vec::new();
        image
            .write_with_encoder(PngEncoder::new(&mut bytes))
            .with_context(|| format!("cannot encode the overlay of {}", file.file_name))?;
        bar.inc(1);
        // `a.jpg` and `a.png` do not draw over each other.
        let name = match times[&stems[index]] {
            1 => folder.join(&stems[index]),
            _ => folder.join(format!("{}.png", file.file_name)),
        };
        write_file(&name, &bytes)
    });
    bar.finish_and_clear();
    drawn
}
