//! Which address is which call.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};

use super::{accounts, artifacts, experiments, media, runs, series, views, watch};
use crate::app::App;
use crate::failure::Failure;

/// The API's description: `OpenAPI` 3.1.
const OPENAPI: &str = include_str!("openapi.json");

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// All of the native API.
pub(crate) fn routes() -> Router<Arc<App>> {
    let calls = Router::new()
        .route("/me", get(accounts::me))
        .route("/users", get(accounts::users))
        .route(
            "/users/{name}",
            put(accounts::put_user).delete(accounts::remove_user),
        )
        .route("/tokens", get(accounts::tokens).post(accounts::new_token))
        .route(
            "/tokens/{id}",
            axum::routing::delete(accounts::remove_token),
        )
        .route("/projects", get(experiments::projects))
        .route("/projects/{project}/views", get(views::list))
        .route(
            "/projects/{project}/views/{id}",
            put(views::put).delete(views::remove),
        )
        .route(
            "/experiments",
            get(experiments::search).post(experiments::create),
        )
        .route(
            "/experiments/{id}",
            get(experiments::get)
                .patch(experiments::change)
                .delete(experiments::purge),
        )
        .route("/columns", get(experiments::columns))
        .route("/runs", post(runs::begin))
        .route("/runs/search", post(runs::search))
        .route("/runs/change", post(runs::change_many))
        .route(
            "/runs/{id}",
            get(runs::get).patch(runs::change).delete(runs::purge),
        )
        .route("/runs/{id}/append", post(runs::append))
        .route("/runs/{id}/points", get(series::points))
        .route("/runs/{id}/envelope", get(series::envelope))
        .route("/envelopes", post(series::envelopes))
        .route("/runs/{id}/media", get(media::list))
        .route("/runs/{id}/texts", get(media::texts))
        .route("/runs/{id}/images", get(media::images))
        .route("/runs/{id}/steps", get(media::steps))
        .route("/runs/{id}/artifacts", get(artifacts::list))
        .route(
            "/runs/{id}/files/{*path}",
            get(artifacts::fetch)
                .put(artifacts::upload)
                .delete(artifacts::remove),
        )
        .route(
            "/blobs/{digest}",
            get(artifacts::blob).put(artifacts::put_blob),
        )
        .route("/collect", post(artifacts::collect))
        .route("/events", get(watch::events));
    Router::new().route("/api", get(openapi)).nest(
        "/api/v1",
        calls
            .fallback(unknown)
            .method_not_allowed_fallback(other_method),
    )
}

async fn unknown() -> Failure {
    Failure::absent("there is no such call: see /api for all there are")
}

async fn other_method() -> Failure {
    Failure {
        status: StatusCode::METHOD_NOT_ALLOWED.as_u16(),
        ..Failure::bad_request("this address takes other methods: see /api")
    }
}
