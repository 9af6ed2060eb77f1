//! Killing a process that uses a store, 200 times, at random instants.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and its floats are exact"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use footpath_steps::*;
use serde::{Deserialize, Serialize};

const CHILD: &str = "FOOTPATH_STEPS_KILLED_CHILD";
const KILLS: usize = 200;

#[derive(Serialize)]
struct Blow {
    round: u32,
}

impl Transformer for Blow {
    type Input = u32;
    type Output = Vec<u32>;
    const NAME: &'static str = "blow up";
    const VERSION: u32 = 1;

    fn transform(&self, input: &u32, _: &Context) -> Result<Vec<u32>, BoxError> {
        Ok((0..2000).map(|i| i ^ input ^ self.round).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct Sum(u64);

impl Record for Sum {
    const TYPE: &'static str = "sum";
    const VERSION: u32 = 1;
}

#[derive(Serialize)]
struct FitSum;

impl Estimator for FitSum {
    type Input = Items<Vec<u32>>;
    type Model = Sum;
    const NAME: &'static str = "sum";
    const VERSION: u32 = 1;

    fn fit(&self, items: &Items<Vec<u32>>, context: &Context) -> Result<Sum, BoxError> {
        let checkpoint = context.scratch()?.join("checkpoint");
        let mut sum = 0;
        for item in items {
            sum += item?.iter().map(|value| u64::from(*value)).sum::<u64>();
            std::fs::write(&checkpoint, sum.to_string())?;
        }
        Ok(Sum(sum))
    }
}

fn run(store: &Store, round: u32) -> Result<u64, Error> {
    let p = Pipeline::new("killed");
    let numbers = p.input::<Vec<u32>>("numbers");
    let blown = p.each("blown", Blow { round }, &numbers).keep_output();
    let model = p.fit("sum", FitSum, &blown);
    let total = p
        .map("total", Version(1), &model, |model| model.0)
        .keep_output();
    let run = p.run(
        &total,
        Inputs::new().with(&numbers, (0..24).collect()),
        store,
    )?;
    Ok(*run.output)
}

/// What the child does; nothing in an ordinary test run.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let store = Store::open(folder).unwrap();
    for round in 0.. {
        run(&store, round).unwrap();
    }
}

fn child_in(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[test]
fn two_hundred_kills_leave_nothing_damaged() {
    let folder = tempfile::tempdir().unwrap();
    // Delays spread over the range by the golden ratio: always the same, and none near another.
    let mut phase = 0.0_f64;
    for kill in 0..KILLS {
        let mut child = child_in(folder.path()).spawn().unwrap();
        // The delay is the experiment: long enough to get anywhere between the start and several rounds.
        phase = (phase + 0.618_034).fract();
        std::thread::sleep(Duration::from_secs_f64(0.002 + 0.058 * phase));
        assert!(
            child.try_wait().unwrap().is_none(),
            "the child ended by itself before kill {kill}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        // Now and then, since reading everything takes its time.
        if kill % 10 == 9 {
            let found = Store::open(folder.path()).unwrap().verify().unwrap();
            assert_eq!(found.damaged, [], "after kill {kill}");
            assert_eq!(found.incomplete, [], "after kill {kill}");
        }
    }
    let store = Store::open(folder.path()).unwrap();
    assert!(!store.kept().unwrap().is_empty(), "no child got anywhere");
    for round in 0..5 {
        assert_eq!(
            run(&store, round).unwrap(),
            run(&Store::in_memory(), round).unwrap()
        );
    }
    assert_eq!(store.verify().unwrap().damaged, []);
    store.gc(GcOptions::default()).unwrap();
    assert_eq!(
        run(&store, 4).unwrap(),
        run(&Store::in_memory(), 4).unwrap()
    );
}
