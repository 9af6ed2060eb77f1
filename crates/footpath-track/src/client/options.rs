//! Where a run is recorded, and how.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{RunId, Tags};

/// Where what a run tells goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: all calls do nothing.
    Off,
    /// A store's folder, such as `.footpath/track`. If another process has it open, the run
    /// stays in the spool for that process, or `sync`, to take in.
    Folder(PathBuf),
    /// A server, such as `http://127.0.0.1:5000`, with a token if it asks for one.
    Server {
        /// Its address.
        url: String,
        /// The API token.
        token: Option<String>,
    },
    /// The spool alone, for a later `sync`.
    Spool,
}

impl Target {
    /// Reads `off`, `spool`, an `http://` or `https://` address, or a folder.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "off" => Self::Off,
            "spool" => Self::Spool,
            url if url.starts_with("http://") || url.starts_with("https://") => Self::Server {
                url: url.trim_end_matches('/').to_owned(),
                token: None,
            },
            folder => Self::Folder(folder.into()),
        }
    }
}

/// A run that a later process may go on with: what [`Run::to_resume`](super::Run::to_resume) gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Its identity.
    pub id: RunId,
    /// When it began, Unix milliseconds.
    pub start_ms: i64,
}

/// How a run is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// Where to.
    pub target: Target,
    /// The folder of the spools; each run has one below it. `None` is `spool` in the store's
    /// folder, or `.footpath/track/spool`.
    pub spool: Option<PathBuf>,
    /// The run to go on with, of the same target, project and experiment; `None` for a new one.
    /// It is seen as running again, and what it tells of steps it told of before is passed over:
    /// see [`Batch::repeats`](crate::Batch::repeats).
    pub resume: Option<Resume>,
    /// The run's name; `None` for a random one, or the one it has.
    pub name: Option<String>,
    /// The run's first tags.
    pub tags: Tags,
    /// The most calls that may wait for the recorder; more are dropped and counted.
    pub queue_limit: usize,
    /// The most bytes of images and other contents that may wait for the recorder.
    pub queue_bytes: usize,
    /// How often what was called is written to the spool.
    pub flush_every: Duration,
    /// For how long a silent run is believed to live; it renews its lease four times as often.
    pub lease: Duration,
    /// How often the machine's load is logged; `None` for never.
    pub system_metrics_every: Option<Duration>,
    /// How long [`finish`](super::Run::finish) waits for the target before it leaves the
    /// rest to `sync`.
    pub finish_timeout: Duration,
    /// Record SIGINT, SIGTERM and SIGHUP as the run's end, then let them end the process.
    /// Programs that handle these signals themselves set it off.
    pub record_signals: bool,
}

impl RunOptions {
    /// Records to a target, with the defaults: 1,000,000 calls and 256 MiB may wait, what is
    /// called is spooled every 100 ms, the lease is a minute, the load is logged every 10 s,
    /// and the end waits up to 30 s.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            spool: None,
            resume: None,
            name: None,
            tags: Tags::new(),
            queue_limit: 1_000_000,
            queue_bytes: 256 << 20,
            flush_every: Duration::from_millis(100),
            lease: Duration::from_mins(1),
            system_metrics_every: Some(Duration::from_secs(10)),
            finish_timeout: Duration::from_secs(30),
            record_signals: true,
        }
    }

    pub(super) fn spool_folder(&self) -> PathBuf {
        match (&self.spool, &self.target) {
            (Some(folder), _) => folder.clone(),
            (None, Target::Folder(store)) => store.join("spool"),
            (None, _) => Path::new(".footpath").join("track").join("spool"),
        }
    }
}
