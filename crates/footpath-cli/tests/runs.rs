//! `footpath runs` on a store in a folder and on a server that serves it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use footpath_track::client::{Run, RunOptions, Target};
use footpath_track::{Dataset, DatasetInput, StepOutcome, StepRecord};
use serde_json::Value;

/// What a command said.
struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

fn footpath(folder: &Path, arguments: &[&str]) -> Told {
    let output = Command::new(env!("CARGO_BIN_EXE_footpath"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("FOOTPATH_TRACK")
        .env_remove("FOOTPATH_TOKEN")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Told {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// `footpath runs` on the folder `store` below a folder; expects success.
fn runs(folder: &Path, arguments: &[&str]) -> Told {
    on("store", folder, arguments)
}

fn on(store: &str, folder: &Path, arguments: &[&str]) -> Told {
    let all = [&["runs", "--store", store], arguments].concat();
    let told = footpath(folder, &all);
    assert_eq!(
        told.code,
        Some(0),
        "{arguments:?}: {}{}",
        told.out,
        told.err
    );
    told
}

fn refused(folder: &Path, arguments: &[&str], code: i32, why: &str) {
    let all = [&["runs", "--store", "store"], arguments].concat();
    let told = footpath(folder, &all);
    assert_eq!(told.code, Some(code), "{arguments:?}: {}", told.err);
    assert!(told.err.contains(why), "{arguments:?}: {}", told.err);
    assert_eq!(told.out, "", "{arguments:?}");
}

fn options(folder: &Path, name: &str) -> RunOptions {
    RunOptions {
        name: Some(name.into()),
        system_metrics_every: None,
        record_signals: false,
        ..RunOptions::new(Target::Folder(folder.join("store")))
    }
}

/// Tracks a run; gives its id.
fn track(folder: &Path, name: &str, lr: f64) -> String {
    let run = Run::start_with("maps", "unet", options(folder, name));
    run.param("lr", lr);
    run.param("net.depth", 34);
    for step in 0..100 {
        run.metric_at(
            "train/loss",
            step,
            1_700_000_000_000 + step * 1000,
            lr / (step + 1) as f64,
        );
    }
    run.metric_at("ap50", 1, 1_700_000_000_000, lr);
    run.tag("kind", "test\u{1b}[2J");
    run.text("log", 1, "hello");
    run.bytes("model/w.bin", vec![7; 50_000 + name.len()]);
    run.input(DatasetInput {
        dataset: Dataset {
            name: "tiles".into(),
            digest: format!("digest-{lr}"),
            ..Dataset::default()
        },
        ..DatasetInput::default()
    });
    run.step(StepRecord {
        pipeline: "unet".into(),
        step: "loader".into(),
        key: format!("{:064}", (lr * 1000.0) as u64),
        outcome: StepOutcome::Hit,
        reason: None,
        inputs: vec![],
        time_ms: 0,
        seconds: 1.5,
        bytes: None,
    });
    let id = run.id().to_string();
    run.finish();
    id
}

/// Those columns of a table that do not depend on the time.
fn columns(table: &str, wanted: &[&str]) -> Vec<Vec<String>> {
    let lines: Vec<&str> = table.lines().collect();
    let head: Vec<&str> = lines[0].split_whitespace().collect();
    lines[1..]
        .iter()
        .map(|line| {
            // A duration may be two words.
            let line = line.replace('\t', " ");
            let cells: Vec<&str> = line
                .split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect();
            wanted
                .iter()
                .map(|name| {
                    let at = head.iter().position(|found| found == name).unwrap();
                    cells[at].to_owned()
                })
                .collect()
        })
        .collect()
}

#[test]
fn runs_are_listed_shown_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refused(folder, &["ls"], 1, "there is no store in store");
    let first = track(folder, "first", 0.5);
    let second = track(folder, "second", 0.25);

    let told = runs(
        folder,
        &[
            "ls",
            "--sort",
            "best(metrics.ap50)",
            "--columns",
            "best(metrics.ap50),params.lr",
        ],
    );
    assert_eq!(
        columns(
            &told.out,
            &["NAME", "STATE", "best(metrics.ap50)", "params.lr"]
        ),
        [
            ["second", "finished", "0.25", "0.25"],
            ["first", "finished", "0.5", "0.5"]
        ]
    );
    assert!(told.err.is_empty(), "{}", told.err);
    let short = columns(&told.out, &["ID"])[0][0].clone();
    assert!(second.ends_with(&short) && short.len() == 8);
    let told = runs(
        folder,
        &[
            "ls",
            "maps/unet",
            "--filter",
            "min(metrics.`train/loss`) < 0.003",
            "--json",
        ],
    );
    assert_eq!(told.json()[0]["name"], "second");
    assert_eq!(told.json().as_array().unwrap().len(), 1);
    assert_eq!(told.json()[0]["metrics"]["train/loss"]["best"]["step"], 99);
    let told = runs(folder, &["ls", "--limit", "1"]);
    assert_eq!(
        (told.out.lines().count(), told.err.trim()),
        (2, "… and more (--limit 1 now)")
    );
    let told = runs(folder, &["ls", "--filter", "params.lr > 1"]);
    assert_eq!((told.out.as_str(), told.err.trim()), ("", "no runs match"));
    refused(
        folder,
        &["ls", "--filter", "params.lr >"],
        1,
        "at character 12",
    );
    refused(folder, &["ls", "--columns", "nothing.x"], 1, "nothing");
    refused(folder, &["ls", "map"], 1, "there are default, maps");

    let told = runs(folder, &["show", &short]);
    for line in [
        format!("run         {second}").as_str(),
        "name        second",
        "experiment  maps/unet",
        "state       finished",
        "data        tiles (input) digest-0.25",
        "model/w.bin  50.0 kB",
        "unet/loader  hit",
    ] {
        assert!(told.out.contains(line), "{line}\n{}", told.out);
    }
    assert!(
        told.out.contains("test\\u{1b}[2J"),
        "no escape reaches the terminal"
    );
    assert!(!told.out.contains('\u{1b}'));
    assert!(told.out.contains("train/loss  0.0025"), "{}", told.out);
    let told = runs(folder, &["show", &first, "--json"]).json();
    assert_eq!(
        (&told["project"], &told["files"][0]["path"]),
        (&"maps".into(), &"model/w.bin".into())
    );
    refused(
        folder,
        &["show", "none-such"],
        1,
        "there is none of this id or name",
    );

    let told = runs(folder, &["diff", "first", "second"]).out;
    assert!(
        told.contains("the likeliest cause first: data, parameters, steps."),
        "{told}"
    );
    assert!(
        told.contains("The pipelines part at `unet/loader`."),
        "{told}"
    );
    assert!(told.contains("tiles  digest-0.5  digest-0.25"), "{told}");
    assert!(
        told.lines()
            .any(|line| line.starts_with("ap50") && line.ends_with("-0.25  worse")),
        "{told}"
    );
    let told = runs(folder, &["diff", "first", "second", "--json"]).json();
    assert_eq!(told["causes"][1]["differences"][0]["name"], "lr");

    let told = runs(folder, &["log", "first", "train/loss", "-n", "2"]).out;
    assert_eq!(
        told,
        "98\t2023-11-14T22:14:58Z\t0.005050505050505051\n99\t2023-11-14T22:14:59Z\t0.005\n"
    );
    let told = runs(
        folder,
        &[
            "log",
            "first",
            "train/loss",
            "-n",
            "0",
            "--follow",
            "--json",
        ],
    );
    assert_eq!(told.out.lines().count(), 100);
    assert_eq!(told.err.trim(), "the run is finished");
    assert_eq!(runs(folder, &["log", "first"]).out, "ap50\ntrain/loss\n");
    refused(folder, &["log", "first", "loss"], 2, "has no metric `loss`");
}

#[test]
fn runs_are_exported_and_carried_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let id = track(folder, "first", 0.5);
    track(folder, "second", 0.25);
    let told = runs(folder, &["export", "first"]);
    assert_eq!(
        (told.out.lines().count(), told.err.trim()),
        (2, "1 runs written")
    );
    assert!(told.out.starts_with("run,name,experiment,"), "{}", told.out);
    let told = runs(
        folder,
        &["export", "--points", "--metric", "ap50", "--format", "json"],
    );
    assert_eq!(told.json().as_array().unwrap().len(), 2);
    let told = runs(folder, &["export", "--points", "-o", "points.csv"]);
    assert_eq!(
        (told.out.as_str(), told.err.trim()),
        ("", "202 points written")
    );
    let written = std::fs::read_to_string(folder.join("points.csv")).unwrap();
    assert_eq!(written.lines().count(), 203);
    let parquet = ["export", "--points", "-o", "points.parquet"];
    if cfg!(feature = "parquet") {
        runs(folder, &parquet);
        let written = std::fs::read(folder.join("points.parquet")).unwrap();
        assert_eq!(&written[..4], b"PAR1");
    } else {
        refused(folder, &parquet, 1, "without the feature `parquet`");
        assert!(!folder.join("points.parquet").exists());
    }
    refused(folder, &["export", "-o", "points.xls"], 2, "say --format");
    refused(folder, &["export", "--metric", "ap50"], 2, "--points");

    let told = runs(folder, &["bundle", "first"]);
    let file = format!("{id}.run.tar.zst");
    assert_eq!(told.out.trim(), file);
    for _ in 0..2 {
        let told = on("copy", folder, &["unbundle", &file, "--project", "kept"]);
        assert_eq!(told.out.trim(), id);
    }
    let told = on("copy", folder, &["ls", "kept", "--json"]).json();
    assert_eq!(
        (told[0]["id"].as_str(), told.as_array().unwrap().len()),
        (Some(id.as_str()), 1)
    );
    std::fs::write(folder.join("no.zst"), "no").unwrap();
    refused(folder, &["unbundle", "no.zst"], 1, "the bundle is damaged");
}

#[test]
fn what_is_removed_gives_its_bytes_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let id = track(folder, "first", 0.5);
    track(folder, "second", 0.25);
    assert_eq!(
        runs(folder, &["rm", "first"]).out.trim(),
        format!("{id} first")
    );
    assert_eq!(runs(folder, &["ls"]).out.lines().count(), 2);
    assert!(runs(folder, &["ls", "--deleted"]).out.contains("first"));
    runs(folder, &["restore", &id]);
    assert_eq!(runs(folder, &["ls"]).out.lines().count(), 3);
    runs(folder, &["rm", "first"]);
    let told = runs(folder, &["gc", "--dry-run"]);
    assert_eq!(
        (told.out.trim(), told.err.trim()),
        (format!("{id} first").as_str(), "1 runs would go")
    );
    let told = runs(folder, &["gc", "--json"]).json();
    assert_eq!(
        (&told["runs"], &told["points"], &told["artifact_bytes"]),
        (&1.into(), &101.into(), &50_005.into())
    );
    assert!(told["database_bytes"].is_u64());
    refused(folder, &["show", &id], 1, "there is none");
    let told = runs(folder, &["gc"]).out;
    assert!(
        told.starts_with("0 runs with 0 points removed; 0 B freed"),
        "{told}"
    );
}

#[test]
fn spools_and_other_trackers_are_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let spooled = RunOptions {
        target: Target::Spool,
        spool: Some(folder.join("store/spool")),
        ..options(folder, "late")
    };
    let run = Run::start_with("maps", "unet", spooled);
    run.metric("loss", 0, 1.0);
    let id = run.id().to_string();
    run.finish();
    let told = runs(folder, &["sync"]);
    assert_eq!(told.out.trim(), id);
    assert!(told.err.contains("1 runs delivered"), "{}", told.err);
    let told = runs(folder, &["sync"]);
    assert_eq!(told.out, "");
    assert_eq!(
        runs(folder, &["ls", "--json"]).json()[0]["metrics"]["loss"]["count"],
        1
    );

    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../footpath-track/tests/golden/import");
    let logs = golden.join("tensorboard");
    let told = runs(
        folder,
        &["import", logs.to_str().unwrap(), "--experiment", "boards"],
    );
    assert_eq!(told.out.lines().count(), 2);
    assert!(told.err.contains("2 runs, 36 points"), "{}", told.err);
    assert_eq!(
        runs(folder, &["ls", "default/boards"]).out.lines().count(),
        3
    );
    refused(folder, &["import", "."], 2, "holds neither event files nor");
}

