//! Runs: begun, told, searched, changed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use footpath_track::client::{AppendRequest, begin_run};
use footpath_track::search::{Filter, OrderBy, Query, RunQuery, Scope};
use footpath_track::{
    Batch, ExperimentId, Run, RunChange, RunId, RunStart, Tags, View, WriterPosition,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::request::{At, page_length};
use super::wire::{RunOut, Shown};
use crate::answer::{Call, Json, cbor, json as answer, media_type, wants_cbor};
use crate::auth::Role;
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::http::read_body;
use crate::session::Session;

/// At most how many runs one call reads or changes by their ids.
const MANY: usize = 1000;

pub(crate) async fn begin(call: Call, request: Request) -> Result<Json, Failure> {
    let start: RunStart = call.read(request).await?;
    call.answer(move |session| {
        session.permit(Role::Editor, &start.project)?;
        let info = begin_run(session.store(), &start)?;
        session.experiment_changed(info.experiment);
        session.run_changed(&info.id);
        Ok(info)
    })
    .await
}

/// Applies a batch, written as CBOR or JSON, exactly once.
pub(crate) async fn append(
    call: Call,
    At(id): At<RunId>,
    request: Request,
) -> Result<Json, Failure> {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, &call.app.limits).await?;
    let kind = media_type(&parts.headers).to_ascii_lowercase();
    call.answer(move |session| {
        session.permit_run(&id, Role::Editor)?;
        let AppendRequest {
            writer,
            sequence,
            batch,
        } = read_append(&kind, &body)?;
        let position = WriterPosition { writer, sequence };
        let appended = session.store().append(&id, Some(&position), batch)?;
        session.run_changed(&id);
        Ok(appended)
    })
    .await
}

