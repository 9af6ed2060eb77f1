//! Keys of metrics, parameters and tags, kept once each.

use super::cell::args;
use super::engine::Sql;
use crate::error::Error;

/// The number of a key, if any run ever had it.
pub(super) fn find(sql: &mut dyn Sql, name: &str) -> Result<Option<i64>, Error> {
    sql.first("SELECT id FROM keys WHERE name = ?1", args![name])?
        .map(|mut row| row.int())
        .transpose()
}

/// The number of a key, given now if it has none.
pub(super) fn intern(sql: &mut dyn Sql, name: &str) -> Result<i64, Error> {
    if let Some(id) = find(sql, name)? {
        return Ok(id);
    }
    sql.execute(
        "INSERT INTO keys (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
        args![name],
    )?;
    find(sql, name)?.ok_or_else(|| Error::database(format!("key `{name}` was not kept")))
}
