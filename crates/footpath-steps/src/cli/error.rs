//! What keeps a command from its work.

use crate::error::{BoxError, Error, chain};

/// What keeps a command from its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The pipeline or its store.
    #[error(transparent)]
    Pipeline(#[from] Error),
    /// The inputs could not be made.
    #[error("the inputs cannot be read: {}", chain(.0.as_ref()))]
    Inputs(BoxError),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// Nothing is kept under this name or key.
    #[error("nothing is kept under `{0}`; `ls` lists what is")]
    NothingKept(String),
    /// Objects were damaged.
    #[error("{0} damaged objects were removed; run the pipeline again to compute them")]
    Damaged(usize),
}

impl From<crate::StoreError> for CliError {
    fn from(error: crate::StoreError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}
