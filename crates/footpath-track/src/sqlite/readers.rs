//! Connections that read.

use std::path::PathBuf;

use parking_lot::Mutex;

use super::connection::Connection;
use crate::error::Error;
use crate::sql::engine::Sql;

/// How many idle connections are kept.
const IDLE: usize = 8;

/// The connections to a file that readers share.
pub(super) struct Readers {
    path: PathBuf,
    cache_kib: u32,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, cache_kib: u32) -> Self {
        Self {
            path,
            cache_kib,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs work that reads one state of the store.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open_to_read(&self.path, self.cache_kib)?,
        };
        let result = connection.snapshot(work);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        result
    }
}
