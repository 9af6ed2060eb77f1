//! Experiments: section `/api/2.0/mlflow/experiments`.

use footpath_track::search::{Filter, OrderBy, Query, Scope};
use footpath_track::{
    Experiment, ExperimentChange, ExperimentId, Lifecycle, NewExperiment, Tags, View,
};
use serde::Serialize;
use serde_json::json;

use super::message::Fields;
use super::names::{mlflow_name, place};
use super::wire::ExperimentOut;
use crate::answer::{Json, json, nothing};
use crate::auth::Role;
use crate::failure::Failure;
use crate::session::Session;

/// The experiment a request names.
pub(crate) fn experiment_id(text: &str) -> Result<ExperimentId, Failure> {
    text.parse().map_err(|_error: footpath_track::Error| {
        Failure::invalid(format!(
            "Invalid experiment ID: {:?}. The experiment ID must be a number.",
            truncated(text)
        ))
    })
}

fn truncated(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Which lifecycles a search asks for.
pub(crate) fn view(fields: &Fields<'_>, field: &str) -> Result<View, Failure> {
    Ok(
        match fields.choice(field, &["", "ACTIVE_ONLY", "DELETED_ONLY", "ALL"])? {
            Some("DELETED_ONLY") => View::Deleted,
            Some("ALL") => View::All,
            _ => View::Active,
        },
    )
}

/// How many results a search asks for.
pub(crate) fn max_results(
    fields: &Fields<'_>,
    default: usize,
    most: i64,
) -> Result<usize, Failure> {
    match fields.int("max_results")? {
        None => Ok(default),
        Some(number) if (1..=most).contains(&number) => Ok(number as usize),
        Some(number) => Err(Failure::invalid(format!(
            "Invalid value {number} for parameter 'max_results' supplied. It must be a positive integer and at most {most}"
        ))),
    }
}

/// A filter; empty for all.
pub(crate) fn filter(fields: &Fields<'_>, scope: Scope) -> Result<Filter, Failure> {
    match fields.text("filter")?.map(str::trim) {
        None | Some("") => Ok(Filter::default()),
        Some(text) => Ok(Filter::parse(text, scope)?),
    }
}

/// An order, each item `<field> [ASC|DESC]`; a field twice is refused.
pub(crate) fn order(fields: &Fields<'_>, scope: Scope) -> Result<Vec<OrderBy>, Failure> {
    let mut order: Vec<OrderBy> = Vec::new();
    for text in fields.texts("order_by")? {
        let item = OrderBy::parse(text, scope)?;
        if order.iter().any(|known| known.field == item.field) {
            return Err(Failure::invalid(format!(
                "`order_by` contains duplicate fields: {text}"
            )));
        }
        order.push(item);
    }
    Ok(order)
}

/// A search of experiments or models.
pub(crate) fn query(
    fields: &Fields<'_>,
    scope: Scope,
    default: usize,
    most: i64,
) -> Result<Query, Failure> {
    Ok(Query {
        filter: filter(fields, scope)?,
        view: View::Active,
        order: order(fields, scope)?,
        limit: max_results(fields, default, most)?,
        page_token: fields
            .text("page_token")?
            .filter(|token| !token.is_empty())
            .map(str::to_owned),
    })
}

pub(crate) fn create(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let full_name = fields.required_text("name")?;
    let (project, name) = place(session.store(), full_name)?;
    session.permit(Role::Editor, project)?;
    let location = fields
        .text("artifact_location")?
        .filter(|location| !location.is_empty());
    if let Some(location) = location {
        check_location(location)?;
    }
    let new = NewExperiment {
        project: project.to_owned(),
        name: name.to_owned(),
        artifact_location: location.map(str::to_owned),
        tags: tags(fields)?,
    };
    let made = session.store().create_experiment(&new)?;
    session.experiment_changed(made.id);
    json(&json!({ "experiment_id": made.id.to_string() }))
}

/// The tags of a request.
pub(crate) fn tags(fields: &Fields<'_>) -> Result<Tags, Failure> {
    Ok(fields
        .pairs("tags")?
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect())
}

fn check_location(location: &str) -> Result<(), Failure> {
    let climbs = location.split(['/', '\\']).any(|part| part == "..");
    if climbs
        || location.contains('#')
        || location.contains('?')
        || location.chars().any(char::is_control)
    {
        return Err(Failure::invalid(format!(
            "Invalid artifact_location {:?}: `..`, `#`, `?` and control characters are not allowed",
            truncated(location)
        )));
    }
    Ok(())
}

#[derive(Serialize)]
struct One<'a> {
    experiment: ExperimentOut<'a>,
}

