//! Why a run failed.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::atomic_file::WriteError;
use crate::checkpoint::CheckpointError;
use crate::collective::LostRank;
use crate::layer_rates::UnknownLayer;
use crate::network::SizeError;
use crate::pretrained::PretrainedError;
use crate::setting::SettingError;
use crate::state_dict::StateDictError;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The input size does not fit the network.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A setting is out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A layer to freeze does not exist.
    #[error(transparent)]
    UnknownLayer(#[from] UnknownLayer),
    /// There are more or fewer workers than the settings say.
    #[error("{found} workers take part, but `training.ranks` is {expected}")]
    Ranks {
        /// What the settings say.
        expected: usize,
        /// Those there are.
        found: usize,
    },
    /// There is nothing to learn from.
    #[error("none of the {0} training samples can be used")]
    NoSamples(usize),
    /// A sample cannot be used and the run is strict.
    #[error("sample {index} cannot be used, which ends a strict run")]
    Sample {
        /// Its number in the source.
        index: usize,
        /// Why.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The encoder's first weights cannot be used.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// The weights to start from are not this network's.
    #[error("the network to start from cannot be used: {0}")]
    Start(#[source] StateDictError),
    /// A loss or gradient is infinite or not a number.
    #[error(
        "the {what} is {value} in epoch {epoch}, batch {batch}{}. {saved}. Look at these samples, \
         try a lower learning_rate, a warmup or clip_norm, or go on without such batches by \
         not_finite: skip (all under `training`)",
        list(samples)
    )]
    NotFinite {
        /// Loss or gradient norm.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The epoch, from 0.
        epoch: usize,
        /// The step's first batch, from 0.
        batch: usize,
        /// The names of the samples of this rank's share.
        samples: Vec<String>,
        /// What was saved.
        saved: Saved,
    },
    /// A parameter became infinite or not a number.
    #[error(
        "tensor {tensor} is not finite in epoch {epoch}, batch {batch}. {saved}. Try a lower \
         learning_rate, a warmup or clip_norm (all under `training`)"
    )]
    WeightsNotFinite {
        /// The tensor.
        tensor: String,
        /// The epoch, from 0.
        epoch: usize,
        /// Batches of the epoch that are done.
        batch: usize,
        /// What was saved.
        saved: Saved,
    },
    /// The validation failed.
    #[error("validation of epoch {epoch} failed: {cause}")]
    Validation {
        /// The epoch, from 0.
        epoch: usize,
        /// Why.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The run cannot go on from its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint cannot be written.
    #[error("{cause}. {saved}")]
    Write {
        /// Why.
        #[source]
        cause: WriteError,
        /// What was saved.
        saved: Saved,
    },
    /// Files that are not needed any more cannot be put aside or removed.
    #[error("cannot tidy up the checkpoints in {}: {cause}. {saved}", folder.display())]
    Tidy {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
        /// What was saved.
        saved: Saved,
    },
    /// Another rank is gone.
    #[error("{cause}. {saved}")]
    LostRank {
        /// Which and how.
        #[source]
        cause: LostRank,
        /// What was saved.
        saved: Saved,
    },
}

impl TrainError {
    /// Whether the cause is that another rank is gone, and the error that matters is its own.
    #[must_use]
    pub fn is_lost_rank(&self) -> bool {
        matches!(self, Self::LostRank { .. })
    }

    /// Whether every rank of the run ends with this error at this point, so that none waits for
    /// another.
    #[must_use]
    pub fn is_on_all_ranks(&self) -> bool {
        matches!(
            self,
            Self::Size(_)
                | Self::Setting(_)
                | Self::UnknownLayer(_)
                | Self::Ranks { .. }
                | Self::NotFinite { .. }
        )
    }

    pub(super) fn lost(why: String, saved: Saved) -> Self {
        let cause = LostRank(why);
        Self::LostRank { cause, saved }
    }
}

/// The checkpoint that a failed run can go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The checkpoint's file, if there is one.
    pub checkpoint: Option<PathBuf>,
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.checkpoint {
            Some(path) => write!(f, "What was saved last is in {}", path.display()),
            None => f.write_str("Nothing had been saved yet"),
        }
    }
}

fn list(samples: &[String]) -> String {
    if samples.is_empty() {
        " (in another process's share)".to_owned()
    } else {
        format!(" ({})", samples.join(", "))
    }
}
