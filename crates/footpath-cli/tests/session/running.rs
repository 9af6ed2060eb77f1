//! A command at work, told to stop at a line of its output.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(dead_code, reason = "each file of tests uses some of it")]

use super::session::Session;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// A `footpath … --json` that prints events.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Session {
    /// Starts `footpath` with these words as arguments.
    pub(crate) fn start(&self, line: &str) -> Running {
        self.start_by(Command::new(footpath()).args(line.split_whitespace()))
    }

    /// Starts it by a command of another program.
    pub(crate) fn start_by(&self, command: &mut Command) -> Running {
        let mut child = command
            .current_dir(self.path("."))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }
}

/// The program under test.
pub(crate) fn footpath() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_footpath"))
}

impl Running {
    /// The next event; `None` when the command has ended.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap_or(Value::Null))
    }

    /// Waits for the event `name` to come for the `count`th time.
    pub(crate) fn until(&mut self, name: &str, count: usize) -> Value {
        let mut seen = 0;
        while let Some(event) = self.next() {
            seen += usize::from(event["event"] == name);
            if seen == count {
                return event;
            }
        }
        let (status, stderr) = self.end();
        panic!("{seen} of {count} `{name}`, then {status}: {stderr}");
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as a job scheduler does.
    pub(crate) fn terminate(&mut self) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; gives what it said on stderr, too.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        while self.next().is_some() {}
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        // Seen where a test fails.
        let _ = std::io::stderr().write_all(stderr.as_bytes());
        (self.child.wait().unwrap(), stderr)
    }
}

/// The only folder of a training below `work`.
pub(crate) fn run_folder(session: &Session, work: &str) -> PathBuf {
    let runs = session.path(work).join("trainings");
    let mut folders = std::fs::read_dir(&runs).unwrap();
    let folder = folders.next().unwrap().unwrap().path();
    assert!(folders.next().is_none(), "several in {}", runs.display());
    folder
}
