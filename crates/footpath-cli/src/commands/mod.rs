//! One command, one function: resolved arguments in, words and files out.

pub(crate) mod ablate;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod evaluate;
pub(crate) mod inspect;
pub(crate) mod lr_range;
pub(crate) mod predict;
pub(crate) mod prepare;
pub(crate) mod runs;
pub(crate) mod score;
pub(crate) mod serve;
pub(crate) mod steps;
pub(crate) mod synth;
pub(crate) mod train;
pub(crate) mod trained;

/// A command that was given what it cannot use; ends with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUsage(pub(crate) String);