fn read_append(kind: &str, body: &Bytes) -> Result<AppendRequest, Failure> {
    let refuse = |why: String| Failure::bad_request(format!("the body is refused: {why}"));
    match kind {
        "application/cbor" => {
            ciborium::from_reader(&body[..]).map_err(|error| refuse(error.to_string()))
        }
        "application/json" => {
            serde_json::from_slice(body).map_err(|error| refuse(error.to_string()))
        }
        other => Err(refuse(format!(
            "Content-Type is `{other}`, expected application/cbor or application/json"
        ))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    /// Of these experiments, or of all of a project.
    #[serde(default)]
    experiments: Vec<ExperimentId>,
    project: Option<String>,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    order: Vec<String>,
    #[serde(default)]
    view: View,
    limit: Option<usize>,
    page_token: Option<String>,
    /// The keys to tell; all if absent.
    columns: Option<Shown>,
    /// Whether to tell how many match in all.
    #[serde(default)]
    count: bool,
}

#[derive(Serialize)]
struct Found<'a> {
    runs: Vec<RunOut<'a>>,
    next: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// A page of runs: in JSON with what the page shows of them, in CBOR as the store has them.
pub(crate) async fn search(call: Call, request: Request) -> Result<Response, Failure> {
    let exact = wants_cbor(request.headers());
    let asked: Search = call.read(request).await?;
    call.run(move |session| {
        let mut experiments = session.readable(asked.experiments)?;
        if let Some(project) = &asked.project {
            session.permit(Role::Viewer, project)?;
            experiments.extend(experiments_of(session, project)?);
        }
        let order = asked
            .order
            .iter()
            .map(|order| OrderBy::parse(order, Scope::Runs));
        let query = RunQuery {
            experiments,
            filter: Filter::parse(&asked.filter, Scope::Runs)?,
            view: asked.view,
            order: order.collect::<Result<_, _>>()?,
            limit: page_length(asked.limit, 100, 10_000)?,
            page_token: asked.page_token,
            shown: asked.columns.as_ref().map(Shown::columns),
        };
        let page = session.store().search_runs(&query)?;
        if exact {
            return cbor(&page);
        }
        let total = asked.count.then(|| session.store().count_runs(&query));
        let goals = goals(session, &page.items)?;
        let now_ms = now_ms();
        let runs = page
            .items
            .iter()
            .map(|run| {
                let tags = &goals[&run.info.experiment];
                RunOut::new(run, tags, asked.columns.as_ref(), now_ms)
            })
            .collect();
        let found = Found {
            runs,
            next: page.next.as_deref(),
            total: total.transpose()?,
        };
        Ok(answer(&found)?.into_response())
    })
    .await
}

/// The experiments of a project in use.
fn experiments_of(session: &Session, project: &str) -> Result<Vec<ExperimentId>, Failure> {
    let mut query = Query {
        limit: 1000,
        ..Query::default()
    };
    let mut experiments = Vec::new();
    loop {
        let page = session.store().search_experiments(Some(project), &query)?;
        experiments.extend(page.items.iter().map(|experiment| experiment.id));
        query.page_token = page.next;
        if query.page_token.is_none() {
            return Ok(experiments);
        }
    }
}

/// The tags of the runs' experiments, which hold the goals of metrics.
fn goals(session: &Session, runs: &[Run]) -> Result<BTreeMap<ExperimentId, Tags>, Failure> {
    let mut goals = BTreeMap::new();
    for run in runs {
        let id = run.info.experiment;
        if let Entry::Vacant(place) = goals.entry(id) {
            place.insert(session.store().experiment(id)?.tags);
        }
    }
    Ok(goals)
}

/// A run: in JSON with what the page shows of it, in CBOR as the store has it.
pub(crate) async fn get(
    call: Call,
    At(id): At<RunId>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    call.run(move |session| {
        let run = session.store().run(&id)?;
        let experiment = session.experiment(run.info.experiment, Role::Viewer)?;
        if wants_cbor(&headers) {
            return cbor(&run);
        }
        Ok(answer(&RunOut::new(&run, &experiment.tags, None, now_ms()))?.into_response())
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetMany {
    runs: Vec<RunId>,
}

#[derive(Serialize)]
struct Gotten<'a> {
    runs: Vec<RunOut<'a>>,
    refused: BTreeMap<String, String>,
}

/// Many runs as the page shows them, in the order asked for; what is refused is told by run.
pub(crate) async fn get_many(call: Call, request: Request) -> Result<Json, Failure> {
    let asked: GetMany = call.read(request).await?;
    call.run(move |session| {
        check_count(&asked.runs)?;
        let (mut found, mut refused) = (Vec::new(), BTreeMap::new());
        for id in &asked.runs {
            let run = session.store().run(id).map_err(Failure::from);
            let permitted = run.and_then(|run| {
                let experiment = session.experiment(run.info.experiment, Role::Viewer)?;
                Ok((run, experiment.tags))
            });
            match permitted {
                Ok(one) => found.push(one),
                Err(failure) => drop(refused.insert(id.to_string(), failure.message)),
            }
        }
        let now_ms = now_ms();
        let runs = found
            .iter()
            .map(|(run, tags)| RunOut::new(run, tags, None, now_ms))
            .collect();
        answer(&Gotten { runs, refused })
    })
    .await
}

fn check_count(runs: &[RunId]) -> Result<(), Failure> {
    let count = runs.len();
    if count > MANY {
        return Err(Failure::invalid(format!(
            "{count} runs are given, at most {MANY} may be"
        )));
    }
    Ok(())
}

/// What changes in a run; what is absent stays.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: Option<String>,
    status: Option<footpath_track::RunStatus>,
    reason: Option<String>,
    end_ms: Option<i64>,
    lifecycle: Option<footpath_track::Lifecycle>,
    #[serde(default)]
    set_tags: Tags,
    #[serde(default)]
    delete_tags: Vec<String>,
}

fn apply(session: &Session, id: &RunId, change: &Change) -> Result<(), Failure> {
    session.permit_run(id, Role::Editor)?;
    let told = RunChange {
        name: change.name.clone(),
        status: change.status,
        status_reason: change.reason.clone(),
        end_ms: change.end_ms,
        lifecycle: change.lifecycle,
        delete_tags: change.delete_tags.clone(),
        ..RunChange::default()
    };
    if told != RunChange::default() {
        session.store().update_run(id, &told)?;
    }
    if !change.set_tags.is_empty() {
        let tags = change.set_tags.clone();
        let batch = Batch {
            tags,
            ..Batch::default()
        };
        session.store().append(id, None, batch)?;
    }
    session.run_changed(id);
    Ok(())
}

pub(crate) async fn change(
    call: Call,
    At(id): At<RunId>,
    request: Request,
) -> Result<Response, Failure> {
    let headers = request.headers().clone();
    let change: Change = call.read(request).await?;
    let changed = id.clone();
    call.run(move |session| apply(session, &id, &change))
        .await?;
    get(call, At(changed), headers).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeMany {
    runs: Vec<RunId>,
    change: Change,
}

/// Changes many runs alike. Each is changed by itself: what is refused is told by run.
pub(crate) async fn change_many(call: Call, request: Request) -> Result<Json, Failure> {
    let asked: ChangeMany = call.read(request).await?;
    call.answer(move |session| {
        check_count(&asked.runs)?;
        let mut changed = Vec::new();
        let mut refused = BTreeMap::new();
        for run in asked.runs {
            match apply(session, &run, &asked.change) {
                Ok(()) => changed.push(run),
                Err(failure) => drop(refused.insert(run.to_string(), failure.message)),
            }
        }
        Ok(json!({ "changed": changed, "refused": refused }))
    })
    .await
}

/// Removes a run for good.
pub(crate) async fn purge(call: Call, At(id): At<RunId>) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.run(&id, Role::Admin)?;
        let freed = session.store().purge_run(&id)?;
        session.run_changed(&id);
        Ok(freed)
    })
    .await
}
