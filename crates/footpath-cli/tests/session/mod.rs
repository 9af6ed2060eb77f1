//! A folder of its own for each test, and the command run in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A temporary folder with a tiny suburb and a configuration that trains in seconds.
pub(crate) struct Session {
    folder: TempDir,
}

const CONFIG: &str = "\
data: data
unet: {encoder: resnet18, decoder_filters: 2}
training:
  epochs: 2
  batch_size: 4
  size: {height: 64, width: 64}
";

impl Session {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// 6 training and 3 validation tiles of 64 px in `data`, and `town.yaml`.
    pub(crate) fn with_suburb() -> Self {
        let session = Self::empty();
        session.write("town.yaml", CONFIG);
        session.succeed("synth --out data --train 6 --val 3 --size 64 --seed 3");
        session
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// Runs `footpath` with these words as arguments.
    pub(crate) fn run(&self, line: &str) -> Finished {
        let output = Command::new(Path::new(env!("CARGO_BIN_EXE_footpath")))
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        Finished::new(line, &output)
    }

    /// Runs it and expects exit code 0.
    pub(crate) fn succeed(&self, line: &str) -> Finished {
        let done = self.run(line);
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    }

    /// Runs it and expects this exit code and these parts in what it says on stderr.
    pub(crate) fn fail(&self, line: &str, code: i32, says: &[&str]) -> Finished {
        let done = self.run(line);
        assert_eq!(done.code, Some(code), "{done:?}");
        for part in says {
            assert!(done.stderr.contains(part), "no `{part}` in {done:?}");
        }
        done
    }
}

/// What a command left behind.
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "the line is there to be printed when a test fails"
)]
pub(crate) struct Finished {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    fn new(line: &str, output: &Output) -> Self {
        Self {
            line: line.to_owned(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
