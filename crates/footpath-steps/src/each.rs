//! The work of an `each` step: outputs computed one by one, when they are asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::context::Context;
use crate::digest::{Digest, Digester};
use crate::error::{BoxError, SharedError, chain};
use crate::event::Event;
use crate::graph::OnFailure;
use crate::item_errors::ItemErrors;
use crate::items::{ItemError, Memo, Source};

/// A typed transformation of one item.
pub(crate) type ItemWork<In, Out> =
    Arc<dyn Fn(&In, &Context) -> Result<Out, BoxError> + Send + Sync>;

/// Counts an `each` step's work, whichever step asks for it.
#[derive(Debug)]
pub(crate) struct Meter {
    nanoseconds: AtomicU64,
    computed: AtomicU64,
    failures: Mutex<Vec<(usize, SharedError)>>,
    on_failure: OnFailure,
    item_errors: Arc<ItemErrors>,
}

impl Meter {
    pub(crate) fn new(on_failure: OnFailure, item_errors: &Arc<ItemErrors>) -> Self {
        Self {
            nanoseconds: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            failures: Mutex::default(),
            on_failure,
            item_errors: Arc::clone(item_errors),
        }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.nanoseconds.load(Ordering::Relaxed) as f64 * 1e-9
    }

    pub(crate) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// The items that failed, each once, by position.
    pub(crate) fn failures(&self) -> Vec<(usize, SharedError)> {
        let mut failures = self.failures.lock().clone();
        failures.sort_by_key(|(item, _)| *item);
        failures.dedup_by_key(|(item, _)| *item);
        failures
    }
}

/// Outputs of one `each` step, computed when asked for and not held.
///
/// Chains of streams fuse: asking the last for item `i` runs item `i` through all of them.
pub(crate) struct Stream<In, Out> {
    pub(crate) node: usize,
    pub(crate) code: Digest,
    pub(crate) upstream: Arc<dyn Source<In>>,
    pub(crate) work: ItemWork<In, Out>,
    pub(crate) context: Context,
    pub(crate) shared: bool,
    pub(crate) meter: Arc<Meter>,
}

impl<In, Out> Stream<In, Out>
where
    In: Send + Sync + 'static,
    Out: Send + Sync + 'static,
{
    fn compute(&self, index: usize, memo: &Memo) -> Result<Arc<Out>, ItemError> {
        let input = self.upstream.get(index, memo)?;
        self.context
            .check()
            .map_err(|cancelled| self.failed(index, cancelled.into()))?;
        let start = Instant::now();
        let output = catching_panics(|| (self.work)(&input, &self.context));
        self.meter
            .nanoseconds
            .fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.meter
            .computed
            .fetch_add(u64::from(output.is_ok()), Ordering::Relaxed);
        output
            .map(Arc::new)
            .map_err(|cause| self.failed(index, cause))
    }

    fn failed(&self, item: usize, cause: BoxError) -> ItemError {
        let error = ItemError {
            step: Arc::clone(&self.context.inner.step),
            index: item,
            cause: cause.into(),
        };
        let cancelled = self.context.is_cancelled();
        let stop = self.meter.on_failure == OnFailure::Stop;
        // What a cancelled item says is of no interest.
        if !cancelled {
            self.context.emit(|step| Event::ItemFailed {
                step,
                item,
                cause: chain(error.cause.as_ref()),
                ends_step: stop,
            });
            let failure = (item, Arc::clone(&error.cause));
            self.meter.failures.lock().push(failure);
        }
        if cancelled || stop {
            self.meter.item_errors.note(&error);
        }
        error
    }
}

impl<In, Out> Source<Out> for Stream<In, Out>
where
    In: Send + Sync + 'static,
    Out: Send + Sync + 'static,
{
    fn len(&self) -> Option<usize> {
        self.upstream.len()
    }

    fn key(&self, index: usize) -> Digest {
        Digester::new("item key")
            .digest(&self.code)
            .digest(&self.upstream.key(index))
            .finish()
    }

    fn get(&self, index: usize, memo: &Memo) -> Result<Arc<Out>, ItemError> {
        if !self.shared {
            return self.compute(index, memo);
        }
        if let Some(known) = memo.find(self.node) {
            return Ok(known);
        }
        let output = self.compute(index, memo)?;
        memo.add(self.node, Arc::clone(&output));
        Ok(output)
    }
}

/// A transformer's panic as an error, so that it ends its step and nothing else.
pub(crate) fn catching_panics<T>(
    work: impl FnOnce() -> Result<T, BoxError>,
) -> Result<T, BoxError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "with a value that is not text".to_owned());
        Err(format!("panicked: {text}").into())
    })
}
