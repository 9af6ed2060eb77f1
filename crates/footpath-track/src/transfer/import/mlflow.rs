//! The SQLite database of MLflow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Row, params};

use super::sender::Sender;
use super::{ImportReport, Options, mlflow_models};
use crate::client::Destination;
use crate::error::Error;
use crate::model::{
    DEFAULT_PROJECT, Dataset, DatasetInput, ModelOutput, Point, RunId, RunStart, RunStatus,
    StateChange, Tags,
};

struct Found {
    id: String,
    experiment: String,
    name: Option<String>,
    user: Option<String>,
    status: Option<String>,
    start_ms: Option<i64>,
    end_ms: Option<i64>,
    artifacts: Option<String>,
}

pub(super) fn import(
    path: &Path,
    options: &Options,
    destination: &dyn Destination,
    report: &mut ImportReport,
) -> Result<(), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(Error::database)?;
    let tables: BTreeSet<String> = rows(
        &database,
        "SELECT name FROM sqlite_master WHERE type = 'table'",
        "",
        |row| row.get(0),
    )?
    .into_iter()
    .collect();
    if !["experiments", "runs", "metrics", "params", "tags"]
        .iter()
        .all(|table| tables.contains(*table))
    {
        return Err(Error::Damaged {
            place: path.display().to_string(),
            detail: "it has not the tables of MLflow".into(),
        });
    }
    let deleted: i64 = database
        .query_row(
            "SELECT count(*) FROM runs r JOIN experiments e USING (experiment_id)
             WHERE r.lifecycle_stage <> 'active' OR e.lifecycle_stage <> 'active'",
            [],
            |row| row.get(0),
        )
        .map_err(Error::database)?;
    if deleted > 0 {
        let what = format!("{deleted} deleted runs");
        report.left_out.push((what, "they are deleted".into()));
    }
    // Older databases have no names of runs but the tags'.
    let named = column(&database, "runs", "name")?;
    let name = if named { "r.name" } else { "NULL" };
    let found = rows(
        &database,
        &format!(
            "SELECT r.run_uuid, e.name, {name}, r.user_id, r.status, r.start_time, r.end_time, r.artifact_uri
             FROM runs r JOIN experiments e USING (experiment_id)
             WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active'
             ORDER BY e.experiment_id, r.start_time, r.run_uuid"
        ),
        "",
        |row| {
            Ok(Found {
                id: row.get(0)?,
                experiment: row.get(1)?,
                name: row.get(2)?,
                user: row.get(3)?,
                status: row.get(4)?,
                start_ms: row.get(5)?,
                end_ms: row.get(6)?,
                artifacts: row.get(7)?,
            })
        },
    )?;
    for run in found {
        match run.id.parse::<RunId>() {
            Ok(id) => import_run(
                &database,
                &tables,
                path,
                options,
                (id, run),
                destination,
                report,
            )?,
            Err(error) => report
                .left_out
                .push((format!("run {}", run.id), error.to_string())),
        }
    }
    mlflow_models::import(&database, &tables, path, options, destination, report)
}

fn import_run(
    database: &Connection,
    tables: &BTreeSet<String>,
    path: &Path,
    options: &Options,
    (id, run): (RunId, Found),
    destination: &dyn Destination,
    report: &mut ImportReport,
) -> Result<(), Error> {
    let text = |row: &Row<'_>| -> rusqlite::Result<(String, Option<String>)> {
        Ok((row.get(0)?, row.get(1)?))
    };
    let pairs = |table: &str| {
        let statement = format!("SELECT key, value FROM {table} WHERE run_uuid = ?1 ORDER BY key");
        rows(database, &statement, &run.id, text)
    };
    let tags = pairs("tags")?;
    let tagged = tags
        .iter()
        .find(|(key, _)| key == "mlflow.runName")
        .and_then(|(_, name)| name.clone());
    let start = RunStart {
        project: options
            .project
            .clone()
            .unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
        experiment: options.experiment.clone().unwrap_or(run.experiment),
        id,
        name: tagged.or(run.name).filter(|name| !name.is_empty()),
        user: run.user.unwrap_or_default(),
        start_ms: run.start_ms.unwrap_or(0),
        lease_ms: None,
        tags: Tags::new(),
    };
    let mut sender = Sender::begin(destination, &start, report)?;
    for (key, value) in tags {
        sender.tag(&key, &value.unwrap_or_default());
    }
    for (key, value) in pairs("params")? {
        sender.param(&key, &value.unwrap_or_default());
    }
    for input in inputs(database, tables, &run.id)? {
        sender.batch().inputs.push(input);
    }
    let (read, written) = models(database, tables, &run.id)?;
    sender.batch().model_inputs = read;
    sender.batch().model_outputs = written;
    sender.send()?;
    metrics(database, &run.id, &mut sender)?;
    let place = run
        .artifacts
        .as_deref()
        .map(|uri| folder_of(uri, path, options.files.as_deref()));
    match place {
        Some(Some(folder)) if folder.is_dir() => sender.folder("", &folder)?,
        // A run without files has no folder.
        Some(Some(_)) | None => {}
        Some(None) => {
            let uri = run.artifacts.unwrap_or_default();
            sender.leave_out(
                &format!("its files at {uri}"),
                "this machine does not know the folder: name it with --files",
            );
        }
    }
    let status = run.status.as_deref().and_then(RunStatus::from_name);
    sender.batch().state = Some(StateChange {
        status: status.unwrap_or(RunStatus::Finished),
        reason: None,
        end_ms: run.end_ms,
    });
    sender.send()
}

