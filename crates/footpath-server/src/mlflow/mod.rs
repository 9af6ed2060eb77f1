//! The MLflow REST API, as the unmodified Python client speaks it.

mod artifact_paths;
mod artifacts;
mod endpoint;
mod experiments;
mod history;
mod logged_models;
mod logging;
mod message;
mod model_versions;
mod names;
mod registry;
mod routes;
mod runs;
mod wire;

pub(crate) use routes::routes;