/// A server on the folder `store`; ends when dropped.
struct Served(Child, String);

impl Served {
    fn start(folder: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_footpath"))
            .args(["serve", "--listen", "127.0.0.1:0", "--store", "store"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self(server, url)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
fn a_server_is_asked_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let id = track(folder, "first", 0.5);
    track(folder, "second", 0.25);
    let commands: [&[&str]; 6] = [
        &["show", "first"],
        &["diff", "first", "second"],
        &["log", "first", "train/loss"],
        &["export", "--points"],
        &["export", "--format", "json"],
        &["ls", "--columns", "params.lr,min(metrics.`train/loss`)"],
    ];
    let local: Vec<String> = commands
        .iter()
        .map(|command| runs(folder, command).out)
        .collect();
    let server = Served::start(folder);
    let url = &server.1;
    for (command, local) in commands.iter().zip(&local) {
        assert_eq!(on(url, folder, command).out, *local, "{command:?}");
        // The folder is read beside the server that owns it.
        assert_eq!(runs(folder, command).out, *local, "{command:?}");
    }
    refused(folder, &["rm", "first"], 1, "is open in another process");
    on(url, folder, &["bundle", "first", "-o", "a.zst"]);
    on(url, folder, &["rm", "first"]);
    let told = on(url, folder, &["gc", "--json"]).json();
    assert_eq!((&told["runs"], &told["points"]), (&1.into(), &101.into()));
    assert_eq!(on(url, folder, &["ls"]).out.lines().count(), 2);
    let told = on(url, folder, &["unbundle", "a.zst"]);
    assert_eq!(told.out.trim(), id);
    assert_eq!(on(url, folder, &["show", "first"]).out, local[0]);
    let all = footpath(folder, &["runs", "--store", url, "show", "none-such"]);
    assert!(all.err.contains("there is none of this id"), "{}", all.err);
    drop(server);
    let away = footpath(folder, &["runs", "--store", "http://127.0.0.1:9", "ls"]);
    assert_eq!(away.code, Some(1));
    assert!(
        away.err.contains("the server http://127.0.0.1:9"),
        "{}",
        away.err
    );
}
