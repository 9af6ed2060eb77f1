//! Registered models. The registry knows no projects: its rights are those in the default one.

use std::collections::BTreeMap;

use footpath_track::search::{Field, Filter, Query, Scope, Test};
use footpath_track::{DEFAULT_PROJECT, ModelVersion, RegisteredModel, RegisteredModelChange, Tags};
use serde_json::{Value, json};

use super::experiments::{query, tags};
use super::message::Fields;
use super::model_versions::version_out;
use super::wire::pairs;
use crate::answer::{Json, json, nothing};
use crate::auth::Role;
use crate::failure::Failure;
use crate::session::Session;

/// That the caller may read the registry.
pub(crate) fn readable(session: &Session) -> Result<(), Failure> {
    session.permit(Role::Viewer, DEFAULT_PROJECT)
}

/// That the caller may change the registry.
pub(crate) fn writable(session: &Session) -> Result<(), Failure> {
    session.permit(Role::Editor, DEFAULT_PROJECT)
}

/// The tag that tells a prompt from a model.
const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";

/// A search of the registry. Clients leave prompts out by asking for a tag other than `true`,
/// and mean those without the tag too.
pub(crate) fn registry_query(
    fields: &Fields<'_>,
    scope: Scope,
    default: usize,
    most: i64,
) -> Result<Query, Failure> {
    let mut query = query(fields, scope, default, most)?;
    query.filter = without_prompts(query.filter);
    Ok(query)
}

fn without_prompts(filter: Filter) -> Filter {
    match filter {
        Filter::All(parts) => Filter::All(parts.into_iter().map(without_prompts).collect()),
        Filter::Any(parts) => Filter::Any(parts.into_iter().map(without_prompts).collect()),
        Filter::Not(part) => Filter::Not(Box::new(without_prompts(*part))),
        Filter::Is(Field::Tag(key), Test::Differs(value)) if key == PROMPT_TAG => {
            Filter::Not(Box::new(Filter::Is(Field::Tag(key), Test::Equals(value))))
        }
        Filter::Is(field, test) => Filter::Is(field, test),
    }
}

/// The greatest version of each stage, by version.
fn latest(versions: &[ModelVersion]) -> Vec<&ModelVersion> {
    let mut by_stage: BTreeMap<&str, &ModelVersion> = BTreeMap::new();
    for version in versions {
        let held = by_stage.entry(&version.stage).or_insert(version);
        if version.version > held.version {
            *held = version;
        }
    }
    let mut latest: Vec<_> = by_stage.into_values().collect();
    latest.sort_by_key(|version| version.version);
    latest
}

fn model_out(session: &Session, model: &RegisteredModel) -> Result<Value, Failure> {
    let versions = session.store().model_versions(&model.name)?;
    let aliases: Vec<_> = model
        .aliases
        .iter()
        .map(|(alias, version)| json!({ "alias": alias, "version": version.to_string() }))
        .collect();
    // The versions within a model are told without aliases, which are the model's here.
    let latest: Vec<_> = latest(&versions)
        .into_iter()
        .map(|version| version_out(version, &[]))
        .collect();
    let mut out = json!({
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
        "user_id": model.user,
        "description": model.description,
    });
    let mut add = |name: &str, list: Vec<Value>| {
        if !list.is_empty() {
            out[name] = Value::Array(list);
        }
    };
    add("latest_versions", latest);
    add("aliases", aliases);
    add(
        "tags",
        pairs(&model.tags).iter().map(|pair| json!(pair)).collect(),
    );
    if let Some(job) = &model.deployment_job {
        out["deployment_job_id"] = json!(job);
    }
    Ok(out)
}

fn one(session: &Session, model: &RegisteredModel) -> Result<Json, Failure> {
    json(&json!({ "registered_model": model_out(session, model)? }))
}

fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Failure> {
    Ok(fields.text(name)?.map(str::to_owned))
}

pub(crate) fn create(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    writable(session)?;
    let model = session.store().create_registered_model(&RegisteredModel {
        name: fields.required_text("name")?.to_owned(),
        user: session.caller.user.clone(),
        description: text(fields, "description")?.unwrap_or_default(),
        tags: tags(fields)?,
        deployment_job: text(fields, "deployment_job_id")?.filter(|job| !job.is_empty()),
        ..RegisteredModel::default()
    })?;
    one(session, &model)
}

pub(crate) fn get(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    readable(session)?;
    one(
        session,
        &session
            .store()
            .registered_model(fields.required_text("name")?)?,
    )
}

fn change(
    session: &Session,
    fields: &Fields<'_>,
    change: &RegisteredModelChange,
) -> Result<RegisteredModel, Failure> {
    writable(session)?;
    Ok(session
        .store()
        .update_registered_model(fields.required_text("name")?, change)?)
}

pub(crate) fn rename(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let name = Some(fields.required_text("new_name")?.to_owned());
    one(
        session,
        &change(
            session,
            fields,
            &RegisteredModelChange {
                name,
                ..Default::default()
            },
        )?,
    )
}

