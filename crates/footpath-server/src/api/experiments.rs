//! Projects and experiments.

use axum::extract::Request;
use footpath_track::search::{Filter, OrderBy, Query, Scope};
use footpath_track::{Experiment, ExperimentChange, ExperimentId, NewExperiment, View};
use serde::Deserialize;
use serde_json::json;

use super::request::{Asked, At, page_length};
use crate::answer::{Call, Json};
use crate::auth::Role;
use crate::failure::Failure;

pub(crate) async fn projects(call: Call) -> Result<Json, Failure> {
    call.answer(|session| {
        let mut projects = session.store().projects()?;
        projects.retain(|project| session.caller.may(Role::Viewer, &project.name));
        Ok(json!({ "projects": projects }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    project: Option<String>,
    #[serde(default)]
    filter: String,
    order: Option<String>,
    #[serde(default)]
    view: View,
    limit: Option<usize>,
    page_token: Option<String>,
}

pub(crate) async fn search(call: Call, Asked(asked): Asked<Search>) -> Result<Json, Failure> {
    call.answer(move |session| {
        if let Some(project) = &asked.project {
            session.permit(Role::Viewer, project)?;
        }
        let order = asked
            .order
            .as_deref()
            .map(|order| OrderBy::parse(order, Scope::Experiments));
        let query = Query {
            filter: Filter::parse(&asked.filter, Scope::Experiments)?,
            view: asked.view,
            order: order.transpose()?.into_iter().collect(),
            limit: page_length(asked.limit, 100, 1000)?,
            page_token: asked.page_token,
        };
        let mut page = session
            .store()
            .search_experiments(asked.project.as_deref(), &query)?;
        // Across projects a page may be shorter than asked; it ends where `next` is absent.
        page.items
            .retain(|experiment| session.caller.may(Role::Viewer, &experiment.project));
        Ok(json!({ "experiments": page.items, "next": page.next }))
    })
    .await
}

pub(crate) async fn create(call: Call, request: Request) -> Result<Json, Failure> {
    let new: NewExperiment = call.read(request).await?;
    call.answer(move |session| {
        session.permit(Role::Editor, &new.project)?;
        let made = session.store().create_experiment(&new)?;
        session.experiment_changed(made.id);
        Ok(made)
    })
    .await
}

pub(crate) async fn get(call: Call, At(id): At<ExperimentId>) -> Result<Json, Failure> {
    call.answer(move |session| session.experiment(id, Role::Viewer))
        .await
}

pub(crate) async fn change(
    call: Call,
    At(id): At<ExperimentId>,
    request: Request,
) -> Result<Json, Failure> {
    let change: ExperimentChange = call.read(request).await?;
    call.answer(move |session| -> Result<Experiment, Failure> {
        session.experiment(id, Role::Editor)?;
        let changed = session.store().update_experiment(id, &change)?;
        session.experiment_changed(id);
        Ok(changed)
    })
    .await
}

pub(crate) async fn purge(call: Call, At(id): At<ExperimentId>) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.experiment(id, Role::Admin)?;
        let freed = session.store().purge_experiment(id)?;
        session.experiment_changed(id);
        Ok(freed)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Columns {
    /// Numbers of experiments, by commas.
    experiments: String,
}

pub(crate) async fn columns(call: Call, Asked(asked): Asked<Columns>) -> Result<Json, Failure> {
    call.answer(move |session| {
        let ids = asked
            .experiments
            .split(',')
            .filter(|id| !id.is_empty())
            .map(str::parse)
            .collect::<Result<Vec<ExperimentId>, _>>()?;
        Ok(session.store().columns(&session.readable(ids)?)?)
    })
    .await
}
