//! Logged models: what `log_model` makes since MLflow 3.

use std::collections::BTreeMap;

use footpath_track::search::{Field, OrderBy, Query, Scope, Statistic};
use footpath_track::{Experiment, LoggedModel, LoggedModelChange, ModelStatus, Tags, View};
use rand::Rng;
use serde::Serialize;
use serde_json::{Value, json};

use super::experiments::{experiment_id, filter, max_results, tags};
use super::message::Fields;
use super::runs::parse_run_id;
use super::wire::{Pair, artifact_location, pairs};
use crate::answer::{Json, json, nothing};
use crate::auth::Role;
use crate::clock::now_ms;
use crate::double::Double;
use crate::failure::Failure;
use crate::session::Session;

const STATUSES: [&str; 4] = [
    "",
    "LOGGED_MODEL_PENDING",
    "LOGGED_MODEL_READY",
    "LOGGED_MODEL_UPLOAD_FAILED",
];

#[derive(Serialize)]
struct ModelMetricOut<'a> {
    key: &'a str,
    value: Double,
    timestamp: i64,
    step: i64,
    model_id: &'a str,
    run_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_digest: Option<&'a str>,
}

#[derive(Serialize)]
struct InfoOut<'a> {
    model_id: &'a str,
    experiment_id: String,
    name: &'a str,
    creation_timestamp_ms: i64,
    last_updated_timestamp_ms: i64,
    artifact_uri: String,
    status: &'static str,
    model_type: &'a str,
    source_run_id: &'a str,
    status_message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Pair<'a>>,
}

#[derive(Serialize)]
struct DataOut<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<ModelMetricOut<'a>>,
}

#[derive(Serialize)]
struct ModelOut<'a> {
    info: InfoOut<'a>,
    data: DataOut<'a>,
}

fn status_name(status: ModelStatus) -> &'static str {
    match status {
        ModelStatus::Pending => STATUSES[1],
        ModelStatus::Ready => STATUSES[2],
        ModelStatus::UploadFailed => STATUSES[3],
    }
}

/// Where a logged model's files are.
pub(crate) fn artifact_uri(model: &LoggedModel, experiment: &Experiment) -> String {
    format!(
        "{}/models/{}/artifacts",
        artifact_location(experiment).trim_end_matches('/'),
        model.id
    )
}

impl<'a> ModelOut<'a> {
    fn new(model: &'a LoggedModel, experiment: &Experiment) -> Self {
        let metric = |metric: &'a footpath_track::ModelMetric| {
            let point = *metric.points.0.first()?;
            Some(ModelMetricOut {
                key: &metric.key,
                value: Double(point.value),
                timestamp: point.time_ms,
                step: point.step,
                model_id: &model.id,
                run_id: metric.run.as_str(),
                dataset_name: metric.dataset.as_ref().map(|(name, _)| name.as_str()),
                dataset_digest: metric.dataset.as_ref().map(|(_, digest)| digest.as_str()),
            })
        };
        Self {
            info: InfoOut {
                model_id: &model.id,
                experiment_id: model.experiment.to_string(),
                name: &model.name,
                creation_timestamp_ms: model.created_ms,
                last_updated_timestamp_ms: model.updated_ms,
                artifact_uri: artifact_uri(model, experiment),
                status: status_name(model.status),
                model_type: &model.model_type,
                source_run_id: model.source_run.as_ref().map_or("", |run| run.as_str()),
                status_message: model.status_message.as_deref().unwrap_or_default(),
                tags: pairs(&model.tags),
            },
            data: DataOut {
                params: pairs(&model.params),
                metrics: model.metrics.iter().filter_map(metric).collect(),
            },
        }
    }
}

fn one(model: &LoggedModel, experiment: &Experiment) -> Result<Json, Failure> {
    json(&json!({ "model": ModelOut::new(model, experiment) }))
}

/// A logged model in whose project the caller has a role, and its experiment.
pub(crate) fn permit(
    session: &Session,
    id: &str,
    role: Role,
) -> Result<(LoggedModel, Experiment), Failure> {
    let model = session.store().logged_model(id)?;
    let experiment = session.experiment(model.experiment, role)?;
    Ok((model, experiment))
}

