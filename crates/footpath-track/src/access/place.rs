//! Where runs are, as people name it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Access, LocalAccess, RemoteAccess};
use crate::artifact::Blobs;
use crate::error::Error;
use crate::sqlite::{SqliteOptions, open_sqlite, open_sqlite_to_read};
use crate::store::Store;

/// Where runs are: a folder such as `.footpath/track`, `postgres://…`, or a server such as
/// `http://127.0.0.1:5000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub address: String,
    /// Where contents are, if not in the folder: another folder, or `s3://bucket/prefix`. Not
    /// for servers, which know.
    pub artifacts: Option<String>,
    /// A server's token, if it asks for one.
    pub token: Option<String>,
}

impl Place {
    /// A place without more.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            artifacts: None,
            token: None,
        }
    }

    /// Whether it is a server.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.address.starts_with("http://") || self.address.starts_with("https://")
    }

    fn is_postgres(&self) -> bool {
        self.address.starts_with("postgres://") || self.address.starts_with("postgresql://")
    }

    /// The folder where runs wait that the place does not have yet.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        if self.is_server() || self.is_postgres() {
            Path::new(".footpath").join("track").join("spool")
        } else {
            Path::new(&self.address).join("spool")
        }
    }

    /// Opens it to look at what is there; a folder also while another process owns it.
    ///
    /// # Errors
    /// As [`open_sqlite_to_read`] and [`open_postgres`](crate::open_postgres).
    pub fn open_to_read(&self) -> Result<Box<dyn Access>, Error> {
        if self.is_server() || self.is_postgres() {
            return self.open();
        }
        let folder = Path::new(&self.address);
        let store = Arc::new(open_sqlite_to_read(folder, SqliteOptions::default())?);
        Ok(Box::new(self.local(store)?))
    }

    /// Opens it to change what is there.
    ///
    /// # Errors
    /// As [`open_sqlite`] and [`open_postgres`](crate::open_postgres).
    pub fn open(&self) -> Result<Box<dyn Access>, Error> {
        if self.is_server() {
            return Ok(Box::new(RemoteAccess::new(
                &self.address,
                self.token.clone(),
            )));
        }
        if self.is_postgres() {
            return Ok(Box::new(self.local(postgres(&self.address)?)?));
        }
        let folder = Path::new(&self.address);
        let store = Arc::new(open_sqlite(folder, SqliteOptions::default())?);
        Ok(Box::new(self.local(store)?.owned()))
    }

    fn local(&self, store: Arc<dyn Store>) -> Result<LocalAccess, Error> {
        let place = match &self.artifacts {
            Some(place) => place.clone(),
            None if self.is_postgres() => {
                return Err(Error::invalid(
                    "a store in PostgreSQL without artifacts",
                    "it keeps none itself: name a folder or s3://bucket/prefix for them",
                ));
            }
            None => Path::new(&self.address)
                .join("artifacts")
                .display()
                .to_string(),
        };
        LocalAccess::new(store, Blobs::open(&place)?)
    }
}

#[cfg(feature = "postgres")]
fn postgres(address: &str) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(crate::postgres::open_postgres(address)?))
}

#[cfg(not(feature = "postgres"))]
fn postgres(address: &str) -> Result<Arc<dyn Store>, Error> {
    Err(Error::invalid(
        format!("store `{address}`"),
        "this program was built without the feature `postgres`",
    ))
}
