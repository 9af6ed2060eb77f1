//! Ranks that are processes started by `mpirun`, Slurm or Kubernetes: on one host or many.
//!
//! One thread of each process makes all calls of the library, so that whoever waits for an answer
//! can still notice that the run is to stop. Sums are formed in the order of the ranks, as
//! [`threads`](super::threads) does: processes and threads learn the same to the last bit.
//!
//! A process that dies takes the others with it: `mpirun` asks them to stop, and kills them a
//! second later (`--mca odls_base_sigkill_timeout SECONDS` gives them longer). Whoever waits then
//! gives up with [`LostRank`], so that rank 0 can save.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mpi::Threading;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use super::{Collective, LostRank};

/// How often a waiting rank looks whether the run is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a rank still waits for the others once the run is to stop: less than `mpirun` leaves
/// it, more than ranks that stop in step differ by.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often a rank that waits for the others to arrive looks for them. MPI's own waiting would
/// keep a core busy.
const POLL_EVERY: Duration = Duration::from_micros(200);
/// Bytes of one broadcast; MPI counts in 32 bits.
const MOST_BYTES: usize = 1 << 30;

/// This process among those that MPI started.
pub struct MpiRank {
    rank: usize,
    ranks: usize,
    /// `None` once MPI has ended.
    library: Mutex<Option<Library>>,
    is_to_stop: Box<dyn Fn() -> bool + Send + Sync>,
    gave_up: AtomicBool,
}

/// The thread that makes all calls, which ends MPI once nobody can ask for more.
struct Library {
    calls: Sender<Call>,
    thread: JoinHandle<()>,
}

/// MPI could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MPI cannot be started: {0}")]
pub struct MpiError(String);

/// A call of the library, and where its answer goes.
enum Call {
    Sum(Vec<f32>, Sender<Vec<f32>>),
    Broadcast(Vec<u8>, Sender<Vec<u8>>),
}

impl fmt::Debug for MpiRank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, ranks, .. } = self;
        f.debug_struct("MpiRank")
            .field("rank", rank)
            .field("ranks", ranks)
            .finish_non_exhaustive()
    }
}

impl MpiRank {
    /// Joins the processes that MPI started together. Once in a process.
    ///
    /// `is_to_stop` tells whether the run was asked to stop: a rank then waits for the others
    /// only a little longer.
    ///
    /// # Errors
    /// If the library was started before or cannot be.
    pub fn join(is_to_stop: impl Fn() -> bool + Send + Sync + 'static) -> Result<Self, MpiError> {
        let (calls, received) = channel();
        let (told, place) = channel();
        let work = move || serve(&received, &told);
        let thread = thread::Builder::new().name("mpi".into()).spawn(work);
        let thread = thread.map_err(|cause| MpiError(cause.to_string()))?;
        let (rank, ranks) = place
            .recv()
            .map_err(|_| MpiError("it was started before".into()))?;
        Ok(Self {
            rank,
            ranks,
            library: Mutex::new(Some(Library { calls, thread })),
            is_to_stop: Box::new(is_to_stop),
            gave_up: AtomicBool::new(false),
        })
    }

    /// Ends MPI in this process. Waits for the other ranks to do so, unless one of them is lost:
    /// then the process is to exit with a failure, which tells `mpirun` to end the others.
    pub fn finish(&self) {
        let library = self.library().take();
        let is_whole = !self.gave_up.load(Ordering::Relaxed);
        if let (true, Some(Library { calls, thread })) = (is_whole, library) {
            drop(calls);
            if thread.join().is_err() {
                tracing::warn!("MPI did not end well");
            }
        }
    }

    fn library(&self) -> MutexGuard<'_, Option<Library>> {
        self.library.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call and waits for its answer.
    fn call<T>(&self, call: impl FnOnce(Sender<T>) -> Call) -> Result<T, LostRank> {
        if self.gave_up.load(Ordering::Relaxed) {
            return Err(LostRank("it was given up before".into()));
        }
        let (answer, answered) = channel();
        let library = self.library();
        let sent = library
            .as_ref()
            .is_some_and(|library| library.calls.send(call(answer)).is_ok());
        drop(library);
        let mut asked: Option<Instant> = None;
        loop {
            let why = match answered.recv_timeout(LOOK_EVERY) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if sent => {
                    if !(self.is_to_stop)() {
                        continue;
                    }
                    if asked.get_or_insert_with(Instant::now).elapsed() < PATIENCE {
                        continue;
                    }
                    "the run was asked to stop and one does not answer"
                }
                Err(_) => "MPI has ended",
            };
            self.gave_up.store(true, Ordering::Relaxed);
            return Err(LostRank(why.into()));
        }
    }
}

impl Collective for MpiRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.ranks
    }

    fn sum(&self, values: &mut [f32]) -> Result<(), LostRank> {
        let total = self.call(|answer| Call::Sum(values.to_vec(), answer))?;
        values.copy_from_slice(&total);
        Ok(())
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>, LostRank> {
        self.call(|answer| Call::Broadcast(bytes, answer))
    }
}

/// Makes calls until nobody is left who could ask for one, then ends MPI.
fn serve(calls: &Receiver<Call>, told: &Sender<(usize, usize)>) {
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else {
        return;
    };
    let world = universe.world();
    // Whoever does not wait for an answer any more ends the process.
    let _ = told.send((world.rank() as usize, world.size() as usize));
    for call in calls {
        wait_for_all(&world);
        match call {
            Call::Sum(values, answer) => drop(answer.send(sum(&world, values))),
            Call::Broadcast(bytes, answer) => drop(answer.send(broadcast(&world, bytes))),
        }
    }
}

fn wait_for_all(world: &SimpleCommunicator) {
    let mut arrived = world.immediate_barrier();
    while let Err(request) = arrived.test() {
        arrived = request;
        thread::sleep(POLL_EVERY);
    }
}

/// Each rank sums its part of the values of all, in their order, and gives it to the others.
fn sum(world: &SimpleCommunicator, mut values: Vec<f32>) -> Vec<f32> {
    let (length, ranks) = (values.len(), world.size() as usize);
    let part = length.div_ceil(ranks);
    values.resize(part * ranks, 0.0);
    let mut parts = vec![0.0; part * ranks];
    world.all_to_all_into(&values[..], &mut parts[..]);
    let (total, others) = parts.split_at_mut(part);
    for other in others.chunks(part.max(1)) {
        for (sum, value) in total.iter_mut().zip(other) {
            *sum += value;
        }
    }
    world.all_gather_into(&*total, &mut values[..]);
    values.truncate(length);
    values
}

fn broadcast(world: &SimpleCommunicator, mut bytes: Vec<u8>) -> Vec<u8> {
    let first = world.process_at_rank(0);
    let mut length = bytes.len() as u64;
    first.broadcast_into(&mut length);
    bytes.resize(length as usize, 0);
    for part in bytes.chunks_mut(MOST_BYTES) {
        first.broadcast_into(part);
    }
    bytes
}
