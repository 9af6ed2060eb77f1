//! A connection to the file.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::OpenFlags;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::number_set::NumberSet;
use crate::error::Error;
use crate::search::Pattern;
use crate::sql::cell::{Cell, Row};
use crate::sql::engine::{Dialect, Sql};

const DIALECT: Dialect = Dialect {
    identity: "INTEGER PRIMARY KEY",
    text: "TEXT",
    blob: "BLOB",
    real: "REAL",
    clustered: " WITHOUT ROWID",
    for_update: "",
    like: |column, pattern| format!("track_like({column}, {pattern})"),
    ilike: |column, pattern| format!("track_ilike({column}, {pattern})"),
};

pub(super) struct Connection {
    sqlite: rusqlite::Connection,
    /// What `track_among(N, …)` looks into, until the next transaction.
    sets: Arc<Mutex<Vec<NumberSet>>>,
}

impl Connection {
    /// Opens the file, made if absent.
    pub(super) fn open(path: &Path, cache_kib: u32) -> Result<Self, Error> {
        let connection = rusqlite::Connection::open(path).map_err(Error::database)?;
        Self::prepare(
            connection,
            &format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 20000;
                 PRAGMA cache_size = -{cache_kib}; PRAGMA temp_store = MEMORY;"
            ),
        )
    }

    /// Opens a file that is there, to be read alone.
    pub(super) fn open_to_read(path: &Path, cache_kib: u32) -> Result<Self, Error> {
        // A reader of a write-ahead log writes where it stands in the log's index.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            rusqlite::Connection::open_with_flags(path, flags).map_err(Error::database)?;
        Self::prepare(
            connection,
            &format!(
                "PRAGMA busy_timeout = 20000; PRAGMA query_only = ON;
                 PRAGMA cache_size = -{cache_kib}; PRAGMA temp_store = MEMORY;"
            ),
        )
    }

    fn prepare(connection: rusqlite::Connection, settings: &str) -> Result<Self, Error> {
        connection.set_prepared_statement_cache_capacity(256);
        connection
            .execute_batch(settings)
            .map_err(Error::database)?;
        for (name, case_sensitive) in [("track_like", true), ("track_ilike", false)] {
            let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
            connection
                .create_scalar_function(name, 2, flags, move |context| {
                    let text = context.get_raw(0).as_str_or_null()?.unwrap_or_default();
                    Ok(Pattern {
                        text: context.get(1)?,
                        case_sensitive,
                    }
                    .matches(text))
                })
                .map_err(Error::database)?;
        }
        let sets = Arc::new(Mutex::new(Vec::<NumberSet>::new()));
        let looked_into = Arc::clone(&sets);
        connection
            .create_scalar_function(
                "track_among",
                2,
                FunctionFlags::SQLITE_UTF8,
                move |context| {
                    let (set, number) =
                        (context.get_raw(0).as_i64()?, context.get_raw(1).as_i64()?);
                    let sets = looked_into.lock();
                    let set = usize::try_from(set).ok().and_then(|set| sets.get(set));
                    Ok(set.is_some_and(|set| set.contains(number)))
                },
            )
            .map_err(Error::database)?;
        Ok(Self {
            sqlite: connection,
            sets,
        })
    }

    fn batch(&self, statements: &str) -> Result<(), Error> {
        self.sqlite
            .execute_batch(statements)
            .map_err(Error::database)
    }

    /// Gives what was deleted back to the disk; gives the bytes by which the file shrank.
    pub(super) fn compact(&mut self, path: &Path) -> Result<u64, Error> {
        let size = || std::fs::metadata(path).map_or(0, |file| file.len());
        self.batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        let before = size();
        let free: i64 = self
            .sqlite
            .query_row("PRAGMA freelist_count", [], |row| row.get(0))
            .map_err(Error::database)?;
        if free == 0 {
            return Ok(0);
        }
        // The copy that is made on the way may be too large for the memory.
        self.batch("PRAGMA temp_store = FILE")?;
        let done = self.batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
        self.batch("PRAGMA temp_store = MEMORY")?;
        done.map(|()| before.saturating_sub(size()))
    }

    /// Runs work that only reads, all of it in one state of the store.
    pub(super) fn snapshot<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.sets.lock().clear();
        self.batch("BEGIN")?;
        let result = work(self);
        let ended = self.batch("COMMIT");
        result.and_then(|value| ended.map(|()| value))
    }

    /// Runs work that writes: durable on return, undone if it fails.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.begin()?;
        match work(self) {
            Ok(value) => self.commit().map(|()| value),
            Err(error) => self.batch("ROLLBACK").and(Err(error)),
        }
    }

    pub(super) fn begin(&mut self) -> Result<(), Error> {
        self.sets.lock().clear();
        self.batch("BEGIN IMMEDIATE")
    }

    /// Ends a transaction: on disk when it returns `Ok`, undone if not.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        self.batch("COMMIT").inspect_err(|_| {
            // The commit's error is the one to tell.
            let _ = self.batch("ROLLBACK");
        })
    }

    /// Runs one of several pieces of work in a transaction, and undoes it alone if it fails.
    pub(super) fn nested<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.batch("SAVEPOINT piece")?;
        match work(self) {
            Ok(value) => self.batch("RELEASE piece").map(|()| value),
            Err(error) => self
                .batch("ROLLBACK TO piece; RELEASE piece")
                .and(Err(error)),
        }
    }
}

