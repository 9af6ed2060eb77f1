//! The models of MLflow's database: those that runs logged, and the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, Row};

use super::mlflow::{folder_of, rows};
use super::sender::digest_of;
use super::{ImportReport, Options, files_below};
use crate::artifact::ArtifactPath;
use crate::client::Destination;
use crate::error::Error;
use crate::model::{
    ArtifactLink, DEFAULT_PROJECT, ExperimentId, ForeignModel, ForeignRegistration, Lifecycle,
    LoggedModel, ModelMetric, ModelStatus, ModelVersion, Point, Points, RegisteredModel,
};

/// The registry's stage of a version that was deleted.
const DELETED: &str = "Deleted_Internal";

/// Imports what the database has of models; older ones have fewer tables.
pub(super) fn import(
    database: &Connection,
    tables: &BTreeSet<String>,
    path: &Path,
    options: &Options,
    destination: &dyn Destination,
    report: &mut ImportReport,
) -> Result<(), Error> {
    let models = Models {
        database,
        path,
        options,
        destination,
    };
    if tables.contains("logged_models") {
        models.logged(report)?;
    }
    if tables.contains("registered_models") && tables.contains("model_versions") {
        models.registered(tables, report)?;
    }
    Ok(())
}

struct Models<'a> {
    database: &'a Connection,
    path: &'a Path,
    options: &'a Options,
    destination: &'a dyn Destination,
}

/// A logged model with its experiment and the address of its files.
struct Logged {
    model: LoggedModel,
    experiment: String,
    files: String,
}

fn pair(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    let value: Option<String> = row.get(1)?;
    Ok((row.get(0)?, value.unwrap_or_default()))
}

