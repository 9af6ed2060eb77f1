//! Runs: what they are, apart from what they log.

use std::collections::BTreeMap;

use super::cell::{Cell, Row, args};
use super::engine::Sql;
use super::experiments::{self, lifecycle};
use super::{keys, now_ms, placeholders, points};
use crate::error::{Error, Kind};
use crate::model::{
    Dataset, DatasetInput, ExperimentId, Lifecycle, ModelOutput, NewRun, Run, RunChange, RunId,
    RunInfo, RunStatus, SeriesSummary, check_experiment_name, check_key, check_text,
    random_run_name,
};
use crate::store::Columns;

const COLUMNS: &str = "id, uid, experiment, name, owner, status, reason, start_ms, end_ms, lease_ms, active_ms, deleted, dropped";
/// MLflow's tag that holds the run's name.
pub(super) const NAME_TAG: &str = "mlflow.runName";

/// A run's row: its number and what it is.
pub(super) struct Known {
    pub id: i64,
    pub info: RunInfo,
}

fn known(mut row: Row) -> Result<Known, Error> {
    Ok(Known {
        id: row.int()?,
        info: RunInfo {
            id: row.text()?.parse()?,
            experiment: ExperimentId(row.int()?),
            name: row.text()?,
            user: row.text()?,
            status: RunStatus::from_name(&row.text()?)
                .ok_or_else(|| Error::database("a run has an unknown status"))?,
            status_reason: row.maybe_text()?,
            start_ms: row.int()?,
            end_ms: row.maybe_int()?,
            lease_until_ms: row.maybe_int()?,
            active_ms: row.int()?,
            lifecycle: lifecycle(row.int()?),
            dropped: row.count()?,
        },
    })
}

/// The run with this id.
pub(super) fn find(sql: &mut dyn Sql, id: &RunId) -> Result<Known, Error> {
    let row = sql.first(
        &format!("SELECT {COLUMNS} FROM runs WHERE uid = ?1"),
        args![id.as_str()],
    )?;
    known(row.ok_or_else(|| Error::not_found(Kind::Run, id))?)
}

/// The run with this id, in use, locked until the transaction ends.
pub(super) fn lock(sql: &mut dyn Sql, id: &RunId) -> Result<Known, Error> {
    let found = lock_any(sql, id)?;
    if found.info.lifecycle == Lifecycle::Deleted {
        return Err(Error::Deleted {
            kind: Kind::Run,
            id: id.to_string(),
        });
    }
    Ok(found)
}

fn lock_any(sql: &mut dyn Sql, id: &RunId) -> Result<Known, Error> {
    let for_update = sql.dialect().for_update;
    let row = sql.first(
        &format!("SELECT {COLUMNS} FROM runs WHERE uid = ?1{for_update}"),
        args![id.as_str()],
    )?;
    known(row.ok_or_else(|| Error::not_found(Kind::Run, id))?)
}

pub(super) fn create(sql: &mut dyn Sql, new: &NewRun) -> Result<RunInfo, Error> {
    let experiment = experiments::get(sql, new.experiment)?;
    if experiment.lifecycle == Lifecycle::Deleted {
        return Err(Error::Deleted {
            kind: Kind::Experiment,
            id: new.experiment.to_string(),
        });
    }
    let tagged = new.tags.get(NAME_TAG).filter(|name| !name.is_empty());
    let named = new.name.as_ref().filter(|name| !name.is_empty());
    if let (Some(name), Some(tag)) = (named, tagged)
        && name != tag
    {
        return Err(Error::invalid(
            format!("run name `{name}`"),
            format!("the tag {NAME_TAG} says `{tag}`"),
        ));
    }
    let name = named.or(tagged).cloned().unwrap_or_else(random_run_name);
    check_experiment_name("run name", &name)?;
    check_text("user of run", new.id.as_str(), &new.user)?;
    let now = now_ms();
    let row = sql.first(
        "INSERT INTO runs (uid, experiment, name, owner, status, start_ms, lease_ms, active_ms, deleted, dropped)
         VALUES (?1, ?2, ?3, ?4, 'RUNNING', ?5, ?6, ?7, 0, 0) ON CONFLICT (uid) DO NOTHING RETURNING id",
        args![new.id.as_str(), new.experiment.0, &name, &new.user, new.start_ms, new.lease_ms.map(|lease| now.saturating_add(lease)), now],
    )?;
    let Some(mut row) = row else {
        let holder = find(sql, &new.id)?.info;
        if holder.experiment == new.experiment {
            return Ok(holder);
        }
        let deleted = holder.lifecycle == Lifecycle::Deleted;
        return Err(Error::Exists {
            kind: Kind::Run,
            id: new.id.to_string(),
            deleted,
        });
    };
    let run = row.int()?;
    let mut tags = new.tags.clone();
    tags.insert(NAME_TAG.into(), name);
    for (key, value) in &tags {
        check_key("tag", key)?;
        check_text("tag", key, value)?;
        set_tag(sql, new.experiment, run, key, value)?;
    }
    Ok(find(sql, &new.id)?.info)
}

