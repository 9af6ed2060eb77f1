//! Runs and their points as tables.

use std::collections::BTreeSet;

use super::table::{Cell, Column, Kind, Rows};
use crate::access::{Access, Search};
use crate::error::Error;
use crate::model::{ObservedState, Point, Run};
use crate::search::{Goal, Page};
use crate::series::PointRange;

/// Points are read so many at a time.
const PAGE_POINTS: usize = 100_000;
/// Runs are read so many at a time.
const PAGE_RUNS: usize = 500;

/// What columns a table of runs has, besides those that every run fills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunColumns {
    params: BTreeSet<String>,
    tags: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

impl RunColumns {
    /// The columns that runs need.
    ///
    /// # Errors
    /// As [`Access::search`].
    pub fn of(access: &dyn Access, search: &Search) -> Result<Self, Error> {
        let mut columns = Self::default();
        each_run(access, search, |run| {
            columns.params.extend(run.params.into_keys());
            columns.tags.extend(run.tags.into_keys());
            columns.metrics.extend(run.metrics.into_keys());
            Ok(())
        })?;
        Ok(columns)
    }

    /// The table's columns: what the run is, then `params.…`, `tags.…`, and of each metric its
    /// last, least, greatest and best value and its count.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let fixed = [
            ("run", Kind::Text),
            ("name", Kind::Text),
            ("experiment", Kind::Integer),
            ("user", Kind::Text),
            ("state", Kind::Text),
            ("reason", Kind::Text),
            ("start", Kind::Time),
            ("end", Kind::Time),
        ];
        let fixed = fixed.map(|(name, kind)| (name.to_owned(), kind));
        let texts = |prefix: &'static str, keys: &BTreeSet<String>| -> Vec<Column> {
            keys.iter()
                .map(|key| (format!("{prefix}.{key}"), Kind::Text))
                .collect()
        };
        let metrics = self.metrics.iter().flat_map(|key| {
            [
                (format!("metrics.{key}"), Kind::Number),
                (format!("min(metrics.{key})"), Kind::Number),
                (format!("max(metrics.{key})"), Kind::Number),
                (format!("best(metrics.{key})"), Kind::Number),
                (format!("count(metrics.{key})"), Kind::Integer),
            ]
        });
        fixed
            .into_iter()
            .chain(texts("params", &self.params))
            .chain(texts("tags", &self.tags))
            .chain(metrics)
            .collect()
    }

    fn cells(&self, run: &Run, experiment_tags: &crate::model::Tags, now_ms: i64) -> Vec<Cell> {
        let info = &run.info;
        let mut cells: Vec<Cell> = vec![
            info.id.as_str().into(),
            info.name.as_str().into(),
            info.experiment.0.into(),
            info.user.as_str().into(),
            state_name(info.observed_state(now_ms)).into(),
            info.status_reason.as_deref().into(),
            info.start_ms.into(),
            info.end_ms.into(),
        ];
        cells.extend(
            self.params
                .iter()
                .map(|key| run.params.get(key).map(String::as_str).into()),
        );
        cells.extend(
            self.tags
                .iter()
                .map(|key| run.tags.get(key).map(String::as_str).into()),
        );
        for key in &self.metrics {
            let series = run.metrics.get(key);
            let value = |point: Option<Point>| Cell::from(point.map(|point| point.value));
            let best = match Goal::of(key, experiment_tags) {
                Goal::Minimize => series.and_then(|series| series.min),
                Goal::Maximize => series.and_then(|series| series.max),
            };
            cells.extend([
                value(series.map(|series| series.last)),
                value(series.and_then(|series| series.min)),
                value(series.and_then(|series| series.max)),
                value(best),
                series.map(|series| series.count as i64).into(),
            ]);
        }
        cells
    }
}

/// A state's name in tables.
#[must_use]
pub fn state_name(state: ObservedState) -> &'static str {
    match state {
        ObservedState::Scheduled => "scheduled",
        ObservedState::Running => "running",
        ObservedState::Stalled => "stalled",
        ObservedState::Crashed => "crashed",
        ObservedState::Finished => "finished",
        ObservedState::Failed => "failed",
        ObservedState::Killed => "killed",
    }
}

fn each_run(
    access: &dyn Access,
    search: &Search,
    mut each: impl FnMut(Run) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut search = Search {
        limit: PAGE_RUNS,
        page_token: None,
        ..search.clone()
    };
    loop {
        let Page { items, next } = access.search(&search)?;
        items.into_iter().try_for_each(&mut each)?;
        if next.is_none() {
            return Ok(());
        }
        search.page_token = next;
    }
}

/// Writes the runs that a search finds, one a row, into a table of
/// [these columns](RunColumns::columns); gives their number. `now_ms` (Unix milliseconds) tells
/// which are silent for too long.
///
/// # Errors
/// As [`Access::search`]; [`Error::File`].
pub fn runs(
    access: &dyn Access,
    search: &Search,
    columns: &RunColumns,
    now_ms: i64,
    rows: &mut dyn Rows,
) -> Result<u64, Error> {
    let mut count = 0;
    let mut goals = std::collections::BTreeMap::new();
    each_run(access, search, |run| {
        let id = run.info.experiment;
        if let std::collections::btree_map::Entry::Vacant(place) = goals.entry(id) {
            place.insert(access.experiment(id)?.tags);
        }
        count += 1;
        rows.row(columns.cells(&run, &goals[&id], now_ms))
    })?;
    Ok(count)
}

/// The columns of a table of points.
#[must_use]
pub fn point_columns() -> Vec<Column> {
    [
        ("run", Kind::Text),
        ("name", Kind::Text),
        ("metric", Kind::Text),
        ("step", Kind::Integer),
        ("time", Kind::Time),
        ("value", Kind::Number),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .to_vec()
}

/// Writes every point of the runs that a search finds, of these metrics or of all, into a table of
/// [these columns](point_columns); gives their number.
///
/// # Errors
/// As [`Access::search`] and [`Access::points`]; [`Error::File`].
pub fn points(
    access: &dyn Access,
    search: &Search,
    metrics: &[String],
    rows: &mut dyn Rows,
) -> Result<u64, Error> {
    let mut count = 0;
    each_run(access, search, |run| {
        let keys = run
            .metrics
            .keys()
            .filter(|key| metrics.is_empty() || metrics.contains(key));
        for key in keys {
            each_page(access, &run, key, |points| {
                for point in points {
                    count += 1;
                    rows.row(vec![
                        run.info.id.as_str().into(),
                        run.info.name.as_str().into(),
                        key.as_str().into(),
                        point.step.into(),
                        point.time_ms.into(),
                        point.value.into(),
                    ])?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(count)
}

/// Reads a series page by page.
pub(super) fn each_page(
    access: &dyn Access,
    run: &Run,
    key: &str,
    mut each: impl FnMut(&[Point]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut range = PointRange {
        limit: PAGE_POINTS,
        ..PointRange::default()
    };
    loop {
        let points = access.points(&run.info.id, key, &range)?;
        each(&points)?;
        match points.last() {
            Some(last) if points.len() == PAGE_POINTS => range.after = Some(*last),
            _ => return Ok(()),
        }
    }
}
