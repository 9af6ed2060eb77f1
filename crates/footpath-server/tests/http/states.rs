//! Runs whose programs end in every way there is, as the server shows them.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::serve::Served;
use footpath_track::client::{HttpDestination, Run, RunOptions, Target, sync};
use serde_json::Value;

const WAIT: Duration = Duration::from_mins(1);
const LEASE: Duration = Duration::from_secs(5);

/// Not a test by itself: the program that is tracked, and ends as it is told.
#[test]
fn tracked_program() {
    let Ok(url) = std::env::var("FOOTPATH_STATES_URL") else {
        return;
    };
    // The parent puts this process where it should be before the run begins.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let options = RunOptions {
        spool: Some(std::env::var_os("FOOTPATH_STATES_SPOOL").unwrap().into()),
        lease: LEASE,
        finish_timeout: WAIT,
        system_metrics_every: None,
        ..RunOptions::new(Target::Server { url, token: None })
    };
    let run = Run::start_with("maps", "e", options);
    for step in 0..1000 {
        run.metric("loss", step, 0.5);
    }
    assert!(run.flush(WAIT));
    let mut out = std::io::stdout();
    writeln!(out, "run {}", run.id()).unwrap();
    line.clear();
    std::io::stdin().read_line(&mut line).unwrap();
    match line.trim() {
        "panic" => panic!("no more tiles"),
        "leave" => {}
        "finish" => run.finish(),
        "eat" => {
            let mut eaten: Vec<Vec<u8>> = Vec::new();
            loop {
                eaten.push(vec![1; 1 << 20]);
            }
        }
        // Killed from outside.
        _ => std::thread::sleep(WAIT),
    }
}

/// A program that is tracked, and whose run the server knows.
struct Tracked {
    process: Child,
    id: String,
    spool: PathBuf,
}

impl Tracked {
    /// Starts it; `place` is called with its process before its run begins.
    fn start(server: &Served, folder: &Path, place: impl FnOnce(u32)) -> Self {
        let spool = folder.join("spool");
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["states::tracked_program", "--exact", "--nocapture"])
            .env("FOOTPATH_STATES_URL", server.url(""))
            .env("FOOTPATH_STATES_SPOOL", &spool)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        place(process.id());
        process
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"begin\n")
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let told = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("run ").map(|(_, id)| id.to_owned()))
            .filter(|id| id.len() == 32);
        let tracked = Self {
            process,
            id: told.unwrap(),
            spool,
        };
        let begun = Instant::now();
        while tracked.seen(server)["metrics"]["loss"]["count"] != 1000 {
            assert!(begun.elapsed() < WAIT, "the run does not arrive");
        }
        tracked
    }

    fn seen(&self, server: &Served) -> Value {
        server
            .ask("GET", &format!("/api/v1/runs/{}", self.id), None)
            .1
    }

    /// Waits until the run is not seen as running; gives its state and why.
    fn ended(&self, server: &Served) -> (String, String) {
        let begun = Instant::now();
        loop {
            let seen = self.seen(server);
            if seen["state"] != "running" {
                let text = |name: &str| seen[name].as_str().unwrap_or_default().to_owned();
                return (text("state"), text("reason"));
            }
            assert!(begun.elapsed() < WAIT, "{seen}");
        }
    }

    fn tell(&mut self, word: &str) {
        let mut pipe = self.process.stdin.take().unwrap();
        writeln!(pipe, "{word}").unwrap();
        drop(pipe);
        self.process.wait().unwrap();
    }

    fn signal(&mut self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
        assert!(!self.process.wait().unwrap().success());
    }

    fn sync(&self, server: &Served) {
        let report = sync(&self.spool, &HttpDestination::new(&server.url(""), None)).unwrap();
        assert_eq!((report.delivered.len(), &report.failed[..]), (1, &[][..]));
    }
}

fn with(end: impl FnOnce(&mut Tracked, &Served)) {
    let (server, folder) = (Served::open(), tempfile::tempdir().unwrap());
    let mut tracked = Tracked::start(&server, folder.path(), |_| {});
    assert_eq!(tracked.seen(&server)["state"], "running");
    end(&mut tracked, &server);
}

