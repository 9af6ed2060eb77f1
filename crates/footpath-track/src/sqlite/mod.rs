//! The store in a folder: SQLite with a write-ahead log.

mod connection;
mod filesystem;
mod number_set;
mod readers;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::sql::engine::{Engine, Sql};
use crate::sql::{SqlStore, schema};
use crate::store::Store;
use connection::Connection;
use readers::Readers;
use writer::Writer;

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
        readers: Readers::new(path.clone(), options.cache_kib),
        path,
        writer,
        _lock: lock,
    }))
}

/// Opens the store in a folder to be read alone, also while another process owns it: `footpath
/// runs` looks at runs while they are tracked.
///
/// # Errors
/// [`Error::NoStore`], [`Error::NetworkFilesystem`], [`Error::TooNew`], [`Error::Database`]. A store of
/// an older program is brought up to date first, which fails with [`Error::Locked`] while that
/// program has it open.
pub fn open_sqlite_to_read(
    folder: &Path,
    options: SqliteOptions,
) -> Result<impl Store + use<>, Error> {
    let path = folder.join("track.db");
    if !path.is_file() {
        return Err(Error::NoStore {
            path: folder.to_owned(),
        });
    }
    filesystem::refuse_network(folder)?;
    let readers = Readers::new(path.clone(), options.cache_kib);
    let found = readers.read(|sql| schema::version(sql, &path.display().to_string()))?;
    if found < schema::SCHEMA_VERSION {
        drop(open_sqlite(folder, options)?);
    }
    Ok(SqlStore(ReadOnly {
        folder: folder.to_owned(),
        readers,
    }))
}

struct ReadOnly {
    folder: PathBuf,
    readers: Readers,
}

impl Engine for ReadOnly {
    fn read<T>(&self, work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>) -> Result<T, Error> {
        self.readers.read(work)
    }

    fn write<T: Send + 'static>(
        &self,
        _: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        Err(Error::ReadOnly {
            path: self.folder.clone(),
        })
    }

    fn compact(&self) -> Result<u64, Error> {
        self.write(|_| Ok(0))
    }
}

struct Sqlite {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    /// Held as long as the store is open.
    _lock: File,
}

impl Engine for Sqlite {
    fn read<T>(&self, work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>) -> Result<T, Error> {
        self.readers.read(work)
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(work)
    }

    fn compact(&self) -> Result<u64, Error> {
        let path = self.path.clone();
        self.writer
            .run_alone(move |connection| connection.compact(&path))
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
    fn it_is_read_while_another_process_owns_it() {
        let folder = tempfile::tempdir().unwrap();
        let reading = || open_sqlite_to_read(folder.path(), SqliteOptions::default());
        assert!(matches!(reading().err(), Some(Error::NoStore { .. })));
        let owner = open_sqlite(folder.path(), SqliteOptions::default()).unwrap();
        let reader = reading().unwrap();
        let run = owner
            .create_run(&NewRun::new(crate::ExperimentId::DEFAULT, 0))
            .unwrap();
        assert_eq!(reader.run_info(&run.id).unwrap(), run);
        let refused = reader.create_run(&NewRun::new(crate::ExperimentId::DEFAULT, 0));
        assert!(matches!(refused, Err(Error::ReadOnly { .. })));
        drop(owner);
        assert_eq!(reading().unwrap().run_info(&run.id).unwrap(), run);
    }

    #[test]
    fn what_is_purged_shrinks_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_sqlite(folder.path(), SqliteOptions::default()).unwrap();
        let run = store
            .create_run(&NewRun::new(crate::ExperimentId::DEFAULT, 0))
            .unwrap()
            .id;
        let texts = (0..2000).map(|step| crate::TextRecord {
            key: "log".into(),
            step,
            time_ms: 0,
            text: "x".repeat(1000),
        });
        let batch = crate::Batch {
            texts: texts.collect(),
            ..crate::Batch::default()
        };
        store.append(&run, None, batch).unwrap();
        assert_eq!(store.compact().unwrap(), 0, "all of it is in use");
        let size = || {
            std::fs::metadata(folder.path().join("track.db"))
                .unwrap()
                .len()
        };
        let full = size();
        store.purge_run(&run).unwrap();
        let freed = store.compact().unwrap();
        assert!(
            freed > 2_000_000 && size() == full - freed,
            "{freed} of {full}"
        );
        assert_eq!(store.projects().unwrap()[0].runs, 0);
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
