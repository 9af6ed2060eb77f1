//! Removal for good.

use super::cell::args;
use super::engine::Sql;
use super::{artifacts, experiments, runs};
use crate::error::Error;
use crate::model::{ExperimentId, Freed, Owner, RunId};

pub(super) fn run(sql: &mut dyn Sql, id: &RunId) -> Result<Freed, Error> {
    let run = runs::find(sql, id)?.id;
    let mut freed = artifacts::purge(sql, &Owner::Run(id.clone()))?;
    let images = sql.query(
        "DELETE FROM media_blobs WHERE run = ?1 RETURNING digest",
        args![run],
    )?;
    freed += artifacts::release_all(sql, images)?;
    freed.runs = 1;
    for statement in [
        "SELECT CAST(COALESCE(sum(length(data) + length(rollup)), 0) AS BIGINT) FROM chunks WHERE run = ?1",
        "SELECT CAST(COALESCE(sum(length(data)), 0) AS BIGINT) FROM heads WHERE run = ?1",
        "SELECT CAST(COALESCE(sum(length(body)), 0) AS BIGINT) FROM media WHERE run = ?1",
    ] {
        freed.database_bytes += sql
            .first(statement, args![run])?
            .map_or(Ok(0), |mut row| row.count())?;
    }
    let points = sql.first(
        "SELECT CAST(COALESCE(sum(points), 0) AS BIGINT) FROM series WHERE run = ?1",
        args![run],
    )?;
    freed.points = points.map_or(Ok(0), |mut row| row.count())?;
    for table in [
        "series",
        "heads",
        "chunks",
        "params",
        "tags",
        "writers",
        "media",
        "inputs",
        "model_links",
        "steps",
    ] {
        sql.execute(&format!("DELETE FROM {table} WHERE run = ?1"), args![run])?;
    }
    sql.execute("DELETE FROM runs WHERE id = ?1", args![run])?;
    Ok(freed)
}

pub(super) fn experiment(sql: &mut dyn Sql, id: ExperimentId) -> Result<Freed, Error> {
    if id == ExperimentId::DEFAULT {
        return Err(Error::invalid(
            "purging experiment 0",
            "every store has it: purge its runs instead",
        ));
    }
    experiments::get(sql, id)?;
    let mut freed = Freed::default();
    for mut row in sql.query(
        "SELECT uid FROM runs WHERE experiment = ?1 ORDER BY id",
        args![id.0],
    )? {
        freed += run(sql, &row.text()?.parse()?)?;
    }
    for mut row in sql.query(
        "DELETE FROM logged_models WHERE experiment = ?1 RETURNING id",
        args![id.0],
    )? {
        freed += artifacts::purge(sql, &Owner::Model(row.text()?))?;
    }
    sql.execute("DELETE FROM datasets WHERE experiment = ?1", args![id.0])?;
    sql.execute(
        "DELETE FROM experiment_tags WHERE experiment = ?1",
        args![id.0],
    )?;
    sql.execute("DELETE FROM experiments WHERE id = ?1", args![id.0])?;
    Ok(freed)
}
