//! `footpath evaluate`

use crate::args::EvaluateArgs;
use crate::commands::trained::{measured_graph, read_model};
use crate::commands::{WrongUsage, inspect};
use crate::output::{result_line, say, write_json};
use crate::session::Session;
use crate::table::{detail_table, metrics_table, second_level_table};
use crate::tracking::{Tracked, tracked};
use anyhow::{Context, Result, anyhow};
use footpath_mapping::dataset::{ImageFile, Split};
use footpath_mapping::evaluation::{Bootstrap, Examination};
use footpath_mapping::postprocess::ResultRecord;
use footpath_mapping::solution::{Imagery, PipelineName, TileObjects, measured, stages};
use footpath_steps::{Action, Items, Plan};
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    if let Some(path) = &args.per_image {
        inspect::check_table(path)?;
    }
    let worst = worst(&args.worst)?;
    let session = Session::open(&args.run)?;
    let name: PipelineName = args.pipeline.into();
    let command = ("evaluate", name.as_str());
    tracked(&args.track, &session, command, None, |run| {
        evaluate(&session, args, worst.as_ref(), run)
    })
}

fn evaluate(
    session: &Session,
    args: &EvaluateArgs,
    worst: Option<&(usize, PathBuf)>,
    tracked: &Tracked,
) -> Result<()> {
    let (objects, val) = match &args.model {
        Some(model) => evaluate_model(session, args, model, tracked)?,
        None => evaluate_trained(session, args, tracked)?,
    };
    let bootstrap = Bootstrap {
        samples: args.samples,
        ..Bootstrap::default()
    };
    let examined = examine(&val, &objects, &bootstrap)?;
    tracked.data(session, Split::Val, &val);
    tracked.metrics(&examined);
    tracked.json("predictions.json", &records(&val.tiles, &objects));
    if let Some(out) = &args.predictions {
        write_json(out, &records(&val.tiles, &objects))?;
        say(&format!("predictions: {}", out.display()));
    }
    if let Some(path) = &args.per_image {
        inspect::write_table(path, &examined.images, &val)?;
    }
    if let Some((count, folder)) = worst {
        inspect::draw_worst(*count, folder, &examined.images, &val, &objects)?;
    }
    if let Some(out) = &args.json {
        write_json(out, &examined)?;
    }
    if args.json.as_deref() != Some(Path::new("-")) {
        result_line(&metrics_table(&examined.metrics))?;
        result_line(&detail_table(&examined.detail))?;
    }
    Ok(())
}

/// The two values of `--worst`.
fn worst(values: &[String]) -> Result<Option<(usize, PathBuf)>> {
    let [count, folder] = values else {
        return Ok(None);
    };
    match count.parse() {
        Ok(count) if count > 0 => Ok(Some((count, PathBuf::from(folder)))),
        _ => {
            let told = format!("--worst {count} {folder}: {count} is no number of tiles");
            Err(WrongUsage(told).into())
        }
    }
}

/// Measures what was found on the tiles closely.
fn examine(
    val: &Imagery,
    objects: &Items<TileObjects>,
    bootstrap: &Bootstrap,
) -> Result<Examination> {
    let going_on = || Ok::<_, footpath_steps::BoxError>(());
    let (evaluator, predictions) =
        measured(&val.buildings, objects, going_on).map_err(|cause| anyhow!(cause))?;
    evaluator
        .examine(&predictions, bootstrap)
        .context("cannot measure what was found")
}

type Evaluated = (Items<TileObjects>, Imagery);

/// The network that this configuration trained.
fn evaluate_trained(
    session: &Session,
    args: &EvaluateArgs,
    tracked: &Tracked,
) -> Result<Evaluated> {
    let name = args.pipeline.into();
    let (graph, inputs, data) = session.training_graph(&session.setup(name, true))?;
    let targets = (
        (&graph.metrics, &graph.objects),
        Vec::from_iter(&graph.second_level),
    );
    let seen = graph
        .inputs(&session.config, &data.train, &data.val)
        .map_err(|cause| anyhow!(cause))?;
    let plan = graph.pipeline.plan(targets.clone(), seen, &session.store)?;
    announce_training(session, &plan)?;
    let run = session.runner().run(&graph.pipeline, targets, inputs)?;
    tracked.pipeline(&graph.pipeline, &run.report);
    let ((_, objects), second_level) = run.output;
    for model in &second_level {
        say(&second_level_table(model));
    }
    Ok((objects.as_ref().clone(), data.val))
}

/// Says which trainings come first, and why: someone who only wants numbers should know.
fn announce_training(session: &Session, plan: &Plan) -> Result<()> {
    for stage in stages(&session.config.training)? {
        let Some(step) = plan.step(&stage.step) else {
            continue;
        };
        if step.action == Action::Compute {
            let reasons: Vec<String> = step.reasons.iter().map(ToString::to_string).collect();
            let (name, epochs) = (&step.name, stage.training.epochs);
            let reasons = reasons.join("; ");
            say(&format!(
                "no finished training fits this configuration ({name}: {reasons}): it is trained \
                 first, {epochs} epochs; `--model FILE` evaluates a network as it is"
            ));
        }
    }
    Ok(())
}

/// A network brought as a file.
fn evaluate_model(
    session: &Session,
    args: &EvaluateArgs,
    model: &Path,
    tracked: &Tracked,
) -> Result<Evaluated> {
    let val = session.read(Split::Val)?;
    let name = args.pipeline.into();
    let (graph, inputs) = measured_graph(session, name, read_model(session, model)?, &val)?;
    let targets = (
        (&graph.metrics, &graph.objects),
        Vec::from_iter(&graph.second_level),
    );
    let run = session.runner().run(&graph.pipeline, targets, inputs)?;
    tracked.pipeline(&graph.pipeline, &run.report);
    let ((_, objects), second_level) = run.output;
    for model in &second_level {
        say(&second_level_table(model));
    }
    Ok((objects.as_ref().clone(), val))
}

/// The challenge's results: one record for each building.
pub(crate) fn records(images: &[ImageFile], objects: &Items<TileObjects>) -> Vec<ResultRecord> {
    images
        .iter()
        .zip(objects)
        // An image that failed was reported when it did.
        .filter_map(|(image, objects)| Some((image, objects.ok()?)))
        .flat_map(|(image, objects)| {
            let record = |found: footpath_mapping::postprocess::Detection| ResultRecord {
                data_set: image.data_set.clone(),
                ..found.to_record(image.id, Some(&image.file_name))
            };
            objects.detections().map(record).collect::<Vec<_>>()
        })
        .collect()
}
