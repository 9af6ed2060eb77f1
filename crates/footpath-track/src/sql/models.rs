//! Models that runs logged.

use super::cell::{Row, args, json};
use super::engine::Sql;
use super::page::small_page;
use super::{experiments, now_ms, placeholders};
use crate::error::{Error, Kind};
use crate::model::{
    ExperimentId, Lifecycle, LoggedModel, LoggedModelChange, ModelMetric, ModelStatus, check_key,
    check_text,
};
use crate::search::{Attribute, Field, Fields, Page, Query, Value, spelled_number};

pub(super) fn create(sql: &mut dyn Sql, model: &LoggedModel) -> Result<(), Error> {
    check_key("logged model", &model.id)?;
    check(model)?;
    if experiments::get(sql, model.experiment)?.lifecycle == Lifecycle::Deleted {
        return Err(Error::Deleted {
            kind: Kind::Experiment,
            id: model.experiment.to_string(),
        });
    }
    let added = sql.execute(
        "INSERT INTO logged_models (id, experiment, created_ms, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
        args![&model.id, model.experiment.0, model.created_ms, json(model)?],
    )?;
    if added == 0 {
        return Err(Error::Exists {
            kind: Kind::LoggedModel,
            id: model.id.clone(),
            deleted: false,
        });
    }
    Ok(())
}

fn check(model: &LoggedModel) -> Result<(), Error> {
    for (key, value) in model.tags.iter().chain(&model.params) {
        check_key("key", key)?;
        check_text("value of", key, value)?;
    }
    for metric in &model.metrics {
        check_key("metric", &metric.key)?;
    }
    check_text("logged model", &model.id, &model.name)
}

pub(super) fn get(sql: &mut dyn Sql, id: &str) -> Result<LoggedModel, Error> {
    let row = sql.first("SELECT body FROM logged_models WHERE id = ?1", args![id])?;
    row.ok_or_else(|| Error::not_found(Kind::LoggedModel, id))?
        .json()
}

pub(super) fn update(
    sql: &mut dyn Sql,
    id: &str,
    change: &LoggedModelChange,
) -> Result<LoggedModel, Error> {
    let for_update = sql.dialect().for_update;
    let row = sql.first(
        &format!("SELECT body FROM logged_models WHERE id = ?1{for_update}"),
        args![id],
    )?;
    let mut model: LoggedModel = row
        .ok_or_else(|| Error::not_found(Kind::LoggedModel, id))?
        .json()?;
    model.status = change.status.unwrap_or(model.status);
    model.status_message = change.status_message.clone().or(model.status_message);
    model.lifecycle = change.lifecycle.unwrap_or(model.lifecycle);
    model.tags.extend(change.set_tags.clone());
    model.params.extend(change.set_params.clone());
    for key in &change.delete_tags {
        model
            .tags
            .remove(key)
            .ok_or_else(|| Error::not_found(Kind::Tag, key))?;
    }
    for metric in &change.set_metrics {
        check_key("metric", &metric.key)?;
        keep_latest(&mut model.metrics, metric);
    }
    check(&model)?;
    model.updated_ms = now_ms();
    sql.execute(
        "UPDATE logged_models SET body = ?2 WHERE id = ?1",
        args![id, json(&model)?],
    )?;
    Ok(model)
}

fn keep_latest(metrics: &mut Vec<ModelMetric>, new: &ModelMetric) {
    match metrics
        .iter_mut()
        .find(|old| old.key == new.key && old.dataset == new.dataset)
    {
        Some(old) if old.points.0.iter().max() < new.points.0.iter().max() => *old = new.clone(),
        Some(_) => {}
        None => metrics.push(new.clone()),
    }
}

pub(super) fn search(
    sql: &mut dyn Sql,
    experiments: &[ExperimentId],
    query: &Query,
) -> Result<Page<LoggedModel>, Error> {
    let mut models = Vec::new();
    for experiments in experiments.chunks(500) {
        let args: Vec<_> = experiments.iter().map(|id| id.0.into()).collect();
        let statement = format!(
            "SELECT body FROM logged_models WHERE experiment IN ({})",
            placeholders(1, args.len())
        );
        for row in &mut sql.query(&statement, &args)? {
            models.push(Row::json::<LoggedModel>(row)?);
        }
    }
    models.sort_by(|left, right| {
        right
            .created_ms
            .cmp(&left.created_ms)
            .then_with(|| left.id.cmp(&right.id))
    });
    small_page(models, query, |model| (model.id.clone(), model.lifecycle))
}

impl Fields for LoggedModel {
    fn values(&self, field: &Field) -> Vec<Value> {
        let text = |text: &str| vec![Value::Text(text.to_owned())];
        match field {
            Field::Attribute(Attribute::Name) => text(&self.name),
            Field::Attribute(Attribute::ModelId) => text(&self.id),
            Field::Attribute(Attribute::ModelType) => text(&self.model_type),
            Field::Attribute(Attribute::SourceRun) => self
                .source_run
                .iter()
                .map(|run| Value::Text(run.to_string()))
                .collect(),
            Field::Attribute(Attribute::Status) => text(match self.status {
                ModelStatus::Pending => "LOGGED_MODEL_PENDING",
                ModelStatus::Ready => "LOGGED_MODEL_READY",
                ModelStatus::UploadFailed => "LOGGED_MODEL_UPLOAD_FAILED",
            }),
            Field::Attribute(Attribute::CreationTime) => {
                vec![Value::Number(self.created_ms as f64)]
            }
            Field::Attribute(Attribute::UpdateTime) => vec![Value::Number(self.updated_ms as f64)],
            Field::Tag(key) => self
                .tags
                .get(key)
                .map(|value| Value::Text(value.clone()))
                .into_iter()
                .collect(),
            Field::Param(key) => self
                .params
                .get(key)
                .map(|value| Value::Text(value.clone()))
                .into_iter()
                .collect(),
            Field::ParamNumber(key) => self
                .params
                .get(key)
                .and_then(|value| spelled_number(value))
                .map(Value::Number)
                .into_iter()
                .collect(),
            Field::Metric(_, key) => self
                .metrics
                .iter()
                .filter(|metric| metric.key == *key)
                .filter_map(|metric| metric.points.0.iter().max())
                .map(|point| Value::Number(point.value))
                .collect(),
            _ => Vec::new(),
        }
    }
}
