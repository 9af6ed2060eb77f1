//! The thread budget: steps and items together never use more threads than allowed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use footpath_steps::*;
use serde::Serialize;

/// How many workers are at work now, and how many were at most.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
}

/// Adds one, and meets others: waits until `wanted` workers have been at work at once.
///
/// It gives up after so many looks, so that a budget smaller than `wanted` ends the wait. It spins,
/// since yielding would give a busy machine's other processes a slice at each look.
#[derive(Serialize)]
struct Meet {
    #[serde(skip)]
    wanted: usize,
    #[serde(skip)]
    looks: u32,
    #[serde(skip)]
    crowd: Arc<Crowd>,
}

impl Transformer for Meet {
    type Input = u64;
    type Output = u64;
    const NAME: &'static str = "meet";
    const VERSION: u32 = 1;

    fn transform(&self, input: &u64, _: &Context) -> Result<u64, BoxError> {
        let now = self.crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.crowd.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..self.looks {
            if self.crowd.most.load(Ordering::SeqCst) >= self.wanted {
                break;
            }
            std::hint::spin_loop();
        }
        self.crowd.now.fetch_sub(1, Ordering::SeqCst);
        self.crowd.done.fetch_add(1, Ordering::SeqCst);
        Ok(input + 1)
    }
}

/// Runs eight branches: four single steps, and four collections of eight items.
fn run(threads: usize, wanted: usize, looks: u32, store: &Store) -> Arc<Crowd> {
    let crowd = Arc::<Crowd>::default();
    let meeting = || Meet {
        wanted,
        looks,
        crowd: Arc::clone(&crowd),
    };
    let p = Pipeline::new("crowd");
    let number = p.input::<u64>("number");
    let numbers = p.input::<Vec<u64>>("numbers");
    let single: Vec<_> = (0..4)
        .map(|branch| p.step(&format!("step {branch}"), meeting(), &number))
        .collect();
    let items: Vec<_> = (0..4)
        .map(|branch| {
            p.each(&format!("each {branch}"), meeting(), &numbers)
                .keep_output()
        })
        .collect();
    let inputs = Inputs::new()
        .with(&number, 1)
        .with(&numbers, (0..8).collect());
    Runner::new(store)
        .threads(threads)
        .run(&p, (single, items), inputs)
        .unwrap();
    assert_eq!(crowd.done.load(Ordering::SeqCst), 4 + 4 * 8);
    crowd
}

#[test]
fn steps_and_items_together_stay_within_the_budget() {
    for threads in [1, 2, 3] {
        let folder = tempfile::tempdir().unwrap();
        for store in [Store::in_memory(), Store::open(folder.path()).unwrap()] {
            // Everyone waits for one worker more than the budget allows.
            let crowd = run(threads, threads + 1, 20_000, &store);
            assert!(crowd.most.load(Ordering::SeqCst) <= threads);
        }
    }
}

#[test]
fn independent_branches_and_items_do_run_in_parallel() {
    for threads in [2, 4] {
        let crowd = run(threads, threads, 1_000_000_000, &Store::in_memory());
        assert_eq!(crowd.most.load(Ordering::SeqCst), threads);
    }
}
