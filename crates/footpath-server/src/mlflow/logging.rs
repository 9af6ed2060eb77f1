//! What a run logs: metrics, parameters, tags, inputs, outputs.

use std::collections::BTreeMap;

use footpath_track::{
    Batch, Dataset, DatasetInput, LoggedModelChange, ModelMetric, ModelOutput, Point, Points, RunId,
};
use serde_json::{Value, json};

use super::experiments::tags;
use super::message::Fields;
use super::names::check_name;
use super::runs::run_id;
use crate::answer::{Json, json, nothing};
use crate::auth::Role;
use crate::failure::Failure;
use crate::session::Session;

/// How many metrics, parameters and tags a batch may hold in all. MLflow allows 1,000;
/// its asynchronous clients come near it, so more are taken.
const BATCH_ENTITIES: usize = 10_000;
/// The tag that lists the models of a run logged by clients of MLflow 2.
const MODEL_HISTORY_TAG: &str = "mlflow.log-model.history";

fn append(session: &Session, run: &RunId, batch: Batch) -> Result<Json, Failure> {
    session.permit_run(run, Role::Editor)?;
    session.store().append(run, None, batch)?;
    session.run_changed(run);
    nothing()
}

/// A point, and the logged model it was measured of.
struct Measured<'a> {
    key: &'a str,
    point: Point,
    model: Option<&'a str>,
    dataset: Option<(String, String)>,
}

fn measured<'a>(fields: &Fields<'a>, path: &str) -> Result<Measured<'a>, Failure> {
    let key = fields.required_text("key")?;
    check_name(path, key)?;
    let value = fields.required_double("value")?;
    let time_ms = fields.required_int("timestamp")?;
    if time_ms < 0 {
        return Err(Failure::invalid(format!(
            "Invalid value {time_ms} for parameter 'timestamp' supplied."
        )));
    }
    let given = |name| {
        fields
            .text(name)
            .map(|text| text.filter(|text| !text.is_empty()))
    };
    let dataset = match (given("dataset_name")?, given("dataset_digest")?) {
        (Some(name), Some(digest)) => Some((name.to_owned(), digest.to_owned())),
        _ => None,
    };
    let point = Point::new(fields.int("step")?.unwrap_or(0), time_ms, value);
    Ok(Measured {
        key,
        point,
        model: given("model_id")?,
        dataset,
    })
}

