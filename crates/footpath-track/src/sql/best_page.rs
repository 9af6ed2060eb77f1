//! The first page of runs by a number, which needs no look at the runs that are not on it.
//!
//! Sorting all that match by number, time and id reads each run. The best numbers alone come from one stretch of one
//! table; where the last one of the page is not shared with a run beyond it, they are the page.

use super::cell::Cell;
use super::engine::Sql;
use super::search::Builder;
use super::{keys, page, placeholders};
use crate::error::Error;
use crate::model::View;
use crate::search::{Field, Filter, OrderBy, Page, RunQuery};

/// The longest page that is found so: its runs are named in a statement.
const LONGEST: usize = 1000;

/// The numbers of the runs of the first page, if they can be found so.
pub(super) fn best_page(sql: &mut dyn Sql, query: &RunQuery) -> Result<Option<Page<i64>>, Error> {
    let limit = query.limit.max(1);
    let first = query.page_token.is_none() && query.view == View::Active;
    let [OrderBy { field, descending }] = &query.order[..] else {
        return Ok(None);
    };
    if !first || limit > LONGEST || !by_keys(&query.filter) {
        return Ok(None);
    }
    let (table, key) = match field {
        Field::Metric(_, key) => ("series", key),
        Field::ParamNumber(key) => ("params", key),
        _ => return Ok(None),
    };
    let Some(key_number) = keys::find(sql, key)? else {
        return Ok(None);
    };
    let mut build = Builder::new(sql, &query.experiments)?.of_runs("o.run");
    let value = match field {
        Field::Metric(statistic, key) => build.statistic("o", *statistic, key),
        _ => "o.number".to_owned(),
    };
    let condition = build.filter(&query.filter)?;
    let most = build.arg(limit + 1);
    let within = &build.experiments;
    let direction = if *descending { "DESC" } else { "" };
    let statement = format!(
        "SELECT o.run, {value} FROM {table} o
         WHERE o.experiment {within} AND o.key = {key_number} AND {value} IS NOT NULL
         AND o.run NOT IN (SELECT r.id FROM runs r WHERE r.experiment {within} AND r.deleted > 0)
         AND {condition} ORDER BY {value} {direction} LIMIT {most}"
    );
    let args = build.args;
    let mut found = Vec::new();
    for mut row in sql.query(&statement, &args)? {
        found.push((row.int()?, row.real()?));
    }
    // Too few: runs without the number follow. Shared: time and id decide who is on the page.
    if found.len() <= limit || found[limit].1 == found[limit - 1].1 {
        return Ok(None);
    }
    found.truncate(limit);
    order_equals(sql, &mut found)?;
    let (run, value) = found[limit - 1];
    let statement = "SELECT r.start_ms, r.uid FROM runs r WHERE r.id = ?1";
    let Some(mut last) = sql.first(statement, &[Cell::Int(run)])? else {
        return Ok(None);
    };
    let stamp = page::stamp(&(&query.experiments, &query.filter, query.view, &query.order));
    // As the terms of the whole order are: rank, value, time, id.
    let cells = [Cell::Int(0), Cell::Real(value), last.cell()?, last.cell()?];
    Ok(Some(Page {
        items: found.into_iter().map(|(run, _)| run).collect(),
        next: Some(page::token(&stamp, &cells)?),
    }))
}

/// Whether a filter asks for what runs have by key alone.
fn by_keys(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().all(by_keys),
        Filter::Not(part) => by_keys(part),
        Filter::Is(field, _) => !matches!(field, Field::Attribute(_) | Field::Dataset(_)),
    }
}

/// Orders runs of equal numbers: the latest first, then by id.
fn order_equals(sql: &mut dyn Sql, found: &mut [(i64, f64)]) -> Result<(), Error> {
    for equals in found.chunk_by_mut(|a, b| a.1 == b.1) {
        if let [first, _, ..] = equals {
            let value = first.1;
            let statement = format!(
                "SELECT r.id FROM runs r WHERE r.id IN ({}) ORDER BY r.start_ms DESC, r.uid",
                placeholders(1, equals.len())
            );
            let args: Vec<Cell> = equals.iter().map(|(run, _)| Cell::Int(*run)).collect();
            for (place, mut row) in equals.iter_mut().zip(sql.query(&statement, &args)?) {
                *place = (row.int()?, value);
            }
        }
    }
    Ok(())
}
