//! Projects and experiments.

use std::collections::BTreeMap;

use super::cell::{Row, args};
use super::engine::Sql;
use super::page::small_page;
use super::{now_ms, placeholders};
use crate::error::{Error, Kind};
use crate::model::{
    Experiment, ExperimentChange, ExperimentId, Lifecycle, NewExperiment, Project,
    check_experiment_name, check_key, check_text,
};
use crate::search::{Attribute, Field, Fields, Page, Query, Value};

const COLUMNS: &str = "id, project, name, artifact_location, deleted, created_ms, updated_ms";

pub(super) fn projects(sql: &mut dyn Sql) -> Result<Vec<Project>, Error> {
    // A content is counted once a project, however many runs have it: UNION leaves out repeats.
    let mut sizes = BTreeMap::new();
    for mut row in sql.query(
        "SELECT project, CAST(sum(bytes) AS BIGINT) FROM (
            SELECT e.project AS project, b.digest AS digest, b.bytes AS bytes FROM artifacts a
                JOIN runs r ON r.uid = substr(a.owner, 5) JOIN experiments e ON e.id = r.experiment
                JOIN blobs b ON b.digest = a.digest WHERE a.owner LIKE 'run/%'
            UNION
            SELECT e.project, b.digest, b.bytes FROM media_blobs m
                JOIN runs r ON r.id = m.run JOIN experiments e ON e.id = r.experiment
                JOIN blobs b ON b.digest = m.digest
         ) AS contents GROUP BY project",
        &[],
    )? {
        sizes.insert(row.text()?, row.count()?);
    }
    sql.query(
        "SELECT e.project, count(DISTINCT e.id), count(r.id), max(r.active_ms) FROM experiments e
         LEFT JOIN runs r ON r.experiment = e.id AND r.deleted = 0
         WHERE e.deleted = 0 GROUP BY e.project ORDER BY e.project",
        &[],
    )?
    .into_iter()
    .map(|mut row| {
        let name = row.text()?;
        Ok(Project {
            artifact_bytes: sizes.get(&name).copied().unwrap_or(0),
            name,
            experiments: row.count()?,
            runs: row.count()?,
            active_ms: row.maybe_int()?,
        })
    })
    .collect()
}

pub(super) fn create(sql: &mut dyn Sql, new: &NewExperiment) -> Result<Experiment, Error> {
    check_experiment_name("project", &new.project)?;
    check_experiment_name("experiment", &new.name)?;
    refuse_taken(sql, &new.project, &new.name)?;
    let now = now_ms();
    let row = sql.first(
        "INSERT INTO experiments (project, name, artifact_location, deleted, created_ms, updated_ms)
         VALUES (?1, ?2, ?3, 0, ?4, ?4) ON CONFLICT (project, name) DO NOTHING RETURNING id",
        args![&new.project, &new.name, new.artifact_location.as_ref(), now],
    )?;
    let Some(mut row) = row else {
        return Err(Error::Exists {
            kind: Kind::Experiment,
            id: new.name.clone(),
            deleted: false,
        });
    };
    let id = ExperimentId(row.int()?);
    set_tags(sql, id, &new.tags)?;
    get(sql, id)
}

