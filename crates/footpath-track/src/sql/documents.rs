//! Documents of the server: users, tokens, saved views.

use super::cell::args;
use super::engine::Sql;
use crate::error::Error;
use crate::model::{check_key, check_text};

pub(super) fn put(
    sql: &mut dyn Sql,
    collection: &str,
    key: &str,
    value: &str,
) -> Result<(), Error> {
    check_key("collection", collection)?;
    check_key("document", key)?;
    check_text("document", key, value)?;
    sql.execute(
        "INSERT INTO documents (collection, name, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (collection, name) DO UPDATE SET value = excluded.value",
        args![collection, key, value],
    )?;
    Ok(())
}

pub(super) fn get(sql: &mut dyn Sql, collection: &str, key: &str) -> Result<Option<String>, Error> {
    let row = sql.first(
        "SELECT value FROM documents WHERE collection = ?1 AND name = ?2",
        args![collection, key],
    )?;
    row.map(|mut row| row.text()).transpose()
}

pub(super) fn all(sql: &mut dyn Sql, collection: &str) -> Result<Vec<(String, String)>, Error> {
    sql.query(
        "SELECT name, value FROM documents WHERE collection = ?1 ORDER BY name",
        args![collection],
    )?
    .into_iter()
    .map(|mut row| Ok((row.text()?, row.text()?)))
    .collect()
}

pub(super) fn delete(sql: &mut dyn Sql, collection: &str, key: &str) -> Result<bool, Error> {
    Ok(sql.execute(
        "DELETE FROM documents WHERE collection = ?1 AND name = ?2",
        args![collection, key],
    )? > 0)
}
