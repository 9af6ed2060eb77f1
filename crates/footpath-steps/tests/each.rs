//! `each` steps: streaming, resuming, failing, cancelling.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and its floats are exact"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use footpath_steps::*;
use serde::Serialize;

fn on_disk() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

/// A value that counts how many of its kind are alive.
struct Counted {
    value: u64,
    alive: &'static AtomicI64,
    most: &'static AtomicI64,
}

impl Counted {
    fn new(value: u64, alive: &'static AtomicI64, most: &'static AtomicI64) -> Self {
        most.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Self { value, alive, most }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_million_items_are_never_in_memory_at_once() {
    static ALIVE: AtomicI64 = AtomicI64::new(0);
    static MOST: AtomicI64 = AtomicI64::new(0);
    let p = Pipeline::new("bounded");
    let numbers = p.input::<Items<u64>>("numbers");
    let first = p.map_each("first", Version(1), &numbers, |n| {
        Counted::new(*n, &ALIVE, &MOST)
    });
    let second = p.map_each("second", Version(1), &first, |c| {
        Counted::new(c.value + 1, c.alive, c.most)
    });
    let total = p.map("total", Version(1), &second, |items| {
        items.iter().map(|c| c.unwrap().value).sum::<u64>()
    });
    let count = 1_000_000;
    let digests = (0..count)
        .map(|n: u64| Digester::new("n").integer(n).finish())
        .collect();
    let inputs = Inputs::new().with(&numbers, Items::lazy(digests, |index| Ok(index as u64)));
    let store = Store::in_memory();
    let run = Runner::new(&store)
        .threads(2)
        .run(&p, &total, inputs)
        .unwrap();
    assert_eq!(*run.output, count * (count + 1) / 2);
    assert!(
        MOST.load(Ordering::SeqCst) <= 32,
        "{MOST:?} values were alive at once"
    );
}

#[test]
fn a_diamond_of_streams_computes_each_item_once() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let p = Pipeline::new("diamond");
    let numbers = p.input::<Vec<u64>>("numbers");
    let top = p.map_each("top", Version(1), &numbers, |n| {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n + 1
    });
    let left = p.map_each("left", Version(1), &top, |n| n * 2);
    let right = p.map_each("right", Version(1), &top, |n| n * 3);
    let both = p.map_each("both", Version(1), (&left, &right), |(l, r)| **l + **r);
    let run = p
        .run(
            &both,
            Inputs::new().with(&numbers, vec![1, 2, 3]),
            &Store::in_memory(),
        )
        .unwrap();
    let values: Vec<u64> = run.output.iter().map(|item| *item.unwrap()).collect();
    assert_eq!(values, [10, 15, 20]);
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
}

#[test]
fn a_stream_two_steps_need_is_computed_once() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let p = Pipeline::new("two readers");
    let numbers = p.input::<Vec<u64>>("numbers");
    let top = p.map_each("top", Version(1), &numbers, |n| {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n + 1
    });
    let sum = |name: &str| {
        p.map(name, Version(1), &top, |items| {
            items.iter().map(|item| *item.unwrap()).sum::<u64>()
        })
    };
    let (a, b) = (sum("a"), sum("b"));
    let run = p
        .run(
            (&a, &b),
            Inputs::new().with(&numbers, vec![1, 2, 3]),
            &Store::in_memory(),
        )
        .unwrap();
    assert_eq!((*run.output.0, *run.output.1), (9, 9));
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
}

/// Counts up, saving after each unit; cancels itself half-way the first time.
#[derive(Serialize)]
struct LongFit {
    #[serde(skip)]
    cancel: Option<CancelToken>,
    #[serde(skip)]
    units: Arc<AtomicU64>,
}

impl Estimator for LongFit {
    type Input = u64;
    type Model = u64;
    const NAME: &'static str = "long fit";
    const VERSION: u32 = 1;

    fn fit(&self, goal: &u64, context: &Context) -> Result<u64, BoxError> {
        let checkpoint = context.scratch()?.join("done");
        let mut done: u64 =
            std::fs::read_to_string(&checkpoint).map_or(Ok(0), |text| text.parse())?;
        while done < *goal {
            context.check()?;
            done += 1;
            self.units.fetch_add(1, Ordering::SeqCst);
            std::fs::write(&checkpoint, done.to_string())?;
            context.progress(done, *goal);
            if let Some(cancel) = self.cancel.as_ref().filter(|_| done == goal / 2) {
                cancel.cancel();
            }
        }
        Ok(done)
    }
}

