//! `footpath steps`: look into a pipeline of the solution and its store.

use crate::args::StepsArgs;
use crate::session::Session;
use anyhow::{Result, anyhow};
use footpath_mapping::dataset::Split;
use footpath_mapping::solution::TrainingGraph;
use footpath_steps::cli::App;
use std::io::stdout;
use std::rc::Rc;

pub(crate) fn run(args: &StepsArgs) -> Result<()> {
    let session = Rc::new(Session::open(&args.run)?);
    let graph = Rc::new(TrainingGraph::new(
        &session.setup(args.pipeline.into(), false),
    ));
    // All that `train` and `evaluate` want: a kept network is told as a hit even where its
    // probabilities are kept, too, and it would not be needed.
    let targets = (&graph.model, &graph.metrics, &graph.objects);
    let (reader, wired) = (Rc::clone(&session), Rc::clone(&graph));
    // Read only by the commands that look at inputs: `ls` and `gc` need no data set.
    let inputs = move || {
        let tiles = |split| reader.read(split).map_err(|error| format!("{error:#}"));
        let (train, val) = (tiles(Split::Train)?, tiles(Split::Val)?);
        wired.inputs(&reader.config, &train, &val)
    };
    App::new(&graph.pipeline, targets, inputs)
        .store(&session.config.work)
        .run(&args.command, &mut stdout().lock())
        .map_err(|error| anyhow!(error))
}
