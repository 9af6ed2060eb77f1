//! What runs beside a program while its run is recorded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::guard::{self, Host};
use super::options::RunOptions;
use super::progress::Progress;
use super::queue::Queue;
use super::recorder::Recorder;
use super::spool::{Spool, SpoolWriter};
use super::{deliver, signals, system, target};
use crate::error::Error;
use crate::model::{RunId, RunStart};
use crate::sql::now_ms;

/// What runs beside the program.
pub(super) struct Recording {
    pub(super) progress: Arc<Progress>,
    pub(super) spool: Spool,
    pub(super) finish_timeout: Duration,
    /// Held as long as the process records: who finds it free knows that the process is gone.
    pub(super) lock: std::fs::File,
    pub(super) recorder: JoinHandle<()>,
    pub(super) delivery: JoinHandle<()>,
    /// Ends the thread that logs the load.
    pub(super) load: Sender<()>,
    pub(super) signals: Option<signals::Watch>,
    /// Those that look at the source.
    pub(super) helpers: Mutex<Vec<JoinHandle<()>>>,
}

/// Starts what runs beside the program.
pub(super) fn record(
    queue: &Arc<Queue>,
    start: RunStart,
    options: &RunOptions,
) -> Result<Recording, Error> {
    guard::remember_panics();
    let (spool, lock) = Spool::hold(&options.spool_folder(), &start)?;
    // Left by processes that recorded the run before this one.
    let earlier = VecDeque::from(spool.writers()?);
    spool.write(
        "host.json",
        &serde_json::to_vec(&Host::now()).map_err(Error::database)?,
    )?;
    let writer = RunId::random().to_string();
    let recorder = Recorder {
        queue: Arc::clone(queue),
        progress: Arc::default(),
        spool: spool.clone(),
        writer: SpoolWriter::create(&spool, &writer)?,
        flush_every: options.flush_every,
        lease: options.lease,
        params: BTreeMap::new(),
        repeats: options.resume.is_some(),
    };
    let progress = Arc::clone(&recorder.progress);
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new()
            .name(name.into())
            .spawn(work)
            .map_err(Error::file("a thread of the tracker"))
    };
    let (target, to) = (options.target.clone(), spool.clone());
    let (of_delivery, id) = (Arc::clone(&progress), start.id.clone());
    let delivery = spawn(
        "track-delivery",
        Box::new(move || {
            match target::open(&target) {
                Ok(Some(destination)) => {
                    deliver::deliver_all(
                        &*destination,
                        &to,
                        &start,
                        earlier,
                        &writer,
                        &of_delivery,
                    );
                }
                Ok(None) => {}
                Err(error) => tracing::warn!("run {id} stays in its spool: {error}"),
            }
            of_delivery.abandon();
        }),
    )?;
    let recorder = spawn("track-recorder", Box::new(move || recorder.run()))?;
    let (load, stop) = std::sync::mpsc::channel();
    if let Some(every) = options.system_metrics_every {
        let queue = Arc::clone(queue);
        // A run that goes on has told of the time before.
        let before_ms = options
            .resume
            .as_ref()
            .map_or(0, |run| now_ms() - run.start_ms);
        spawn(
            "track-load",
            Box::new(move || system::log_load(&queue, every, before_ms, &stop)),
        )?;
    }
    let signals = if options.record_signals {
        signals::watch(queue, &progress)
    } else {
        None
    };
    let (finish_timeout, helpers) = (options.finish_timeout, Mutex::default());
    Ok(Recording {
        progress,
        spool,
        finish_timeout,
        lock,
        recorder,
        delivery,
        load,
        signals,
        helpers,
    })
}
