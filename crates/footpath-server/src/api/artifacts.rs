//! Files of runs, and contents by digest.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use footpath_track::{Artifact, ArtifactPath, Blob, Digest, Owner, RunId};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;

use super::request::{Asked, At};
use crate::answer::{Call, Json, json as answer};
use crate::auth::Role;
use crate::content::{Disposition, answer_file};
use crate::events::Change;
use crate::failure::Failure;
use crate::session::Session;

/// By so many first bytes a picture's kind is told.
const KIND_BYTES: u64 = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Folder {
    #[serde(default)]
    path: String,
}

pub(crate) async fn list(
    call: Call,
    At(run): At<RunId>,
    Asked(folder): Asked<Folder>,
) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.permit_run(&run, Role::Viewer)?;
        let entries = session.store().artifacts(&Owner::Run(run), &folder.path)?;
        Ok(json!({ "entries": entries }))
    })
    .await
}

/// The path behind `/files/`: read from the address itself, where `+` is a plus.
fn path(uri: &Uri) -> Result<ArtifactPath, Failure> {
    let written = uri
        .path()
        .split_once("/files/")
        .map_or("", |(_, rest)| rest);
    Ok(ArtifactPath::from_url(written)?)
}

/// A file; shown in the browser if it is a picture and `show` stands in the query, else saved.
pub(crate) async fn fetch(
    call: Call,
    At((run, _)): At<(RunId, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let path = path(&uri)?;
    let disposition = match uri.query() {
        Some("show") => Disposition::Show,
        _ => Disposition::Download,
    };
    let file = call
        .run(move |session| {
            session.permit_run(&run, Role::Viewer)?;
            Ok(session.store().artifact(&Owner::Run(run), path.as_str())?)
        })
        .await?;
    answer_file(&call.app.content, &file, &headers, disposition).await
}

pub(crate) async fn upload(
    call: Call,
    At((run, _)): At<(RunId, String)>,
    uri: Uri,
    body: Body,
) -> Result<Json, Failure> {
    let path = path(&uri)?;
    let owner = Owner::Run(run.clone());
    call.run(move |session| session.run(&run, Role::Editor).map(drop))
        .await?;
    let kept = call
        .app
        .content
        .put(&owner, &path, body, &call.app.limits)
        .await?;
    if let Owner::Run(run) = owner {
        call.app.events.tell(Change::Run(run));
    }
    answer(&kept)
}

pub(crate) async fn remove(
    call: Call,
    At((run, _)): At<(RunId, String)>,
    uri: Uri,
) -> Result<Json, Failure> {
    let path = path(&uri)?;
    call.answer(move |session| {
        session.permit_run(&run, Role::Editor)?;
        let freed = session
            .store()
            .unlink_artifact(&Owner::Run(run.clone()), path.as_str())?;
        session.run_changed(&run);
        Ok(freed)
    })
    .await
}

/// A content by its digest, which only those know who may read something that has it.
pub(crate) async fn blob(
    call: Call,
    At(digest): At<Digest>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let blobs = call.app.content.artifacts().blobs();
    let size = blobs.size(digest).await?;
    if method == Method::HEAD {
        return Ok(if size.is_some() {
            axum::http::StatusCode::OK.into_response()
        } else {
            axum::http::StatusCode::NOT_FOUND.into_response()
        });
    }
    let size = size.ok_or_else(|| Failure::absent(format!("there is no blob `{digest}`")))?;
    let mut first = Vec::new();
    if size > 0 {
        let mut pieces = Box::pin(blobs.stream(digest, Some(0..size.min(KIND_BYTES))).await?);
        while let Some(piece) = pieces.next().await {
            first.extend_from_slice(piece?.as_ref());
        }
    }
    let file = Artifact {
        path: format!("{digest}.{}", picture_extension(&first)),
        blob: Blob { digest, size },
        time_ms: 0,
    };
    answer_file(&call.app.content, &file, &headers, Disposition::Show).await
}

/// The kind of a picture by its first bytes; `bin` for all that a browser should not show.
fn picture_extension(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpg",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "webp",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        _ => "bin",
    }
}

/// Keeps a content that has this digest.
pub(crate) async fn put_blob(
    call: Call,
    At(digest): At<Digest>,
    body: Body,
) -> Result<Json, Failure> {
    if !call.caller.may_somewhere(Role::Editor) {
        return Err(Failure::forbidden(format!(
            "user `{}` is no editor of any project",
            call.caller.user
        )));
    }
    let kept = call.app.content.put_blob(body, &call.app.limits).await?;
    if kept.digest != digest {
        // What came instead has no name: the next collection takes it.
        return Err(Failure::invalid(format!(
            "the body's digest is {}, not the {digest} of the address",
            kept.digest
        )));
    }
    answer(&kept)
}

/// Frees the contents that nothing refers to any more, and the room of what was purged.
pub(crate) async fn collect(call: Call) -> Result<Json, Failure> {
    call.run(Session::permit_everything).await?;
    let mut freed = call.app.content.artifacts().collect().await?;
    freed.database_bytes += call.run(|session| Ok(session.store().compact()?)).await?;
    answer(&freed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_raster_pictures_are_told_as_such() {
        assert_eq!(picture_extension(b"\x89PNG\r\n\x1a\n"), "png");
        assert_eq!(picture_extension(b"RIFF\0\0\0\0WEBPVP8 "), "webp");
        for other in [
            &b"<svg onload=alert(1)>"[..],
            b"<html>",
            b"%PDF",
            b"",
            b"RIFF",
        ] {
            assert_eq!(picture_extension(other), "bin");
        }
    }
}
