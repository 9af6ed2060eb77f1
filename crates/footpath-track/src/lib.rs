//! Experiment tracking: the run model, its stores, and a client that never blocks training.

pub mod access;
mod artifact;
pub mod client;
pub mod compare;
mod error;
mod model;
#[cfg(feature = "postgres")]
mod postgres;
pub mod search;
pub mod series;
mod sql;
mod sqlite;
mod store;
#[cfg(feature = "transfer")]
pub mod transfer;

pub use artifact::{ArtifactPath, Artifacts, BLOB_GRACE_MS, Blobs};
pub use error::{Error, Kind};
pub use model::*;
#[cfg(feature = "postgres")]
pub use postgres::open_postgres;
pub use sqlite::{SqliteOptions, open_sqlite, open_sqlite_to_read};
pub use store::{Columns, MediaPage, Store};
