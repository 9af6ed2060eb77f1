//! The server over real sockets: what it does for its clients, and what it refuses.

#![expect(clippy::unwrap_used, reason = "tests")]

mod native;
mod publish;
mod refusals;
mod remote;
mod roles;
mod serve;
mod states;
