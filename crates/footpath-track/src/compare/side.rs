//! All that is compared of a run.

use crate::access::Access;
use crate::error::Error;
use crate::model::{Artifact, Run, StepRecord, Tags};

/// One of two runs that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The run.
    pub run: Run,
    /// The tags of its experiment, which tell which way metrics get better.
    pub experiment_tags: Tags,
    /// The steps of its pipelines.
    pub steps: Vec<StepRecord>,
    /// Its files.
    pub files: Vec<Artifact>,
}

impl Side {
    /// Reads what is compared of a run.
    ///
    /// # Errors
    /// When the store fails or the server refuses.
    pub fn read(access: &dyn Access, run: Run) -> Result<Self, Error> {
        let id = &run.info.id;
        Ok(Self {
            experiment_tags: access.experiment(run.info.experiment)?.tags,
            steps: access.steps(id)?,
            files: access.files(id)?,
            run,
        })
    }
}
