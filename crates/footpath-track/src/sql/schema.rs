//! The tables, the same in every database, and how older ones become newer ones.

use super::cell::args;
use super::engine::{Dialect, Sql};
use crate::error::Error;

/// The schema's statements by version. A version, once released, never changes: append the
/// next one.
const VERSIONS: [&str; 1] = [V1];

/// The version this program writes.
pub(crate) const SCHEMA_VERSION: i64 = VERSIONS.len() as i64;

// `{…}` are the dialect's words. Metrics, parameters and tags lie by (experiment, key, run),
// so that filtering and sorting by a key reads one short stretch of a table.
const V1: &str = "
CREATE TABLE experiments (
    id {identity}, project {text} NOT NULL, name {text} NOT NULL, artifact_location {text},
    deleted BIGINT NOT NULL, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL,
    UNIQUE (project, name));
CREATE TABLE experiment_tags (
    experiment BIGINT NOT NULL, name {text} NOT NULL, value {text} NOT NULL,
    PRIMARY KEY (experiment, name)){clustered};
CREATE TABLE runs (
    id {identity}, uid {text} NOT NULL UNIQUE, experiment BIGINT NOT NULL, name {text} NOT NULL,
    owner {text} NOT NULL, status {text} NOT NULL, reason {text}, start_ms BIGINT NOT NULL, end_ms BIGINT,
    lease_ms BIGINT, active_ms BIGINT NOT NULL, deleted BIGINT NOT NULL, dropped BIGINT NOT NULL);
CREATE INDEX runs_by_start ON runs (experiment, deleted, start_ms DESC, uid);
CREATE TABLE keys (id {identity}, name {text} NOT NULL UNIQUE);
CREATE TABLE series (
    experiment BIGINT NOT NULL, key BIGINT NOT NULL, run BIGINT NOT NULL,
    last_value {real}, min_value {real}, max_value {real}, first_value {real},
    last_step BIGINT NOT NULL, last_ms BIGINT NOT NULL, first_step BIGINT NOT NULL, first_ms BIGINT NOT NULL,
    min_step BIGINT, min_ms BIGINT, max_step BIGINT, max_ms BIGINT,
    points BIGINT NOT NULL, nans BIGINT NOT NULL, head_points BIGINT NOT NULL,
    PRIMARY KEY (experiment, key, run)){clustered};
CREATE INDEX series_by_run ON series (run, key);
CREATE TABLE heads (id {identity}, run BIGINT NOT NULL, key BIGINT NOT NULL, data {blob} NOT NULL);
CREATE INDEX heads_by_series ON heads (run, key);
CREATE TABLE chunks (
    id {identity}, run BIGINT NOT NULL, key BIGINT NOT NULL, points BIGINT NOT NULL, nans BIGINT NOT NULL,
    first_step BIGINT NOT NULL, first_ms BIGINT NOT NULL, first_value {real},
    last_step BIGINT NOT NULL, last_ms BIGINT NOT NULL, last_value {real},
    min_step BIGINT, min_ms BIGINT, min_value {real}, max_step BIGINT, max_ms BIGINT, max_value {real},
    rollup {blob} NOT NULL, data {blob} NOT NULL);
CREATE INDEX chunks_by_series ON chunks (run, key, first_step);
CREATE TABLE params (
    experiment BIGINT NOT NULL, key BIGINT NOT NULL, run BIGINT NOT NULL, value {text} NOT NULL, number {real},
    PRIMARY KEY (experiment, key, run)){clustered};
CREATE INDEX params_by_run ON params (run, key);
CREATE TABLE tags (
    experiment BIGINT NOT NULL, key BIGINT NOT NULL, run BIGINT NOT NULL, value {text} NOT NULL,
    PRIMARY KEY (experiment, key, run)){clustered};
CREATE INDEX tags_by_run ON tags (run, key);
CREATE TABLE writers (
    run BIGINT NOT NULL, writer {text} NOT NULL, sequence BIGINT NOT NULL, PRIMARY KEY (run, writer)){clustered};
CREATE TABLE media (
    id {identity}, run BIGINT NOT NULL, kind BIGINT NOT NULL, name {text} NOT NULL, step BIGINT NOT NULL,
    time_ms BIGINT NOT NULL, body {text} NOT NULL);
