//! Batches: applied whole, once, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::{args, json};
use super::engine::Sql;
use super::runs::{self, Known, NAME_TAG};
use super::{artifacts, keys, media, now_ms, points};
use crate::error::Error;
use crate::model::{
    Appended, Batch, DatasetInput, ExperimentId, Owner, RunId, RunStatus, WriterPosition,
    check_batch, check_key,
};
use crate::search::spelled_number;

pub(super) fn append(
    sql: &mut dyn Sql,
    id: &RunId,
    position: Option<&WriterPosition>,
    batch: Batch,
) -> Result<Appended, Error> {
    check_batch(&batch)?;
    let Known { id: run, info } = runs::lock(sql, id)?;
    if let Some(WriterPosition { writer, sequence }) = position {
        check_key("writer", writer)?;
        let last = last_sequence(sql, run, writer)?;
        if *sequence <= last {
            return Ok(Appended {
                applied: false,
                last_sequence: last,
            });
        }
        sql.execute(
            "INSERT INTO writers (run, writer, sequence) VALUES (?1, ?2, ?3)
             ON CONFLICT (run, writer) DO UPDATE SET sequence = excluded.sequence",
            args![run, writer, *sequence],
        )?;
    }
    let numbers = intern_all(sql, &batch)?;
    let experiment = info.experiment;
    params(sql, id, experiment, run, &batch.params, &numbers)?;
    for (key, points) in batch.metrics {
        points::add(sql, experiment, run, numbers[&key], points.0, batch.repeats)?;
    }
    for (key, value) in &batch.tags {
        runs::set_tag(sql, experiment, run, key, value)?;
        if key == NAME_TAG && !value.is_empty() {
            runs::rename(sql, experiment, run, value)?;
        }
    }
    media::add(sql, run, &batch.texts, &batch.images, batch.repeats)?;
    inputs(sql, experiment, run, &batch.inputs)?;
    let links = batch.model_inputs.iter().map(|model| (0i64, model, 0i64));
    let links = links.chain(
        batch
            .model_outputs
            .iter()
            .map(|output| (1i64, &output.model_id, output.step)),
    );
    for (output, model, step) in links {
        check_key("logged model", model)?;
        sql.execute(
            "INSERT INTO model_links (run, output, model, step) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            args![run, output, model, step],
        )?;
    }
    for step in &batch.steps {
        sql.execute(
            "INSERT INTO steps (run, body) VALUES (?1, ?2)",
            args![run, json(step)?],
        )?;
    }
    for link in &batch.artifacts {
        artifacts::link(sql, &Owner::Run(id.clone()), &link.path, link.digest)?;
    }
    let now = now_ms();
    sql.execute(
        "UPDATE runs SET active_ms = ?2, lease_ms = COALESCE(?3, lease_ms), dropped = dropped + ?4 WHERE id = ?1",
        args![run, now, batch.lease_ms.map(|lease| now.saturating_add(lease)), batch.dropped],
    )?;
    if let Some(state) = &batch.state {
        runs::set_state(
            sql,
            run,
            Some(state.status),
            state.reason.as_deref(),
            state.end_ms,
        )?;
        if RunStatus::is_terminal(state.status) {
            points::seal_run(sql, run)?;
        }
    }
    Ok(Appended {
        applied: true,
        last_sequence: position.map_or(0, |position| position.sequence),
    })
}

pub(super) fn last_sequence(sql: &mut dyn Sql, run: i64, writer: &str) -> Result<u64, Error> {
    let row = sql.first(
        "SELECT sequence FROM writers WHERE run = ?1 AND writer = ?2",
        args![run, writer],
    )?;
    row.map_or(Ok(0), |mut row| row.count())
}

/// The numbers of all keys of a batch, given out in order so that two transactions that need
/// the same new keys wait for, but never block, each other.
fn intern_all(sql: &mut dyn Sql, batch: &Batch) -> Result<BTreeMap<String, i64>, Error> {
    let params = batch.params.iter().map(|(key, _)| key);
    let name_tag = NAME_TAG.to_owned();
    let renames = batch.tags.contains_key(NAME_TAG).then_some(&name_tag);
    let all: BTreeSet<&String> = params
        .chain(batch.tags.keys())
        .chain(batch.metrics.keys())
        .chain(renames)
        .collect();
    all.into_iter()
        .map(|key| Ok((key.clone(), keys::intern(sql, key)?)))
        .collect()
}

fn params(
    sql: &mut dyn Sql,
    id: &RunId,
    experiment: ExperimentId,
    run: i64,
    params: &[(String, String)],
    numbers: &BTreeMap<String, i64>,
) -> Result<(), Error> {
    let mut changed = Vec::new();
    for (key, value) in params {
        let number = numbers[key];
        let added = sql.execute(
            "INSERT INTO params (experiment, key, run, value, number) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            args![experiment.0, number, run, value, spelled_number(value)],
        )?;
        if added == 1 {
            continue;
        }
        let row = sql.first(
            "SELECT value FROM params WHERE experiment = ?1 AND key = ?2 AND run = ?3",
            args![experiment.0, number, run],
        )?;
        let old = row.map_or_else(|| Ok(String::new()), |mut row| row.text())?;
        if old != *value {
            changed.push((key.clone(), old, value.clone()));
        }
    }
    let more = changed.len().saturating_sub(1);
    match changed.into_iter().next() {
        None => Ok(()),
        Some((key, old, new)) => Err(Error::ParamChanged {
            run: id.to_string(),
            key,
            old,
            new,
            more,
        }),
    }
}

fn inputs(
    sql: &mut dyn Sql,
    experiment: ExperimentId,
    run: i64,
    inputs: &[DatasetInput],
) -> Result<(), Error> {
    for input in inputs {
        let dataset = &input.dataset;
        let named = args![experiment.0, &dataset.name, &dataset.digest, json(dataset)?].to_vec();
        sql.execute(
            "INSERT INTO datasets (experiment, name, digest, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (experiment, name, digest) DO NOTHING",
            &named,
        )?;
        let row = sql.first(
            "SELECT id FROM datasets WHERE experiment = ?1 AND name = ?2 AND digest = ?3",
            &named[..3],
        )?;
        let number = row
            .ok_or_else(|| Error::database("a data set was not kept"))?
            .int()?;
        sql.execute(
            "INSERT INTO inputs (run, dataset, context, tags) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (run, dataset) DO NOTHING",
            args![run, number, input.context(), json(&input.tags)?],
        )?;
    }
    Ok(())
}