impl Models<'_> {
    fn pairs(&self, statement: &str, of: &str) -> Result<BTreeMap<String, String>, Error> {
        let found = rows(self.database, statement, of, pair)?;
        Ok(found.into_iter().collect())
    }

    fn logged(&self, report: &mut ImportReport) -> Result<(), Error> {
        let deleted = rows(
            self.database,
            "SELECT count(*) FROM logged_models m JOIN experiments e USING (experiment_id)
             WHERE m.lifecycle_stage <> 'active' OR e.lifecycle_stage <> 'active'",
            "",
            |row| row.get(0),
        )?;
        leave_out_deleted(deleted[0], "logged models", report);
        let found = rows(
            self.database,
            "SELECT m.model_id, e.name, m.name, m.artifact_location, m.creation_timestamp_ms,
                m.last_updated_timestamp_ms, m.status, m.model_type, m.source_run_id, m.status_message
             FROM logged_models m JOIN experiments e USING (experiment_id)
             WHERE m.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active'
             ORDER BY m.creation_timestamp_ms, m.model_id",
            "",
            |row| {
                let source: Option<String> = row.get(8)?;
                let model = LoggedModel {
                    id: row.get(0)?,
                    experiment: ExperimentId::DEFAULT,
                    name: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                    model_type: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
                    source_run: source.and_then(|run| run.parse().ok()),
                    status: match row.get(6)? {
                        2 => ModelStatus::Ready,
                        3 => ModelStatus::UploadFailed,
                        _ => ModelStatus::Pending,
                    },
                    status_message: row.get(9)?,
                    lifecycle: Lifecycle::Active,
                    created_ms: row.get(4)?,
                    updated_ms: row.get(5)?,
                    tags: BTreeMap::new(),
                    params: BTreeMap::new(),
                    metrics: Vec::new(),
                };
                Ok(Logged {
                    model,
                    experiment: row.get(1)?,
                    files: row.get(3)?,
                })
            },
        )?;
        for Logged {
            mut model,
            experiment,
            files,
        } in found
        {
            let what = format!("logged model {} ({})", model.name, model.id);
            model.tags = self.pairs(
                "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?1",
                &model.id,
            )?;
            model.params = self.pairs(
                "SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?1",
                &model.id,
            )?;
            model.metrics = self.metrics(&model.id)?;
            let files = self.files(&what, &files, report)?;
            let from = ForeignModel {
                project: self.project(),
                experiment: self.options.experiment.clone().unwrap_or(experiment),
                model,
                files,
            };
            count(&what, self.destination.keep_model(&from), report)?;
        }
        Ok(())
    }

    fn project(&self) -> String {
        let told = self.options.project.clone();
        told.unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
    }

    /// The latest point of each metric and data set.
    fn metrics(&self, model: &str) -> Result<Vec<ModelMetric>, Error> {
        let found = rows(
            self.database,
            "SELECT metric_name, metric_step, metric_timestamp_ms, metric_value, run_id, dataset_name,
                dataset_digest
             FROM logged_model_metrics WHERE model_id = ?1
             ORDER BY metric_name, dataset_name, dataset_digest, metric_step, metric_timestamp_ms",
            model,
            |row| {
                let value: Option<f64> = row.get(3)?;
                let value = value.unwrap_or(f64::NAN);
                let point = Point::new(row.get(1)?, row.get(2)?, value);
                let dataset: (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
                let run: String = row.get(4)?;
                Ok((row.get::<_, String>(0)?, point, run, dataset))
            },
        )?;
        let mut metrics: Vec<ModelMetric> = Vec::new();
        for (key, point, run, (name, digest)) in found {
            let Ok(run) = run.parse() else { continue };
            let dataset = name.map(|name| (name, digest.unwrap_or_default()));
            let points = Points(vec![point]);
            match metrics.last_mut() {
                // The rows of one metric and data set follow one another, the latest last.
                Some(last) if last.key == key && last.dataset == dataset => {
                    (last.points, last.run) = (points, run);
                }
                _ => metrics.push(ModelMetric {
                    key,
                    points,
                    run,
                    dataset,
                }),
            }
        }
        Ok(metrics)
    }

    /// The files of a model, their contents sent.
    fn files(
        &self,
        what: &str,
        uri: &str,
        report: &mut ImportReport,
    ) -> Result<Vec<ArtifactLink>, Error> {
        let mut links = Vec::new();
        let Some(folder) = folder_of(uri, self.path, self.options.files.as_deref()) else {
            let why = "this machine does not know the folder: name it with --files";
            let what = format!("{what}: its files at {uri}");
            report.left_out.push((what, why.to_owned()));
            return Ok(links);
        };
        for file in files_below(&folder)
            .into_iter()
            .filter(|file| file.is_file())
        {
            let Ok(below) = file.strip_prefix(&folder) else {
                continue;
            };
            let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
            let read = ArtifactPath::new(&names.join("/"))
                .and_then(|path| Ok((path.to_string(), digest_of(&file)?)));
            match read {
                Ok((path, digest)) => {
                    self.destination.put_blob(digest, &file)?;
                    report.files += 1;
                    links.push(ArtifactLink { path, digest });
                }
                Err(error) => {
                    let what = format!("{what}: the file {}", below.display());
                    report.left_out.push((what, error.to_string()));
                }
            }
        }
        Ok(links)
    }

    fn registered(
        &self,
        tables: &BTreeSet<String>,
        report: &mut ImportReport,
    ) -> Result<(), Error> {
        let found = rows(
            self.database,
            "SELECT name, creation_time, last_updated_time, description FROM registered_models ORDER BY name",
            "",
            |row| {
                let created_ms: Option<i64> = row.get(1)?;
                let updated_ms: Option<i64> = row.get(2)?;
                Ok(RegisteredModel {
                    name: row.get(0)?,
                    created_ms: created_ms.unwrap_or_default(),
                    updated_ms: updated_ms.or(created_ms).unwrap_or_default(),
                    description: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                    ..RegisteredModel::default()
                })
            },
        )?;
        for mut model in found {
            if tables.contains("registered_model_tags") {
                model.tags = self.pairs(
                    "SELECT key, value FROM registered_model_tags WHERE name = ?1",
                    &model.name,
                )?;
            }
            if tables.contains("registered_model_aliases") {
                let aliases = rows(
                    self.database,
                    "SELECT alias, version FROM registered_model_aliases WHERE name = ?1",
                    &model.name,
                    |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())),
                )?;
                model.aliases = aliases.into_iter().collect();
            }
            let mut versions = self.versions(&model.name, tables)?;
            let last = versions.iter().map(|version| version.version).max();
            model.last_version = last.unwrap_or(0);
            let all = versions.len();
            versions.retain(|version| version.stage != DELETED);
            let what = format!("registered model {}", model.name);
            let deleted = (all - versions.len()) as i64;
            leave_out_deleted(deleted, &format!("versions of {what}"), report);
            let from = ForeignRegistration { model, versions };
            count(&what, self.destination.keep_registration(&from), report)?;
        }
        Ok(())
    }

    fn versions(&self, name: &str, tables: &BTreeSet<String>) -> Result<Vec<ModelVersion>, Error> {
        let mut versions = rows(
            self.database,
            "SELECT version, creation_time, last_updated_time, user_id, description, current_stage, source,
                run_id, run_link
             FROM model_versions WHERE name = ?1 ORDER BY version",
            name,
            |row| {
                let text = |at| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
                let created_ms: Option<i64> = row.get(1)?;
                let updated_ms: Option<i64> = row.get(2)?;
                let source = text(6)?;
                let model = source.strip_prefix("models:/");
                Ok(ModelVersion {
                    name: name.to_owned(),
                    version: row.get::<_, i64>(0)?.unsigned_abs(),
                    created_ms: created_ms.unwrap_or_default(),
                    updated_ms: updated_ms.or(created_ms).unwrap_or_default(),
                    user: text(3)?,
                    description: text(4)?,
                    stage: Some(text(5)?).filter(|stage| !stage.is_empty()).unwrap_or("None".into()),
                    run: text(7)?.parse().ok(),
                    run_link: text(8)?,
                    model_id: model.filter(|id| id.starts_with("m-")).map(str::to_owned),
                    tags: BTreeMap::new(),
                    source,
                })
            },
        )?;
        if tables.contains("model_version_tags") {
            let tags = rows(
                self.database,
                "SELECT version, key, value FROM model_version_tags WHERE name = ?1",
                name,
                |row| {
                    let value: Option<String> = row.get(2)?;
                    let key: String = row.get(1)?;
                    Ok((
                        row.get::<_, i64>(0)?.unsigned_abs(),
                        key,
                        value.unwrap_or_default(),
                    ))
                },
            )?;
            for (number, key, value) in tags {
                if let Some(version) = versions.iter_mut().find(|held| held.version == number) {
                    version.tags.insert(key, value);
                }
            }
        }
        Ok(versions)
    }
}

fn leave_out_deleted(count: i64, what: &str, report: &mut ImportReport) {
    if count > 0 {
        let what = format!("{count} deleted {what}");
        report.left_out.push((what, "they are deleted".into()));
    }
}

/// Counts what came of a model; an error that may pass is given on.
fn count(what: &str, kept: Result<bool, Error>, report: &mut ImportReport) -> Result<(), Error> {
    match kept {
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => report.left_out.push((what.to_owned(), error.to_string())),
        Ok(fresh) => {
            report.models += 1;
            report.applied += u64::from(fresh);
            report.known += u64::from(!fresh);
        }
    }
    Ok(())
}
