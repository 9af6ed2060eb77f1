//! The registry of named, versioned models.

use std::collections::BTreeMap;

use super::cell::{Row, args, json};
use super::engine::Sql;
use super::now_ms;
use super::page::small_page;
use crate::error::{Error, Kind};
use crate::model::{
    ForeignRegistration, Lifecycle, ModelVersion, ModelVersionChange, RegisteredModel,
    RegisteredModelChange, Tags, check_experiment_name, check_key, check_text,
};
use crate::search::{Attribute, Field, Fields, Page, Query, Value};

pub(super) fn create(sql: &mut dyn Sql, model: &RegisteredModel) -> Result<RegisteredModel, Error> {
    check_name(&model.name)?;
    check_tags(&model.tags)?;
    let now = now_ms();
    let model = RegisteredModel {
        created_ms: now,
        updated_ms: now,
        last_version: 0,
        aliases: BTreeMap::new(),
        ..model.clone()
    };
    insert(sql, &model)?;
    Ok(model)
}

fn insert(sql: &mut dyn Sql, model: &RegisteredModel) -> Result<(), Error> {
    let added = sql.execute(
        "INSERT INTO registered_models (name, body) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        args![&model.name, json(model)?],
    )?;
    if added == 0 {
        return Err(Error::Exists {
            kind: Kind::RegisteredModel,
            id: model.name.clone(),
            deleted: false,
        });
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    check_experiment_name("registered model", name)?;
    if name.contains(['/', ':']) {
        return Err(Error::invalid(
            format!("registered model `{name}`"),
            "the name holds `/` or `:`",
        ));
    }
    Ok(())
}

fn check_tags(tags: &Tags) -> Result<(), Error> {
    tags.iter().try_for_each(|(key, value)| {
        check_key("tag", key).and_then(|()| check_text("tag", key, value))
    })
}

fn check_alias(alias: &str) -> Result<(), Error> {
    let shaped = (1..=255).contains(&alias.chars().count())
        && alias
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let number = alias
        .strip_prefix(['v', 'V'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    if shaped && !number && !alias.eq_ignore_ascii_case("latest") {
        return Ok(());
    }
    Err(Error::invalid(
        format!("alias `{}`", alias.escape_debug()),
        "an alias is 1 to 255 letters, digits, `_` or `-`, and neither `latest` nor `v` and a number",
    ))
}

pub(super) fn get(sql: &mut dyn Sql, name: &str) -> Result<RegisteredModel, Error> {
    let row = sql.first(
        "SELECT body FROM registered_models WHERE name = ?1",
        args![name],
    )?;
    row.ok_or_else(|| Error::not_found(Kind::RegisteredModel, name))?
        .json()
}

/// The model, locked until the transaction ends.
fn lock(sql: &mut dyn Sql, name: &str) -> Result<RegisteredModel, Error> {
    let for_update = sql.dialect().for_update;
    let row = sql.first(
        &format!("SELECT body FROM registered_models WHERE name = ?1{for_update}"),
        args![name],
    )?;
    row.ok_or_else(|| Error::not_found(Kind::RegisteredModel, name))?
        .json()
}

pub(super) fn update(
    sql: &mut dyn Sql,
    name: &str,
    change: &RegisteredModelChange,
) -> Result<RegisteredModel, Error> {
    let mut model = lock(sql, name)?;
    if let Some(description) = &change.description {
        model.description.clone_from(description);
    }
    model.deployment_job = change.deployment_job.clone().or(model.deployment_job);
    check_tags(&change.set_tags)?;
    model.tags.extend(change.set_tags.clone());
    model
        .tags
        .retain(|key, _| !change.delete_tags.contains(key));
    for (alias, version) in &change.set_aliases {
        check_alias(alias)?;
        self::version(sql, name, *version)?;
        model.aliases.insert(alias.clone(), *version);
    }
    model
        .aliases
        .retain(|alias, _| !change.delete_aliases.contains(alias));
    if let Some(new_name) = change.name.as_ref().filter(|new_name| *new_name != name) {
        check_name(new_name)?;
        model.name.clone_from(new_name);
        insert(sql, &model)?;
        for mut version in versions(sql, name)? {
            version.name.clone_from(new_name);
            let cells = args![name, version.version, new_name, json(&version)?].to_vec();
            sql.execute(
                "UPDATE model_versions SET name = ?3, body = ?4 WHERE name = ?1 AND version = ?2",
                &cells,
            )?;
        }
        sql.execute("DELETE FROM registered_models WHERE name = ?1", args![name])?;
    }
    save(sql, &mut model)?;
    Ok(model)
}

fn save(sql: &mut dyn Sql, model: &mut RegisteredModel) -> Result<(), Error> {
    model.updated_ms = now_ms();
    sql.execute(
        "UPDATE registered_models SET body = ?2 WHERE name = ?1",
        args![&model.name, json(model)?],
    )?;
    Ok(())
}

pub(super) fn delete(sql: &mut dyn Sql, name: &str) -> Result<(), Error> {
    get(sql, name)?;
    sql.execute("DELETE FROM model_versions WHERE name = ?1", args![name])?;
    sql.execute("DELETE FROM registered_models WHERE name = ?1", args![name])?;
    Ok(())
}

pub(super) fn search(sql: &mut dyn Sql, query: &Query) -> Result<Page<RegisteredModel>, Error> {
    let models = all(sql, "SELECT body FROM registered_models ORDER BY name")?;
    small_page(models, query, |model: &RegisteredModel| {
        (model.name.clone(), Lifecycle::Active)
    })
}

fn all<T: serde::de::DeserializeOwned>(
    sql: &mut dyn Sql,
    statement: &str,
) -> Result<Vec<T>, Error> {
    sql.query(statement, &[])?
        .iter_mut()
        .map(Row::json)
        .collect()
}

pub(super) fn create_version(
    sql: &mut dyn Sql,
    version: &ModelVersion,
) -> Result<ModelVersion, Error> {
    check_tags(&version.tags)?;
    let mut model = lock(sql, &version.name)?;
    model.last_version += 1;
    save(sql, &mut model)?;
    let now = now_ms();
    let mut version = ModelVersion {
        version: model.last_version,
        created_ms: now,
        updated_ms: now,
        ..version.clone()
    };
    if version.stage.is_empty() {
        version.stage = "None".into();
    }
    sql.execute(
        "INSERT INTO model_versions (name, version, body) VALUES (?1, ?2, ?3)",
        args![&version.name, version.version, json(&version)?],
    )?;
    Ok(version)
}

/// Keeps a registered model of another store as it is; says whether anything was new.
pub(super) fn keep(sql: &mut dyn Sql, from: &ForeignRegistration) -> Result<bool, Error> {
    let ForeignRegistration { model, versions } = from;
    check_name(&model.name)?;
    check_tags(&model.tags)?;
    let mut fresh = false;
    let mut held = match lock(sql, &model.name) {
        Err(Error::NotFound { .. }) => {
            fresh = true;
            let bare = RegisteredModel {
                aliases: BTreeMap::new(),
                last_version: 0,
                ..model.clone()
            };
            insert(sql, &bare)?;
            bare
        }
        held => held?,
    };
    for version in versions {
        if version.name != model.name {
            let why = format!("it is of `{}`", version.name);
            let what = format!("a version of registered model `{}`", model.name);
            return Err(Error::invalid(what, why));
        }
        fresh |= keep_version(sql, version)?;
        held.last_version = held.last_version.max(version.version);
    }
    held.last_version = held.last_version.max(model.last_version);
    for (alias, number) in &model.aliases {
        check_alias(alias)?;
        version(sql, &model.name, *number)?;
        if !held.aliases.contains_key(alias) {
            held.aliases.insert(alias.clone(), *number);
            fresh = true;
        }
    }
    if fresh {
        sql.execute(
            "UPDATE registered_models SET body = ?2 WHERE name = ?1",
            args![&held.name, json(&held)?],
        )?;
    }
    Ok(fresh)
}

/// Keeps a version under its own number; says whether it was new.
fn keep_version(sql: &mut dyn Sql, new: &ModelVersion) -> Result<bool, Error> {
    check_tags(&new.tags)?;
    check_key("stage", &new.stage)?;
    check_text("source of", &new.name, &new.source)?;
    match version(sql, &new.name, new.version) {
        Ok(old) if (&old.source, &old.run) == (&new.source, &new.run) => Ok(false),
        Ok(_) => Err(Error::Exists {
            kind: Kind::ModelVersion,
            id: format!("{}/{}", new.name, new.version),
            deleted: false,
        }),
        Err(Error::NotFound { .. }) => {
            sql.execute(
                "INSERT INTO model_versions (name, version, body) VALUES (?1, ?2, ?3)",
                args![&new.name, new.version, json(new)?],
            )?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

pub(super) fn version(sql: &mut dyn Sql, name: &str, version: u64) -> Result<ModelVersion, Error> {
    let row = sql.first(
        "SELECT body FROM model_versions WHERE name = ?1 AND version = ?2",
        args![name, version],
    )?;
    row.ok_or_else(|| Error::not_found(Kind::ModelVersion, format!("{name}/{version}")))?
        .json()
}

pub(super) fn versions(sql: &mut dyn Sql, name: &str) -> Result<Vec<ModelVersion>, Error> {
    get(sql, name)?;
    sql.query(
        "SELECT body FROM model_versions WHERE name = ?1 ORDER BY version",
        args![name],
    )?
    .iter_mut()
    .map(Row::json)
    .collect()
}

pub(super) fn update_version(
    sql: &mut dyn Sql,
    name: &str,
    number: u64,
    change: &ModelVersionChange,
) -> Result<ModelVersion, Error> {
    check_tags(&change.set_tags)?;
    let mut version = version(sql, name, number)?;
    if let Some(description) = &change.description {
        version.description.clone_from(description);
    }
    if let Some(stage) = &change.stage {
        check_key("stage", stage)?;
        version.stage.clone_from(stage);
        let others = if change.archive_others {
            versions(sql, name)?
        } else {
            Vec::new()
        };
        for mut other in others
            .into_iter()
            .filter(|other| other.version != number && other.stage == *stage)
        {
            other.stage = "Archived".into();
            save_version(sql, &mut other)?;
        }
    }
    version.tags.extend(change.set_tags.clone());
    version
        .tags
        .retain(|key, _| !change.delete_tags.contains(key));
    save_version(sql, &mut version)?;
    Ok(version)
}

fn save_version(sql: &mut dyn Sql, version: &mut ModelVersion) -> Result<(), Error> {
    version.updated_ms = now_ms();
    sql.execute(
        "UPDATE model_versions SET body = ?3 WHERE name = ?1 AND version = ?2",
        args![&version.name, version.version, json(version)?],
    )?;
    Ok(())
}

pub(super) fn delete_version(sql: &mut dyn Sql, name: &str, number: u64) -> Result<(), Error> {
    version(sql, name, number)?;
    let mut model = lock(sql, name)?;
    model.aliases.retain(|_, version| *version != number);
    save(sql, &mut model)?;
    sql.execute(
        "DELETE FROM model_versions WHERE name = ?1 AND version = ?2",
        args![name, number],
    )?;
    Ok(())
}

pub(super) fn search_versions(
    sql: &mut dyn Sql,
    query: &Query,
) -> Result<Page<ModelVersion>, Error> {
    let mut versions: Vec<ModelVersion> = all(
        sql,
        "SELECT body FROM model_versions ORDER BY name, version",
    )?;
    versions.sort_by_key(|version| std::cmp::Reverse(version.updated_ms));
    small_page(versions, query, |version| {
        (
            format!("{}/{}", version.name, version.version),
            Lifecycle::Active,
        )
    })
}

impl Fields for RegisteredModel {
    fn values(&self, field: &Field) -> Vec<Value> {
        match field {
            Field::Attribute(Attribute::Name) => vec![Value::Text(self.name.clone())],
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

impl Fields for ModelVersion {
    fn values(&self, field: &Field) -> Vec<Value> {
        match field {
            Field::Attribute(Attribute::Name) => vec![Value::Text(self.name.clone())],
            Field::Attribute(Attribute::Version) => vec![Value::Number(self.version as f64)],
            Field::Attribute(Attribute::SourceRun) => self
                .run
                .iter()
                .map(|run| Value::Text(run.to_string()))
                .collect(),
            Field::Attribute(Attribute::SourcePath) => vec![Value::Text(self.source.clone())],
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
