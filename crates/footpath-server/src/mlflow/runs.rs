//! Runs: made, read, changed, searched.

use std::collections::HashMap;

use footpath_track::search::{RunQuery, Scope};
use footpath_track::{
    ExperimentId, LatestRun, Lifecycle, NewRun, ObservedState, RunChange, RunId, RunStatus,
};
use serde::Serialize;
use serde_json::json;

use super::experiments::{experiment_id, filter, max_results, order, tags, view};
use super::message::Fields;
use super::wire::{RunInfoOut, RunOut, artifact_location};
use crate::answer::{Json, json, nothing};
use crate::auth::Role;
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::session::Session;

/// The statuses by their numbers in MLflow's protocol.
const STATUSES: [&str; 6] = ["", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// The tag in which clients are told what a run's silence means; it is not stored.
const STATE_TAG: &str = "footpath.state";

/// The run a request names, as `run_id` or, as old clients do, `run_uuid`.
pub(crate) fn run_id(fields: &Fields<'_>) -> Result<RunId, Failure> {
    let given = match fields.text("run_id")?.filter(|id| !id.is_empty()) {
        Some(id) => id,
        None => match fields.text("run_uuid")?.filter(|id| !id.is_empty()) {
            Some(id) => id,
            None => fields.required_text("run_id")?,
        },
    };
    parse_run_id(given)
}

/// A run's id.
pub(crate) fn parse_run_id(text: &str) -> Result<RunId, Failure> {
    text.parse().map_err(|_error: footpath_track::Error| {
        let shown: String = text.chars().take(60).collect();
        Failure::invalid(format!(
            "Invalid value {shown:?} for parameter 'run_id' supplied."
        ))
    })
}

/// Makes the answer tell the truth about a silent run, in MLflow's words: a crashed run has
/// failed, and a tag says what was seen. Nothing is stored: the run may yet be heard of.
fn tell_state(run: &mut LatestRun, now_ms: i64) {
    let seen = match run.info.observed_state(now_ms) {
        ObservedState::Crashed => {
            run.info.status = RunStatus::Failed;
            "crashed"
        }
        ObservedState::Stalled => "stalled",
        _ => return,
    };
    let place = run.tags.partition_point(|(key, _)| &**key < STATE_TAG);
    run.tags.insert(place, (STATE_TAG.into(), seen.to_owned()));
}

#[derive(Serialize)]
struct One<'a> {
    run: RunOut<'a>,
}

pub(crate) fn create(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let experiment = experiment_id(
        fields
            .text("experiment_id")?
            .filter(|id| !id.is_empty())
            .unwrap_or("0"),
    )?;
    let experiment = session.experiment(experiment, Role::Editor)?;
    let new = NewRun {
        name: fields
            .text("run_name")?
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        user: fields.text("user_id")?.unwrap_or_default().to_owned(),
        tags: tags(fields)?,
        ..NewRun::new(
            experiment.id,
            fields.int("start_time")?.unwrap_or_else(now_ms),
        )
    };
    let info = session.store().create_run(&new)?;
    session.run_changed(&info.id);
    let run = session.store().run(&info.id)?.into();
    json(&One {
        run: RunOut::new(&run, &artifact_location(&experiment)),
    })
}

pub(crate) fn get(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let mut run = LatestRun::from(session.store().run(&run_id(fields)?)?);
    let experiment = session.experiment(run.info.experiment, Role::Viewer)?;
    tell_state(&mut run, now_ms());
    json(&One {
        run: RunOut::new(&run, &artifact_location(&experiment)),
    })
}

pub(crate) fn update(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let id = run_id(fields)?;
    let (_, experiment) = session.run(&id, Role::Editor)?;
    let change = RunChange {
        name: fields
            .text("run_name")?
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        status: fields
            .choice("status", &STATUSES)?
            .and_then(RunStatus::from_name),
        end_ms: fields.int("end_time")?,
        ..RunChange::default()
    };
    let info = session.store().update_run(&id, &change)?;
    session.run_changed(&id);
    json(&json!({ "run_info": RunInfoOut::new(&info, &artifact_location(&experiment)) }))
}