/// Sets a tag; the one that holds the name does not rename here.
pub(super) fn set_tag(
    sql: &mut dyn Sql,
    experiment: ExperimentId,
    run: i64,
    key: &str,
    value: &str,
) -> Result<(), Error> {
    let key = keys::intern(sql, key)?;
    sql.execute(
        "INSERT INTO tags (experiment, key, run, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (experiment, key, run) DO UPDATE SET value = excluded.value",
        args![experiment.0, key, run, value],
    )?;
    Ok(())
}

/// Names a run; its tag follows.
pub(super) fn rename(
    sql: &mut dyn Sql,
    experiment: ExperimentId,
    run: i64,
    name: &str,
) -> Result<(), Error> {
    check_experiment_name("run name", name)?;
    sql.execute("UPDATE runs SET name = ?2 WHERE id = ?1", args![run, name])?;
    set_tag(sql, experiment, run, NAME_TAG, name)
}

pub(super) fn update(sql: &mut dyn Sql, id: &RunId, change: &RunChange) -> Result<RunInfo, Error> {
    let Known { id: run, info } = lock_any(sql, id)?;
    let rest = RunChange {
        lifecycle: None,
        ..change.clone()
    } != RunChange::default();
    let lifecycle = change.lifecycle.unwrap_or(info.lifecycle);
    if rest && lifecycle == Lifecycle::Deleted && info.lifecycle == Lifecycle::Deleted {
        return Err(Error::Deleted {
            kind: Kind::Run,
            id: id.to_string(),
        });
    }
    if lifecycle != info.lifecycle {
        let deleted = i64::from(lifecycle == Lifecycle::Deleted);
        sql.execute(
            "UPDATE runs SET deleted = ?2 WHERE id = ?1",
            args![run, deleted],
        )?;
    }
    if let Some(name) = &change.name {
        rename(sql, info.experiment, run, name)?;
    }
    for key in &change.delete_tags {
        let gone = match keys::find(sql, key)? {
            Some(key) => sql.execute(
                "DELETE FROM tags WHERE experiment = ?1 AND key = ?2 AND run = ?3",
                args![info.experiment.0, key, run],
            )?,
            None => 0,
        };
        if gone == 0 {
            return Err(Error::not_found(Kind::Tag, key));
        }
    }
    set_state(
        sql,
        run,
        change.status,
        change.status_reason.as_deref(),
        change.end_ms,
    )?;
    if rest {
        let now = now_ms();
        sql.execute(
            "UPDATE runs SET active_ms = ?2, lease_ms = COALESCE(?3, lease_ms) WHERE id = ?1",
            args![
                run,
                now,
                change.lease_ms.map(|lease| now.saturating_add(lease))
            ],
        )?;
    }
    if change.status.is_some_and(RunStatus::is_terminal) {
        points::seal_run(sql, run)?;
    }
    Ok(find(sql, id)?.info)
}

/// Sets a state: a new status without reason clears the old reason; no end keeps the old one.
pub(super) fn set_state(
    sql: &mut dyn Sql,
    run: i64,
    status: Option<RunStatus>,
    reason: Option<&str>,
    end_ms: Option<i64>,
) -> Result<(), Error> {
    if let Some(reason) = reason {
        check_text("reason of run", "status", reason)?;
    }
    if let Some(status) = status {
        sql.execute(
            "UPDATE runs SET status = ?2, reason = ?3 WHERE id = ?1",
            args![run, status.name(), reason],
        )?;
    } else if reason.is_some() {
        sql.execute(
            "UPDATE runs SET reason = ?2 WHERE id = ?1",
            args![run, reason],
        )?;
    }
    if end_ms.is_some() {
        sql.execute(
            "UPDATE runs SET end_ms = ?2 WHERE id = ?1",
            args![run, end_ms],
        )?;
    }
    Ok(())
}

pub(super) fn get(sql: &mut dyn Sql, id: &RunId) -> Result<Run, Error> {
    let found = find(sql, id)?;
    load(sql, &[found.id], None)?
        .pop()
        .ok_or_else(|| Error::not_found(Kind::Run, id))
}

