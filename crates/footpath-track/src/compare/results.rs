//! How the metrics came out.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Side;
use crate::model::SeriesSummary;
use crate::search::Goal;

/// The machine's load is no result.
const LOAD: &str = "system/";

/// A metric as two runs have it: its best value by the metric's goal, `None` where a run does
/// not have it, or nothing but NaN.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResultDifference {
    /// The metric.
    pub metric: String,
    /// The left run's best.
    pub left: Option<f64>,
    /// The right run's best.
    pub right: Option<f64>,
    /// Right minus left.
    pub difference: Option<f64>,
    /// Whether the right one is better; `None` if they are equal or one is absent.
    pub better: Option<bool>,
}

/// The metrics of both runs whose best values differ, and those that one of them lacks.
pub(super) fn compare(left: &Side, right: &Side) -> Vec<ResultDifference> {
    let names: BTreeSet<&String> = left
        .run
        .metrics
        .keys()
        .chain(right.run.metrics.keys())
        .filter(|name| !name.starts_with(LOAD))
        .collect();
    names
        .into_iter()
        .filter_map(|name| {
            let goal = Goal::of(name, &left.experiment_tags);
            let best = |side: &Side| best(side.run.metrics.get(name)?, goal);
            let (one, other) = (best(left), best(right));
            let difference = one.zip(other).map(|(one, other)| other - one);
            let better = difference
                .filter(|difference| *difference != 0.0)
                .map(|difference| (difference > 0.0) == (goal == Goal::Maximize));
            (one != other).then(|| ResultDifference {
                metric: name.clone(),
                left: one,
                right: other,
                difference,
                better,
            })
        })
        .collect()
}

fn best(series: &SeriesSummary, goal: Goal) -> Option<f64> {
    let point = match goal {
        Goal::Minimize => series.min,
        Goal::Maximize => series.max,
    };
    point.map(|point| point.value)
}
