//! Saved views of a project: what the page keeps to show the same table or plot again.

use std::collections::BTreeMap;

use axum::extract::Request;
use serde_json::{Value, json};

use super::request::At;
use crate::answer::{Call, Json, nothing};
use crate::auth::Role;
use crate::failure::Failure;

fn collection(project: &str) -> String {
    format!("views/{project}")
}

pub(crate) async fn list(call: Call, At(project): At<String>) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.permit(Role::Viewer, &project)?;
        let views: BTreeMap<String, Value> = session
            .store()
            .documents(&collection(&project))?
            .into_iter()
            .filter_map(|(id, text)| Some((id, serde_json::from_str(&text).ok()?)))
            .collect();
        Ok(json!({ "views": views }))
    })
    .await
}

pub(crate) async fn put(
    call: Call,
    At((project, id)): At<(String, String)>,
    request: Request,
) -> Result<Json, Failure> {
    let view: Value = call.read(request).await?;
    call.run(move |session| {
        session.permit(Role::Editor, &project)?;
        session
            .store()
            .put_document(&collection(&project), &id, &view.to_string())?;
        nothing()
    })
    .await
}

pub(crate) async fn remove(
    call: Call,
    At((project, id)): At<(String, String)>,
) -> Result<Json, Failure> {
    call.run(move |session| {
        session.permit(Role::Editor, &project)?;
        if session
            .store()
            .delete_document(&collection(&project), &id)?
        {
            return nothing();
        }
        Err(Failure::absent(format!(
            "project `{project}` has no view `{id}`"
        )))
    })
    .await
}
