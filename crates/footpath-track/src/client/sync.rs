//! Delivery of spools after the fact: of runs without a target, or whose target was away, or
//! whose process was killed.

use std::path::Path;

use super::deliver::Delivery;
use super::destination::Destination;
use super::guard::Host;
use super::spool::{Record, Spool, SpoolReader};
use crate::error::Error;
use crate::model::{Batch, RunId, RunStatus, StateChange};
use crate::sql::now_ms;

/// What a [`sync`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// The runs that the destination has whole now.
    pub delivered: Vec<RunId>,
    /// The runs whose processes still record: left alone.
    pub running: Vec<RunId>,
    /// How many batches the destination did not have yet.
    pub applied: u64,
    /// How many it had.
    pub known: u64,
    /// Bytes of records that were cut off as a process or machine went down, by run.
    pub cut_off: Vec<(RunId, u64)>,
    /// The spools that could not be delivered, and why.
    pub failed: Vec<(String, String)>,
}

/// Delivers all spools below a folder and removes those that the destination has whole. Twice
/// is the same as once. A run whose process is gone without a word is ended as killed, with
/// what the machine tells of why.
///
/// # Errors
/// [`Error::File`] when the folder cannot be read; what fails of one run is in the report.
pub fn sync(folder: &Path, destination: &dyn Destination) -> Result<SyncReport, Error> {
    let mut report = SyncReport::default();
    for spool in Spool::all(folder)? {
        let place = spool.folder().display().to_string();
        if let Err(error) = sync_one(spool, destination, &mut report) {
            report.failed.push((place, error.to_string()));
        }
    }
    Ok(report)
}

fn sync_one(
    spool: Spool,
    destination: &dyn Destination,
    report: &mut SyncReport,
) -> Result<(), Error> {
    let start = spool.start()?;
    let Some(lock) = spool.lock()? else {
        report.running.push(start.id);
        return Ok(());
    };
    let mut delivery = Delivery::new(destination, &spool, &start);
    let mut ended = false;
    let mut last_ms = start.start_ms;
    let writers = spool.writers()?;
    for writer in &writers {
        let from = spool.acknowledged(writer);
        let mut reader = SpoolReader::open(&spool, writer, 0)?;
        while let Some(record) = reader.next()? {
            if let Some(state) = &record.batch.state {
                // A later process may have gone on with a run that had ended.
                ended = state.status.is_terminal();
            }
            last_ms = last_ms.max(latest(&record.batch));
            let end = record.end;
            if end <= from {
                report.known += 1;
                continue;
            }
            if delivery.deliver(writer, record)? {
                report.applied += 1;
            } else {
                report.known += 1;
            }
            spool.acknowledge(writer, end)?;
        }
        let rest = reader.rest()?;
        if rest > 0 {
            report.cut_off.push((start.id.clone(), rest));
        }
    }
    if !ended {
        let host: Option<Host> = spool
            .read("host.json")
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let reason = host.map(|host| host.silent_end());
        let state = Some(StateChange {
            status: RunStatus::Killed,
            reason,
            end_ms: Some(last_ms.min(now_ms())),
        });
        // One end for each process that recorded, whoever syncs it: the sequence makes it so.
        let writer = format!("sync {}", writers.last().map_or("", String::as_str));
        delivery.deliver(
            writer.trim_end(),
            Record {
                sequence: 1,
                batch: Batch {
                    state,
                    ..Batch::default()
                },
                end: 0,
            },
        )?;
    }
    spool.remove()?;
    drop(lock);
    report.delivered.push(start.id);
    Ok(())
}

/// The latest time that a batch speaks of, Unix milliseconds.
fn latest(batch: &Batch) -> i64 {
    let points = batch
        .metrics
        .values()
        .filter_map(|points| points.0.last())
        .map(|point| point.time_ms);
    points
        .chain(batch.texts.iter().map(|text| text.time_ms))
        .max()
        .unwrap_or(i64::MIN)
}
