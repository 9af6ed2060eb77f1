//! Which address is which call.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodFilter, get, put};

use super::endpoint::{Function, endpoint, unknown};
use super::{
    artifacts, experiments, history, logged_models, logging, model_versions, registry, runs,
};
use crate::app::App;

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PATCH: MethodFilter = MethodFilter::PATCH;
const DELETE: MethodFilter = MethodFilter::DELETE;

/// The calls below `/api/2.0/mlflow/` and `/ajax-api/2.0/mlflow/`.
fn calls() -> Vec<(MethodFilter, &'static str, Function)> {
    vec![
        (POST, "experiments/create", experiments::create),
        (GET, "experiments/get", experiments::get),
        (GET, "experiments/get-by-name", experiments::get_by_name),
        (GET.or(POST), "experiments/search", experiments::search),
        (POST, "experiments/delete", experiments::delete),
        (POST, "experiments/restore", experiments::restore),
        (POST, "experiments/update", experiments::update),
        (POST, "experiments/set-experiment-tag", experiments::set_tag),
        (
            POST,
            "experiments/delete-experiment-tag",
            experiments::delete_tag,
        ),
        (
            POST,
            "experiments/search-datasets",
            experiments::search_datasets,
        ),
        (POST, "runs/create", runs::create),
        (GET, "runs/get", runs::get),
        (POST, "runs/update", runs::update),
        (POST, "runs/delete", runs::delete),
        (POST, "runs/restore", runs::restore),
        (POST, "runs/search", runs::search),
        (POST, "runs/delete-tag", runs::delete_tag),
        (POST, "runs/log-metric", logging::log_metric),
        (POST, "runs/log-parameter", logging::log_param),
        (POST, "runs/set-tag", logging::set_tag),
        (POST, "runs/log-batch", logging::log_batch),
        (POST, "runs/log-model", logging::log_model),
        (POST, "runs/log-inputs", logging::log_inputs),
        (POST, "runs/outputs", logging::log_outputs),
        (GET, "metrics/get-history", history::get),
        (GET, "metrics/get-history-bulk", history::bulk),
        (GET, "metrics/get-history-bulk-interval", history::sampled),
        (GET, "artifacts/list", artifacts::list),
        (POST, "logged-models", logged_models::create),
        (POST, "logged-models/search", logged_models::search),
        (GET, "logged-models/{model_id}", logged_models::get),
        (PATCH, "logged-models/{model_id}", logged_models::finalize),
        (DELETE, "logged-models/{model_id}", logged_models::delete),
        (
            PATCH,
            "logged-models/{model_id}/tags",
            logged_models::set_tags,
        ),
        (
            DELETE,
            "logged-models/{model_id}/tags/{tag_key}",
            logged_models::delete_tag,
        ),
        (
            POST,
            "logged-models/{model_id}/params",
            logged_models::log_params,
        ),
        (
            GET,
            "logged-models/{model_id}/artifacts/directories",
            artifacts::list_of_model,
        ),
        (POST, "registered-models/create", registry::create),
        (POST, "registered-models/rename", registry::rename),
        (PATCH, "registered-models/update", registry::update),
        (DELETE, "registered-models/delete", registry::delete),
        (GET, "registered-models/get", registry::get),
        (GET, "registered-models/search", registry::search),
        (
            GET.or(POST),
            "registered-models/get-latest-versions",
            registry::latest_versions,
        ),
        (POST, "registered-models/set-tag", registry::set_tag),
        (DELETE, "registered-models/delete-tag", registry::delete_tag),
        (POST, "registered-models/alias", registry::set_alias),
        (DELETE, "registered-models/alias", registry::delete_alias),
        (GET, "registered-models/alias", registry::by_alias),
        (POST, "model-versions/create", model_versions::create),
        (PATCH, "model-versions/update", model_versions::update),
        (
            POST,
            "model-versions/transition-stage",
            model_versions::transition,
        ),
        (DELETE, "model-versions/delete", model_versions::delete),
        (GET, "model-versions/get", model_versions::get),
        (GET, "model-versions/search", model_versions::search),
        (
            GET,
            "model-versions/get-download-uri",
            model_versions::download_uri,
        ),
        (POST, "model-versions/set-tag", model_versions::set_tag),
        (
            DELETE,
            "model-versions/delete-tag",
            model_versions::delete_tag,
        ),
    ]
}

/// All of MLflow's API.
pub(crate) fn routes() -> Router<Arc<App>> {
    let mut router = Router::new()
        .route("/health", get(async || "OK"))
        .route("/version", get(async || env!("CARGO_PKG_VERSION")))
        .route("/get-artifact", get(artifacts::download))
        .route("/model-versions/get-artifact", get(unknown));
    for root in ["/api", "/ajax-api"] {
        for (methods, path, function) in calls() {
            router = router.route(
                &format!("{root}/2.0/mlflow/{path}"),
                endpoint(methods, function),
            );
        }
        let proxy = format!("{root}/2.0/mlflow-artifacts/artifacts");
        router = router
            .route(&proxy, get(artifacts::list_below))
            .route(&format!("{proxy}/"), get(artifacts::list_below))
            .route(
                &format!("{proxy}/{{*path}}"),
                put(artifacts::upload)
                    .get(artifacts::fetch)
                    .delete(artifacts::remove),
            )
            .route(
                &format!("{root}/3.0/mlflow/server-info"),
                endpoint(GET, logging::server_info),
            )
            // The address that the newest client has for this call lacks a slash.
            .route(
                &format!("{root}/2.0mlflow/experiments/search-datasets"),
                endpoint(POST, experiments::search_datasets),
            );
    }
    router
}
