//! The points of metrics.

use footpath_track::series::{PointRange, Scale, Zoom};
use footpath_track::{Point, RunId};
use serde::Serialize;

use super::message::Fields;
use super::runs::{parse_run_id, run_id};
use super::wire::MetricOut;
use crate::answer::{Json, json};
use crate::api::{point_of, token_of};
use crate::auth::Role;
use crate::failure::Failure;
use crate::session::Session;

/// At most how many points one answer of the bulk calls holds.
const BULK_POINTS: i64 = 25_000;
/// At most how many points of each run the sampled call gives.
const SAMPLED_POINTS: i64 = 2_500;

#[derive(Serialize)]
struct Metrics<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// All points of a series in MLflow's order: by time, then step, then value.
fn by_time(session: &Session, run: &RunId, key: &str) -> Result<Vec<Point>, Failure> {
    let mut points = session.store().points(run, key, &PointRange::default())?;
    points.sort_by(compare_by_time);
    Ok(points)
}

fn compare_by_time(left: &Point, right: &Point) -> std::cmp::Ordering {
    (left.time_ms, left.step)
        .cmp(&(right.time_ms, right.step))
        .then_with(|| left.value.total_cmp(&right.value))
}

pub(crate) fn get(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let key = fields.required_text("metric_key")?;
    let most = match fields.int("max_results")? {
        None => usize::MAX,
        Some(number) if number > 0 => usize::try_from(number).unwrap_or(usize::MAX),
        Some(number) => {
            return Err(Failure::invalid(format!(
                "Invalid value {number} for parameter 'max_results' supplied. It must be a positive integer"
            )));
        }
    };
    session.permit_run(&run, Role::Viewer)?;
    let points = by_time(session, &run, key)?;
    let from = match fields.text("page_token")?.filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => {
            let last = point_of(token)?;
            points.partition_point(|point| compare_by_time(point, &last).is_le())
        }
    };
    let page = &points[from..points.len().min(from.saturating_add(most))];
    let more = from + page.len() < points.len();
    json(&Metrics {
        metrics: page
            .iter()
            .map(|point| MetricOut::new(key, *point))
            .collect(),
        next_page_token: page.last().filter(|_| more).map(|last| token_of(*last)),
    })
}

fn at_most(fields: &Fields<'_>, most: i64) -> Result<usize, Failure> {
    match fields.int("max_results")?.unwrap_or(most) {
        number if (1..=most).contains(&number) => Ok(number as usize),
        number => Err(Failure::invalid(format!(
            "max_results must be from 1 to {most}, got {number}"
        ))),
    }
}

fn runs(session: &Session, fields: &Fields<'_>, field: &str) -> Result<Vec<RunId>, Failure> {
    let ids = fields.texts(field)?;
    if ids.is_empty() || ids.len() > 100 {
        return Err(Failure::invalid(format!(
            "{field} must hold 1 to 100 runs, got {}",
            ids.len()
        )));
    }
    let ids: Vec<RunId> = ids
        .into_iter()
        .map(parse_run_id)
        .collect::<Result<_, _>>()?;
    ids.iter()
        .try_for_each(|id| session.permit_run(id, Role::Viewer))?;
    Ok(ids)
}

/// The series of several runs, cut off at a total.
pub(crate) fn bulk(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let mut runs = runs(session, fields, "run_id")?;
    runs.sort_unstable();
    let key = fields.required_text("metric_key")?;
    let most = at_most(fields, BULK_POINTS)?;
    let mut metrics = Vec::new();
    for run in &runs {
        let points = by_time(session, run, key)?;
        let room = most - metrics.len();
        metrics.extend(
            points
                .into_iter()
                .take(room)
                .map(|point| MetricOut::new(key, point).of_run(run.as_str())),
        );
    }
    json(&Metrics {
        metrics,
        next_page_token: None,
    })
}

/// The series of several runs, each thinned to a number of points so that its extremes, its
/// first and its last points stay.
pub(crate) fn sampled(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let runs = runs(session, fields, "run_ids")?;
    let key = fields.required_text("metric_key")?;
    let most = at_most(fields, SAMPLED_POINTS)?;
    let (from_step, to_step) = match (fields.int("start_step")?, fields.int("end_step")?) {
        (None, None) => (i64::MIN, i64::MAX),
        (Some(from), Some(to)) if from <= to => (from, to),
        (Some(from), Some(to)) => {
            return Err(Failure::invalid(format!(
                "end_step must be greater than start_step. Found start_step={from} and end_step={to}."
            )));
        }
        _ => {
            return Err(Failure::invalid(
                "If either start step or end step are specified, both must be specified.",
            ));
        }
    };
    let mut metrics = Vec::new();
    for run in &runs {
        let range = PointRange {
            from_step,
            to_step,
            limit: most + 1,
            ..PointRange::default()
        };
        let mut points = session.store().points(run, key, &range)?;
        if points.len() > most {
            points = envelope(session, run, key, from_step, to_step, most)?;
        }
        metrics.extend(
            points
                .into_iter()
                .map(|point| MetricOut::new(key, point).of_run(run.as_str())),
        );
    }
    json(&Metrics {
        metrics,
        next_page_token: None,
    })
}

fn envelope(
    session: &Session,
    run: &RunId,
    key: &str,
    from_step: i64,
    to_step: i64,
    most: usize,
) -> Result<Vec<Point>, Failure> {
    // Two buckets a pixel, up to four points each.
    let mut width_px = u32::try_from(most / 8).unwrap_or(1).max(1);
    loop {
        let zoom = Zoom {
            from_step,
            to_step,
            width_px,
            scale: Scale::Linear,
        };
        let buckets = session.store().envelope(run, key, &zoom)?;
        let mut points: Vec<Point> = buckets
            .iter()
            .flat_map(|bucket| {
                [
                    Some(bucket.first),
                    bucket.min,
                    bucket.max,
                    Some(bucket.last),
                ]
            })
            .flatten()
            .collect();
        points.sort_unstable();
        points.dedup();
        if points.len() <= most || width_px == 1 {
            points.truncate(most);
            return Ok(points);
        }
        width_px /= 2;
    }
}
