//! What the pipeline itself costs. Goals: under 5 µs a step, 10,000 steps
//! planned in under 100 ms, hashing at 1 GB/s.
//!
//! Run with `cargo bench -p footpath-steps`.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use footpath_steps::{Digest, Handle, Inputs, Pipeline, Store, Version};

fn main() {
    divan::main();
}

/// A chain of steps that add one.
fn chain(steps: usize) -> (Pipeline, Handle<u64>, Handle<u64>) {
    let p = Pipeline::new("chain");
    let input = p.input::<u64>("input");
    let last = (0..steps).fold(input.clone(), |before, step| {
        p.map(&format!("step {step}"), Version(1), &before, |x| x + 1)
    });
    (p, input, last)
}

/// Ten rows of steps, each fed by two of the row above.
fn grid(width: usize, rows: usize) -> (Pipeline, Handle<u64>, Vec<Handle<u64>>) {
    let p = Pipeline::new("grid");
    let input = p.input::<u64>("input");
    let mut row = vec![input.clone(); width];
    for y in 0..rows {
        row = (0..width)
            .map(|x| {
                p.map(
                    &format!("{y}/{x}"),
                    Version(1),
                    (&row[x], &row[(x + 1) % width]),
                    |(a, b)| **a + **b,
                )
            })
            .collect();
    }
    (p, input, row)
}

#[divan::bench(args = [10, 1_000, 10_000])]
fn run_chain_in_memory(bencher: Bencher, steps: usize) {
    let (p, input, last) = chain(steps);
    let store = Store::in_memory();
    bencher.counter(ItemsCount::new(steps)).bench(|| {
        p.run(&last, Inputs::new().with(&input, black_box(1)), &store)
            .map(|run| *run.output)
            .ok()
    });
}

#[divan::bench]
fn run_grid_in_memory_1000_steps(bencher: Bencher) {
    let (p, input, last) = grid(100, 10);
    let store = Store::in_memory();
    bencher.counter(ItemsCount::new(1_000_usize)).bench(|| {
        p.run(
            last.clone(),
            Inputs::new().with(&input, black_box(1)),
            &store,
        )
        .map(|run| *run.output[0])
        .ok()
    });
}

#[divan::bench]
fn each_in_memory_100_000_items(bencher: Bencher) {
    let p = Pipeline::new("each");
    let input = p.input::<Vec<u64>>("input");
    let tripled = p.map_each("triple", Version(1), &input, |x| 3 * x);
    let squared = p.map_each("square", Version(1), &tripled, |x| x * x);
    let store = Store::in_memory();
    let values: Vec<u64> = (0..100_000).collect();
    bencher.counter(ItemsCount::new(values.len())).bench(|| {
        p.run(&squared, Inputs::new().with(&input, values.clone()), &store)
            .map(|run| run.output.len())
            .ok()
    });
}

#[divan::bench]
fn plan_10_000_steps_in_memory(bencher: Bencher) {
    let (p, input, last) = chain(10_000);
    let store = Store::in_memory();
    bencher.bench(|| {
        p.plan(&last, Inputs::new().with(&input, black_box(1)), &store)
            .map(|plan| plan.steps.len())
            .ok()
    });
}

#[divan::bench]
fn plan_10_000_steps_after_a_run_on_disk(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a store");
    let (p, input, last) = chain(10_000);
    p.run(&last, Inputs::new().with(&input, 1), &store)
        .expect("a run");
    bencher.bench(|| {
        p.plan(&last, Inputs::new().with(&input, black_box(2)), &store)
            .map(|plan| plan.steps.len())
            .ok()
    });
}

/// The worst case: every step is kept, and every output is wanted.
#[divan::bench]
fn plan_1_000_kept_steps_all_wanted(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a store");
    let p = Pipeline::new("kept");
    let input = p.input::<u64>("input");
    let kept: Vec<_> = (0..1_000)
        .map(|step| p.map(&format!("step {step}"), Version(1), &input, |x| x + 1))
        .map(Handle::keep_output)
        .collect();
    p.run(kept.clone(), Inputs::new().with(&input, 1), &store)
        .expect("a run");
    bencher.counter(ItemsCount::new(1_000_usize)).bench(|| {
        p.plan(kept.clone(), Inputs::new().with(&input, 1), &store)
            .map(|plan| plan.steps.len())
            .ok()
    });
}

#[divan::bench(args = [100_000, 100_000_000])]
fn digest_of_bytes(bencher: Bencher, bytes: usize) {
    let data = vec![7_u8; bytes];
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| Digest::of_bytes(black_box(&data)));
}
