//! Runs: what they are, apart from what they log.

use super::cell::{Row, args};
use super::engine::Sql;
use super::experiments::{self, lifecycle};
use super::{keys, now_ms, points};
use crate::error::{Error, Kind};
use crate::model::{
    ExperimentId, Lifecycle, NewRun, RunChange, RunId, RunInfo, RunStatus, SeriesSummary,
    check_experiment_name, check_key, check_text, random_run_name,
};

/// The columns that [`known`] reads.
pub(super) const COLUMNS: &str = "id, uid, experiment, name, owner, status, reason, start_ms, end_ms, lease_ms, active_ms, deleted, dropped";
/// MLflow's tag that holds the run's name.
pub(super) const NAME_TAG: &str = "mlflow.runName";

/// A run's row: its number and what it is.
pub(super) struct Known {
    pub id: i64,
    pub info: RunInfo,
}

pub(super) fn known(mut row: Row) -> Result<Known, Error> {
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
