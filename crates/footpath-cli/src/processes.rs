//! Processes that train together, as `mpirun`, Slurm or Kubernetes start them.
//!
//! The first one runs the command as if it were alone: it reads the store, validates, saves and
//! talks. The others load the same tiles and take part in its trainings.

use crate::commands::WrongUsage;
use crate::session::Session;
use anyhow::Result;
use std::env;

#[cfg(feature = "mpi")]
use {
    anyhow::anyhow,
    footpath_mapping::solution::{PipelineName, Ranks, follow},
    footpath_steps::{Runner, Store},
    footpath_vision::collective::{Collective, mpi::MpiRank},
    std::sync::Arc,
};

/// This process among those that train together.
#[derive(Default)]
pub(crate) struct Processes {
    #[cfg(feature = "mpi")]
    mpi: Option<Arc<MpiRank>>,
}

/// How many processes were started together; `None` for one that was started alone.
fn started_together() -> Option<usize> {
    let number = |name| env::var(name).ok()?.parse::<usize>().ok();
    // Open MPI, MPICH and Slurm's PMI2, Slurm's PMIx.
    let pmix = env::var_os("PMIX_RANK").and_then(|_| number("SLURM_NTASKS"));
    let size = number("OMPI_COMM_WORLD_SIZE")
        .or(number("PMI_SIZE"))
        .or(pmix);
    size.filter(|&size| size > 1)
}

impl Processes {
    /// Joins the others, if this process was not started alone.
    #[cfg(feature = "mpi")]
    pub(crate) fn join(session: &mut Session) -> Result<Self> {
        if started_together().is_none() {
            return Ok(Self::default());
        }
        let cancel = session.cancel.clone();
        let mpi = Arc::new(MpiRank::join(move || cancel.is_cancelled())?);
        let (ranks, set) = (mpi.ranks(), session.config.training.ranks);
        if set != 1 && set != ranks {
            let text = format!(
                "{ranks} processes were started, but training.ranks is {set} (--devices sets it); \
                 leave it out or start as many"
            );
            return Err(WrongUsage(text).into());
        }
        session.config.training.ranks = ranks;
        let local = env::var("OMPI_COMM_WORLD_LOCAL_RANK").or(env::var("SLURM_LOCALID"));
        let local = local.ok().and_then(|text| text.parse().ok());
        session.take_device(local.unwrap_or(0));
        session.ranks = Ranks::Processes(Arc::clone(&mpi) as Arc<dyn Collective>);
        session.quiet = mpi.rank() > 0;
        Ok(Self { mpi: Some(mpi) })
    }

    /// Refuses to do the same work several times over.
    #[cfg(not(feature = "mpi"))]
    pub(crate) fn join(_: &mut Session) -> Result<Self> {
        match started_together() {
            None => Ok(Self::default()),
            Some(size) => Err(WrongUsage(format!(
                "{size} processes were started together, but this footpath was built without MPI \
                 and each would train alone; build it with `--features mpi`, or use --devices N"
            ))
            .into()),
        }
    }

    /// In a process that is not the first: takes part until the first is done, and gives how that
    /// went. `None` in the first.
    #[cfg(feature = "mpi")]
    pub(crate) fn follow(&self, session: &Session, name: PipelineName) -> Option<Result<()>> {
        let mpi = self.mpi.as_ref().filter(|mpi| mpi.rank() > 0)?;
        let work = || -> Result<()> {
            let setup = session.setup(name, false);
            let (graph, inputs, data) = session.training_graph(&setup)?;
            // Its own memory, not the store: no process waits for another's locks.
            let store = Store::in_memory();
            let runner = Runner::new(&store).cancel_with(&session.cancel);
            let targets = runner.run(&graph.pipeline, &graph.targets, inputs)?.output;
            let (collective, cancel) = (mpi.as_ref(), &session.cancel);
            let images = &data.train.images;
            follow(&setup, collective, images, &targets, cancel).map_err(|cause| anyhow!(cause))
        };
        let done = work();
        if done.is_ok() {
            mpi.finish();
        }
        Some(done.map_err(|error| error.context(format!("process {} of the training", mpi.rank()))))
    }

    /// See above; there are no others.
    #[cfg(not(feature = "mpi"))]
    #[expect(clippy::unused_self, reason = "without MPI there is nothing to ask")]
    pub(crate) fn follow(
        &self,
        _: &Session,
        _: footpath_mapping::solution::PipelineName,
    ) -> Option<Result<()>> {
        None
    }

    /// Lets the others go once the first process is done. Where it failed, its exit ends them.
    #[cfg_attr(
        not(feature = "mpi"),
        expect(clippy::unused_self, reason = "without MPI there is nothing to end")
    )]
    pub(crate) fn finish(&self, session: &Session, done: &Result<()>) {
        if done.is_err() && !session.cancel.is_cancelled() {
            return;
        }
        if let Err(error) = session.ranks.end() {
            tracing::debug!("the other processes are not there any more: {error}");
            return;
        }
        #[cfg(feature = "mpi")]
        if let Some(mpi) = &self.mpi {
            mpi.finish();
        }
    }
}
