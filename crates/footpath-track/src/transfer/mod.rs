//! Runs to and from other formats: tables, bundles, and what other trackers keep.

pub mod bundle;
pub mod export;
pub mod import;
pub mod table;

/// What this program cannot do.
#[cfg(not(feature = "parquet"))]
fn without_parquet(what: &str) -> crate::Error {
    crate::Error::invalid(
        what,
        "this program was built without the feature `parquet` (cargo build --features parquet)",
    )
}
