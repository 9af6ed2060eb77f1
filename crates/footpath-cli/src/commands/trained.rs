//! What was trained with a configuration on its data, found by its key in the store.

use crate::commands::evaluate::{measured_graph, read_model};
use crate::session::Session;
use anyhow::{Context, Result, anyhow};
use footpath_mapping::dataset::Split;
use footpath_mapping::second_level::SecondLevel;
use footpath_mapping::solution::{PipelineName, SCORING_STEP, TrainedUnet, final_step};
use footpath_steps::{Kept, Plan, PlannedStep, StoreError};
use std::path::Path;

/// A network, with a second level if the pipeline has one.
pub(crate) struct Trained {
    pub(crate) model: Kept<TrainedUnet>,
    pub(crate) second_level: Option<Kept<SecondLevel>>,
}

/// What this configuration trained. Nothing is trained now.
pub(crate) fn trained(session: &Session, name: PipelineName) -> Result<Trained> {
    let data = session.training_data().context(
        "the network of a configuration is known by the data that it learnt from; to predict \
         without them, give --model FILE",
    )?;
    let (graph, inputs) = session.graph_of(&session.setup(name, false), &data)?;
    let targets = (&graph.model, Vec::from_iter(&graph.second_level));
    let plan = graph.pipeline.plan(targets, inputs, &session.store)?;
    let step = final_step(&session.config.training);
    let model = session.store.planned(&plan, &step).map_err(|error| {
        let advice = "or give --model FILE";
        let told = missing(session, name, "trained network", plan.step(&step), advice);
        explained(error, told)
    })?;
    let second_level = graph.second_level.as_ref().map(|_| {
        let advice = "or `footpath evaluate` with it";
        second_level_of(session, name, &plan, advice)
    });
    Ok(Trained {
        model,
        second_level: second_level.transpose()?,
    })
}

/// The second level that an evaluation of the network in the file `model` fitted; or else that of
/// the configuration.
pub(crate) fn second_level(
    session: &Session,
    name: PipelineName,
    model: &Path,
) -> Result<Kept<SecondLevel>> {
    let data = session.read(Split::Val).context(
        "a second level is known by the data that it learnt from: name them with `data`",
    )?;
    let (graph, inputs) = measured_graph(session, name, read_model(model)?, &data)?;
    let targets = Vec::from_iter(&graph.second_level);
    let plan = graph.pipeline.plan(targets, inputs, &session.store)?;
    session.store.planned(&plan, SCORING_STEP).or_else(|_| {
        let data = session.training_data()?;
        let (graph, inputs) = session.graph_of(&session.setup(name, false), &data)?;
        let targets = Vec::from_iter(&graph.second_level);
        let plan = graph.pipeline.plan(targets, inputs, &session.store)?;
        let advice = "or `footpath evaluate` with this --model";
        second_level_of(session, name, &plan, advice)
    })
}

fn second_level_of(
    session: &Session,
    name: PipelineName,
    plan: &Plan,
    advice: &str,
) -> Result<Kept<SecondLevel>> {
    session.store.planned(plan, SCORING_STEP).map_err(|error| {
        let step = plan.step(SCORING_STEP);
        let told = missing(session, name, "second level", step, advice);
        explained(error, told)
    })
}

/// `told`, with the cause where it says more.
fn explained(error: StoreError, told: String) -> anyhow::Error {
    match error {
        StoreError::NothingKept { .. } => anyhow!(told),
        error => anyhow::Error::new(error).context(told),
    }
}

/// That nothing fits, what the nearest thing differs in, and what to do.
fn missing(
    session: &Session,
    name: PipelineName,
    what: &str,
    step: Option<&PlannedStep>,
    advice: &str,
) -> String {
    let (name, work) = (name.as_str(), session.config.work.display());
    let reasons = step.map_or(&[][..], |step| &step.reasons);
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let reasons = reasons.join("; ");
    format!(
        "there is no {what} of `{name}` with this configuration in {work} ({reasons}); run \
         `footpath train --pipeline {name}` with it first, {advice}"
    )
}
