//! The store in a folder: SQLite with a write-ahead log.

mod connection;
mod filesystem;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::error::Error;
use crate::sql::engine::{Engine, Sql};
use crate::sql::{SqlStore, schema};
use crate::store::Store;
use connection::Connection;
use writer::Writer;

/// How many idle connections are kept for reading.
const IDLE_READERS: usize = 8;

/// How a [`SqliteStore`](open_sqlite) is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The most writes that are made durable together. Those that wait while a commit is on
    /// its way to the disk share the next one; nothing waits for company.
    pub group_limit: usize,
    /// How much of the database each connection may keep in memory, in KiB.
    pub cache_kib: u32,
}

impl Default for SqliteOptions {
    /// Up to 256 writes a commit, 16 MiB a connection.
    fn default() -> Self {
        Self {
            group_limit: 256,
            cache_kib: 16 * 1024,
        }
    }
}

/// Opens the store in a folder, such as `.footpath/track`, made if absent. Its file is
/// `track.db`; one process at a time owns it.
///
/// # Errors
/// [`Error::Locked`], [`Error::NetworkFilesystem`], [`Error::TooNew`], [`Error::File`],
/// [`Error::Database`].
pub fn open_sqlite(folder: &Path, options: SqliteOptions) -> Result<impl Store + use<>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    filesystem::refuse_network(folder)?;
    let lock_path = folder.join("lock");
    let lock = File::create(&lock_path).map_err(Error::file(&lock_path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            return Err(Error::Locked {
                path: folder.to_owned(),
            });
        }
        Err(std::fs::TryLockError::Error(cause)) => {
            return Err(Error::File {
                path: lock_path,
                cause,
            });
        }
    }
    let path = folder.join("track.db");
    let mut connection = Connection::open(&path, options.cache_kib)?;
    connection.transaction(|sql| schema::migrate(sql, &path.display().to_string()))?;
    let writer = Writer::start(connection, options.group_limit);
    Ok(SqlStore(Sqlite {
        path,
        options,
        writer,
        readers: Mutex::new(Vec::new()),
        _lock: lock,
    }))
}

struct Sqlite {
    path: PathBuf,
    options: SqliteOptions,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
    /// Held as long as the store is open.
    _lock: File,
}

impl Engine for Sqlite {
    fn read<T>(&self, work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>) -> Result<T, Error> {
        let idle = self.readers.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(&self.path, self.options.cache_kib)?,
        };
        let result = connection.snapshot(work);
        let mut readers = self.readers.lock();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewExperiment, NewRun};

    #[test]
    fn one_process_owns_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_sqlite(folder.path(), SqliteOptions::default()).unwrap();
        let message = open_sqlite(folder.path(), SqliteOptions::default())
            .err()
            .unwrap()
            .to_string();
        assert!(message.ends_with(
            "is open in another process: reach the store through that one, or end it first"
        ));
        let id = store
            .create_experiment(&NewExperiment::new("default", "kept"))
            .unwrap()
            .id;
        drop(store);
        let store = open_sqlite(folder.path(), SqliteOptions::default()).unwrap();
        assert_eq!(store.experiment(id).unwrap().name, "kept");
    }

    #[test]
    fn a_newer_store_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        drop(open_sqlite(folder.path(), SqliteOptions::default()).unwrap());
        let path = folder.path().join("track.db");
        let future = schema::SCHEMA_VERSION + 1;
        let mut connection = Connection::open(&path, 1024).unwrap();
        connection
            .transaction(|sql| {
                sql.execute(
                    &format!("INSERT INTO schema_version VALUES ({future})"),
                    &[],
                )
                .map(drop)
            })
            .unwrap();
        drop(connection);
        let error = open_sqlite(folder.path(), SqliteOptions::default())
            .err()
            .unwrap();
        assert!(
            matches!(error, Error::TooNew { found, known, .. } if found == future && known == future - 1),
            "{error}"
        );
    }

    #[test]
    fn writers_of_many_threads_share_commits() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_sqlite(folder.path(), SqliteOptions::default()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        store
                            .create_run(&NewRun::new(crate::ExperimentId::DEFAULT, 0))
                            .unwrap();
                        // A refused write leaves those of its commit alone.
                        store
                            .create_run(&NewRun::new(crate::ExperimentId(99), 0))
                            .unwrap_err();
                    }
                });
            }
        });
        assert_eq!(store.projects().unwrap()[0].runs, 80);
    }
}
