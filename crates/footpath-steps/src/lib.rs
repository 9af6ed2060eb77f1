//! Typed, cached pipelines over a content-addressed store.
//!
//! A [`Pipeline`] is a graph of named steps. Steps take and give typed
//! [`Handle`]s; a step does the work of a [`Transformer`] or lets an
//! [`Estimator`] learn a model. [`Pipeline::run`] computes what is asked for and
//! nothing else: outputs and models that are [kept](Handle::keep_output) in a
//! [`Store`] are found again by their key, which is made of everything that
//! decides them.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod artifact;
#[cfg(feature = "cli")]
pub mod cli;
mod config;
mod context;
mod diagram;
mod digest;
mod each;
mod error;
mod event;
mod execute;
mod explain;
mod files;
mod fingerprint;
mod graph;
mod handle;
mod inputs;
mod items;
mod journal;
mod keep;
mod key;
mod memory;
mod pipeline;
mod plan;
mod report;
mod run;
mod scratch;
mod store;
mod text;
mod transformer;
mod wires;

pub use artifact::{Artifact, Bytes, Record};
pub use config::{Config, ConfigError};
pub use context::Context;
pub use diagram::{Diagram, DiagramNode, Status, Tone};
pub use digest::{Digest, Digester, ParseDigestError};
pub use error::{BoxError, BuildError, Error, Failed, SharedError, StepFailure, StoreError};
pub use event::{CancelToken, Cancelled, Event};
pub use explain::{Action, Plan, PlannedStep, Reason};
pub use files::{DataFile, Trust};
pub use fingerprint::{Fingerprint, Listing};
pub use graph::Kind;
pub use handle::{Handle, Keepable};
pub use inputs::Inputs;
pub use items::{ItemError, Items, ItemsIter};
pub use key::{InputPart, KeyParts};
pub use pipeline::Pipeline;
pub use report::{ItemCounts, ItemReport, Outcome, RunReport, StepReport};
pub use run::{Run, Runner};
pub use store::{
    GcOptions, GcReport, Kept, Manifest, Object, Origin, Output, Store, Transfer, Verification,
};
pub use transformer::{Estimator, Transformer, Version};
pub use wires::{Feeds, FeedsEach, Targets, Whole, whole};
