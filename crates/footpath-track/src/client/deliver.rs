//! Delivery: from the spool to the target, in order, each batch once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::destination::Destination;
use super::progress::Progress;
use super::spool::{Record, Spool, SpoolReader};
use crate::error::Error;
use crate::model::{Batch, Digest, RunStart, WriterPosition};

/// Waits between tries begin with this and double up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Delivers records of one run.
pub(super) struct Delivery<'a> {
    destination: &'a dyn Destination,
    spool: &'a Spool,
    start: &'a RunStart,
    begun: bool,
    /// Contents that the target has, of a batch that it does not have yet.
    sent: BTreeSet<Digest>,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(
        destination: &'a dyn Destination,
        spool: &'a Spool,
        start: &'a RunStart,
    ) -> Self {
        Self {
            destination,
            spool,
            start,
            begun: false,
            sent: BTreeSet::new(),
        }
    }

    /// Delivers a record; says whether the target did not have it yet. A batch that the target
    /// refuses for good is delivered without what it may be refused for, and that is counted as
    /// dropped: the points must not suffer for a parameter.
    pub(super) fn deliver(&mut self, writer: &str, record: Record) -> Result<bool, Error> {
        if !self.begun {
            self.destination.begin(self.start)?;
            self.begun = true;
        }
        let position = WriterPosition {
            writer: writer.to_owned(),
            sequence: record.sequence,
        };
        let mut batch = record.batch;
        let again = !self.sent.is_empty();
        let mut answer = self.try_whole(&position, &batch);
        if again && answer.as_ref().is_err_and(|error| !error.is_transient()) {
            // The target may have let go of contents that waited long for their names.
            self.sent.clear();
            answer = self.try_whole(&position, &batch);
        }
        let mut refused = match answer {
            Err(error) if !error.is_transient() => error,
            answer => return answer,
        };
        for lesser in [without_records, without_points] {
            tracing::warn!(
                "the tracker's target refuses a part of what run {} told: {refused}",
                self.start.id
            );
            batch = lesser(batch);
            refused = match self.destination.append(&self.start.id, &position, &batch) {
                Err(error) if !error.is_transient() => error,
                answer => return answer.map(|answer| answer.applied),
            };
        }
        Err(refused)
    }

    fn try_whole(&mut self, position: &WriterPosition, batch: &Batch) -> Result<bool, Error> {
        for digest in digests(batch) {
            let path = self.spool.blob_path(digest);
            // A content delivered with an earlier batch is gone from the spool.
            if !self.sent.contains(&digest) && path.exists() {
                self.destination.put_blob(digest, &path)?;
                self.sent.insert(digest);
            }
        }
        let applied = self
            .destination
            .append(&self.start.id, position, batch)?
            .applied;
        self.sent.clear();
        for digest in digests(batch) {
            // The target has it; what cannot be removed now goes with the spool.
            let _ = std::fs::remove_file(self.spool.blob_path(digest));
        }
        Ok(applied)
    }
}

fn digests(batch: &Batch) -> impl Iterator<Item = Digest> {
    let layers = batch
        .images
        .iter()
        .flat_map(|image| image.layers.iter().map(|layer| layer.digest));
    batch.artifacts.iter().map(|link| link.digest).chain(layers)
}

/// Points and state alone.
fn without_records(batch: Batch) -> Batch {
    let records = batch.params.len()
        + batch.tags.len()
        + batch.texts.len()
        + batch.images.len()
        + batch.inputs.len()
        + batch.model_inputs.len()
        + batch.model_outputs.len()
        + batch.steps.len()
        + batch.artifacts.len();
    let dropped = batch.dropped + records as u64;
    Batch {
        metrics: batch.metrics,
        state: batch.state,
        lease_ms: batch.lease_ms,
        dropped,
        repeats: batch.repeats,
        ..Batch::default()
    }
}

/// The state alone.
fn without_points(batch: Batch) -> Batch {
    let dropped = batch.dropped + batch.points() as u64;
    Batch {
        state: batch.state,
        lease_ms: batch.lease_ms,
        dropped,
        ..Batch::default()
    }
}

/// Delivers what earlier processes of the run left in its spool, then a writer's log as it grows,
/// until it is complete or abandoned.
pub(super) fn deliver_all(
    destination: &dyn Destination,
    spool: &Spool,
    start: &RunStart,
    mut earlier: VecDeque<String>,
    writer: &str,
    progress: &Arc<Progress>,
) {
    let mut delivery = Delivery::new(destination, spool, start);
    let mut pause = FIRST_PAUSE;
    let mut at = 0;
    while progress.wait_for_more() {
        let before = deliver_earlier(&mut delivery, spool, &mut earlier);
        let opened = before.and_then(|()| SpoolReader::open(spool, writer, at));
        let delivered = opened.and_then(|mut reader| {
            while let Some(record) = reader.next()? {
                let end = record.end;
                delivery.deliver(writer, record)?;
                at = end;
                pause = FIRST_PAUSE;
                spool.acknowledge(writer, at)?;
                progress.delivered(at);
            }
            Ok(())
        });
        match delivered {
            Ok(()) => {}
            Err(error) if error.is_transient() => {
                tracing::debug!("the tracker's target is away: {error}");
                if !progress.pause(pause) {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => {
                tracing::warn!(
                    "the tracker's target does not take run {}; it stays in {}: {error}",
                    start.id,
                    spool.folder().display()
                );
                return;
            }
        }
    }
}

/// Delivers the logs of these writers, which are gone; takes away those that are done with.
fn deliver_earlier(
    delivery: &mut Delivery<'_>,
    spool: &Spool,
    writers: &mut VecDeque<String>,
) -> Result<(), Error> {
    while let Some(writer) = writers.front() {
        let mut reader = SpoolReader::open(spool, writer, spool.acknowledged(writer))?;
        while let Some(record) = reader.next()? {
            let end = record.end;
            delivery.deliver(writer, record)?;
            spool.acknowledge(writer, end)?;
        }
        writers.pop_front();
    }
    Ok(())
}
