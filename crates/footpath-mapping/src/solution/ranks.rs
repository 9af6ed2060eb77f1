//! Who trains together: threads of this process, one for each device, or processes.
//!
//! The first rank follows the pipeline. The others do as it says: threads are started for each
//! training, processes wait for orders with [`follow`].

use super::graph::Setup;
use super::stages::stages;
use super::tiles::TileImage;
use super::train_unet::PreparedTiles;
use crate::targets::TargetMasks;
use footpath_steps::{BoxError, CancelToken, Items};
use footpath_vision::collective::threads::ThreadRank;
use footpath_vision::collective::{Alone, Collective};
use footpath_vision::device::Device;
use footpath_vision::train::{TrainError, TrainEvent, TrainReport, Training};
use serde::{Deserialize, Serialize};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// How the ranks of a training (`training.ranks`) come to be.
#[derive(Debug, Clone, Default)]
pub enum Ranks {
    /// As threads of this process.
    #[default]
    Threads,
    /// As processes that were started together.
    Processes(Arc<dyn Collective>),
}

/// What the first process tells the others.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
enum Order {
    /// To take part in a training.
    Train {
        /// The stage's number, from 0.
        stage: usize,
        /// Digest of what is learnt from.
        samples: String,
    },
    /// That there is nothing more to do.
    End,
}

impl Ranks {
    /// Calls the other processes to a stage of the training.
    pub(super) fn call(&self, stage: usize, samples: &PreparedTiles) -> Result<(), BoxError> {
        self.tell(&Order::Train {
            stage,
            samples: samples.digest(),
        })
    }

    /// Lets the other processes go. Not after a training that failed, which some of them may
    /// still be in.
    ///
    /// # Errors
    /// When one of them is lost.
    pub fn end(&self) -> Result<(), BoxError> {
        self.tell(&Order::End)
    }

    fn tell(&self, order: &Order) -> Result<(), BoxError> {
        if let Self::Processes(collective) = self {
            collective.broadcast(serde_json::to_vec(order)?)?;
        }
        Ok(())
    }

    /// Trains on the first rank by `first`, and on those that are threads of this process by
    /// `other`. The error is that of the rank that failed, not of those that waited for it.
    pub(super) fn train(
        &self,
        training: &Training,
        devices: &[Device],
        first: impl FnOnce(&Training) -> Result<TrainReport, TrainError> + Send,
        other: impl Fn(&Training) -> Result<TrainReport, TrainError> + Sync,
    ) -> Result<TrainReport, TrainError> {
        let ranks = training.config.ranks;
        match self {
            Self::Processes(collective) => first(&Training {
                collective: collective.as_ref(),
                ..*training
            }),
            Self::Threads if ranks <= 1 => first(&Training {
                collective: &Alone,
                ..*training
            }),
            Self::Threads => thread::scope(|scope| {
                let device = |rank: usize| devices.get(rank % devices.len().max(1));
                let mut group = ThreadRank::group(ranks).into_iter();
                let leader = group.next();
                let other = &other;
                let others: Vec<_> = group
                    .map(|member| {
                        let device = device(member.rank()).unwrap_or(training.device);
                        let run = move || {
                            let training = Training {
                                collective: &member,
                                device,
                                ..*training
                            };
                            other(&training)
                        };
                        scope.spawn(move || on_own_pool(ranks, run))
                    })
                    .collect();
                let led = on_own_pool(ranks, || {
                    // Moved in, so that it goes when the training ends: the others see that.
                    let leader = leader;
                    let collective: &dyn Collective = match &leader {
                        Some(leader) => leader,
                        None => &Alone,
                    };
                    first(&Training {
                        collective,
                        device: device(0).unwrap_or(training.device),
                        ..*training
                    })
                });
                let mut found = led;
                for other in others {
                    let other = other.join().unwrap_or_else(|panic| resume_unwind(panic));
                    found = worse(found, other);
                }
                found
            }),
        }
    }
}

/// Of two ranks' results the one that tells more: an error before none, its cause before its
/// consequence, names of samples before none.
fn worse(
    first: Result<TrainReport, TrainError>,
    other: Result<TrainReport, TrainError>,
) -> Result<TrainReport, TrainError> {
    let says_more = match (&first, &other) {
        (_, Ok(_)) => false,
        (Ok(_), Err(_)) => true,
        (Err(TrainError::NotFinite { samples, .. }), Err(TrainError::NotFinite { .. })) => {
            samples.is_empty()
        }
        (Err(first), Err(other)) => first.is_lost_rank() && !other.is_lost_rank(),
    };
    if says_more { other } else { first }
}

/// Runs `work` with its share of this pool's threads, as threads of its own: ranks that wait for
/// each other must not wait for a thread as well.
fn on_own_pool<T: Send>(ranks: usize, work: impl FnOnce() -> T + Send) -> T {
    let threads = (rayon::current_num_threads() / ranks).max(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("rank thread {index}"))
        .build();
    match pool {
        Ok(pool) => pool.install(work),
        Err(cause) => {
            tracing::warn!("no threads for a rank of its own: {cause}");
            work()
        }
    }
}

/// Takes part in what the first process trains, until it says that nothing more is to be done.
///
/// `images` and `targets` are the training tiles, which must be the first process's.
///
/// # Errors
/// When a training fails, or the first process is lost. A training that fails on this rank alone
/// leaves the others waiting, so the process is to exit.
pub fn follow(
    setup: &Setup<'_>,
    collective: &dyn Collective,
    images: &Items<TileImage>,
    targets: &Items<TargetMasks>,
    cancel: &CancelToken,
) -> Result<(), BoxError> {
    let samples = PreparedTiles { images, targets };
    let stages = stages(&setup.config.training)?;
    let mut failure: Option<TrainError> = None;
    loop {
        let order = match collective.broadcast(Vec::new()) {
            Ok(order) => order,
            // The first process failed as well, and said no more.
            Err(lost) => return Err(failure.map_or_else(|| lost.into(), BoxError::from)),
        };
        let (stage, expected) = match serde_json::from_slice(&order)? {
            Order::End => return failure.map_or(Ok(()), |failure| Err(failure.into())),
            Order::Train { stage, samples } => (stage, samples),
        };
        let stage = stages
            .get(stage)
            .ok_or("the first process has more training.stages than this one")?;
        let found = samples.digest();
        if found != expected {
            return Err(format!(
                "process {} has other training tiles ({found}) than the first ({expected}); all \
                 hosts need the same data sets and configuration",
                collective.rank()
            )
            .into());
        }
        let config = setup.training(&stage.training);
        let no_folder = Path::new("");
        let training = Training {
            collective,
            ..Training::new(
                &setup.config.unet,
                &config,
                &samples,
                &setup.device,
                no_folder,
                cancel.flag(),
            )
        };
        match run_other(&training) {
            Ok(_) => {}
            Err(error) if error.is_on_all_ranks() => failure = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Trains on a rank that is not the first: it validates nothing, and tells only which samples of
/// its share cannot be used.
pub(super) fn run_other(training: &Training) -> Result<TrainReport, TrainError> {
    training.run(
        |_| Err("only the first rank validates".into()),
        |event| {
            if let TrainEvent::Skipped(skipped) = event {
                tracing::warn!("{skipped}; trained without it");
            }
        },
    )
}
