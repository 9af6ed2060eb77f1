//! Running a pipeline: options, outcome.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use crate::error::{Error, Failed};
use crate::event::{CancelToken, Event, Observer};
use crate::execute::{Ended, Wave};
use crate::graph::Slot;
use crate::inputs::Inputs;
use crate::journal::Journal;
use crate::memory;
use crate::past::Past;
use crate::pipeline::Pipeline;
use crate::plan;
use crate::report::RunReport;
use crate::store::Store;
use crate::wires::Targets;

/// How often a run is planned again because a kept item was damaged. A disk
/// that damages what was just written must not keep a run going for ever.
const MAX_REPAIRS: u32 = 3;

/// The outcome of a run.
#[derive(Debug, Clone)]
pub struct Run<O> {
    /// The values of the targets: `Arc<T>` for a handle, a tuple of those for a tuple.
    pub output: O,
    /// What happened to every step.
    pub report: RunReport,
}

/// Runs pipelines with options: how many threads, who is told, who may cancel.
///
/// ```
/// # use footpath_steps::*;
/// # fn main() -> Result<(), Error> {
/// # let p = Pipeline::new("options");
/// # let x = p.input::<f64>("x");
/// # let y = p.map("double", Version(1), &x, |x| 2.0 * x);
/// # let store = Store::in_memory();
/// let cancel = CancelToken::new(); // a Ctrl-C handler may hold a clone
/// let run = Runner::new(&store)
///     .threads(2)
///     .cancel_with(&cancel)
///     .observe(|event| if let Event::Failed { step, cause } = event { eprintln!("{step}: {cause}") })
///     .run(&p, &y, Inputs::new().with(&x, 21.0))?;
/// assert_eq!(*run.output, 42.0);
/// # Ok(()) }
/// ```
pub struct Runner<'s> {
    pub(crate) store: &'s Store,
    pub(crate) threads: Option<usize>,
    pub(crate) cancel: CancelToken,
    pub(crate) observer: Option<Observer>,
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("store", self.store)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl<'s> Runner<'s> {
    /// A runner that uses and adds to `store`.
    #[must_use]
    pub fn new(store: &'s Store) -> Self {
        Self {
            store,
            threads: None,
            cancel: CancelToken::new(),
            observer: None,
        }
    }

    /// At most this many threads work, on steps and items together; at least one.
    ///
    /// Without it, rayon's current pool is used: one thread for each core.
    /// Transformers that use rayon themselves work within the same budget.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Stops when `token` is cancelled.
    #[must_use]
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.cancel = token.clone();
        self
    }

    /// Tells `observer` what happens, from the threads where it happens.
    #[must_use]
    pub fn observe(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Runs what leads to `targets`; see [`Pipeline::run`].
    ///
    /// # Errors
    /// As [`Pipeline::run`], and [`Error::Cancelled`].
    pub fn run<G: Targets>(
        &self,
        pipeline: &Pipeline,
        targets: G,
        inputs: Inputs,
    ) -> Result<Run<G::Output>, Error> {
        let mut wanted = Vec::new();
        targets.nodes(&mut wanted);
        let (slots, report) = self.run_nodes(pipeline, &wanted, inputs)?;
        Ok(Run {
            output: targets.collect(&mut slots.iter()),
            report,
        })
    }

    pub(crate) fn run_nodes(
        &self,
        pipeline: &Pipeline,
        wanted: &[crate::graph::NodeRef],
        inputs: Inputs,
    ) -> Result<(Vec<Slot>, RunReport), Error> {
        let graph = pipeline.graph();
        if let Some(foreign) = wanted.iter().find_map(|target| graph.foreign(target, None)) {
            return Err(foreign.into());
        }
        let nodes = graph.nodes()?;
        let (given, listings) = inputs.resolve(graph)?;
        let targets: Vec<usize> = wanted.iter().map(|target| target.index).collect();
        let in_use = self
            .store
            .disk()
            .map(crate::store::Disk::start_use)
            .transpose()?;
        let started = Instant::now();
        let started_unix_ms = UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_millis() as u64);

        let journal = Journal::new(nodes.len());
        let mut done: HashMap<usize, Slot> = HashMap::new();
        let mut repairs_left = MAX_REPAIRS;
        let ended = loop {
            let planned = plan::plan(&nodes, &targets, &given, &done, self.store)?;
            if let Some(disk) = self.store.disk() {
                if done.is_empty() {
                    let reasons =
                        Past::of(disk, &graph.name)?.explain(&nodes, &planned, &listings)?;
                    journal.explain(reasons);
                }
                memory::remember_start(disk, &graph.name, &nodes, &planned, &listings)?;
            }
            let wave = Wave::new(
                self,
                &graph.name,
                &nodes,
                &targets,
                &planned,
                &journal,
                in_use.clone(),
            )
            .with_repairs_left(repairs_left);
            let (ended, slots) = self.on_threads(|| wave.run())??;
            match ended {
                Ended::PlanChanged => done.extend(slots),
                Ended::ItemLost => {
                    // Collections at hand may read the lost item.
                    done.clear();
                    journal.item_errors.clear();
                    repairs_left -= 1;
                }
                Ended::Finished | Ended::Failed | Ended::Cancelled => {
                    done.extend(slots);
                    break ended;
                }
            }
        };
        let report = journal.report(&graph.name, &nodes, started_unix_ms, started.elapsed());
        if let Some(disk) = self.store.disk() {
            memory::remember_end(disk, &report)?;
        }
        match ended {
            Ended::Failed => Err(Error::Failed(Box::new(Failed {
                steps: journal.failures(),
                report,
            }))),
            Ended::Cancelled => Err(Error::Cancelled(Box::new(report))),
            Ended::Finished | Ended::PlanChanged | Ended::ItemLost => {
                let slots = targets.iter().map(|target| done[target].clone()).collect();
                Ok((slots, report))
            }
        }
    }

    fn on_threads<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let Some(threads) = self.threads else {
            return Ok(work());
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("footpath-steps-{index}"))
            .build()
            .map_err(|cause| Error::Threads {
                threads,
                cause: cause.to_string(),
            })?;
        Ok(pool.install(work))
    }
}
