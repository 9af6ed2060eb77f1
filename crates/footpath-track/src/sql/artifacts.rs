//! Names of artifacts, and how often each content is referred to.

use std::collections::BTreeMap;

use super::cell::args;
use super::engine::Sql;
use super::{models, now_ms, runs};
use crate::artifact::ArtifactPath;
use crate::error::{Error, Kind};
use crate::model::{Artifact, Blob, Digest, Entry, Freed, Owner};

pub(super) fn add_blob(sql: &mut dyn Sql, blob: &Blob) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO blobs (digest, bytes, refs, added_ms) VALUES (?1, ?2, 0, ?3)
         ON CONFLICT (digest) DO UPDATE SET added_ms = excluded.added_ms",
        args![blob.digest.to_string(), blob.size, now_ms()],
    )?;
    Ok(())
}

/// Counts one more reference to a stored content; gives its size.
pub(super) fn refer(sql: &mut dyn Sql, digest: Digest) -> Result<u64, Error> {
    let row = sql.first(
        "UPDATE blobs SET refs = refs + 1 WHERE digest = ?1 RETURNING bytes",
        args![digest.to_string()],
    )?;
    row.ok_or_else(|| Error::not_found(Kind::Blob, digest))?
        .count()
}

/// Counts one reference less; gives the bytes that nothing refers to any more.
pub(super) fn release(sql: &mut dyn Sql, digest: &str) -> Result<u64, Error> {
    let row = sql.first(
        "UPDATE blobs SET refs = refs - 1 WHERE digest = ?1 RETURNING refs, bytes",
        args![digest],
    )?;
    let Some(mut row) = row else { return Ok(0) };
    Ok(if row.int()? == 0 { row.count()? } else { 0 })
}

pub(super) fn link(
    sql: &mut dyn Sql,
    owner: &Owner,
    path: &str,
    digest: Digest,
) -> Result<Artifact, Error> {
    let path = ArtifactPath::new(path)?;
    match owner {
        Owner::Run(id) => drop(runs::lock(sql, id)?),
        Owner::Model(id) => drop(models::get(sql, id)?),
    }
    let owner = owner.to_string();
    let refuse = |why: &str| Error::invalid(format!("artifact path `{path}`"), why.to_owned());
    if within(sql, &owner, path.as_str())?.is_some() {
        return Err(refuse("there is a folder of this name"));
    }
    for (at, _) in path.as_str().match_indices('/') {
        if find(sql, &owner, &path.as_str()[..at])?.is_some() {
            return Err(refuse("there is a file where it needs a folder"));
        }
    }
    let old = find(sql, &owner, path.as_str())?;
    let size = refer(sql, digest)?;
    if let Some(old) = old {
        release(sql, &old.blob.digest.to_string())?;
    }
    let time_ms = now_ms();
    sql.execute(
        "INSERT INTO artifacts (owner, path, digest, time_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (owner, path) DO UPDATE SET digest = excluded.digest, time_ms = excluded.time_ms",
        args![owner, path.as_str(), digest.to_string(), time_ms],
    )?;
    Ok(Artifact {
        path: path.as_str().to_owned(),
        blob: Blob { digest, size },
        time_ms,
    })
}

fn find(sql: &mut dyn Sql, owner: &str, path: &str) -> Result<Option<Artifact>, Error> {
    let row = sql.first(
        "SELECT a.path, a.digest, b.bytes, a.time_ms FROM artifacts a JOIN blobs b ON b.digest = a.digest WHERE a.owner = ?1 AND a.path = ?2",
        args![owner, path],
    )?;
    row.map(artifact).transpose()
}

fn artifact(mut row: super::cell::Row) -> Result<Artifact, Error> {
    Ok(Artifact {
        path: row.text()?,
        blob: Blob {
            digest: row.text()?.parse()?,
            size: row.count()?,
        },
        time_ms: row.int()?,
    })
}

