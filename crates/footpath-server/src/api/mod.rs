//! The native API below `/api/v1`, described (`OpenAPI`) at `/api`.

mod accounts;
mod artifacts;
mod experiments;
mod lines;
mod media;
mod models;
mod request;
mod routes;
mod runs;
mod series;
mod views;
mod watch;
mod wire;

pub(crate) use routes::routes;
pub(crate) use series::{point_of, token_of};
pub(crate) use wire::{PointOut, RunOut, point};