fn metrics(database: &Connection, run: &str, sender: &mut Sender<'_>) -> Result<(), Error> {
    let mut statement = database
        .prepare(
            "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1
             ORDER BY key, step, timestamp, value",
        )
        .map_err(Error::database)?;
    let mut found = statement.query(params![run]).map_err(Error::database)?;
    while let Some(row) = found.next().map_err(Error::database)? {
        let read = || -> rusqlite::Result<(String, Point)> {
            let nan: bool = row.get(4)?;
            let value = match row.get::<_, Option<f64>>(3)? {
                _ if nan => f64::NAN,
                // MLflow keeps an infinity as the greatest number.
                Some(f64::MAX) => f64::INFINITY,
                Some(f64::MIN) => f64::NEG_INFINITY,
                Some(value) => value,
                None => f64::NAN,
            };
            Ok((row.get(0)?, Point::new(row.get(1)?, row.get(2)?, value)))
        };
        let (key, point) = read().map_err(Error::database)?;
        sender.point(&key, point);
        sender.send_if_full()?;
    }
    sender.send()
}

/// The data sets of a run; older databases know of none.
fn inputs(
    database: &Connection,
    tables: &BTreeSet<String>,
    run: &str,
) -> Result<Vec<DatasetInput>, Error> {
    if !["inputs", "input_tags", "datasets"]
        .iter()
        .all(|table| tables.contains(*table))
    {
        return Ok(Vec::new());
    }
    let found = rows(
        database,
        "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, d.dataset_profile
         FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
         WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?1 ORDER BY d.name, d.digest",
        run,
        |row| {
            let dataset = Dataset {
                name: row.get(1)?,
                digest: row.get(2)?,
                source_type: row.get(3)?,
                source: row.get(4)?,
                schema: row.get(5)?,
                profile: row.get(6)?,
            };
            Ok((row.get::<_, String>(0)?, dataset))
        },
    )?;
    found
        .into_iter()
        .map(|(input, dataset)| {
            let tags: BTreeMap<String, String> = rows(
                database,
                "SELECT name, value FROM input_tags WHERE input_uuid = ?1",
                &input,
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?
            .into_iter()
            .collect();
            Ok(DatasetInput { dataset, tags })
        })
        .collect()
}

/// The logged models that a run read, and those it wrote; older databases know of none.
fn models(
    database: &Connection,
    tables: &BTreeSet<String>,
    run: &str,
) -> Result<(Vec<String>, Vec<ModelOutput>), Error> {
    if !tables.contains("logged_models") || !tables.contains("inputs") {
        return Ok((Vec::new(), Vec::new()));
    }
    let read = rows(
        database,
        "SELECT destination_id FROM inputs WHERE source_type = 'RUN_INPUT' AND destination_type = 'MODEL_INPUT'
            AND source_id = ?1 ORDER BY destination_id",
        run,
        |row| row.get(0),
    )?;
    let written = rows(
        database,
        "SELECT destination_id, step FROM inputs WHERE source_type = 'RUN_OUTPUT' AND destination_type = 'MODEL_OUTPUT'
            AND source_id = ?1 ORDER BY step, destination_id",
        run,
        |row| {
            Ok(ModelOutput {
                model_id: row.get(0)?,
                step: row.get(1)?,
            })
        },
    )?;
    Ok((read, written))
}

fn column(database: &Connection, table: &str, name: &str) -> Result<bool, Error> {
    let columns = rows(
        database,
        "SELECT name FROM pragma_table_info(?1)",
        table,
        |row| row.get::<_, String>(0),
    )?;
    Ok(columns.iter().any(|column| column == name))
}

/// The rows of a query with one argument, if it has one.
pub(super) fn rows<T>(
    database: &Connection,
    statement: &str,
    argument: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let mut prepared = database.prepare(statement).map_err(Error::database)?;
    let arguments: &[&dyn rusqlite::ToSql] = match prepared.parameter_count() {
        0 => &[],
        _ => &[&argument],
    };
    prepared
        .query_map(arguments, read)
        .and_then(Iterator::collect)
        .map_err(Error::database)
}

/// Where the files at an address are on this machine, if they can be.
pub(super) fn folder_of(uri: &str, database: &Path, files: Option<&Path>) -> Option<PathBuf> {
    let beside = database.parent().unwrap_or(Path::new("."));
    if let Some(rest) = uri.strip_prefix("mlflow-artifacts:") {
        let below = rest.trim_start_matches('/');
        let below = Path::new(below);
        let plain = below
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        let root = files.map_or_else(|| beside.join("mlartifacts"), Path::to_owned);
        return (plain && root.is_dir()).then(|| root.join(below));
    }
    if let Some(rest) = uri.strip_prefix("file://") {
        return Some(Path::new(rest.strip_prefix("localhost").unwrap_or(rest)).to_owned());
    }
    if let Some(rest) = uri.strip_prefix("file:") {
        return Some(beside.join(rest));
    }
    (!uri.contains("://")).then(|| beside.join(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_folders_where_they_can() {
        let database = Path::new("/data/mlflow.db");
        let of = |uri: &str| folder_of(uri, database, Some(Path::new("/")));
        assert_eq!(of("file:///a/b"), Some("/a/b".into()));
        assert_eq!(
            of("./mlruns/0/x/artifacts"),
            Some("/data/./mlruns/0/x/artifacts".into())
        );
        assert_eq!(of("/abs/artifacts"), Some("/abs/artifacts".into()));
        assert_eq!(
            of("mlflow-artifacts:/0/x/artifacts"),
            Some("/0/x/artifacts".into())
        );
        assert_eq!(of("mlflow-artifacts:/../etc"), None);
        assert_eq!(of("s3://bucket/x"), None);
        assert_eq!(folder_of("mlflow-artifacts:/0/x", database, None), None);
    }
}
