//! What a database must do to hold a store.

use super::cell::{Cell, Row};
use crate::error::Error;

/// A connection within a transaction. Statements number their arguments `?1`, `?2`, …
pub(crate) trait Sql {
    /// Runs a statement; gives the number of rows it changed.
    fn execute(&mut self, statement: &str, args: &[Cell]) -> Result<u64, Error>;

    /// Runs a query; gives its rows.
    fn query(&mut self, statement: &str, args: &[Cell]) -> Result<Vec<Row>, Error>;

    /// Calls with each row of a query as it comes.
    fn each(
        &mut self,
        statement: &str,
        args: &[Cell],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.query(statement, args)?.into_iter().try_for_each(row)
    }

    /// A condition that a column is among the row numbers that a query gives now, where the
    /// database knows a quicker one than `IN (SELECT …)`. It holds within this transaction and
    /// has no arguments.
    fn among(
        &mut self,
        _column: &str,
        _select: &str,
        _args: &[Cell],
    ) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// The database's words where they differ.
    fn dialect(&self) -> &'static Dialect;

    /// The first row of a query.
    fn first(&mut self, statement: &str, args: &[Cell]) -> Result<Option<Row>, Error> {
        Ok(self.query(statement, args)?.into_iter().next())
    }
}

/// Where the databases' languages differ.
pub(crate) struct Dialect {
    /// The type of an identity column, its table's primary key.
    pub identity: &'static str,
    /// The type of a text that sorts by its bytes.
    pub text: &'static str,
    /// The type of bytes.
    pub blob: &'static str,
    /// The type of a 64 bit float.
    pub real: &'static str,
    /// Behind a table whose rows lie in the order of its primary key.
    pub clustered: &'static str,
    /// Behind a `SELECT` that locks its rows until the transaction ends.
    pub for_update: &'static str,
    /// A comparison of `{}` with the pattern `?N`, where case matters.
    pub like: fn(&str, &str) -> String,
    /// A comparison of `{}` with the pattern `?N`, where it does not.
    pub ilike: fn(&str, &str) -> String,
}

/// A database.
pub(crate) trait Engine: Send + Sync + 'static {
    /// Runs a reading transaction.
    fn read<T>(&self, work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>) -> Result<T, Error>;

    /// Runs a writing transaction: durable when it returns `Ok`, undone when `work` fails.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error>;

    /// Gives what was deleted back to the disk; gives the bytes freed.
    fn compact(&self) -> Result<u64, Error>;
}