CREATE INDEX media_by_series ON media (run, kind, name, step, time_ms, id);
CREATE TABLE media_blobs (run BIGINT NOT NULL, digest {text} NOT NULL, PRIMARY KEY (run, digest)){clustered};
CREATE TABLE datasets (
    id {identity}, experiment BIGINT NOT NULL, name {text} NOT NULL, digest {text} NOT NULL, body {text} NOT NULL,
    UNIQUE (experiment, name, digest));
CREATE TABLE inputs (
    id {identity}, run BIGINT NOT NULL, dataset BIGINT NOT NULL, context {text}, tags {text} NOT NULL,
    UNIQUE (run, dataset));
CREATE INDEX inputs_by_dataset ON inputs (dataset);
CREATE TABLE model_links (
    run BIGINT NOT NULL, output BIGINT NOT NULL, model {text} NOT NULL, step BIGINT NOT NULL,
    PRIMARY KEY (run, output, model, step)){clustered};
CREATE TABLE steps (id {identity}, run BIGINT NOT NULL, body {text} NOT NULL);
CREATE INDEX steps_by_run ON steps (run);
CREATE TABLE blobs (digest {text} PRIMARY KEY, bytes BIGINT NOT NULL, refs BIGINT NOT NULL, added_ms BIGINT NOT NULL);
CREATE INDEX blobs_by_refs ON blobs (refs, added_ms);
CREATE TABLE artifacts (
    owner {text} NOT NULL, path {text} NOT NULL, digest {text} NOT NULL, time_ms BIGINT NOT NULL,
    PRIMARY KEY (owner, path)){clustered};
CREATE TABLE logged_models (id {text} PRIMARY KEY, experiment BIGINT NOT NULL, created_ms BIGINT NOT NULL, body {text} NOT NULL);
CREATE INDEX logged_models_by_experiment ON logged_models (experiment, created_ms);
CREATE TABLE registered_models (name {text} PRIMARY KEY, body {text} NOT NULL);
CREATE TABLE model_versions (
    name {text} NOT NULL, version BIGINT NOT NULL, body {text} NOT NULL, PRIMARY KEY (name, version)){clustered};
CREATE TABLE documents (
    collection {text} NOT NULL, name {text} NOT NULL, value {text} NOT NULL, PRIMARY KEY (collection, name)){clustered};
INSERT INTO experiments (id, project, name, deleted, created_ms, updated_ms) VALUES (0, 'default', 'Default', 0, 0, 0)";

/// The version of a store.
///
/// # Errors
/// [`Error::TooNew`] for a store of a newer program; when the database holds no store.
pub(crate) fn version(sql: &mut dyn Sql, store: &str) -> Result<i64, Error> {
    let found = sql.first("SELECT max(version) FROM schema_version", &[])?;
    let found = found
        .map_or(Ok(None), |mut row| row.maybe_int())?
        .unwrap_or(0);
    if found > SCHEMA_VERSION {
        return Err(Error::TooNew {
            store: store.to_owned(),
            found,
            known: SCHEMA_VERSION,
        });
    }
    Ok(found)
}

/// Brings a store to this program's schema, in the transaction it is called in.
///
/// # Errors
/// [`Error::TooNew`] for a store of a newer program, which stays as it is.
pub(crate) fn migrate(sql: &mut dyn Sql, store: &str) -> Result<(), Error> {
    sql.execute(
        "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)",
        &[],
    )?;
    let found = version(sql, store)?;
    for (version, statements) in (1i64..).zip(VERSIONS).skip(found.max(0) as usize) {
        for statement in in_dialect(statements, sql.dialect()).split(';') {
            sql.execute(statement.trim(), &[])?;
        }
        sql.execute(
            "INSERT INTO schema_version (version) VALUES (?1)",
            args![version],
        )?;
    }
    Ok(())
}

fn in_dialect(statements: &str, dialect: &Dialect) -> String {
    [
        ("{identity}", dialect.identity),
        ("{text}", dialect.text),
        ("{blob}", dialect.blob),
        ("{real}", dialect.real),
        ("{clustered}", dialect.clustered),
    ]
    .iter()
    .fold(statements.to_owned(), |text, (word, meaning)| {
        text.replace(word, meaning)
    })
}