/// The first file below a folder.
fn within(sql: &mut dyn Sql, owner: &str, folder: &str) -> Result<Option<String>, Error> {
    let (from, to) = bounds(folder);
    let row = sql.first(
        "SELECT path FROM artifacts WHERE owner = ?1 AND path >= ?2 AND path < ?3 LIMIT 1",
        args![owner, from, to],
    )?;
    row.map(|mut row| row.text()).transpose()
}

/// All paths below a folder sort between these two; `0` follows `/`.
fn bounds(folder: &str) -> (String, String) {
    if folder.is_empty() {
        (String::new(), "\u{10ffff}".into())
    } else {
        (format!("{folder}/"), format!("{folder}0"))
    }
}

pub(super) fn get(sql: &mut dyn Sql, owner: &Owner, path: &str) -> Result<Artifact, Error> {
    find(sql, &owner.to_string(), path)?
        .ok_or_else(|| Error::not_found(Kind::Artifact, format!("{owner}/{path}")))
}

pub(super) fn list(sql: &mut dyn Sql, owner: &Owner, folder: &str) -> Result<Vec<Entry>, Error> {
    let folder = folder.trim_end_matches('/');
    if !folder.is_empty() {
        ArtifactPath::new(folder)?;
    }
    let (from, to) = bounds(folder);
    let rows = sql.query(
        "SELECT a.path, a.digest, b.bytes, a.time_ms FROM artifacts a JOIN blobs b ON b.digest = a.digest
         WHERE a.owner = ?1 AND a.path >= ?2 AND a.path < ?3 ORDER BY a.path",
        args![owner.to_string(), &from, to],
    )?;
    let mut entries = BTreeMap::new();
    for row in rows {
        let file = artifact(row)?;
        let below = &file.path[from.len()..];
        match below.split_once('/') {
            Some((name, _)) => {
                entries.insert(name.to_owned(), Entry::Folder(format!("{from}{name}")))
            }
            None => entries.insert(below.to_owned(), Entry::File(file)),
        };
    }
    Ok(entries.into_values().collect())
}

pub(super) fn unlink(sql: &mut dyn Sql, owner: &Owner, path: &str) -> Result<Freed, Error> {
    let (from, to) = bounds(path);
    let name = owner.to_string();
    let rows = sql.query(
        "DELETE FROM artifacts WHERE owner = ?1 AND (path = ?2 OR path >= ?3 AND path < ?4) RETURNING digest",
        args![&name, path, from, to],
    )?;
    if rows.is_empty() {
        return Err(Error::not_found(Kind::Artifact, format!("{owner}/{path}")));
    }
    release_all(sql, rows)
}

/// Removes all names of an owner.
pub(super) fn purge(sql: &mut dyn Sql, owner: &Owner) -> Result<Freed, Error> {
    let rows = sql.query(
        "DELETE FROM artifacts WHERE owner = ?1 RETURNING digest",
        args![owner.to_string()],
    )?;
    release_all(sql, rows)
}

/// Releases the contents whose digests these rows hold.
pub(super) fn release_all(sql: &mut dyn Sql, rows: Vec<super::cell::Row>) -> Result<Freed, Error> {
    let mut digests = rows
        .into_iter()
        .map(|mut row| row.text())
        .collect::<Result<Vec<_>, _>>()?;
    digests.sort_unstable();
    let mut freed = Freed::default();
    for digest in digests {
        freed.artifact_bytes += release(sql, &digest)?;
    }
    Ok(freed)
}

pub(super) fn take_unreferenced(
    sql: &mut dyn Sql,
    added_before_ms: i64,
) -> Result<Vec<Blob>, Error> {
    sql.query(
        "DELETE FROM blobs WHERE refs <= 0 AND added_ms < ?1 RETURNING digest, bytes",
        args![added_before_ms],
    )?
    .into_iter()
    .map(|mut row| {
        Ok(Blob {
            digest: row.text()?.parse()?,
            size: row.count()?,
        })
    })
    .collect()
}
