//! Answers as MLflow's clients read them: snake-case names, whole numbers as numbers, NaN and
//! the infinities as words, and nothing where there is nothing.

use std::sync::Arc;

use footpath_track::{DatasetInput, Experiment, LatestRun, Lifecycle, Point, RunInfo};
use serde::Serialize;

use crate::double::Double;

/// A parameter, a tag.
#[derive(Serialize)]
pub(crate) struct Pair<'a> {
    key: &'a str,
    value: &'a str,
}

/// Pairs of a map.
pub(crate) fn pairs<'a>(map: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<Pair<'a>> {
    map.into_iter()
        .map(|(key, value)| Pair { key, value })
        .collect()
}

/// Pairs of a list.
fn listed(list: &[(Arc<str>, String)]) -> Vec<Pair<'_>> {
    list.iter()
        .map(|(key, value)| Pair { key, value })
        .collect()
}

/// `active` or `deleted`.
pub(crate) fn lifecycle(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Active => "active",
        Lifecycle::Deleted => "deleted",
    }
}

/// Where clients put the artifacts of an experiment's runs.
pub(crate) fn artifact_location(experiment: &Experiment) -> String {
    match &experiment.artifact_location {
        Some(location) => location.clone(),
        None => format!("mlflow-artifacts:/{}", experiment.id),
    }
}

/// An experiment.
#[derive(Serialize)]
pub(crate) struct ExperimentOut<'a> {
    experiment_id: String,
    name: &'a str,
    artifact_location: String,
    lifecycle_stage: &'static str,
    last_update_time: i64,
    creation_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
}

impl<'a> ExperimentOut<'a> {
    pub(crate) fn new(experiment: &'a Experiment, name: &'a str) -> Self {
        Self {
            experiment_id: experiment.id.to_string(),
            name,
            artifact_location: artifact_location(experiment),
            lifecycle_stage: lifecycle(experiment.lifecycle),
            last_update_time: experiment.updated_ms,
            creation_time: experiment.created_ms,
            tags: pairs(&experiment.tags),
        }
    }
}

/// A metric's point.
#[derive(Serialize)]
pub(crate) struct MetricOut<'a> {
    key: &'a str,
    value: Double,
    timestamp: i64,
    step: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
}

impl<'a> MetricOut<'a> {
    pub(crate) fn new(key: &'a str, point: Point) -> Self {
        Self {
            key,
            value: Double(point.value),
            timestamp: point.time_ms,
            step: point.step,
            run_id: None,
        }
    }

    pub(crate) fn of_run(mut self, run: &'a str) -> Self {
        self.run_id = Some(run);
        self
    }
}

/// What a run is.
#[derive(Serialize)]
pub(crate) struct RunInfoOut<'a> {
    run_uuid: &'a str,
    run_id: &'a str,
    run_name: &'a str,
    experiment_id: String,
    user_id: &'a str,
    status: &'static str,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    artifact_uri: String,
    lifecycle_stage: &'static str,
}

impl<'a> RunInfoOut<'a> {
    /// `location` is the experiment's artifact location.
    pub(crate) fn new(info: &'a RunInfo, location: &str) -> Self {
        Self {
            run_uuid: info.id.as_str(),
            run_id: info.id.as_str(),
            run_name: &info.name,
            experiment_id: info.experiment.to_string(),
            user_id: &info.user,
            status: info.status.name(),
            start_time: info.start_ms,
            end_time: info.end_ms,
            artifact_uri: format!("{}/{}/artifacts", location.trim_end_matches('/'), info.id),
            lifecycle_stage: lifecycle(info.lifecycle),
        }
    }
}

#[derive(Serialize)]
struct RunDataOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
}

#[derive(Serialize)]
struct DatasetOut<'a> {
    name: &'a str,
    digest: &'a str,
    source_type: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
}

#[derive(Serialize)]
struct DatasetInputOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
    dataset: DatasetOut<'a>,
}

impl<'a> DatasetInputOut<'a> {
    fn new(input: &'a DatasetInput) -> Self {
        let dataset = &input.dataset;
        Self {
            tags: pairs(&input.tags),
            dataset: DatasetOut {
                name: &dataset.name,
                digest: &dataset.digest,
                source_type: &dataset.source_type,
                source: &dataset.source,
                schema: dataset.schema.as_deref(),
                profile: dataset.profile.as_deref(),
            },
        }
    }
}

#[derive(Serialize)]
struct ModelInputOut<'a> {
    model_id: &'a str,
}

#[derive(Serialize)]
struct ModelOutputOut<'a> {
    model_id: &'a str,
    step: i64,
}

#[derive(Serialize)]
struct RunInputsOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_inputs: Vec<DatasetInputOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_inputs: Vec<ModelInputOut<'a>>,
}

#[derive(Serialize)]
struct RunOutputsOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_outputs: Vec<ModelOutputOut<'a>>,
}

/// A run with all but its points.
#[derive(Serialize)]
pub(crate) struct RunOut<'a> {
    info: RunInfoOut<'a>,
    data: RunDataOut<'a>,
    inputs: RunInputsOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<RunOutputsOut<'a>>,
}

impl<'a> RunOut<'a> {
    /// `location` is the experiment's artifact location.
    pub(crate) fn new(run: &'a LatestRun, location: &str) -> Self {
        let outputs: Vec<_> = run
            .model_outputs
            .iter()
            .map(|output| ModelOutputOut {
                model_id: &output.model_id,
                step: output.step,
            })
            .collect();
        Self {
            info: RunInfoOut::new(&run.info, location),
            data: RunDataOut {
                metrics: run
                    .metrics
                    .iter()
                    .map(|(key, point)| MetricOut::new(key, *point))
                    .collect(),
                params: listed(&run.params),
                tags: listed(&run.tags),
            },
            inputs: RunInputsOut {
                dataset_inputs: run.inputs.iter().map(DatasetInputOut::new).collect(),
                model_inputs: run
                    .model_inputs
                    .iter()
                    .map(|model_id| ModelInputOut { model_id })
                    .collect(),
            },
            outputs: (!outputs.is_empty()).then_some(RunOutputsOut {
                model_outputs: outputs,
            }),
        }
    }
}
