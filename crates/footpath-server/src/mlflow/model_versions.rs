//! Versions of registered models.

use footpath_track::search::{Attribute, Field, OrderBy, Scope};
use footpath_track::{Error, Kind, ModelVersion, ModelVersionChange, RegisteredModel, Tags};
use serde_json::{Value, json};

use super::experiments::tags;
use super::message::Fields;
use super::registry::{readable, registry_query, writable};
use super::runs::parse_run_id;
use super::wire::pairs;
use crate::answer::{Json, json, nothing};
use crate::failure::Failure;
use crate::session::Session;

/// A version as clients read it.
pub(crate) fn version_out(version: &ModelVersion, aliases: &[&str]) -> Value {
    let mut out = json!({
        "name": version.name,
        "version": version.version.to_string(),
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
        "user_id": version.user,
        "current_stage": version.stage,
        "description": version.description,
        "source": version.source,
        "run_id": version.run.as_ref().map_or("", |run| run.as_str()),
        "status": "READY",
        "run_link": version.run_link,
    });
    if !aliases.is_empty() {
        out["aliases"] = json!(aliases);
    }
    if !version.tags.is_empty() {
        out["tags"] = json!(pairs(&version.tags));
    }
    out
}

/// The aliases of a version.
pub(crate) fn aliases_of(model: &RegisteredModel, version: u64) -> Vec<&str> {
    model
        .aliases
        .iter()
        .filter(|(_, held)| **held == version)
        .map(|(alias, _)| alias.as_str())
        .collect()
}

/// The version a request names.
pub(crate) fn version_number(fields: &Fields<'_>) -> Result<u64, Failure> {
    let number = fields.required_int("version")?;
    u64::try_from(number).map_err(|_error: std::num::TryFromIntError| {
        Failure::invalid(format!(
            "Parameter 'version' must be a positive integer, got '{number}'."
        ))
    })
}

fn one(session: &Session, version: &ModelVersion) -> Result<Json, Failure> {
    let model = session.store().registered_model(&version.name)?;
    json(&json!({ "model_version": version_out(version, &aliases_of(&model, version.version)) }))
}

fn found(result: Result<ModelVersion, Error>) -> Result<ModelVersion, Failure> {
    result.map_err(|error| match error {
        Error::NotFound {
            kind: Kind::ModelVersion,
            id,
        } => Failure::absent(format!("Model Version ({id}) not found")),
        other => other.into(),
    })
}

pub(crate) fn create(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    writable(session)?;
    let given = |name| {
        fields
            .text(name)
            .map(|text| text.filter(|text| !text.is_empty()))
    };
    let source = fields.required_text("source")?;
    check_source(source)?;
    let model_id =
        given("model_id")?.or_else(|| source.strip_prefix("models:/").filter(is_model_id));
    let run = match (given("run_id")?, model_id) {
        (Some(run), _) => Some(parse_run_id(run)?),
        (None, Some(model)) => session.store().logged_model(model)?.source_run,
        (None, None) => None,
    };
    let made = session.store().create_model_version(&ModelVersion {
        name: fields.required_text("name")?.to_owned(),
        user: session.caller.user.clone(),
        description: given("description")?.unwrap_or_default().to_owned(),
        stage: "None".into(),
        source: source.to_owned(),
        run,
        run_link: given("run_link")?.unwrap_or_default().to_owned(),
        model_id: model_id.map(str::to_owned),
        tags: tags(fields)?,
        ..ModelVersion::default()
    })?;
    one(session, &made)
}

fn is_model_id(text: &&str) -> bool {
    text.starts_with("m-") && !text.contains('/')
}

/// A source never names a file of the server's machine, which a reader of the version could
/// then ask for.
fn check_source(source: &str) -> Result<(), Failure> {
    let local = source.starts_with('/')
        || source.starts_with("file:")
        || source.split('/').any(|part| part == "..");
    if local || source.contains(['\\', '#']) || source.chars().any(char::is_control) {
        let shown: String = source.chars().take(100).collect();
        return Err(Failure::invalid(format!(
            "Invalid model version source: {shown:?}. Sources on the server's own disk, `..`, `#` and backslashes are \
             not allowed."
        )));
    }
    Ok(())
}

pub(crate) fn get(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    readable(session)?;
    let (name, version) = (fields.required_text("name")?, version_number(fields)?);
    let found = session
        .store()
        .model_version(name, version)
        .map_err(|error| match error {
            Error::NotFound {
                kind: Kind::ModelVersion,
                ..
            } => Failure::absent(format!(
                "Model Version (name={name}, version={version}) not found"
            )),
            other => other.into(),
        })?;
    one(session, &found)
}

fn change(
    session: &Session,
    fields: &Fields<'_>,
    change: &ModelVersionChange,
) -> Result<Json, Failure> {
    writable(session)?;
    let (name, version) = (fields.required_text("name")?, version_number(fields)?);
    one(
        session,
        &found(session.store().update_model_version(name, version, change))?,
    )
}

pub(crate) fn update(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let description = fields.text("description")?.map(str::to_owned);
    change(
        session,
        fields,
        &ModelVersionChange {
            description,
            ..Default::default()
        },
    )
}

pub(crate) fn transition(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let given = fields.required_text("stage")?;
    let known = ["None", "Staging", "Production", "Archived"];
    let Some(stage) = known
        .into_iter()
        .find(|stage| stage.eq_ignore_ascii_case(given))
    else {
        return Err(Failure::invalid(format!(
            "Invalid Model Version stage: {given}. Value must be one of None, Staging, Production, Archived."
        )));
    };
    let archive_others = fields.flag("archive_existing_versions")?;
    change(
        session,
        fields,
        &ModelVersionChange {
            stage: Some(stage.to_owned()),
            archive_others,
            ..Default::default()
        },
    )
}

pub(crate) fn delete(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    writable(session)?;
    session
        .store()
        .delete_model_version(fields.required_text("name")?, version_number(fields)?)?;
    nothing()
}

pub(crate) fn search(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    readable(session)?;
    let mut query = registry_query(fields, Scope::ModelVersions, 10_000, 200_000)?;
    query.order.extend([
        order(Attribute::UpdateTime, true),
        order(Attribute::Name, false),
        order(Attribute::Version, true),
    ]);
    let page = session.store().search_model_versions(&query)?;
    let versions: Vec<_> = page
        .items
        .iter()
        .map(|version| version_out(version, &[]))
        .collect();
    match page.next {
        Some(next) => json(&json!({ "model_versions": versions, "next_page_token": next })),
        None => json(&json!({ "model_versions": versions })),
    }
}

fn order(attribute: Attribute, descending: bool) -> OrderBy {
    OrderBy {
        field: Field::Attribute(attribute),
        descending,
    }
}

/// Where a version's files are: those of a logged model for `models:/m-…`, else its source.
pub(crate) fn download_uri(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    readable(session)?;
    let version = found(
        session
            .store()
            .model_version(fields.required_text("name")?, version_number(fields)?),
    )?;
    let uri = match version.source.strip_prefix("models:/").filter(is_model_id) {
        Some(id) => {
            let (model, experiment) =
                super::logged_models::permit(session, id, crate::auth::Role::Viewer)?;
            super::logged_models::artifact_uri(&model, &experiment)
        }
        None => version.source,
    };
    json(&json!({ "artifact_uri": uri }))
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
        &ModelVersionChange {
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
        &ModelVersionChange {
            delete_tags,
            ..Default::default()
        },
    )?;
    nothing()
}