/// The runs of these numbers, in this order: whole, or with no more than the keys shown.
pub(super) fn load(
    sql: &mut dyn Sql,
    ids: &[i64],
    shown: Option<&Columns>,
) -> Result<Vec<Run>, Error> {
    let mut runs = BTreeMap::new();
    let (params, tags, metrics) = match shown {
        Some(shown) => (
            only(sql, &shown.params)?,
            only(sql, &shown.tags)?,
            only(sql, &shown.metrics)?,
        ),
        None => (String::new(), String::new(), String::new()),
    };
    for ids in ids.chunks(500) {
        let within = placeholders(1, ids.len());
        let args: Vec<Cell> = ids.iter().map(|id| (*id).into()).collect();
        for row in sql.query(
            &format!("SELECT {COLUMNS} FROM runs WHERE id IN ({within})"),
            &args,
        )? {
            let Known { id, info } = known(row)?;
            let (params, tags, metrics) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
            let run = Run {
                info,
                params,
                tags,
                metrics,
                artifact_bytes: 0,
                inputs: Vec::new(),
                model_inputs: Vec::new(),
                model_outputs: Vec::new(),
            };
            runs.insert(id, run);
        }
        // Their keyed rows lie among those of their experiment by key, or are found one by one.
        let keyed = match mostly_of(sql, &runs, ids.len())? {
            Some(experiment) => format!("experiment = {experiment} AND +run IN ({within})"),
            None => format!("run IN ({within})"),
        };
        let mut each =
            |statement: String, add: &mut dyn FnMut(&mut Run, Row) -> Result<(), Error>| {
                sql.each(
                    &statement,
                    &args,
                    &mut |mut row| match runs.get_mut(&row.int()?) {
                        Some(run) => add(run, row),
                        None => Ok(()),
                    },
                )
            };
        each(
            format!(
                "SELECT t.run, k.name, t.value FROM params t JOIN keys k ON k.id = t.key WHERE {keyed} {params}"
            ),
            &mut |run, mut row| {
                run.params.insert(row.text()?, row.text()?);
                Ok(())
            },
        )?;
        each(
            format!(
                "SELECT t.run, k.name, t.value FROM tags t JOIN keys k ON k.id = t.key WHERE {keyed} {tags}"
            ),
            &mut |run, mut row| {
                run.tags.insert(row.text()?, row.text()?);
                Ok(())
            },
        )?;
        each(
            format!(
                "SELECT s.run, k.name, {} FROM series s JOIN keys k ON k.id = s.key WHERE {keyed} {metrics}",
                points::SUMMARY
            ),
            &mut |run, mut row| {
                run.metrics.insert(row.text()?, points::summary(&mut row)?);
                Ok(())
            },
        )?;
        // A content is counted once a run, whatever its names: UNION leaves out repeats.
        each(
            format!(
                "SELECT run, CAST(sum(bytes) AS BIGINT) FROM (
                    SELECT r.id AS run, b.digest AS digest, b.bytes AS bytes FROM runs r
                        JOIN artifacts a ON a.owner = 'run/' || r.uid JOIN blobs b ON b.digest = a.digest
                        WHERE r.id IN ({within})
                    UNION
                    SELECT m.run, b.digest, b.bytes FROM media_blobs m JOIN blobs b ON b.digest = m.digest
                        WHERE m.run IN ({within})
                 ) AS contents GROUP BY run"
            ),
            &mut |run, mut row| {
                run.artifact_bytes = row.count()?;
                Ok(())
            },
        )?;
        if shown.is_some() {
            continue;
        }
        each(
            format!(
                "SELECT i.run, d.body, i.tags FROM inputs i JOIN datasets d ON d.id = i.dataset WHERE i.run IN ({within}) ORDER BY i.id"
            ),
            &mut |run, mut row| {
                run.inputs.push(DatasetInput {
                    dataset: row.json::<Dataset>()?,
                    tags: row.json()?,
                });
                Ok(())
            },
        )?;
        each(
            format!(
                "SELECT run, output, model, step FROM model_links WHERE run IN ({within}) ORDER BY run, output, step, model"
            ),
            &mut |run, mut row| {
                let (output, model_id, step) = (row.int()?, row.text()?, row.int()?);
                if output == 0 {
                    run.model_inputs.push(model_id);
                } else {
                    run.model_outputs.push(ModelOutput { model_id, step });
                }
                Ok(())
            },
        )?;
    }
    Ok(ids.iter().filter_map(|id| runs.remove(id)).collect())
}

/// The condition that a row is of one of these keys.
fn only(sql: &mut dyn Sql, shown: &[String]) -> Result<String, Error> {
    let mut found = Vec::new();
    for key in shown {
        found.extend(keys::find(sql, key)?.map(|key| key.to_string()));
    }
    // A key that no run ever had has no number; no key is -1.
    let within = if found.is_empty() {
        "-1".into()
    } else {
        found.join(", ")
    };
    Ok(format!("AND key IN ({within})"))
}

/// The experiment that runs belong to, if they are many and most of it: then reading the stretches of
/// the experiment's keys in order costs less than looking up each key of each run.
fn mostly_of(
    sql: &mut dyn Sql,
    runs: &BTreeMap<i64, Run>,
    wanted: usize,
) -> Result<Option<ExperimentId>, Error> {
    const MANY: usize = 100;
    const PART: u64 = 4;
    let mut experiments = runs.values().map(|run| run.info.experiment);
    let Some(experiment) = experiments.next().filter(|_| wanted >= MANY) else {
        return Ok(None);
    };
    if experiments.any(|other| other != experiment) {
        return Ok(None);
    }
    let row = sql.first(
        "SELECT count(*) FROM runs WHERE experiment = ?1",
        args![experiment.0],
    )?;
    let all = row.map_or(Ok(0), |mut row| row.count())?;
    Ok((wanted as u64 * PART >= all).then_some(experiment))
}

impl From<crate::series::Bucket> for SeriesSummary {
    fn from(bucket: crate::series::Bucket) -> Self {
        Self {
            count: bucket.count,
            nan_count: bucket.nan_count,
            first: bucket.first,
            last: bucket.last,
            min: bucket.min,
            max: bucket.max,
        }
    }
}
