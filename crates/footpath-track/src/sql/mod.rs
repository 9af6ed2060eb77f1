//! The store in SQL, said once for all databases.

mod append;
mod artifacts;
mod best_page;
pub(crate) mod cell;
mod documents;
pub(crate) mod engine;
mod experiments;

mod keys;
mod load;
mod media;
mod models;
mod page;
mod points;
mod purge;
mod registry;
mod runs;
pub(crate) mod schema;
mod search;
mod store;

pub(crate) use store::SqlStore;

/// The store's clock: Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// `?N, ?N+1, …`: so many places for arguments, from a number on.
fn placeholders(from: usize, count: usize) -> String {
    (from..from + count)
        .map(|at| format!("?{at}"))
        .collect::<Vec<_>>()
        .join(", ")
}
