//! How a blocking function over a message becomes an HTTP endpoint.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::message::{Fields, Message};
use crate::answer::{Call, Json, check_json};
use crate::app::App;
use crate::failure::Failure;
use crate::http::read_body;
use crate::session::Session;

/// A call of MLflow's API: it blocks, and answers a JSON object.
pub(crate) type Function = fn(&Session, &Fields<'_>) -> Result<Json, Failure>;

/// An endpoint for some methods.
pub(crate) fn endpoint(methods: MethodFilter, function: Function) -> MethodRouter<Arc<App>> {
    on(methods, move |call: Call, request: Request| {
        answer(function, call, request)
    })
}

async fn answer(function: Function, call: Call, request: Request) -> Result<Json, Failure> {
    let (mut parts, body) = request.into_parts();
    let named = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    let query = parts.uri.query().unwrap_or_default();
    let mut message = if parts.method == Method::GET && !query.is_empty() {
        Message::from_query(query)?
    } else {
        let body = read_body(&parts.headers, body, &call.app.limits).await?;
        if !body.is_empty() {
            check_json(&parts.headers)?;
        }
        Message::from_body(&body)?
    };
    for (name, value) in &named {
        message = message.with(name, value);
    }
    call.run(move |session| function(session, &message.fields()))
        .await
}

/// What an unknown address answers: MLflow's clients take an empty 404 as "not served here".
pub(crate) async fn unknown() -> StatusCode {
    StatusCode::NOT_FOUND
}
