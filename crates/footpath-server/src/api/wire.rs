//! Answers as the page reads them.

use std::collections::{BTreeMap, BTreeSet};

use footpath_track::search::Goal;
use footpath_track::series::Bucket;
use footpath_track::{
    Columns, DatasetInput, ExperimentId, Lifecycle, ModelOutput, ObservedState, Point, Run, RunId,
    RunInfo, RunStatus, SeriesSummary, Tags,
};
use serde::{Deserialize, Serialize};

use crate::double::Double;

/// A point: step, time in Unix milliseconds, value.
pub(crate) type PointOut = (i64, i64, Double);

pub(crate) fn point(point: Point) -> PointOut {
    (point.step, point.time_ms, Double(point.value))
}

/// What is known of a series without its points.
#[derive(Serialize)]
pub(crate) struct SeriesOut {
    count: u64,
    nan_count: u64,
    first: PointOut,
    last: PointOut,
    min: Option<PointOut>,
    max: Option<PointOut>,
    /// The minimum or the maximum, as the metric's goal is.
    best: Option<PointOut>,
}

impl SeriesOut {
    fn new(series: &SeriesSummary, goal: Goal) -> Self {
        let best = match goal {
            Goal::Minimize => series.min,
            Goal::Maximize => series.max,
        };
        Self {
            count: series.count,
            nan_count: series.nan_count,
            first: point(series.first),
            last: point(series.last),
            min: series.min.map(point),
            max: series.max.map(point),
            best: best.map(point),
        }
    }
}

/// What a run is, and the state it is seen in.
#[derive(Serialize)]
pub(crate) struct InfoOut<'a> {
    id: &'a RunId,
    experiment: ExperimentId,
    name: &'a str,
    user: &'a str,
    /// What it was told to be.
    status: RunStatus,
    /// What it is seen to be.
    state: ObservedState,
    /// Why.
    reason: Option<&'a str>,
    start_ms: i64,
    end_ms: Option<i64>,
    lease_until_ms: Option<i64>,
    active_ms: i64,
    lifecycle: Lifecycle,
    dropped: u64,
}

impl<'a> InfoOut<'a> {
    pub(crate) fn new(info: &'a RunInfo, now_ms: i64) -> Self {
        let state = info.observed_state(now_ms);
        let told = info.status_reason.as_deref();
        let seen = match state {
            ObservedState::Crashed => Some(
                "its lease lapsed: the process died without a word, or cannot reach the server",
            ),
            ObservedState::Stalled => Some("it has told nothing for 30 minutes"),
            _ => None,
        };
        Self {
            id: &info.id,
            experiment: info.experiment,
            name: &info.name,
            user: &info.user,
            status: info.status,
            state,
            reason: told.or(seen),
            start_ms: info.start_ms,
            end_ms: info.end_ms,
            lease_until_ms: info.lease_until_ms,
            active_ms: info.active_ms,
            lifecycle: info.lifecycle,
            dropped: info.dropped,
        }
    }
}

/// The keys a table shows; a run is told without the others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shown {
    metrics: BTreeSet<String>,
    params: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl Shown {
    /// The same keys, as the store takes them.
    pub(crate) fn columns(&self) -> Columns {
        let keys = |keys: &BTreeSet<String>| keys.iter().cloned().collect();
        Columns {
            metrics: keys(&self.metrics),
            params: keys(&self.params),
            tags: keys(&self.tags),
        }
    }
}

/// A run with all but its points.
#[derive(Serialize)]
pub(crate) struct RunOut<'a> {
    #[serde(flatten)]
    info: InfoOut<'a>,
    params: BTreeMap<&'a str, &'a str>,
    tags: BTreeMap<&'a str, &'a str>,
    metrics: BTreeMap<&'a str, SeriesOut>,
    artifact_bytes: u64,
    inputs: &'a [DatasetInput],
    model_inputs: &'a [String],
    model_outputs: &'a [ModelOutput],
}

impl<'a> RunOut<'a> {
    /// `experiment_tags` hold the goals of metrics; all keys are told if `shown` is `None`.
    pub(crate) fn new(
        run: &'a Run,
        experiment_tags: &Tags,
        shown: Option<&Shown>,
        now_ms: i64,
    ) -> Self {
        let texts = |map: &'a BTreeMap<String, String>, shown: Option<&BTreeSet<String>>| {
            map.iter()
                .filter(|(key, _)| shown.is_none_or(|shown| shown.contains(*key)))
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect()
        };
        let metrics = run
            .metrics
            .iter()
            .filter(|(key, _)| shown.is_none_or(|shown| shown.metrics.contains(*key)))
            .map(|(key, series)| {
                let goal = Goal::of(key, experiment_tags);
                (key.as_str(), SeriesOut::new(series, goal))
            })
            .collect();
        Self {
            info: InfoOut::new(&run.info, now_ms),
            params: texts(&run.params, shown.map(|shown| &shown.params)),
            tags: texts(&run.tags, shown.map(|shown| &shown.tags)),
            metrics,
            artifact_bytes: run.artifact_bytes,
            inputs: &run.inputs,
            model_inputs: &run.model_inputs,
            model_outputs: &run.model_outputs,
        }
    }
}

/// The exact envelope of a part of a series.
#[derive(Serialize)]
pub(crate) struct BucketOut {
    count: u64,
    nan_count: u64,
    first: PointOut,
    last: PointOut,
    min: Option<PointOut>,
    max: Option<PointOut>,
}

pub(crate) fn bucket(bucket: &Bucket) -> BucketOut {
    BucketOut {
        count: bucket.count,
        nan_count: bucket.nan_count,
        first: point(bucket.first),
        last: point(bucket.last),
        min: bucket.min.map(point),
        max: bucket.max.map(point),
    }
}
