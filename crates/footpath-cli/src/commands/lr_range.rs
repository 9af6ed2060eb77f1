//! `footpath lr-range`

use crate::args::LrRangeArgs;
use crate::output::{result_line, say, write_file, write_json};
use crate::progress::bar;
use crate::session::Session;
use crate::table::learning_rate_table;
use anyhow::{Result, anyhow, bail};
use footpath_mapping::solution::try_learning_rates;
use footpath_vision::lr_range::LrRangeConfig;
use footpath_vision::train::TrainEvent;
use std::path::Path;

pub(crate) fn run(args: &LrRangeArgs) -> Result<()> {
    let session = Session::open(&args.run)?;
    let setup = session.setup(args.pipeline.into(), false);
    let (graph, inputs, data) = session.training_graph(&setup)?;
    let targets = session
        .runner()
        .run(&graph.pipeline, &graph.targets, inputs)?
        .output;
    let range = LrRangeConfig {
        lowest: args.lowest,
        highest: args.highest,
        steps: args.steps,
        stop_at: args.stop_at,
    };
    let progress = bar("steps", range.steps as u64);
    let observe = |event: &TrainEvent<'_>| match event {
        TrainEvent::Batch(report) => {
            progress.set_position(report.batch as u64);
            progress.set_message(format!("loss {:.3}", report.losses.total));
        }
        TrainEvent::Skipped(skipped) => {
            progress.suspend(|| say(&format!("{skipped}; tried without it")));
        }
        _ => {}
    };
    let images = &data.train.images;
    let found = try_learning_rates(&setup, images, &targets, &range, &session.cancel, observe);
    progress.finish_and_clear();
    let found = found.map_err(|cause| anyhow!(cause))?;
    if session.cancel.is_cancelled() {
        bail!("interrupted before the last rate");
    }
    write_file(&args.out, found.to_svg().as_bytes())?;
    if let Some(out) = &args.json {
        write_json(out, &found)?;
    }
    if args.json.as_deref() != Some(Path::new("-")) {
        result_line(&learning_rate_table(&found))?;
    }
    say(&format!("plot: {}", args.out.display()));
    Ok(())
}
