//! Opens what a run is delivered to.

use std::sync::Arc;

use super::destination::{Destination, StoreDestination};
use super::http::HttpDestination;
use super::options::Target;
use crate::artifact::Blobs;
use crate::error::Error;
use crate::sqlite::{SqliteOptions, open_sqlite};

/// The destination of a target; `None` for those that have none.
///
/// # Errors
/// As [`open_sqlite`] and [`Blobs::open`].
pub(super) fn open(target: &Target) -> Result<Option<Box<dyn Destination>>, Error> {
    Ok(match target {
        Target::Off | Target::Spool => None,
        Target::Server { url, token } => Some(Box::new(HttpDestination::new(url, token.clone()))),
        Target::Folder(folder) => {
            let store = Arc::new(open_sqlite(folder, SqliteOptions::default())?);
            let blobs = Blobs::open(&folder.join("artifacts").display().to_string())?;
            Some(Box::new(StoreDestination::new(store, blobs)?))
        }
    })
}
