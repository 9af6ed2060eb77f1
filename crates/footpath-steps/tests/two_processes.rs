//! Two processes, one store, one pipeline.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and its floats are exact"
)]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use footpath_steps::*;
use serde::Serialize;

const CHILD: &str = "FOOTPATH_STEPS_TWO_PROCESSES";

/// Squares a number, slowly, and notes in a file that it did.
#[derive(Serialize)]
struct Square {
    #[serde(skip)]
    log: PathBuf,
}

impl Transformer for Square {
    type Input = u64;
    type Output = u64;
    const NAME: &'static str = "square";
    const VERSION: u32 = 1;

    fn transform(&self, input: &u64, _: &Context) -> Result<u64, BoxError> {
        let mut log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.log)?;
        log.write_all(format!("{input}\n").as_bytes())?;
        // Some real work, so that the processes meet.
        let busy = (0..300_000_u64).fold(*input, |a, b| std::hint::black_box(a ^ b));
        std::hint::black_box(busy);
        Ok(input * input)
    }
}

fn run(folder: &std::path::Path) -> u64 {
    let store = Store::open(folder.join("store")).unwrap();
    let p = Pipeline::new("shared");
    let numbers = p.input::<Vec<u64>>("numbers");
    let squares = p
        .each(
            "squares",
            Square {
                log: folder.join("log"),
            },
            &numbers,
        )
        .keep_output();
    let total = p.map("total", Version(1), &squares, |items| {
        items.iter().map(|item| *item.unwrap()).sum::<u64>()
    });
    let total = total.keep_output();
    let inputs = Inputs::new().with(&numbers, (0..50).collect());
    *p.run(&total, inputs, &store).unwrap().output
}

/// What a child does; nothing in an ordinary test run.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    assert_eq!(run(&PathBuf::from(folder)), 40_425);
}

#[test]
fn two_processes_do_the_work_once_between_them() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let child = || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(["--exact", "child"])
                .env(CHILD, folder.path())
                .stdout(Stdio::null());
            command.spawn().unwrap()
        };
        let mut children = [child(), child()];
        for child in &mut children {
            assert!(child.wait().unwrap().success());
        }
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        let mut done: Vec<u64> = log.lines().map(|line| line.parse().unwrap()).collect();
        done.sort_unstable();
        assert_eq!(
            done,
            (0..50).collect::<Vec<_>>(),
            "each item was computed once, by one of the two"
        );
        assert_eq!(run(folder.path()), 40_425);
        assert_eq!(
            Store::open(folder.path().join("store"))
                .unwrap()
                .verify()
                .unwrap()
                .damaged,
            []
        );
    }
}

#[test]
fn a_run_tells_that_it_waits_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let p = Pipeline::new("waits");
    let seven = p.input::<u64>("seven");
    let next = p.map("next", Version(1), &seven, |seven| seven + 1);
    let next = next.keep_output();
    let inputs = || Inputs::new().with(&seven, 7);
    let key = p
        .plan(&next, inputs(), &store)
        .unwrap()
        .step("next")
        .unwrap()
        .key;
    // Another process that computes the step holds the lock of its key.
    let path = folder.path().join("locks").join(key.to_string());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let other = std::fs::File::create(path).unwrap();
    other.lock().unwrap();
    let waiting = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&waiting);
    let runner = Runner::new(&store).observe(move |event| {
        if let Event::Waiting { step } = event {
            assert_eq!(&**step, "next");
            told.fetch_add(1, Ordering::Relaxed);
            other.unlock().unwrap();
        }
    });
    assert_eq!(*runner.run(&p, &next, inputs()).unwrap().output, 8);
    assert_eq!(waiting.load(Ordering::Relaxed), 1);
}
