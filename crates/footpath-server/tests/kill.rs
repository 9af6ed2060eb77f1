//! The server's process is killed again and again while writers write: all that was
//! acknowledged is there afterwards, each point once.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use footpath_track::client::{AppendRequest, HttpDestination, Run, RunOptions, Target, sync};
use footpath_track::{Batch, Point, Points};
use ureq::Agent;

const WRITERS: u64 = 8;
const POINTS_A_BATCH: i64 = 50;
/// How many batches are acknowledged between two kills.
const BATCHES_A_LIFE: u64 = 60;

/// How often the server is killed, unless `FOOTPATH_TEST_KILLS` says otherwise.
const KILLS: u64 = 50;

fn kills() -> u64 {
    let told = std::env::var("FOOTPATH_TEST_KILLS").ok();
    told.map_or(KILLS, |told| told.parse().unwrap())
}

fn start(store: &Path, port: u16) -> Child {
    let mut server = Command::new(env!("CARGO_BIN_EXE_footpath-server"))
        .args(["--listen", &format!("127.0.0.1:{port}"), "--store"])
        .arg(store)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("listening"), "{line}");
    server
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

/// Sends a batch until it is acknowledged, as often as the server dies meanwhile.
fn tell(agent: &Agent, url: &str, kind: &str, body: &[u8]) {
    loop {
        match agent.post(url).header("content-type", kind).send(body) {
            Ok(answer) if answer.status() == 200 => return,
            Ok(answer) if !answer.status().is_server_error() => {
                panic!("{url}: {:?}", answer.into_body().read_to_string())
            }
            // Away, or gone before it answered: the batch may be there or not.
            _ => std::thread::yield_now(),
        }
    }
}

/// The batch of a number: its points tell where they came from.
fn batch(writer: u64, sequence: u64) -> Vec<u8> {
    let first = (sequence - 1) as i64 * POINTS_A_BATCH;
    let points = (first..first + POINTS_A_BATCH).map(|step| Point::new(step, step, step as f64));
    let request = AppendRequest {
        writer: format!("w{writer}"),
        sequence,
        batch: Batch {
            metrics: [(format!("m{writer}"), Points(points.collect()))].into(),
            ..Batch::default()
        },
    };
    let mut body = Vec::new();
    ciborium::into_writer(&request, &mut body).unwrap();
    body
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let base = format!("http://127.0.0.1:{port}");
    let mut server = start(&store, port);
    let begin = br#"{"project": "p", "experiment": "e", "id": "r", "start_ms": 0}"#;
    tell(
        &agent(),
        &format!("{base}/api/v1/runs"),
        "application/json",
        begin,
    );

    let (acknowledged, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let sent: Vec<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (base, acknowledged, over) = (&base, &acknowledged, &over);
                scope.spawn(move || {
                    let (agent, mut sequence) = (agent(), 0);
                    while !over.load(Ordering::Relaxed) {
                        sequence += 1;
                        let url = format!("{base}/api/v1/runs/r/append");
                        tell(&agent, &url, "application/cbor", &batch(writer, sequence));
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    sequence
                })
            })
            .collect();
        for life in 1..=kills() {
            while acknowledged.load(Ordering::Relaxed) < life * BATCHES_A_LIFE {
                std::thread::yield_now();
            }
            server.kill().unwrap();
            server.wait().unwrap();
            server = start(&store, port);
        }
        over.store(true, Ordering::Relaxed);
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });

    let agent = agent();
    for (writer, sent) in sent.iter().enumerate() {
        let url = format!("{base}/api/v1/runs/r/points?key=m{writer}&limit=100000");
        let told = agent
            .get(&url)
            .call()
            .unwrap()
            .into_body()
            .read_to_string()
            .unwrap();
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let steps: Vec<i64> = told["points"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point[0].as_i64().unwrap())
            .collect();
        assert_eq!(
            steps.len() as i64,
            *sent as i64 * POINTS_A_BATCH,
            "writer {writer}"
        );
        assert_eq!(
            steps.iter().collect::<BTreeSet<_>>().len(),
            steps.len(),
            "writer {writer}"
        );
        assert_eq!(
            steps,
            (0..steps.len() as i64).collect::<Vec<_>>(),
            "writer {writer}"
        );
    }
    let batches: u64 = sent.iter().sum();
    let mut out = std::io::stderr();
    writeln!(
        out,
        "{} kills, {WRITERS} writers, {batches} batches, {} points: all there, each once",
        kills(),
        batches as i64 * POINTS_A_BATCH
    )
    .unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn tracked(port: u16, spool: &Path, finish_timeout: Duration) -> Run {
    let target = Target::Server {
        url: format!("http://127.0.0.1:{port}"),
        token: None,
    };
    let options = RunOptions {
        spool: Some(spool.to_owned()),
        system_metrics_every: None,
        record_signals: false,
        finish_timeout,
        ..RunOptions::new(target)
    };
    Run::start_with("p", "e", options)
}