fn change(session: &Session, fields: &Fields<'_>, change: &RunChange) -> Result<Json, Failure> {
    let id = run_id(fields)?;
    session.permit_run(&id, Role::Editor)?;
    session.store().update_run(&id, change)?;
    session.run_changed(&id);
    nothing()
}

pub(crate) fn delete(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    change(
        session,
        fields,
        &RunChange {
            lifecycle: Some(Lifecycle::Deleted),
            ..RunChange::default()
        },
    )
}

pub(crate) fn restore(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    change(
        session,
        fields,
        &RunChange {
            lifecycle: Some(Lifecycle::Active),
            ..RunChange::default()
        },
    )
}

pub(crate) fn delete_tag(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let delete_tags = vec![fields.required_text("key")?.to_owned()];
    change(
        session,
        fields,
        &RunChange {
            delete_tags,
            ..RunChange::default()
        },
    )
}

#[derive(Serialize)]
struct Many<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<RunOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<&'a str>,
}

pub(crate) fn search(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let ids = fields.texts("experiment_ids")?;
    let experiments = ids
        .into_iter()
        .map(experiment_id)
        .collect::<Result<_, _>>()?;
    let query = RunQuery {
        experiments: session.readable(experiments)?,
        filter: filter(fields, Scope::Runs)?,
        view: view(fields, "run_view_type")?,
        order: order(fields, Scope::Runs)?,
        limit: max_results(fields, 1000, 50_000)?,
        page_token: fields
            .text("page_token")?
            .filter(|token| !token.is_empty())
            .map(str::to_owned),
        shown: None,
    };
    let mut page = session.store().search_latest(&query)?;
    let now_ms = now_ms();
    for run in &mut page.items {
        tell_state(run, now_ms);
    }
    let locations = locations(session, &page.items)?;
    let location = |run: &LatestRun| {
        locations
            .get(&run.info.experiment)
            .map_or("", String::as_str)
    };
    let runs = page
        .items
        .iter()
        .map(|run| RunOut::new(run, location(run)))
        .collect();
    json(&Many {
        runs,
        next_page_token: page.next.as_deref(),
    })
}

fn locations(
    session: &Session,
    runs: &[LatestRun],
) -> Result<HashMap<ExperimentId, String>, Failure> {
    let mut locations = HashMap::new();
    for run in runs {
        if let std::collections::hash_map::Entry::Vacant(place) =
            locations.entry(run.info.experiment)
        {
            place.insert(artifact_location(
                &session.store().experiment(run.info.experiment)?,
            ));
        }
    }
    Ok(locations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_track::RunInfo;

    #[test]
    fn a_lapsed_lease_reads_as_failed_with_the_reason_in_a_tag() {
        let info = RunInfo {
            id: RunId::random(),
            experiment: ExperimentId::DEFAULT,
            name: String::new(),
            user: String::new(),
            status: RunStatus::Running,
            status_reason: None,
            start_ms: 0,
            end_ms: None,
            lease_until_ms: Some(100),
            active_ms: 90,
            lifecycle: Lifecycle::Active,
            dropped: 0,
        };
        let mut run = LatestRun {
            info,
            params: Vec::new(),
            tags: vec![("a".into(), "1".into()), ("z".into(), "2".into())],
            metrics: Vec::new(),
            inputs: Vec::new(),
            model_inputs: Vec::new(),
            model_outputs: Vec::new(),
        };
        tell_state(&mut run, 100);
        assert_eq!((run.info.status, run.tags.len()), (RunStatus::Running, 2));
        tell_state(&mut run, 101);
        assert_eq!(run.info.status, RunStatus::Failed);
        assert_eq!(run.tags[1], (STATE_TAG.into(), "crashed".into()));
    }
}