pub(crate) fn update(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let description = text(fields, "description")?;
    let deployment_job = text(fields, "deployment_job_id")?;
    let told = RegisteredModelChange {
        description,
        deployment_job,
        ..Default::default()
    };
    one(session, &change(session, fields, &told)?)
}

pub(crate) fn delete(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    writable(session)?;
    session
        .store()
        .delete_registered_model(fields.required_text("name")?)?;
    nothing()
}

pub(crate) fn search(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    readable(session)?;
    let page = session.store().search_registered_models(&registry_query(
        fields,
        Scope::RegisteredModels,
        100,
        1000,
    )?)?;
    let models = page
        .items
        .iter()
        .map(|model| model_out(session, model))
        .collect::<Result<Vec<_>, _>>()?;
    match page.next {
        Some(next) => json(&json!({ "registered_models": models, "next_page_token": next })),
        None => json(&json!({ "registered_models": models })),
    }
}

pub(crate) fn latest_versions(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    readable(session)?;
    let model = session
        .store()
        .registered_model(fields.required_text("name")?)?;
    let versions = session.store().model_versions(&model.name)?;
    let stages = fields.texts("stages")?;
    let asked = |version: &&ModelVersion| {
        stages.is_empty()
            || stages
                .iter()
                .any(|stage| stage.eq_ignore_ascii_case(&version.stage))
    };
    let found: Vec<_> = latest(&versions)
        .into_iter()
        .filter(asked)
        .map(|version| {
            version_out(
                version,
                &super::model_versions::aliases_of(&model, version.version),
            )
        })
        .collect();
    json(&json!({ "model_versions": found }))
}

pub(crate) fn set_tag(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let (key, value) = (
        fields.required_text("key")?,
        fields.text("value")?.unwrap_or_default(),
    );
    let set_tags = Tags::from([(key.to_owned(), value.to_owned())]);
    change(
        session,
        fields,
        &RegisteredModelChange {
            set_tags,
            ..Default::default()
        },
    )?;
    nothing()
}

pub(crate) fn delete_tag(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let delete_tags = vec![fields.required_text("key")?.to_owned()];
    change(
        session,
        fields,
        &RegisteredModelChange {
            delete_tags,
            ..Default::default()
        },
    )?;
    nothing()
}

fn check_alias(alias: &str) -> Result<(), Failure> {
    let plain = alias
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && alias.len() <= 255;
    let digits = alias
        .strip_prefix(['v', 'V'])
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if !plain || (digits && alias.len() > 1) || alias.eq_ignore_ascii_case("latest") {
        return Err(Failure::invalid(format!(
            "Invalid alias name: {alias:?}. Aliases are letters, digits, `_` and `-`, but neither `latest` nor `v` \
             with a number"
        )));
    }
    Ok(())
}

pub(crate) fn set_alias(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let alias = fields.required_text("alias")?;
    check_alias(alias)?;
    let version = super::model_versions::version_number(fields)?;
    let set_aliases = BTreeMap::from([(alias.to_owned(), version)]);
    change(
        session,
        fields,
        &RegisteredModelChange {
            set_aliases,
            ..Default::default()
        },
    )?;
    nothing()
}

pub(crate) fn delete_alias(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let delete_aliases = vec![fields.required_text("alias")?.to_owned()];
    change(
        session,
        fields,
        &RegisteredModelChange {
            delete_aliases,
            ..Default::default()
        },
    )?;
    nothing()
}

pub(crate) fn by_alias(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    readable(session)?;
    let model = session
        .store()
        .registered_model(fields.required_text("name")?)?;
    let alias = fields.required_text("alias")?;
    let version = *model
        .aliases
        .get(alias)
        .ok_or_else(|| Failure::invalid(format!("Registered model alias {alias} not found.")))?;
    let version = session.store().model_version(&model.name, version)?;
    let aliases = super::model_versions::aliases_of(&model, version.version);
    json(&json!({ "model_version": version_out(&version, &aliases) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_prompt_tag_is_no_prompt() {
        let told = "name = 'a' AND tags.`mlflow.prompt.is_prompt` != 'true'";
        let meant = "name = 'a' AND NOT tags.`mlflow.prompt.is_prompt` = 'true'";
        let parse = |text| Filter::parse(text, Scope::RegisteredModels).unwrap();
        assert_eq!(without_prompts(parse(told)), parse(meant));
        let other = parse("tags.stage != 'true'");
        assert_eq!(without_prompts(other.clone()), other);
    }

    #[test]
    fn aliases_cannot_be_taken_for_versions() {
        for good in ["champion", "v", "v1a", "a-b_c"] {
            assert!(check_alias(good).is_ok(), "{good}");
        }
        for bad in [
            "latest",
            "LATEST",
            "v1",
            "V22",
            "a b",
            "ä",
            &"a".repeat(256),
        ] {
            assert_eq!(check_alias(bad).unwrap_err().status, 400, "{bad}");
        }
    }
}
