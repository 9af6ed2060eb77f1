//! Which address is which call.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{delete, get, patch, post, put};

use super::{accounts, artifacts, experiments, media, models, runs, series, views, watch};
use crate::app::App;
use crate::failure::Failure;

/// The API's description: `OpenAPI` 3.1.
const OPENAPI: &str = include_str!("openapi.json");

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// Makes `calls`, the router of these calls, and their list, which the description must equal.
macro_rules! calls {
    ($($method:ident $path:literal => $function:path,)*) => {
        fn calls() -> Router<Arc<App>> {
            Router::new()$(.route($path, $method($function)))*
        }

        /// Every call: its method and its path below `/api/v1`.
        #[cfg(test)]
        const CALLS: &[(&str, &str)] = &[$((stringify!($method), $path)),*];
    };
}

calls! {
    get "/me" => accounts::me,
    get "/users" => accounts::users,
    put "/users/{name}" => accounts::put_user,
    delete "/users/{name}" => accounts::remove_user,
    get "/tokens" => accounts::tokens,
    post "/tokens" => accounts::new_token,
    delete "/tokens/{id}" => accounts::remove_token,
    get "/projects" => experiments::projects,
    get "/projects/{project}/roles" => accounts::roles,
    put "/projects/{project}/roles/{name}" => accounts::put_role,
    delete "/projects/{project}/roles/{name}" => accounts::remove_role,
    get "/projects/{project}/views" => views::list,
    put "/projects/{project}/views/{id}" => views::put,
    delete "/projects/{project}/views/{id}" => views::remove,
    get "/experiments" => experiments::search,
    post "/experiments" => experiments::create,
    get "/experiments/{id}" => experiments::get,
    patch "/experiments/{id}" => experiments::change,
    delete "/experiments/{id}" => experiments::purge,
    get "/columns" => experiments::columns,
    post "/runs" => runs::begin,
    post "/runs/search" => runs::search,
    post "/runs/get" => runs::get_many,
    post "/runs/change" => runs::change_many,
    get "/runs/{id}" => runs::get,
    patch "/runs/{id}" => runs::change,
    delete "/runs/{id}" => runs::purge,
    post "/runs/{id}/append" => runs::append,
    get "/runs/{id}/points" => series::points,
    get "/runs/{id}/envelope" => series::envelope,
    post "/envelopes" => series::envelopes,
    get "/runs/{id}/media" => media::list,
    get "/runs/{id}/texts" => media::texts,
    get "/runs/{id}/images" => media::images,
    get "/runs/{id}/steps" => media::steps,
    get "/runs/{id}/artifacts" => artifacts::list,
    get "/runs/{id}/files/{*path}" => artifacts::fetch,
    put "/runs/{id}/files/{*path}" => artifacts::upload,
    delete "/runs/{id}/files/{*path}" => artifacts::remove,
    get "/blobs/{digest}" => artifacts::blob,
    put "/blobs/{digest}" => artifacts::put_blob,
    post "/models" => models::keep,
    post "/registered-models" => models::keep_registration,
    post "/collect" => artifacts::collect,
    get "/events" => watch::events,
}

/// All of the native API.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/api", get(openapi)).nest(
        "/api/v1",
        calls()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_description_names_every_call_and_no_other() {
        let told: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in told["paths"].as_object().unwrap() {
            for (method, call) in methods.as_object().unwrap() {
                described.insert((method.clone(), path.clone()));
                assert!(
                    call["summary"].is_string(),
                    "{method} {path} has no summary"
                );
                assert!(
                    call["responses"]["200"].is_object(),
                    "{method} {path} answers nothing"
                );
                let named: BTreeSet<&str> = call["parameters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|parameter| parameter["in"] == "path")
                    .map(|parameter| parameter["name"].as_str().unwrap())
                    .collect();
                let places: BTreeSet<&str> = path
                    .split('/')
                    .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                    .collect();
                assert_eq!(named, places, "{method} {path}");
            }
        }
        let served = CALLS.iter().map(|(method, path)| {
            (
                (*method).to_owned(),
                format!("/api/v1{}", path.replace("{*", "{")),
            )
        });
        assert_eq!(described, served.collect());
    }
}
