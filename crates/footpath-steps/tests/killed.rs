//! Killing a process that uses a store, 200 times, at random instants; the whole store is verified after each.

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

/// Checks all that a reader could come across: every kept output the child may have used last.
fn check(store: &Store, kill: usize) {
    let found = store.verify().unwrap();
    assert_eq!(found.damaged, [], "after kill {kill}");
    assert_eq!(found.incomplete, [], "after kill {kill}");
}

#[test]
fn two_hundred_kills_leave_nothing_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let seed = seed();
    let mut random = SplitMix(seed);
    let mut kept_before = 0;
    let mut progress = 0;
    for kill in 0..KILLS {
        let mut child = child_in(folder.path()).spawn().unwrap();
        // The delay is the experiment: anywhere between the start and several rounds.
        std::thread::sleep(Duration::from_micros(1_000 + random.next() % 60_000));
        assert!(
            child.try_wait().unwrap().is_none(),
            "the child ended by itself before kill {kill} (seed {seed})"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open(folder.path()).unwrap();
        check(&store, kill);
        let kept = store.kept().unwrap().len();
        assert!(
            kept >= kept_before,
            "kill {kill} lost outputs (seed {seed})"
        );
        progress += usize::from(kept > kept_before);
        kept_before = kept;
        // Every round, dead or alive, is what a fresh one would be.
        let round = (random.next() % 8) as u32;
        assert_eq!(
            run(&store, round).unwrap(),
            run(&Store::in_memory(), round).unwrap(),
            "after kill {kill} (seed {seed})"
        );
        // Now and then a fresh start, so that kills also hit the making of a store, and it stays small.
        if kill % 10 == 9 {
            store.gc(GcOptions::default()).unwrap();
            assert_eq!(
                run(&store, round).unwrap(),
                run(&Store::in_memory(), round).unwrap()
            );
            drop(store);
            std::fs::remove_dir_all(folder.path()).unwrap();
            std::fs::create_dir(folder.path()).unwrap();
            kept_before = 0;
        }
    }
    assert!(
        progress > KILLS / 10,
        "the children got nowhere: {progress} of {KILLS} kept anything"
    );
}

/// `FOOTPATH_KILL_SEED` chooses other instants.
fn seed() -> u64 {
    std::env::var("FOOTPATH_KILL_SEED").map_or(0x5EED, |seed| seed.parse().unwrap())
}

/// Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators* (2014, doi:10.1145/2660193.2660195).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