fn refuse_taken(sql: &mut dyn Sql, project: &str, name: &str) -> Result<(), Error> {
    match named(sql, project, name) {
        Ok(holder) => {
            let deleted = holder.lifecycle == Lifecycle::Deleted;
            Err(Error::Exists {
                kind: Kind::Experiment,
                id: name.to_owned(),
                deleted,
            })
        }
        Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) fn get(sql: &mut dyn Sql, id: ExperimentId) -> Result<Experiment, Error> {
    let rows = sql.query(
        &format!("SELECT {COLUMNS} FROM experiments WHERE id = ?1"),
        args![id.0],
    )?;
    with_tags(sql, rows)?
        .pop()
        .ok_or_else(|| Error::not_found(Kind::Experiment, id))
}

pub(super) fn named(sql: &mut dyn Sql, project: &str, name: &str) -> Result<Experiment, Error> {
    let rows = sql.query(
        &format!("SELECT {COLUMNS} FROM experiments WHERE project = ?1 AND name = ?2"),
        args![project, name],
    )?;
    with_tags(sql, rows)?
        .pop()
        .ok_or_else(|| Error::not_found(Kind::Experiment, name))
}

fn with_tags(sql: &mut dyn Sql, rows: Vec<Row>) -> Result<Vec<Experiment>, Error> {
    let mut experiments = BTreeMap::new();
    let mut order = Vec::new();
    for mut row in rows {
        let id = row.int()?;
        order.push(id);
        experiments.insert(
            id,
            Experiment {
                id: ExperimentId(id),
                project: row.text()?,
                name: row.text()?,
                artifact_location: row.maybe_text()?,
                lifecycle: lifecycle(row.int()?),
                created_ms: row.int()?,
                updated_ms: row.int()?,
                tags: BTreeMap::new(),
            },
        );
    }
    for ids in order.chunks(500) {
        let statement = format!(
            "SELECT experiment, name, value FROM experiment_tags WHERE experiment IN ({})",
            placeholders(1, ids.len())
        );
        let args: Vec<_> = ids.iter().map(|id| (*id).into()).collect();
        for mut row in sql.query(&statement, &args)? {
            if let Some(experiment) = experiments.get_mut(&row.int()?) {
                experiment.tags.insert(row.text()?, row.text()?);
            }
        }
    }
    Ok(order
        .iter()
        .filter_map(|id| experiments.remove(id))
        .collect())
}

/// 0 is in use, 1 deleted, 2 deleted with its experiment.
pub(super) fn lifecycle(deleted: i64) -> Lifecycle {
    if deleted == 0 {
        Lifecycle::Active
    } else {
        Lifecycle::Deleted
    }
}

pub(super) fn search(
    sql: &mut dyn Sql,
    project: Option<&str>,
    query: &Query,
) -> Result<Page<Experiment>, Error> {
    let rows = sql.query(
        &format!("SELECT {COLUMNS} FROM experiments WHERE ?1 = 0 OR project = ?2 ORDER BY created_ms DESC, id"),
        args![i64::from(project.is_some()), project.unwrap_or_default()],
    )?;
    small_page(with_tags(sql, rows)?, query, |experiment| {
        (experiment.id.to_string(), experiment.lifecycle)
    })
}

impl Fields for Experiment {
    fn values(&self, field: &Field) -> Vec<Value> {
        match field {
            Field::Attribute(Attribute::Name) => vec![Value::Text(self.name.clone())],
            Field::Attribute(Attribute::ExperimentId) => vec![Value::Text(self.id.to_string())],
            Field::Attribute(Attribute::CreationTime) => {
                vec![Value::Number(self.created_ms as f64)]
            }
            Field::Attribute(Attribute::UpdateTime) => vec![Value::Number(self.updated_ms as f64)],
            Field::Tag(key) => self
                .tags
                .get(key)
                .cloned()
                .map(Value::Text)
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}

pub(super) fn update(
    sql: &mut dyn Sql,
    id: ExperimentId,
    change: &ExperimentChange,
) -> Result<Experiment, Error> {
    let mut experiment = get(sql, id)?;
    let now = now_ms();
    if let Some(lifecycle) = change.lifecycle
        && lifecycle != experiment.lifecycle
    {
        let (runs_from, runs_to, to) = if lifecycle == Lifecycle::Deleted {
            (0i64, 2i64, 1i64)
        } else {
            (2, 0, 0)
        };
        sql.execute(
            "UPDATE experiments SET deleted = ?2 WHERE id = ?1",
            args![id.0, to],
        )?;
        sql.execute(
            "UPDATE runs SET deleted = ?3 WHERE experiment = ?1 AND deleted = ?2",
            args![id.0, runs_from, runs_to],
        )?;
        experiment.lifecycle = lifecycle;
    }
    let writes =
        change.name.is_some() || !change.set_tags.is_empty() || !change.delete_tags.is_empty();
    if writes && experiment.lifecycle == Lifecycle::Deleted {
        return Err(Error::Deleted {
            kind: Kind::Experiment,
            id: id.to_string(),
        });
    }
    if let Some(name) = &change.name
        && *name != experiment.name
    {
        check_experiment_name("experiment", name)?;
        refuse_taken(sql, &experiment.project, name)?;
        sql.execute(
            "UPDATE experiments SET name = ?2 WHERE id = ?1",
            args![id.0, name],
        )?;
    }
    set_tags(sql, id, &change.set_tags)?;
    for key in &change.delete_tags {
        if sql.execute(
            "DELETE FROM experiment_tags WHERE experiment = ?1 AND name = ?2",
            args![id.0, key],
        )? == 0
        {
            return Err(Error::not_found(Kind::Tag, key));
        }
    }
    sql.execute(
        "UPDATE experiments SET updated_ms = ?2 WHERE id = ?1",
        args![id.0, now],
    )?;
    get(sql, id)
}

fn set_tags(
    sql: &mut dyn Sql,
    id: ExperimentId,
    tags: &BTreeMap<String, String>,
) -> Result<(), Error> {
    for (key, value) in tags {
        check_key("tag", key)?;
        check_text("tag", key, value)?;
        sql.execute(
            "INSERT INTO experiment_tags (experiment, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (experiment, name) DO UPDATE SET value = excluded.value",
            args![id.0, key, value],
        )?;
    }
    Ok(())
}
