//! The client: a run that tells of itself, without ever holding up or failing its program.
//!
//! A call puts what it tells into a bounded queue. The recorder writes the queue to the spool,
//! a checksummed log on this machine's disk; the delivery reads the spool and sends it to the
//! target, numbered, so that a target takes each batch once however often it is sent.

mod deliver;
mod destination;
mod environment;
mod guard;
mod http;
mod nested;
mod options;
mod picture;
mod progress;
mod queue;
mod recorder;
mod recording;
mod run;
mod signals;
mod source;
mod spool;
mod sync;
mod system;
mod target;

pub use destination::{Destination, StoreDestination, begin_run, keep_model};
pub use http::{AppendRequest, HttpDestination, Kept};
pub(crate) use http::{Http, Refused};
pub use options::{Resume, RunOptions, Target};
pub use picture::{Layer, Picture};
pub use run::Run;
pub use sync::{SyncReport, sync};
