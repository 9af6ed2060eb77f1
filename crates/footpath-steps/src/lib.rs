//! Typed, cached pipelines over a content-addressed store.
//!
//! | to … | see |
//! | --- | --- |
//! | build a graph of steps | [`Pipeline`], [`Handle`] |
//! | write a step's work | [`Transformer`], [`Estimator`], [`Context`] |
//! | connect steps | [`Feeds`], [`FeedsEach`], [`whole`] |
//! | work item by item | [`Pipeline::each`], [`Items`] |
//! | keep outputs and models | [`Handle::keep_output`], [`Store`], [`Artifact`], [`Record`] |
//! | give a run its data | [`Inputs`], [`Fingerprint`], [`DataFile`] |
//! | run, cancel, watch | [`Pipeline::run`], [`Runner`], [`Event`] |
//! | know what runs and why | [`Pipeline::plan`], [`Plan`], [`RunReport`] |
//! | see the graph | [`Pipeline::diagram`], [`Diagram`] |
//! | clean, verify, move a store | [`Store::gc`], [`Store::verify`], [`Store::export`] |
//!
//! Features: `cli` (off by default) adds the command line over any pipeline.
#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::float_cmp,
        reason = "a test fails by panicking"
    )
)]

mod artifact;
#[cfg(feature = "cli")]
pub mod cli;
mod compute;
mod config;
mod context;
mod diagram;
mod difference;
mod digest;
mod each;
mod error;
mod event;
mod every_item;
mod execute;
mod explain;
mod files;
mod fingerprint;
mod graph;
mod handle;
mod inputs;
mod item_errors;
mod items;
mod journal;
mod keep;
mod key;
mod memory;
mod past;
mod pipeline;
mod plan;
mod reason;
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
pub use explain::{Action, Plan, PlannedStep};
pub use files::{DataFile, Trust};
pub use fingerprint::{Fingerprint, Listing};
pub use graph::Kind;
pub use handle::{Handle, Keepable};
pub use inputs::Inputs;
pub use items::{ItemError, Items, ItemsIter};
pub use key::{InputPart, KeyParts};
pub use pipeline::Pipeline;
pub use reason::Reason;
pub use report::{ItemCounts, ItemReport, Outcome, RunReport, StepReport};
pub use run::{Run, Runner};
pub use store::{
    GcOptions, GcReport, Kept, Manifest, Object, Origin, Output, Store, Transfer, Verification,
};
pub use transformer::{Estimator, Transformer, Version};
pub use wires::{Feeds, FeedsEach, Targets, Whole, whole};
