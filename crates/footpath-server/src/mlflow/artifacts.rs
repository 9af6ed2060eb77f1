//! Artifacts through the server: put, fetched, listed, removed.

use axum::body::Body;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use footpath_track::{Artifact, ArtifactPath, Entry, Owner};
use serde::Serialize;
use serde_json::json;

use super::artifact_paths::{Place, file, place};
use super::message::{Fields, Message};
use super::runs::run_id;
use super::wire::artifact_location;
use crate::answer::{Call, Json, json};
use crate::auth::Role;
use crate::content::{Disposition, answer_file};
use crate::events::Change;
use crate::failure::Failure;
use crate::session::Session;

/// What stands behind `/artifacts/` in an address, still percent-encoded.
fn address(uri: &Uri) -> &str {
    uri.path()
        .split_once("/mlflow-artifacts/artifacts")
        .map_or("", |(_, rest)| rest.trim_start_matches('/'))
}

pub(crate) async fn upload(call: Call, uri: Uri, body: Body) -> Result<Json, Failure> {
    let asked = address(&uri).to_owned();
    let (owner, path) = call
        .run(move |session| {
            let place = place(session, &asked, Role::Editor)?;
            Ok((place.owner, ArtifactPath::new(&place.path)?))
        })
        .await?;
    call.app
        .content
        .put(&owner, &path, body, &call.app.limits)
        .await?;
    if let Owner::Run(run) = owner {
        call.app.events.tell(Change::Run(run));
    }
    Ok(Json(b"{}".to_vec()))
}

pub(crate) async fn fetch(call: Call, uri: Uri, headers: HeaderMap) -> Result<Response, Failure> {
    let asked = address(&uri).to_owned();
    let found = call
        .run(move |session| file(session, &place(session, &asked, Role::Viewer)?))
        .await?;
    answer_file(&call.app.content, &found, &headers, Disposition::Download).await
}

/// `GET /get-artifact?run_id=&path=`: what people's browsers ask for.
pub(crate) async fn download(
    call: Call,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let message = Message::from_query(uri.query().unwrap_or_default())?;
    let found = call
        .run(move |session| {
            let fields = message.fields();
            let run = run_id(&fields)?;
            session.permit_run(&run, Role::Viewer)?;
            let path = ArtifactPath::new(fields.required_text("path")?)?;
            Ok(session.store().artifact(&Owner::Run(run), path.as_str())?)
        })
        .await?;
    answer_file(&call.app.content, &found, &headers, Disposition::Download).await
}

pub(crate) async fn remove(call: Call, uri: Uri) -> Result<Json, Failure> {
    let asked = address(&uri).to_owned();
    call.run(move |session| {
        let place = place(session, &asked, Role::Editor)?;
        session.store().unlink_artifact(&place.owner, &place.path)?;
        Ok(Json(b"{}".to_vec()))
    })
    .await
}

#[derive(Serialize)]
struct FileOut<'a> {
    path: &'a str,
    is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

/// The entries of a folder, by their whole path or the last name of it.
fn entries(found: &[Entry], names_only: bool) -> Vec<FileOut<'_>> {
    let shown = |path| if names_only { last_name(path) } else { path };
    found
        .iter()
        .map(|entry| match entry {
            Entry::Folder(path) => FileOut {
                path: shown(path),
                is_dir: true,
                file_size: None,
            },
            Entry::File(Artifact { path, blob, .. }) => FileOut {
                path: shown(path),
                is_dir: false,
                // MLflow tells no size of an empty file.
                file_size: (blob.size > 0).then_some(blob.size),
            },
        })
        .collect()
}

fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `GET /artifacts?path=`: the names in a folder; nothing for a file, by which clients tell the two apart.
pub(crate) async fn list_below(call: Call, uri: Uri) -> Result<Response, Failure> {
    let message = Message::from_query(uri.query().unwrap_or_default())?;
    let answer = call
        .run(move |session| {
            let fields = message.fields();
            let asked = fields.required_text("path")?;
            let Place { owner, path } = place(session, &encoded(asked), Role::Viewer)?;
            let found = session.store().artifacts(&owner, &path)?;
            json(&json!({ "files": entries(&found, true) }))
        })
        .await?;
    Ok(answer.into_response())
}

/// A path that was decoded with the query, as it would stand in an address.
fn encoded(path: &str) -> String {
    path.replace('%', "%25")
}

/// `artifacts/list`: a folder of a run, with paths below the run's root.
pub(crate) fn list(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let run = run_id(fields)?;
    let (info, experiment) = session.run(&run, Role::Viewer)?;
    let found = session
        .store()
        .artifacts(&Owner::Run(run), fields.text("path")?.unwrap_or_default())?;
    let root = format!(
        "{}/{}/artifacts",
        artifact_location(&experiment).trim_end_matches('/'),
        info.id
    );
    json(&json!({ "root_uri": root, "files": entries(&found, false) }))
}

/// A folder of a logged model.
pub(crate) fn list_of_model(session: &Session, fields: &Fields<'_>) -> Result<Json, Failure> {
    let id = fields.required_text("model_id")?;
    let (model, experiment) = super::logged_models::permit(session, id, Role::Viewer)?;
    let folder = fields.text("artifact_directory_path")?.unwrap_or_default();
    let found = session
        .store()
        .artifacts(&Owner::Model(id.to_owned()), folder)?;
    let root = super::logged_models::artifact_uri(&model, &experiment);
    json(&json!({ "root_uri": root, "files": entries(&found, false) }))
}
