//! How a run ends that nobody ended: by a panic, by a signal, without a word.

use std::cell::RefCell;
use std::sync::Once;

use serde::{Deserialize, Serialize};

thread_local! {
    /// This thread's last panic: message and place.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics remembered by the thread they happen in, on top of what is done with them.
pub(super) fn remember_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANIC.with(|last| *last.borrow_mut() = Some(panic.to_string()));
            before(panic);
        }));
    });
}

/// What this thread panicked with, if it is panicking.
pub(super) fn panic_message() -> Option<String> {
    std::thread::panicking().then(|| {
        PANIC
            .with(|last| last.borrow().clone())
            .unwrap_or_else(|| "a panic".into())
    })
}

/// What the machine told when a run began, to tell later how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Host {
    /// The machine's present uptime, by an id that each start makes anew.
    boot: String,
    /// The control group's counts of out-of-memory kills: a file and a number.
    oom_kills: Option<(String, u64)>,
}

impl Host {
    pub(super) fn now() -> Self {
        Self {
            boot: boot(),
            oom_kills: events_files()
                .into_iter()
                .find_map(|file| oom_kills(&file).map(|count| (file, count))),
        }
    }

    /// Why a run that began on this machine and whose process is gone ended without a word.
    pub(super) fn silent_end(&self) -> String {
        if self.boot != boot() {
            return "the machine went down".into();
        }
        if let Some((file, before)) = &self.oom_kills
            && oom_kills(file).is_some_and(|now| now > *before)
        {
            return "killed for want of memory: its control group counts an out-of-memory kill since it began".into();
        }
        "killed without a word (SIGKILL or an abort)".into()
    }
}

fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// The files that may count the out-of-memory kills of this process' control group: of version 2,
/// then of version 1.
fn events_files() -> Vec<String> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let path = path.trim_end_matches('/');
        if controllers.is_empty() {
            files.insert(0, format!("/sys/fs/cgroup{path}/memory.events"));
        } else if controllers.split(',').any(|name| name == "memory") {
            files.push(format!("/sys/fs/cgroup/memory{path}/memory.oom_control"));
        }
    }
    files
}

fn oom_kills(file: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_end_is_told_by_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.events");
        std::fs::write(&file, "low 0\noom 1\noom_kill 3\n").unwrap();
        let host = |boot: String, count| Host {
            boot,
            oom_kills: Some((file.display().to_string(), count)),
        };
        assert!(
            host(boot(), 2)
                .silent_end()
                .starts_with("killed for want of memory")
        );
        assert!(
            host(boot(), 3)
                .silent_end()
                .starts_with("killed without a word")
        );
        assert_eq!(
            host("another".into(), 3).silent_end(),
            "the machine went down"
        );
    }

    /// Tells, as it is dropped, what its thread panics with.
    struct Told(std::sync::mpsc::Sender<Option<String>>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send(panic_message()).unwrap();
        }
    }

    #[test]
    fn a_panic_is_remembered_with_its_place() {
        remember_panics();
        let (send, receive) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let _told = Told(send);
            panic!("no more tiles");
        });
        thread.join().unwrap_err();
        let message = receive.recv().unwrap().unwrap();
        assert!(
            message.contains("no more tiles") && message.contains("guard.rs"),
            "{message}"
        );
        assert_eq!(panic_message(), None);
    }
}