fn one(experiment: &Experiment) -> Result<Json, Failure> {
    json(&One {
        experiment: ExperimentOut::new(experiment, &mlflow_name(experiment)),
    })
}

pub(crate) fn get(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    one(&session.experiment(
        experiment_id(fields.required_text("experiment_id")?)?,
        Role::Viewer,
    )?)
}

pub(crate) fn get_by_name(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let full_name = fields.required_text("experiment_name")?;
    let (project, name) = place(session.store(), full_name)?;
    let experiment =
        session
            .store()
            .experiment_named(project, name)
            .map_err(|error| match error {
                footpath_track::Error::NotFound { .. } => {
                    Failure::absent(format!("Could not find experiment with name '{full_name}'"))
                }
                other => other.into(),
            })?;
    session.permit(Role::Viewer, &experiment.project)?;
    one(&experiment)
}

#[derive(Serialize)]
struct Many<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    experiments: Vec<ExperimentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<&'a str>,
}

pub(crate) fn search(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let mut query = query(fields, Scope::Experiments, 1000, 50_000)?;
    query.view = view(fields, "view_type")?;
    let mut page = session.store().search_experiments(None, &query)?;
    page.items
        .retain(|experiment| session.caller.may(Role::Viewer, &experiment.project));
    let names: Vec<_> = page.items.iter().map(mlflow_name).collect();
    let experiments = page
        .items
        .iter()
        .zip(&names)
        .map(|(item, name)| ExperimentOut::new(item, name))
        .collect();
    json(&Many {
        experiments,
        next_page_token: page.next.as_deref(),
    })
}

fn change(
    session: &Session,
    fields: &Fields<'_>,
    change: &ExperimentChange,
) -> Result<Json, Failure> {
    let id = experiment_id(fields.required_text("experiment_id")?)?;
    session.experiment(id, Role::Editor)?;
    session.store().update_experiment(id, change)?;
    session.experiment_changed(id);
    nothing()
}

pub(crate) fn delete(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    change(
        session,
        fields,
        &ExperimentChange {
            lifecycle: Some(Lifecycle::Deleted),
            ..Default::default()
        },
    )
}

pub(crate) fn restore(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    change(
        session,
        fields,
        &ExperimentChange {
            lifecycle: Some(Lifecycle::Active),
            ..Default::default()
        },
    )
}

pub(crate) fn update(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let name = Some(fields.required_text("new_name")?.to_owned());
    change(
        session,
        fields,
        &ExperimentChange {
            name,
            ..Default::default()
        },
    )
}

pub(crate) fn set_tag(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let (key, value) = (
        fields.required_text("key")?,
        fields.text("value")?.unwrap_or_default(),
    );
    let set_tags = Tags::from([(key.to_owned(), value.to_owned())]);
    change(
        session,
        fields,
        &ExperimentChange {
            set_tags,
            ..Default::default()
        },
    )
}

pub(crate) fn delete_tag(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let delete_tags = vec![fields.required_text("key")?.to_owned()];
    change(
        session,
        fields,
        &ExperimentChange {
            delete_tags,
            ..Default::default()
        },
    )
}

#[derive(Serialize)]
struct DatasetSummaryOut<'a> {
    experiment_id: String,
    name: &'a str,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
}

pub(crate) fn search_datasets(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let ids = fields.texts("experiment_ids")?;
    if ids.len() > 20 {
        return Err(Failure::invalid(format!(
            "experiment_ids holds {} ids, at most 20 are allowed",
            ids.len()
        )));
    }
    let ids = ids
        .into_iter()
        .map(experiment_id)
        .collect::<Result<_, _>>()?;
    let found = session.store().datasets(&session.readable(ids)?)?;
    let summaries: Vec<_> = found
        .iter()
        .map(|summary| DatasetSummaryOut {
            experiment_id: summary.experiment.to_string(),
            name: &summary.name,
            digest: &summary.digest,
            context: summary.context.as_deref(),
        })
        .collect();
    json(&json!({ "dataset_summaries": summaries }))
}
