//! How the workers of one training agree on a step: data parallelism.
//!
//! Each worker, a *rank*, holds the whole network and learns from its share of every batch; their
//! gradients are averaged, so all take the same step. Batch norms see their rank's share only.
//! A batch of `n` images on each of `r` ranks teaches what a batch of `n · r` does on one, but for
//! batch norm and soft dice, which are computed from a share.

use std::fmt;

#[cfg(feature = "mpi")]
pub mod mpi;
pub mod threads;

/// The ranks of one training.
///
/// Every rank calls the same methods in the same order; each call waits for the others.
pub trait Collective: fmt::Debug + Send + Sync {
    /// This worker's number, from 0. Rank 0 validates, saves and tells.
    fn rank(&self) -> usize;

    /// How many workers there are.
    fn ranks(&self) -> usize;

    /// Replaces `values` by their sum over all ranks, the same bits on each.
    ///
    /// # Errors
    /// If a rank is gone or the run is to stop while waiting for it.
    fn sum(&self, values: &mut [f32]) -> Result<(), LostRank>;

    /// The bytes that rank 0 gave.
    ///
    /// # Errors
    /// If a rank is gone or the run is to stop while waiting for it.
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>, LostRank>;
}

/// A rank that does not answer any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another process of this training is gone ({0})")]
pub struct LostRank(pub String);

/// The only worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Collective for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn ranks(&self) -> usize {
        1
    }

    fn sum(&self, _: &mut [f32]) -> Result<(), LostRank> {
        Ok(())
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>, LostRank> {
        Ok(bytes)
    }
}
