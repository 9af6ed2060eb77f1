//! Artifacts: safe paths, and contents by digest.

mod blobs;
mod keeper;
mod path;

pub use blobs::Blobs;
pub use keeper::{Artifacts, BLOB_GRACE_MS};
pub use path::ArtifactPath;