struct Arg<'a>(&'a Cell);

impl rusqlite::ToSql for Arg<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Int(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Cell::Real(value) => ToSqlOutput::Owned(Value::Real(*value)),
            Cell::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Cell::Blob(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
        })
    }
}

fn cell(value: ValueRef<'_>) -> Result<Cell, Error> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(text) => Cell::Text(
            std::str::from_utf8(text)
                .map_err(Error::database)?
                .to_owned(),
        ),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    })
}

impl Sql for Connection {
    fn execute(&mut self, statement: &str, args: &[Cell]) -> Result<u64, Error> {
        let mut prepared = self
            .sqlite
            .prepare_cached(statement)
            .map_err(Error::database)?;
        let changed = prepared
            .execute(rusqlite::params_from_iter(args.iter().map(Arg)))
            .map_err(Error::database)?;
        Ok(changed as u64)
    }

    fn query(&mut self, statement: &str, args: &[Cell]) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        self.each(statement, args, &mut |row| {
            found.push(row);
            Ok(())
        })?;
        Ok(found)
    }

    fn each(
        &mut self,
        statement: &str,
        args: &[Cell],
        each: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut prepared = self
            .sqlite
            .prepare_cached(statement)
            .map_err(Error::database)?;
        let columns = prepared.column_count();
        let mut rows = prepared
            .query(rusqlite::params_from_iter(args.iter().map(Arg)))
            .map_err(Error::database)?;
        while let Some(row) = rows.next().map_err(Error::database)? {
            let mut cells = Vec::with_capacity(columns);
            for at in 0..columns {
                cells.push(cell(row.get_ref(at).map_err(Error::database)?)?);
            }
            each(Row::new(cells))?;
        }
        Ok(())
    }

    /// `IN (SELECT …)` sorts what it finds into a tree; bits take half the time.
    fn among(
        &mut self,
        column: &str,
        select: &str,
        args: &[Cell],
    ) -> Result<Option<String>, Error> {
        let mut prepared = self
            .sqlite
            .prepare_cached(select)
            .map_err(Error::database)?;
        let mut rows = prepared
            .query(rusqlite::params_from_iter(args.iter().map(Arg)))
            .map_err(Error::database)?;
        let mut found = NumberSet::default();
        while let Some(row) = rows.next().map_err(Error::database)? {
            found.insert(row.get(0).map_err(Error::database)?);
        }
        if found.is_empty() {
            return Ok(Some("1 = 0".into()));
        }
        let mut sets = self.sets.lock();
        sets.push(found);
        Ok(Some(format!("track_among({}, {column})", sets.len() - 1)))
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}