fn check_name(name: &str) -> Result<(), Failure> {
    if name.is_empty() || name.contains(['/', ':', '.', '%', '"', '\'']) {
        return Err(Failure::invalid(format!(
            "Invalid model name ({name:?}) provided. Model name must be a non-empty string and cannot contain the \
             following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )));
    }
    Ok(())
}

pub(crate) fn create(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let experiment = session.experiment(
        experiment_id(fields.required_text("experiment_id")?)?,
        Role::Editor,
    )?;
    let id = format!("m-{:032x}", rand::rng().random::<u128>());
    let name = match fields.text("name")?.filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => format!("model-{}", &id[2..10]),
    };
    check_name(&name)?;
    let source_run = fields
        .text("source_run_id")?
        .filter(|run| !run.is_empty())
        .map(parse_run_id)
        .transpose()?;
    let now_ms = now_ms();
    let model = LoggedModel {
        id,
        experiment: experiment.id,
        name,
        model_type: fields.text("model_type")?.unwrap_or_default().to_owned(),
        source_run,
        status: ModelStatus::Pending,
        status_message: None,
        lifecycle: footpath_track::Lifecycle::Active,
        created_ms: now_ms,
        updated_ms: now_ms,
        tags: tags(fields)?,
        params: params(fields)?,
        metrics: Vec::new(),
    };
    session.store().create_logged_model(&model)?;
    one(&model, &experiment)
}

fn params(fields: &Fields<'_>) -> Result<BTreeMap<String, String>, Failure> {
    Ok(fields
        .pairs("params")?
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect())
}

pub(crate) fn get(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let id = fields.required_text("model_id")?;
    let (model, experiment) = permit(session, id, Role::Viewer)?;
    if model.lifecycle == footpath_track::Lifecycle::Deleted && !fields.flag("allow_deleted")? {
        return Err(Failure::absent(format!(
            "Logged model with ID '{id}' not found."
        )));
    }
    one(&model, &experiment)
}

fn change(
    session: &Session,
    fields: &Fields<'_>,
    change: &LoggedModelChange,
) -> Result<Json, Failure> {
    let id = fields.required_text("model_id")?;
    let (_, experiment) = permit(session, id, Role::Editor)?;
    one(
        &session.store().update_logged_model(id, change)?,
        &experiment,
    )
}

pub(crate) fn finalize(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let status = match fields.choice("status", &STATUSES)? {
        Some("LOGGED_MODEL_READY") => Some(ModelStatus::Ready),
        Some("LOGGED_MODEL_UPLOAD_FAILED") => Some(ModelStatus::UploadFailed),
        Some("LOGGED_MODEL_PENDING") => Some(ModelStatus::Pending),
        _ => None,
    };
    change(
        session,
        fields,
        &LoggedModelChange {
            status,
            ..Default::default()
        },
    )
}

pub(crate) fn delete(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let lifecycle = Some(footpath_track::Lifecycle::Deleted);
    change(
        session,
        fields,
        &LoggedModelChange {
            lifecycle,
            ..Default::default()
        },
    )?;
    nothing()
}

pub(crate) fn set_tags(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let set_tags: Tags = tags(fields)?;
    change(
        session,
        fields,
        &LoggedModelChange {
            set_tags,
            ..Default::default()
        },
    )
}

pub(crate) fn delete_tag(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let delete_tags = vec![fields.required_text("tag_key")?.to_owned()];
    change(
        session,
        fields,
        &LoggedModelChange {
            delete_tags,
            ..Default::default()
        },
    )?;
    nothing()
}

pub(crate) fn log_params(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let set_params = params(fields)?;
    change(
        session,
        fields,
        &LoggedModelChange {
            set_params,
            ..Default::default()
        },
    )?;
    nothing()
}

/// The orders of this call are messages, not texts.
fn order(fields: &Fields<'_>) -> Result<Vec<OrderBy>, Failure> {
    let mut order = Vec::new();
    for item in fields.messages("order_by")? {
        let name = item.required_text("field_name")?;
        let field = match name.strip_prefix("metrics.") {
            Some(metric) => Field::Metric(Statistic::Last, metric.to_owned()),
            None => match Scope::LoggedModels.attribute(name) {
                Some(attribute) => Field::Attribute(attribute),
                None => {
                    return Err(Failure::invalid(format!(
                        "Invalid order by field name: {name}"
                    )));
                }
            },
        };
        order.push(OrderBy {
            field,
            descending: !item.ascending()?,
        });
    }
    Ok(order)
}

impl Fields<'_> {
    /// Whether an order ascends, as it does unless told otherwise.
    fn ascending(&self) -> Result<bool, Failure> {
        Ok(!self.given("ascending") || self.flag("ascending")?)
    }
}

pub(crate) fn search(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let ids = fields
        .texts("experiment_ids")?
        .into_iter()
        .map(experiment_id)
        .collect::<Result<_, _>>()?;
    let experiments = session.readable(ids)?;
    let query = Query {
        filter: filter(fields, Scope::LoggedModels)?,
        view: View::Active,
        order: order(fields)?,
        limit: max_results(fields, 50, 50_000)?,
        page_token: fields
            .text("page_token")?
            .filter(|token| !token.is_empty())
            .map(str::to_owned),
    };
    let page = session.store().search_logged_models(&experiments, &query)?;
    let mut models: Vec<Value> = Vec::with_capacity(page.items.len());
    for model in &page.items {
        let experiment = session.store().experiment(model.experiment)?;
        let out = serde_json::to_value(ModelOut::new(model, &experiment));
        models.push(out.map_err(|error| Failure::internal(error.to_string()))?);
    }
    match page.next {
        Some(next) => json(&json!({ "models": models, "next_page_token": next })),
        None => json(&json!({ "models": models })),
    }
}