/// Notes metrics with the logged models they were measured of.
fn tell_models(session: &Session, run: &RunId, metrics: &[Measured<'_>]) -> Result<(), Failure> {
    let mut by_model: BTreeMap<&str, Vec<ModelMetric>> = BTreeMap::new();
    for metric in metrics {
        if let Some(model) = metric.model {
            by_model.entry(model).or_default().push(ModelMetric {
                key: metric.key.to_owned(),
                points: Points(vec![metric.point]),
                run: run.clone(),
                dataset: metric.dataset.clone(),
            });
        }
    }
    for (model, set_metrics) in by_model {
        super::logged_models::permit(session, model, Role::Editor)?;
        session.store().update_logged_model(
            model,
            &LoggedModelChange {
                set_metrics,
                ..Default::default()
            },
        )?;
    }
    Ok(())
}

pub(crate) fn log_metric(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let metric = measured(fields, "name")?;
    let metrics = BTreeMap::from([(metric.key.to_owned(), Points(vec![metric.point]))]);
    let answer = append(
        session,
        &run,
        Batch {
            metrics,
            ..Batch::default()
        },
    )?;
    tell_models(session, &run, &[metric])?;
    Ok(answer)
}

pub(crate) fn log_param(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let key = fields.required_text("key")?;
    check_name("key", key)?;
    let params = vec![(
        key.to_owned(),
        fields.text("value")?.unwrap_or_default().to_owned(),
    )];
    append(
        session,
        &run,
        Batch {
            params,
            ..Batch::default()
        },
    )
}

pub(crate) fn set_tag(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let key = fields.required_text("key")?;
    check_name("key", key)?;
    let value = fields.text("value")?.unwrap_or_default();
    let tags = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    append(
        session,
        &run,
        Batch {
            tags,
            ..Batch::default()
        },
    )
}

pub(crate) fn log_batch(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let (metrics, params) = (fields.messages("metrics")?, fields.pairs("params")?);
    let mut batch = Batch {
        tags: tags(fields)?,
        ..Batch::default()
    };
    let entities = metrics.len() + params.len() + batch.tags.len();
    if entities > BATCH_ENTITIES {
        return Err(Failure::invalid(format!(
            "A batch logging request can contain at most {BATCH_ENTITIES} metrics, params, and tags. Got {entities}."
        )));
    }
    let mut of_models = Vec::new();
    for (index, metric) in metrics.iter().enumerate() {
        let metric = measured(metric, &format!("metrics[{index}].name"))?;
        match batch.metrics.get_mut(metric.key) {
            Some(points) => points.0.push(metric.point),
            None => drop(
                batch
                    .metrics
                    .insert(metric.key.to_owned(), Points(vec![metric.point])),
            ),
        }
        if metric.model.is_some() {
            of_models.push(metric);
        }
    }
    for (index, (key, value)) in params.iter().enumerate() {
        check_name(&format!("params[{index}].key"), key)?;
        if params[..index].iter().any(|(earlier, _)| earlier == key) {
            return Err(Failure::invalid(format!(
                "Duplicate parameter keys have been submitted: ['{key}']. Please ensure the request contains only \
                 one param value per param key."
            )));
        }
        batch.params.push(((*key).to_owned(), (*value).to_owned()));
    }
    for key in batch.tags.keys() {
        check_name("tags.key", key)?;
    }
    let answer = append(session, &run, batch)?;
    tell_models(session, &run, &of_models)?;
    Ok(answer)
}

fn dataset(fields: &Fields<'_>) -> Result<Dataset, Failure> {
    let long = |name, limit| match fields.text(name)? {
        Some(text) if text.len() > limit => Err(Failure::invalid(format!(
            "'{name}' exceeds the maximum length of {limit} characters"
        ))),
        text => Ok(text.map(str::to_owned)),
    };
    Ok(Dataset {
        name: fields.required_text("name")?.to_owned(),
        digest: fields.required_text("digest")?.to_owned(),
        source_type: fields.required_text("source_type")?.to_owned(),
        source: long("source", 65_535)?.unwrap_or_default(),
        schema: long("schema", 1_048_575)?,
        profile: long("profile", 1_048_575)?,
    })
}

pub(crate) fn log_inputs(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let mut batch = Batch::default();
    for input in fields.messages("datasets")? {
        batch.inputs.push(DatasetInput {
            dataset: dataset(&input.required_message("dataset")?)?,
            tags: tags(&input)?,
        });
    }
    for model in fields.messages("models")? {
        batch
            .model_inputs
            .push(model.required_text("model_id")?.to_owned());
    }
    append(session, &run, batch)
}

pub(crate) fn log_outputs(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let mut batch = Batch::default();
    for model in fields.messages("models")? {
        let model_id = model.required_text("model_id")?.to_owned();
        batch.model_outputs.push(ModelOutput {
            model_id,
            step: model.int("step")?.unwrap_or(0),
        });
    }
    append(session, &run, batch)
}

/// The way clients of MLflow 2 tell of a model: one more entry of a JSON list in a tag.
pub(crate) fn log_model(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    session.permit_run(&run, Role::Editor)?;
    let text = fields.required_text("model_json")?;
    let model: Value = serde_json::from_str(text).map_err(|error| {
        Failure::invalid(format!(
            "Malformed model info. It is not valid JSON: {error}"
        ))
    })?;
    for part in ["artifact_path", "flavors", "utc_time_created", "run_id"] {
        if model.get(part).is_none() {
            return Err(Failure::invalid(format!(
                "Model json is missing mandatory field: {part}"
            )));
        }
    }
    let known = session.store().run(&run)?.tags.remove(MODEL_HISTORY_TAG);
    let mut history: Vec<Value> = known
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    history.push(model);
    let tags = BTreeMap::from([(MODEL_HISTORY_TAG.to_owned(), json!(history).to_string())]);
    append(
        session,
        &run,
        Batch {
            tags,
            ..Batch::default()
        },
    )
}

/// What the client asks about the server before it moves artifacts: all of MLflow's extras
/// are off, so that files come and go by plain PUT and GET.
pub(crate) fn server_info(_: &Session, _: &Fields<'_>) -> Result<Json, Failure> {
    json(&json!({
        "store_type": "FootpathStore",
        "workspaces_enabled": false,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": false,
        "multipart_downloads_enabled": false,
        "artifact_serving_enabled": true,
        "presigned_upload_run_id_supported": false,
        "presigned_upload_model_id_supported": false,
        "model_artifact_presigned_downloads_supported": false,
        "artifacts_presigned_only": false,
        "features_enabled": { "gateway": false, "scheduled_issue_detection": false },
    }))
}
