//! JSON answers, and how a blocking call comes to give one.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::auth::Caller;
use crate::failure::Failure;
use crate::http::read_body;
use crate::session::Session;

/// A JSON text.
pub(crate) struct Json(pub(crate) Vec<u8>);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// An answer.
pub(crate) fn json(value: &impl Serialize) -> Result<Json, Failure> {
    serde_json::to_vec(value)
        .map(Json)
        .map_err(|error| Failure::internal(error.to_string()))
}

/// An answer in CBOR, where every bit of a number stays as it is.
pub(crate) fn cbor(value: &impl Serialize) -> Result<Response, Failure> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)
        .map_err(|error| Failure::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/cbor")], bytes).into_response())
}

/// Whether a request asks for CBOR instead of JSON.
pub(crate) fn wants_cbor(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/cbor"))
}

/// The empty answer.
#[expect(
    clippy::unnecessary_wraps,
    reason = "calls that answer nothing end with it"
)]
pub(crate) fn nothing() -> Result<Json, Failure> {
    Ok(Json(b"{}".to_vec()))
}

/// Who calls what, taken from an admitted request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Arc<Caller>,
}

impl FromRequestParts<Arc<App>> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Arc<Caller>>().cloned();
        let caller = caller.ok_or_else(|| Failure::internal("the request was not admitted"))?;
        Ok(Self {
            app: Arc::clone(app),
            caller,
        })
    }
}

impl Call {
    /// Runs a function that blocks where it holds up no one.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        function: impl FnOnce(&Session) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let session = Session {
            app: Arc::clone(&self.app),
            caller: Arc::clone(&self.caller),
        };
        tokio::task::spawn_blocking(move || function(&session))
            .await
            .map_err(|error| Failure::internal(format!("the call did not end: {error}")))?
    }

    /// Runs a function that blocks, and answers what it gives.
    pub(crate) async fn answer<T: Serialize>(
        &self,
        function: impl FnOnce(&Session) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Json, Failure> {
        self.run(move |session| json(&function(session)?)).await
    }

    /// Reads a request's JSON body.
    pub(crate) async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        let (parts, body) = request.into_parts();
        let body = read_body(&parts.headers, body, &self.app.limits).await?;
        check_json(&parts.headers)?;
        serde_json::from_slice(&body)
            .map_err(|error| Failure::bad_request(format!("the body is refused: {error}")))
    }
}

/// Bodies must say that they are JSON: browsers then ask before they send one from elsewhere.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), Failure> {
    let given = media_type(headers);
    if given.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "Bad Request. Content-Type must be application/json, not `{given}`."
    )))
}

/// A request's media type, without parameters; empty if it tells none.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let told = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    told.split(';').next().unwrap_or_default().trim()
}
