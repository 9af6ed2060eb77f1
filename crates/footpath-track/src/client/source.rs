//! The state of the code: commit, branch, and what was changed since.

use std::path::Path;
use std::process::{Command, Stdio};

use super::queue::{Event, Queue};

/// Where the changes since the commit are kept among a run's artifacts.
const DIFF: &str = "source/dirty.diff";

/// Tells of the git repository that a folder is in, by MLflow's tags; what differs from the
/// commit becomes the artifact `source/dirty.diff`. Without git or repository, tells nothing.
pub(super) fn snapshot(folder: &Path, queue: &Queue) {
    let Some(commit) = git(folder, &["rev-parse", "HEAD"]) else {
        return;
    };
    let tell = |key: &str, value: String| {
        queue.push(Event::Tag(format!("mlflow.source.git.{key}"), value));
    };
    tell("commit", commit);
    if let Some(branch) =
        git(folder, &["rev-parse", "--abbrev-ref", "HEAD"]).filter(|branch| branch != "HEAD")
    {
        tell("branch", branch);
    }
    if let Some(url) = git(folder, &["remote", "get-url", "origin"]) {
        tell("repoURL", without_password(&url));
    }
    let changed = git(folder, &["status", "--porcelain"]).unwrap_or_default();
    tell("dirty", (!changed.is_empty()).to_string());
    if !changed.is_empty() {
        let diff =
            git(folder, &["diff", "HEAD", "--no-color", "--no-ext-diff"]).unwrap_or_default();
        queue.push(Event::Bytes(DIFF.into(), format!("{diff}\n").into_bytes()));
    }
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned(),
    )
}

/// An address without user and password.
fn without_password(url: &str) -> String {
    match url
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?)))
    {
        Some((scheme, (user, place))) if !user.contains('/') => format!("{scheme}://{place}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn addresses_lose_their_passwords() {
        assert_eq!(
            without_password("https://me:secret@host/a.git"),
            "https://host/a.git"
        );
        assert_eq!(
            without_password("https://host/a@b.git"),
            "https://host/a@b.git"
        );
        assert_eq!(without_password("git@host:a.git"), "git@host:a.git");
    }

    #[test]
    fn a_changed_repository_is_told_with_its_diff() {
        let folder = tempfile::tempdir().unwrap();
        let run = |args: &[&str]| git(folder.path(), args);
        if run(&["init", "-b", "trunk"]).is_none() {
            // Without git there is nothing to tell, and nothing to test.
            return;
        }
        std::fs::write(folder.path().join("a.txt"), "one\n").unwrap();
        run(&["add", "."]).unwrap();
        run(&[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "-m",
            "first",
        ])
        .unwrap();
        std::fs::write(folder.path().join("a.txt"), "two\n").unwrap();
        let queue = Queue::new(100, 1 << 20);
        snapshot(folder.path(), &queue);
        let mut told = Vec::new();
        for event in queue.take(Duration::ZERO).0 {
            match event {
                Event::Tag(key, value) => told.push((key, value)),
                Event::Bytes(path, bytes) => told.push((path, String::from_utf8(bytes).unwrap())),
                _ => {}
            }
        }
        assert_eq!(told[0].1.len(), 40);
        assert_eq!(told[1], ("mlflow.source.git.branch".into(), "trunk".into()));
        assert_eq!(told[2], ("mlflow.source.git.dirty".into(), "true".into()));
        assert!(
            told[3].0 == DIFF && told[3].1.contains("-one\n+two\n"),
            "{}",
            told[3].1
        );
    }
}
