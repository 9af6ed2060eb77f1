//! Trained networks and their second levels: a configuration's, found by its key in the store, or a file's.

use crate::commands::WrongUsage;
use crate::session::Session;
use anyhow::{Context, Result, anyhow};
use footpath_mapping::dataset::Split;
use footpath_mapping::second_level::SecondLevel;
use footpath_mapping::solution::{Imagery, MeasuredGraph, PipelineName, TrainedUnet, final_step};
use footpath_steps::{Inputs, Kept, Plan, StoreError};
use footpath_vision::network::UnetConfig;
use footpath_vision::weights::Weights;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// A network, with a second level if the pipeline has one.
pub(crate) struct Trained {
    pub(crate) model: Kept<TrainedUnet>,
    pub(crate) second_level: Option<Arc<SecondLevel>>,
}

/// The network that this configuration trained; none is trained now. Its second level is fitted
/// where it is not kept.
pub(crate) fn trained(session: &Session, name: PipelineName) -> Result<Trained> {
    let data = session.training_data().context(
        "the network of a configuration is known by the data that it learnt from; to predict \
         without them, give --model FILE",
    )?;
    let (graph, inputs) = session.graph_of(&session.setup(name, false), &data)?;
    let plan = graph.pipeline.plan(&graph.model, inputs, &session.store)?;
    let step = final_step(&session.config.training);
    let model = session
        .store
        .planned(&plan, &step)
        .map_err(|error| missing(session, name, &plan, &step, error))?;
    let second_level = match &graph.second_level {
        Some(second_level) => {
            let inputs = graph
                .inputs(&session.config, &data.train, &data.val)
                .map_err(|cause| anyhow!(cause))?;
            let run = session
                .runner()
                .run(&graph.pipeline, second_level, inputs)?;
            Some(run.output)
        }
        None => None,
    };
    Ok(Trained {
        model,
        second_level,
    })
}

/// The second level of a network from a file, as an evaluation of it fits it; `None` in a pipeline
/// without.
pub(crate) fn second_level(
    session: &Session,
    name: PipelineName,
    model: Arc<TrainedUnet>,
) -> Result<Option<Arc<SecondLevel>>> {
    if !name.scoring {
        return Ok(None);
    }
    let data = session
        .read(Split::Val)
        .context("the second level of a network learns from the validation tiles")?;
    let (graph, inputs) = measured_graph(session, name, model, &data)?;
    let Some(second_level) = &graph.second_level else {
        return Ok(None);
    };
    let run = session
        .runner()
        .run(&graph.pipeline, second_level, inputs)?;
    Ok(Some(run.output))
}

/// What measures a network on annotated images, with its inputs.
pub(crate) fn measured_graph(
    session: &Session,
    name: PipelineName,
    model: Arc<TrainedUnet>,
    images: &Imagery,
) -> Result<(MeasuredGraph, Inputs)> {
    let graph = MeasuredGraph::new(&session.setup(name, false));
    let inputs = Inputs::new()
        .with_shared(&graph.model, model)
        .with(&graph.images, images.images.clone())
        .with(&graph.buildings, images.buildings.clone());
    let inputs = graph
        .with_ensemble(inputs, &session.config)
        .map_err(|cause| anyhow!(cause))?;
    Ok((graph, inputs))
}

/// A network from a safetensors file that `footpath train` wrote; says which settings it passes over.
pub(crate) fn read_model(session: &Session, path: &Path) -> Result<Arc<TrainedUnet>> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("cannot read the network {}", path.display()))?;
    let weights = Weights::from_bytes(&bytes, path)
        .map_err(|cause| WrongUsage(format!("{cause}; `footpath train` writes such files")))?;
    for difference in passed_over(&session.config.unet, &weights.network) {
        tracing::warn!("{}: {difference}", path.display());
    }
    Ok(Arc::new(TrainedUnet::new(bytes, Vec::new())))
}

/// Where a configuration asks for another network than the file's, which is used as it is. Keys at
/// their defaults ask for nothing, nor do those of first weights.
fn passed_over(asked: &UnetConfig, of_file: &UnetConfig) -> Vec<String> {
    let shape = |config: &UnetConfig| {
        let config = UnetConfig {
            pretrained: None,
            unit_activations: false,
            weights: None,
            weights_except: Vec::new(),
            ..config.clone()
        };
        match serde_json::to_value(config) {
            Ok(Value::Object(keys)) => keys,
            _ => serde_json::Map::new(),
        }
    };
    let (of_file, unless_told) = (shape(of_file), shape(&UnetConfig::default()));
    shape(asked)
        .into_iter()
        .filter(|(key, value)| {
            of_file.get(key) != Some(value) && unless_told.get(key) != Some(value)
        })
        .map(|(key, value)| {
            let found = of_file.get(&key).unwrap_or(&Value::Null);
            format!(
                "the network has unet.{key}={found}; the configuration's {value} is passed over"
            )
        })
        .collect()
}

/// That no network fits, what the nearest differs in, and what to do.
fn missing(
    session: &Session,
    name: PipelineName,
    plan: &Plan,
    step: &str,
    error: StoreError,
) -> anyhow::Error {
    let (name, work) = (name.as_str(), session.config.work.display());
    let reasons = plan.step(step).map_or(&[][..], |step| &step.reasons);
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let reasons = reasons.join("; ");
    let told = format!(
        "there is no trained network of `{name}` with this configuration in {work} ({reasons}); \
         run `footpath train --pipeline {name}` with it first, or give --model FILE"
    );
    match error {
        StoreError::NothingKept { .. } => anyhow!(told),
        error => anyhow::Error::new(error).context(told),
    }
}
