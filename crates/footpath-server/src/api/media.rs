//! Texts, pictures and pipeline steps of a run.

use footpath_track::{MediaPage, RunId};
use serde::Deserialize;
use serde_json::json;

use super::request::{Asked, At, page_length};
use crate::answer::{Call, Json};
use crate::auth::Role;
use crate::failure::Failure;

pub(crate) async fn list(call: Call, At(run): At<RunId>) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.permit_run(&run, Role::Viewer)?;
        Ok(json!({ "series": session.store().media(&run)? }))
    })
    .await
}

pub(crate) async fn steps(call: Call, At(run): At<RunId>) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.permit_run(&run, Role::Viewer)?;
        Ok(json!({ "steps": session.store().steps(&run)? }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Records {
    key: String,
    from_step: Option<i64>,
    to_step: Option<i64>,
    limit: Option<usize>,
    page_token: Option<String>,
}

impl Records {
    fn page(self) -> Result<(String, MediaPage), Failure> {
        let page = MediaPage {
            from_step: self.from_step.unwrap_or(i64::MIN),
            to_step: self.to_step.unwrap_or(i64::MAX),
            limit: page_length(self.limit, 100, 1000)?,
            page_token: self.page_token,
        };
        Ok((self.key, page))
    }
}

pub(crate) async fn texts(
    call: Call,
    At(run): At<RunId>,
    Asked(asked): Asked<Records>,
) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.permit_run(&run, Role::Viewer)?;
        let (key, page) = asked.page()?;
        let page = session.store().texts(&run, &key, &page)?;
        Ok(json!({ "texts": page.items, "next": page.next }))
    })
    .await
}

pub(crate) async fn images(
    call: Call,
    At(run): At<RunId>,
    Asked(asked): Asked<Records>,
) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.permit_run(&run, Role::Viewer)?;
        let (key, page) = asked.page()?;
        let page = session.store().images(&run, &key, &page)?;
        Ok(json!({ "images": page.items, "next": page.next }))
    })
    .await
}