fn log(run: &Run, steps: std::ops::Range<i64>) {
    for step in steps {
        run.metric("loss", step, 1.0);
    }
}

/// How many points of `loss` the server has of a run.
fn count(port: u16, run: &str) -> Option<u64> {
    let url = format!("http://127.0.0.1:{port}/api/v1/runs/{run}");
    let text = agent()
        .get(&url)
        .call()
        .ok()?
        .into_body()
        .read_to_string()
        .ok()?;
    let told: serde_json::Value = serde_json::from_str(&text).ok()?;
    told["metrics"]["loss"]["count"].as_u64()
}

#[test]
fn a_client_goes_on_when_its_server_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (store, spool, port) = (
        folder.path().join("store"),
        folder.path().join("spool"),
        free_port(),
    );
    let mut server = start(&store, port);
    let run = tracked(port, &spool, Duration::from_mins(2));
    let id = run.id().to_string();
    log(&run, 0..1000);
    while count(port, &id) != Some(1000) {
        std::thread::yield_now();
    }
    server.kill().unwrap();
    server.wait().unwrap();
    log(&run, 1000..2000);
    run.bytes("model/w.bin", vec![7; 100_000]);
    assert!(run.flush(Duration::from_mins(1)));
    let mut server = start(&store, port);
    log(&run, 2000..3000);
    run.finish();
    assert_eq!(count(port, &id), Some(3000));
    assert_eq!(
        std::fs::read_dir(&spool).unwrap().count(),
        0,
        "all is delivered"
    );
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_server_that_was_never_there_gets_all_later_and_twice_is_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, spool, port) = (
        folder.path().join("store"),
        folder.path().join("spool"),
        free_port(),
    );
    let run = tracked(port, &spool, Duration::ZERO);
    let id = run.id().to_string();
    log(&run, 0..5000);
    run.bytes("model/w.bin", vec![7; 100_000]);
    run.finish();
    let copy = folder.path().join("copy");
    let copied = Command::new("cp").arg("-r").args([&spool, &copy]).status();
    assert!(copied.unwrap().success());
    let destination = HttpDestination::new(&format!("http://127.0.0.1:{port}"), None);
    let report = sync(&spool, &destination).unwrap();
    assert_eq!(
        (report.delivered.len(), report.failed.len()),
        (0, 1),
        "it is away still"
    );

    let mut server = start(&store, port);
    let report = sync(&spool, &destination).unwrap();
    assert_eq!((report.delivered.len(), report.failed.len()), (1, 0));
    assert!(report.applied > 0);
    assert_eq!(count(port, &id), Some(5000));
    let again = sync(&copy, &destination).unwrap();
    assert_eq!((again.applied, again.known), (0, report.applied));
    assert_eq!(count(port, &id), Some(5000));
    server.kill().unwrap();
    server.wait().unwrap();
}
