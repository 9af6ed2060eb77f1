//! Computing outputs that are kept, and loading them.

use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use crate::digest::Digest;
use crate::error::{BoxError, StoreError};
use crate::event::Event;
use crate::every_item::ItemStopped;
use crate::execute::{Stopped, Wave};
use crate::graph::{AnyValue, Codec, Slot, Work};
use crate::items::{AnyItems, KeptItems};
use crate::key::{self, InputPart};
use crate::plan::{KeptOutput, find_kept};
use crate::report::Outcome;
use crate::store::disk::Sync;
use crate::store::manifest::{ItemRow, Origin};
use crate::store::{Disk, ItemTable, Manifest, Object, ObjectReader, Output};

impl Wave<'_> {
    /// Uses a kept output, once its digest is verified.
    pub(crate) fn load(&self, index: usize, kept: &KeptOutput) -> Result<Slot, Stopped> {
        let disk = self
            .runner
            .store
            .disk()
            .expect("only a store with a folder keeps on disk");
        let node = &self.nodes[index];
        let codec = node.codec.as_ref().expect("a kept node has a codec");
        let start = Instant::now();
        let key = kept.manifest.key;
        let value = match (&kept.manifest.output, &kept.table) {
            (Output::Items { .. }, Some(table)) => {
                self.kept_items(disk, index, codec, table.clone())
            }
            (output, _) => match read_value(disk, codec, output) {
                Ok(value) => value,
                Err(error) => {
                    tracing::warn!(step = %node.name, %error, "a kept output cannot be used and is computed again");
                    disk.remove_manifest(&key)?;
                    return Err(Stopped::PlanChanged);
                }
            },
        };
        self.journal.note(index, |entry| {
            entry.outcome = Some(Outcome::Hit);
            entry.elapsed_secs = start.elapsed().as_secs_f64();
            entry.bytes = Some(kept.manifest.output.bytes());
            if let Output::Items { len, failed, .. } = &kept.manifest.output {
                let failed = failed.len() as u64;
                entry.items = Some(crate::ItemCounts {
                    total: *len,
                    computed: 0,
                    reused: *len - failed,
                    failed,
                });
            }
        });
        self.emit(index, |step| Event::Hit { step });
        Ok(Slot { key, value })
    }

    fn kept_items(&self, disk: &Disk, index: usize, codec: &Codec, table: ItemTable) -> AnyValue {
        let items = codec
            .items
            .as_ref()
            .expect("a collection has a codec for items");
        let in_use = self
            .in_use
            .clone()
            .expect("a run on a store with a folder is registered as its user");
        (items.from_store)(KeptItems {
            step: Arc::clone(&self.nodes[index].name),
            table,
            objects: ObjectReader {
                objects: disk.objects.clone(),
                _in_use: in_use,
            },
            item_errors: Arc::clone(&self.journal.item_errors),
            decode: codec.decode,
        })
    }

    /// Computes and keeps an output, alone among all processes.
    pub(crate) fn compute_kept(
        &self,
        disk: &Disk,
        index: usize,
        key: Digest,
        inputs: &[Slot],
    ) -> Result<Slot, Stopped> {
        let node = &self.nodes[index];
        let codec = node.codec.as_ref().expect("a kept node has a codec");
        let waits = || self.emit(index, |step| Event::Waiting { step });
        let lock = disk.lock_key(&key, &self.runner.cancel, waits)?;
        if self.runner.cancel.is_cancelled() {
            return Err(Stopped::Cancelled);
        }
        // While we waited for the lock, another process may have done the work.
        if !self.planned[index].forced
            && let Some(kept) = find_kept(disk, node, &key)?
        {
            return self.load(index, &kept);
        }
        self.emit(index, |step| Event::Started { step });
        let start = Instant::now();
        let context = self.context(index, disk.scratch(&key, lock.is_some()));
        let (output, slot) = if let Work::Step(work) = &node.work {
            let value = self.call(index, work.as_ref(), inputs, &context)?;
            if let Some(items) = &codec.items {
                let items = (items.open)(&value);
                self.keep_items(disk, index, codec, items.as_ref(), key)?
            } else {
                let object =
                    put(disk, codec, &value, Sync::ToDisk).map_err(|error| match error {
                        PutError::Encode(cause) => self.failure(
                            index,
                            format!("its output cannot be encoded: {cause}").into(),
                        ),
                        PutError::Store(error) => error.into(),
                    })?;
                let type_tag = (codec.type_tag)();
                (Output::Value { object, type_tag }, Slot { key, value })
            }
        } else {
            let items = self.set_up_each(index, inputs, context.clone())?;
            self.keep_items(
                disk,
                index,
                codec,
                items.as_ref(),
                self.item_code(index, inputs),
            )?
        };
        let elapsed = start.elapsed();
        self.journal.note(index, |entry| {
            entry.outcome = Some(Outcome::Computed);
            entry.elapsed_secs = elapsed.as_secs_f64();
            entry.bytes = Some(output.bytes());
        });
        disk.put_manifest(&Manifest {
            pipeline: self.pipeline.to_owned(),
            step: node.name.to_string(),
            key,
            parts: key::parts(node, self.input_parts(index, inputs)),
            output,
            elapsed_secs: elapsed.as_secs_f64(),
            finished_unix_ms: UNIX_EPOCH
                .elapsed()
                .map_or(0, |time| time.as_millis() as u64),
            origin: Origin::here(),
        })?;
        context.inner.scratch.remove()?;
        self.emit(index, |step| Event::Finished { step, elapsed });
        Ok(slot)
    }

    fn input_parts(&self, index: usize, inputs: &[Slot]) -> Vec<InputPart> {
        let names = self.nodes[index]
            .inputs
            .iter()
            .map(|(input, _)| self.nodes[*input].name.to_string());
        names
            .zip(inputs)
            .map(|(name, slot)| InputPart {
                name,
                key: slot.key,
            })
            .collect()
    }

    /// Keeps items one by one, as soon as each is computed; those kept before are not computed.
    fn keep_items(
        &self,
        disk: &Disk,
        index: usize,
        codec: &Codec,
        items: &dyn AnyItems,
        log_name: Digest,
    ) -> Result<(Output, Slot), Stopped> {
        let log = disk.item_log(&log_name)?;
        let reused = std::sync::atomic::AtomicU64::new(0);
        let kept = self.every_item(index, items.len(), |item| {
            let key = items.key(item);
            if !self.planned[index].forced
                && let Some(object) = log.find(&key)
                && disk.objects.has(&object)?
            {
                reused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                return Ok(object);
            }
            let value = items.get(item)?;
            // An item damaged by a power failure is found out by its digest and computed again.
            let object = put(disk, codec, &value, Sync::ToSystem).map_err(|error| match error {
                PutError::Encode(cause) => {
                    let step = Arc::clone(&self.nodes[index].name);
                    ItemStopped::Item(crate::ItemError {
                        step,
                        index: item,
                        cause: cause.into(),
                    })
                }
                PutError::Store(error) => error.into(),
            })?;
            log.append(&key, &object)?;
            Ok(object)
        })?;
        let row = |(item, object): (usize, &Result<Object, crate::ItemError>)| ItemRow {
            key: items.key(item),
            object: object
                .as_ref()
                .map(|object| *object)
                .map_err(|error| crate::error::chain(error.cause.as_ref())),
        };
        let table = ItemTable {
            rows: kept.iter().enumerate().map(row).collect(),
        };
        let failed = kept
            .iter()
            .enumerate()
            .filter_map(|(item, object)| Some((item, object.as_ref().err()?.clone())));
        let failed: Vec<_> = failed.map(|(item, error)| (item, error.cause)).collect();
        let reused = reused.into_inner();
        self.journal.note(index, |entry| {
            let (total, failures) = (items.len() as u64, failed.len() as u64);
            entry.items = Some(crate::ItemCounts {
                total,
                computed: total - reused - failures,
                reused,
                failed: failures,
            });
            entry.failed_items.clone_from(&failed);
        });
        let output = Output::Items {
            table: disk.objects.put(&table.encode(), Sync::ToDisk)?,
            log: log_name,
            len: table.rows.len() as u64,
            bytes: kept.iter().flatten().map(|object| object.bytes).sum(),
            failed: failed
                .iter()
                .map(|(item, cause)| (*item as u64, crate::error::chain(cause.as_ref())))
                .collect(),
            type_tag: (codec.type_tag)(),
        };
        let key = key::with_holes(self.planned[index].key, &table.holes());
        Ok((
            output,
            Slot {
                key,
                value: self.kept_items(disk, index, codec, table),
            },
        ))
    }
}

/// A value could not be stored.
enum PutError {
    Encode(BoxError),
    Store(StoreError),
}

/// Stores a value's bytes.
fn put(disk: &Disk, codec: &Codec, value: &AnyValue, sync: Sync) -> Result<Object, PutError> {
    let mut put = None;
    let mut write = |bytes: &[u8]| put = Some(disk.objects.put(bytes, sync));
    (codec.encode)(value, &mut write).map_err(PutError::Encode)?;
    put.expect("a codec that succeeds hands its bytes over")
        .map_err(PutError::Store)
}

/// Reads a kept single value.
fn read_value(disk: &Disk, codec: &Codec, output: &Output) -> Result<AnyValue, StoreError> {
    let wrong = |cause: BoxError| StoreError::Codec {
        action: "decode",
        type_tag: output.type_tag().to_owned(),
        cause,
    };
    let Output::Value { object, .. } = output else {
        return Err(wrong("a single value was expected".into()));
    };
    (codec.decode)(disk.objects.read(object)?).map_err(wrong)
}
