//! What a server is told to be.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::limits::Limits;

/// How a server runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// The metadata: a folder for SQLite, or `postgres://…`.
    pub store: String,
    /// The artifacts: a folder, or `s3://bucket/prefix`; `None` for beside a store that is a
    /// folder.
    pub artifacts: Option<String>,
    /// Whether callers say who they are.
    pub auth: Auth,
    /// What stands before every address, such as `/tracker` behind a proxy; empty for nothing.
    pub prefix: String,
    /// How much one client may ask.
    pub limits: Limits,
}

/// Whether callers say who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Only those who reach the server from other machines: a server on a loopback address
    /// asks no one, any other asks all.
    #[default]
    Remote,
    /// All.
    Everyone,
}

impl Config {
    /// A server for this machine alone, with a store in a folder.
    #[must_use]
    pub fn local(store: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5000)),
            store: store.into().display().to_string(),
            artifacts: None,
            auth: Auth::default(),
            prefix: String::new(),
            limits: Limits::default(),
        }
    }

    /// The prefix with a leading and without a trailing slash; empty for none.
    pub(crate) fn prefix(&self) -> &str {
        match self.prefix.trim_end_matches('/') {
            prefix if prefix.is_empty() || prefix.starts_with('/') => prefix,
            _ => "",
        }
    }

    /// Whether the server asks no one who they are.
    pub(crate) fn is_open(&self) -> bool {
        self.auth == Auth::Remote && self.listen.ip().is_loopback()
    }
}
