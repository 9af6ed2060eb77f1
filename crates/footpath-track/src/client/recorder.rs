//! The recorder: from the queue to the spool.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::progress::Progress;
use super::queue::{Event, Queue};
use super::spool::{Spool, SpoolWriter};
use crate::artifact::ArtifactPath;
use crate::error::Error;
use crate::model::{
    ArtifactLink, Batch, ImageRecord, Point, Points, check_experiment_name, check_key, check_text,
};

/// A batch with more points is cut.
const BATCH_POINTS: usize = 100_000;

pub(super) struct Recorder {
    pub(super) queue: Arc<Queue>,
    pub(super) progress: Arc<Progress>,
    pub(super) spool: Spool,
    pub(super) writer: SpoolWriter,
    pub(super) flush_every: Duration,
    pub(super) lease: Duration,
    /// What was recorded of parameters: the store would refuse a whole batch for one change.
    pub(super) params: BTreeMap<String, String>,
    /// The run went on before: see [`Batch::repeats`].
    pub(super) repeats: bool,
}

impl Recorder {
    /// Records until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut renewed = Instant::now();
        loop {
            let (events, closed) = self.queue.take(self.flush_every);
            let renew = renewed.elapsed() >= self.lease / 4;
            if !events.is_empty() || renew {
                self.record(events);
                renewed = Instant::now();
            }
            self.progress.recorded(self.writer.length());
            if closed {
                break;
            }
        }
        self.progress.complete();
    }

    fn record(&mut self, events: Vec<Event>) {
        let mut batch = Batch::default();
        let mut metrics: BTreeMap<Box<str>, Vec<Point>> = BTreeMap::new();
        let mut points = 0;
        for event in events {
            if let Event::Metric(key, point) = event {
                points += 1;
                match metrics.get_mut(&key) {
                    Some(series) => series.push(point),
                    None => drop(metrics.insert(key, vec![point])),
                }
                if points == BATCH_POINTS {
                    self.write(std::mem::take(&mut batch), std::mem::take(&mut metrics));
                    points = 0;
                }
            } else if let Err(error) = self.add(event, &mut batch) {
                tracing::warn!("the tracker drops something: {error}");
                self.queue.drop_one();
            }
        }
        self.write(batch, metrics);
    }

    fn add(&mut self, event: Event, batch: &mut Batch) -> Result<(), Error> {
        match event {
            Event::Metric(..) => {}
            Event::Param(key, value) => {
                check_key("parameter", &key)?;
                check_text("parameter", &key, &value)?;
                match self.params.get(&key) {
                    Some(old) if *old == value => {}
                    Some(old) => {
                        let why =
                            format!("it is `{old}` already, and a run's parameters do not change");
                        return Err(Error::invalid(
                            format!("parameter `{key}` = `{value}`"),
                            why,
                        ));
                    }
                    None => {
                        self.params.insert(key.clone(), value.clone());
                        batch.params.push((key, value));
                    }
                }
            }
            Event::Tag(key, value) => {
                check_key("tag", &key)?;
                check_text("tag", &key, &value)?;
                batch.tags.insert(key, value);
            }
            Event::Text(text) => {
                check_key("text series", &text.key)?;
                check_text("text series", &text.key, &text.text)?;
                batch.texts.push(text);
            }
            Event::Image(image, contents) => batch.images.push(self.image(image, &contents)?),
            Event::File(path, file) => {
                let path = ArtifactPath::new(&path)?.to_string();
                batch.artifacts.push(ArtifactLink {
                    path,
                    digest: self.spool.add_blob(file)?,
                });
            }
            Event::Bytes(path, bytes) => {
                let path = ArtifactPath::new(&path)?.to_string();
                batch.artifacts.push(ArtifactLink {
                    path,
                    digest: self.spool.add_blob(&bytes[..])?,
                });
            }
            Event::Input(input) => {
                check_experiment_name("data set", &input.dataset.name)?;
                batch.inputs.push(*input);
            }
            Event::ModelOutput(output) => batch.model_outputs.push(output),
            Event::Step(step) => batch.steps.push(*step),
            Event::State(state) => batch.state = Some(state),
        }
        Ok(())
    }

    fn image(&self, mut image: ImageRecord, contents: &[Vec<u8>]) -> Result<ImageRecord, Error> {
        check_key("image series", &image.key)?;
        for (layer, bytes) in image.layers.iter_mut().zip(contents) {
            layer.digest = self.spool.add_blob(&bytes[..])?;
        }
        Ok(image)
    }

    fn write(&mut self, mut batch: Batch, metrics: BTreeMap<Box<str>, Vec<Point>>) {
        for (key, points) in metrics {
            if let Err(error) = check_key("metric", &key) {
                tracing::warn!("the tracker drops {} points: {error}", points.len());
                self.queue.drop_many(points.len() as u64);
                continue;
            }
            batch.metrics.insert(key.into(), Points(points));
        }
        batch.lease_ms = i64::try_from(self.lease.as_millis()).ok();
        batch.repeats = self.repeats;
        batch.dropped = self.queue.take_dropped();
        if let Err(error) = self.writer.append(&batch) {
            tracing::warn!("the tracker cannot write its spool: {error}");
            let records = batch.params.len()
                + batch.tags.len()
                + batch.texts.len()
                + batch.images.len()
                + batch.artifacts.len();
            let lost = batch.dropped + (batch.points() + records) as u64;
            self.queue.drop_many(lost);
        }
    }
}