#[test]
fn a_cancelled_fit_resumes_from_its_scratch_folder() {
    let (_folder, store) = on_disk();
    let units = Arc::<AtomicU64>::default();
    let token = CancelToken::new();
    let run = |cancel: Option<CancelToken>| {
        let p = Pipeline::new("long");
        let goal = p.input::<u64>("goal");
        let seen = Arc::new(AtomicU64::new(0));
        let last = Arc::clone(&seen);
        let runner = Runner::new(&store).observe(move |event| {
            if let Event::Progress { done, .. } = event {
                last.store(*done, Ordering::SeqCst);
            }
        });
        let runner = cancel.iter().fold(runner, Runner::cancel_with);
        let model = p.fit(
            "fit",
            LongFit {
                cancel,
                units: Arc::clone(&units),
            },
            &goal,
        );
        let result = runner.run(&p, &model, Inputs::new().with(&goal, 10));
        (result.map(|run| *run.output), seen.load(Ordering::SeqCst))
    };
    let (cancelled, seen) = run(Some(token));
    assert!(matches!(cancelled, Err(Error::Cancelled(_))));
    assert_eq!((units.load(Ordering::SeqCst), seen), (5, 5));
    // Collecting garbage leaves what a killed or cancelled step can go on from.
    store.gc(GcOptions::default()).unwrap();
    let (finished, _) = run(None);
    assert_eq!(finished.unwrap(), 10);
    assert_eq!(units.load(Ordering::SeqCst), 10);
    let scratch = store.folder().unwrap().join("scratch");
    assert_eq!(
        std::fs::read_dir(scratch).unwrap().count(),
        0,
        "removed after success"
    );
}

#[test]
fn a_cancelled_each_keeps_what_was_done() {
    #[derive(Serialize)]
    struct StopAtFifty {
        #[serde(skip)]
        cancel: CancelToken,
    }
    impl Transformer for StopAtFifty {
        type Input = u64;
        type Output = u64;
        const NAME: &'static str = "stop at fifty";
        const VERSION: u32 = 1;
        fn transform(&self, n: &u64, _: &Context) -> Result<u64, BoxError> {
            if *n == 50 {
                self.cancel.cancel();
            }
            Ok(n + 1)
        }
    }
    let (_folder, store) = on_disk();
    let run = |cancel: &CancelToken| {
        let p = Pipeline::new("cancelled each");
        let numbers = p.input::<Vec<u64>>("numbers");
        let more = p
            .each(
                "more",
                StopAtFifty {
                    cancel: CancelToken::clone(cancel),
                },
                &numbers,
            )
            .keep_output();
        let inputs = Inputs::new().with(&numbers, (0..100).collect());
        Runner::new(&store)
            .threads(1)
            .cancel_with(cancel)
            .run(&p, &more, inputs)
            .map(|run| run.report)
    };
    let Err(Error::Cancelled(report)) = run(&CancelToken::new()) else {
        panic!("not cancelled")
    };
    assert_eq!(report.step("more").unwrap().outcome, Outcome::NotReached);
    // The second run has a token nobody listens to: the step cancels a clone, but late.
    let p = Pipeline::new("cancelled each");
    let numbers = p.input::<Vec<u64>>("numbers");
    let more = p
        .each(
            "more",
            StopAtFifty {
                cancel: CancelToken::new(),
            },
            &numbers,
        )
        .keep_output();
    let run = p
        .run(
            &more,
            Inputs::new().with(&numbers, (0..100).collect()),
            &store,
        )
        .unwrap();
    let items = run.report.step("more").unwrap().items.unwrap();
    assert_eq!(items.reused + items.computed, 100);
    assert!(items.reused >= 1, "{items:?}");
}

#[test]
fn a_panic_is_an_error_of_its_step() {
    let p = Pipeline::new("panic");
    let numbers = p.input::<Vec<u64>>("numbers");
    let inverse = p.map_each("inverse", Version(1), &numbers, |n| 10 / n);
    let error = p
        .run(
            &inverse,
            Inputs::new().with(&numbers, vec![0]),
            &Store::in_memory(),
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `inverse` failed at item 0: panicked: attempt to divide by zero"
    );
}

