//! The store of a team: PostgreSQL.

mod connection;
mod value;

use parking_lot::Mutex;

use crate::error::Error;
use crate::sql::engine::{Engine, Sql};
use crate::sql::{SqlStore, schema};
use crate::store::Store;
use connection::Connection;

/// How many idle connections are kept.
const IDLE: usize = 16;

/// Opens the store in a PostgreSQL database, such as `postgres://user:password@host/database`
/// or `host=/run/postgresql user=me dbname=track`; its tables are made if absent. Any number
/// of processes may open it. The connection is not encrypted: keep to a trusted network.
///
/// The calls block on a runtime of their own: from async code, make them (and drop the store)
/// on a blocking thread.
///
/// # Errors
/// [`Error::TooNew`], [`Error::Database`].
pub fn open_postgres(address: &str) -> Result<impl Store + use<>, Error> {
    let config: postgres::Config = address.parse().map_err(Error::database)?;
    let name = format!(
        "PostgreSQL database `{}`",
        config.get_dbname().unwrap_or_default()
    );
    let mut connection = Connection::open(&config)?;
    connection.transaction(false, |sql| {
        // Processes that start together make the tables once.
        sql.query(
            "SELECT 1 FROM (SELECT pg_advisory_xact_lock(7081980230)) AS locked",
            &[],
        )?;
        schema::migrate(sql, &name)
    })?;
    Ok(SqlStore(Postgres {
        config,
        idle: Mutex::new(vec![connection]),
    }))
}

struct Postgres {
    config: postgres::Config,
    idle: Mutex<Vec<Connection>>,
}

impl Postgres {
    fn run<T>(
        &self,
        reads: bool,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = self
            .idle
            .lock()
            .pop()
            .filter(|connection| !connection.is_closed());
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(&self.config)?,
        };
        let result = connection.transaction(reads, work);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE && !connection.is_closed() {
            idle.push(connection);
        }
        result
    }
}

impl Engine for Postgres {
    fn read<T>(&self, work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>) -> Result<T, Error> {
        self.run(true, work)
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(false, work)
    }
    fn compact(&self) -> Result<u64, Error> {
        let mut connection = Connection::open(&self.config)?;
        let size = |connection: &mut Connection| {
            connection.transaction(true, |sql| {
                sql.first("SELECT pg_database_size(current_database())", &[])?
                    .map_or(Ok(0), |mut row| row.count())
            })
        };
        let before = size(&mut connection)?;
        connection.vacuum()?;
        Ok(before.saturating_sub(size(&mut connection)?))
    }
}