#[test]
fn a_program_that_ends_by_itself_is_believed() {
    with(|tracked, server| {
        tracked.tell("finish");
        assert_eq!(tracked.ended(server), ("finished".into(), String::new()));
    });
    with(|tracked, server| {
        tracked.tell("leave");
        let (state, reason) = tracked.ended(server);
        assert_eq!(
            (state.as_str(), reason.contains("left the run")),
            ("failed", true),
            "{reason}"
        );
    });
}

#[test]
fn a_panic_is_told_with_its_message() {
    with(|tracked, server| {
        tracked.tell("panic");
        let (state, reason) = tracked.ended(server);
        assert_eq!(
            (state.as_str(), reason.contains("no more tiles")),
            ("failed", true),
            "{reason}"
        );
    });
}

#[test]
fn a_signal_is_told_by_its_name() {
    for (signal, name) in [("TERM", "SIGTERM"), ("INT", "SIGINT"), ("HUP", "SIGHUP")] {
        with(|tracked, server| {
            tracked.signal(signal);
            assert_eq!(tracked.ended(server), ("killed".into(), name.into()));
        });
    }
}

#[test]
fn a_program_killed_without_a_word_has_crashed_within_its_lease() {
    with(|tracked, server| {
        let lease = |seen: &Value| seen["lease_until_ms"].as_i64().unwrap();
        let until = lease(&tracked.seen(server));
        tracked.signal("KILL");
        let (state, reason) = tracked.ended(server);
        assert_eq!(
            (state.as_str(), reason.contains("its lease lapsed")),
            ("crashed", true),
            "{reason}"
        );
        // What was renewed last, before it was killed, is all that was waited for.
        let renewed = lease(&tracked.seen(server));
        assert!(renewed >= until);
        tracked.sync(server);
        let (state, reason) = tracked.ended(server);
        assert_eq!(
            (state.as_str(), reason.starts_with("killed without a word")),
            ("killed", true),
            "{reason}"
        );
        assert_eq!(tracked.seen(server)["metrics"]["loss"]["count"], 1000);
    });
}

/// A control group of 96 MiB; goes when dropped.
struct Group(PathBuf);

impl Group {
    /// `None` where this process may make none.
    fn new() -> Option<Self> {
        let name = format!("footpath-states-{}", std::process::id());
        let roots = [
            (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.oom_control",
            ),
            ("/sys/fs/cgroup", "memory.max", "memory.events"),
        ];
        roots.into_iter().find_map(|(root, limit, events)| {
            let folder = Path::new(root).join(&name);
            if !Path::new(root).join("cgroup.procs").exists() {
                return None;
            }
            std::fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            let counts = std::fs::read_to_string(group.0.join(events)).ok()?;
            std::fs::write(group.0.join(limit), "100663296").ok()?;
            counts.contains("oom_kill ").then_some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_program_killed_for_want_of_memory_is_told_so() {
    let (server, folder) = (Served::open(), tempfile::tempdir().unwrap());
    let group = Group::new();
    let mut tracked = Tracked::start(&server, folder.path(), |process| {
        if let Some(group) = &group {
            std::fs::write(group.0.join("cgroup.procs"), process.to_string()).unwrap();
        }
    });
    if group.is_some() {
        tracked.tell("eat");
    } else {
        // Killed by hand; its control group seems to count it.
        let mut out = std::io::stderr();
        writeln!(out, "simulated: this process may make no control group").unwrap();
        tracked.signal("KILL");
        let events = folder.path().join("memory.events");
        std::fs::write(&events, "oom_kill 1\n").unwrap();
        let host = tracked.spool.join(&tracked.id).join("host.json");
        let mut told: Value = serde_json::from_slice(&std::fs::read(&host).unwrap()).unwrap();
        told["oom_kills"] = serde_json::json!([events, 0]);
        std::fs::write(&host, told.to_string()).unwrap();
    }
    assert_eq!(tracked.ended(&server).0, "crashed");
    tracked.sync(&server);
    let (state, reason) = tracked.ended(&server);
    assert_eq!(
        (
            state.as_str(),
            reason.starts_with("killed for want of memory")
        ),
        ("killed", true),
        "{reason}"
    );
}