#[test]
fn other_branches_finish_when_one_fails() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let p = Pipeline::new("branches");
    let x = p.input::<u64>("x");
    let bad = p.map("bad", Version(1), &x, |x| 1 / x);
    let good = p.map("good", Version(1), &x, |x| {
        DONE.store(true, Ordering::SeqCst);
        x + 1
    });
    let after = p.map("after", Version(1), &bad, |x| x + 1);
    let Err(Error::Failed(failed)) = p.run(
        (&after, &good),
        Inputs::new().with(&x, 0),
        &Store::in_memory(),
    ) else {
        panic!("did not fail")
    };
    assert_eq!(failed.report.step("bad").unwrap().outcome, Outcome::Failed);
    assert_eq!(
        failed.report.step("good").unwrap().outcome,
        Outcome::Computed
    );
    assert_eq!(
        failed.report.step("after").unwrap().outcome,
        Outcome::NotReached
    );
    assert!(DONE.load(Ordering::SeqCst));
}

#[test]
fn collections_of_unequal_length_are_refused() {
    let p = Pipeline::new("unequal");
    let a = p.input::<Vec<u64>>("a");
    let b = p.input::<Vec<u64>>("b");
    let sums = p.map_each("sums", Version(1), (&a, &b), |(a, b)| **a + **b);
    let inputs = Inputs::new().with(&a, vec![1, 2]).with(&b, vec![1]);
    let error = p
        .run(&sums, inputs, &Store::in_memory())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("step `sums` failed: its collections differ in length: [(0, 2), (1, 1)]"),
        "{error}"
    );
}

/// Sums what it can read of the inverses of some numbers.
fn sum_that_swallows(numbers: Vec<u64>, skip: bool, store: &Store) -> Result<u64, Error> {
    let p = Pipeline::new("swallow");
    let input = p.input::<Vec<u64>>("numbers");
    let mut inverse = p.map_each("inverse", Version(1), &input, |n| 12 / n);
    if skip {
        inverse = inverse.skip_failures();
    }
    let total = p
        .map("total", Version(1), &inverse, |items| {
            items.iter().flatten().map(|n| *n).sum::<u64>()
        })
        .keep_output();
    p.run(&total, Inputs::new().with(&input, numbers), store)
        .map(|run| *run.output)
}

#[test]
fn a_step_that_swallows_a_failed_item_fails_unless_items_are_skipped() {
    let (_folder, store) = on_disk();
    for _ in 0..2 {
        let error = sum_that_swallows(vec![1, 0, 2], false, &store).unwrap_err();
        assert_eq!(
            error.to_string(),
            "step `inverse` failed at item 1: panicked: attempt to divide by zero"
        );
    }
    assert_eq!(store.kept().unwrap(), []);
    assert_eq!(sum_that_swallows(vec![1, 0, 2], true, &store).unwrap(), 18);
}

#[test]
fn a_step_that_panics_over_a_failed_item_names_the_item() {
    let p = Pipeline::new("unwrap");
    let numbers = p.input::<Vec<u64>>("numbers");
    let inverse = p.map_each("inverse", Version(1), &numbers, |n| 12 / n);
    let total = p.map("total", Version(1), &inverse, |items| {
        items.iter().map(|n| *n.unwrap()).sum::<u64>()
    });
    let inputs = Inputs::new().with(&numbers, vec![3, 0]);
    let error = p.run(&total, inputs, &Store::in_memory()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `inverse` failed at item 1: panicked: attempt to divide by zero"
    );
}

#[test]
fn a_cancelled_step_that_swallows_errors_keeps_nothing() {
    #[derive(Serialize)]
    struct Cancel {
        #[serde(skip)]
        token: CancelToken,
    }
    impl Transformer for Cancel {
        type Input = u64;
        type Output = u64;
        const NAME: &'static str = "cancel";
        const VERSION: u32 = 1;
        fn transform(&self, n: &u64, _: &Context) -> Result<u64, BoxError> {
            self.token.cancel();
            Ok(*n)
        }
    }
    let (_folder, store) = on_disk();
    let token = CancelToken::new();
    let p = Pipeline::new("cancelled sum");
    let numbers = p.input::<Vec<u64>>("numbers");
    let same = p.each(
        "same",
        Cancel {
            token: token.clone(),
        },
        &numbers,
    );
    let total = p
        .map("total", Version(1), &same, |items| {
            items.iter().flatten().map(|n| *n).sum::<u64>()
        })
        .keep_output();
    let inputs = Inputs::new().with(&numbers, (0..100).collect());
    let result = Runner::new(&store)
        .threads(1)
        .cancel_with(&token)
        .run(&p, &total, inputs);
    assert!(matches!(result, Err(Error::Cancelled(_))));
    assert_eq!(store.kept().unwrap(), []);
}
