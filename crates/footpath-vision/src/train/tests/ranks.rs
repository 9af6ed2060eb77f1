//! Runs of several ranks, and of batches accumulated as ranks would share them.

use super::*;
use crate::collective::LostRank;
use crate::collective::threads::ThreadRank;

fn difference(a: &StateDict, b: &StateDict) -> f64 {
    let (mut square, mut sum) = (0.0, 0.0);
    for (name, _) in a.iter() {
        for (x, y) in a.values(name).iter().zip(b.values(name)) {
            square += f64::from(x - y).powi(2);
            sum += f64::from(*x).powi(2);
        }
    }
    (square / sum).sqrt()
}

/// One epoch on 6 samples of a network without batch norm whose loss is a mean over images.
fn mean_setup(batch_size: usize) -> Setup {
    let mut setup = Setup::new(config(1), 6);
    setup.network.encoder = Encoder::Vgg11;
    setup.config.batch_size = batch_size;
    setup.config.loss.dice = 0.0;
    setup
}

/// The same for two ranks that share what `mean_setup(4)` has in a batch.
fn two_ranks() -> Setup {
    let mut setup = mean_setup(2);
    setup.config.ranks = 2;
    setup
}

#[test]
fn as_many_workers_take_part_as_the_settings_say() {
    let setup = two_ranks();
    let error = setup.training().run(scripted(&[]), |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 workers take part, but `training.ranks` is 2"
    );
}

#[test]
fn accumulated_batches_teach_what_one_large_batch_does() {
    let whole = trained(&mean_setup(4));
    let mut setup = mean_setup(2);
    setup.config.accumulate = 2;
    let mut batches = Vec::new();
    let report = setup
        .training()
        .run(scripted(&[0.5]), |event| {
            if let TrainEvent::Batch(report) = event {
                batches.push(report.batch);
            }
        })
        .unwrap();
    // 6 samples: a step of 4 and one of the 2 that are left, as with batches of 4.
    assert_eq!(batches, [2, 3]);
    assert_eq!(report.progress.history.len(), 1);
    let distance = difference(&whole, &weights(&setup));
    assert!(distance < 1e-5, "{distance}");
}

#[test]
fn ranks_learn_together_what_one_learns_from_all_batches() {
    let whole = trained(&mean_setup(4));
    let setup = two_ranks();
    let reports: Vec<TrainReport> = thread::scope(|scope| {
        let run = |rank: ThreadRank| {
            let setup = &setup;
            scope.spawn(move || {
                let training = Training {
                    collective: &rank,
                    ..setup.training()
                };
                training.run(scripted(&[0.5]), |_| {}).unwrap()
            })
        };
        let threads: Vec<_> = ThreadRank::group(2).into_iter().map(run).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(reports[0], reports[1]);
    let distance = difference(&whole, &weights(&setup));
    assert!(distance < 1e-5, "{distance}");
}

#[test]
fn a_lost_rank_ends_the_run_with_a_checkpoint_to_go_on_from() {
    let expected = {
        let setup = two_ranks();
        run_ranks(&setup, None);
        setup.bytes(LAST)
    };
    let setup = two_ranks();
    let error = run_ranks(&setup, Some(1)).unwrap();
    assert!(
        error.contains("another process of this training is gone"),
        "{error}"
    );
    assert!(error.contains("What was saved last is in"), "{error}");
    assert_eq!(run_ranks(&setup, None), None);
    assert!(setup.bytes(LAST) == expected);
}

/// Two ranks, the second lost after `lose_after` steps; rank 0's error.
fn run_ranks(setup: &Setup, lose_after: Option<usize>) -> Option<String> {
    thread::scope(|scope| {
        let mut ranks = ThreadRank::group(2).into_iter();
        let (first, second) = (ranks.next().unwrap(), ranks.next().unwrap());
        let run = |rank: ThreadRank, validate: fn() -> ValidationResult| {
            let failing = FailingRank {
                steps: AtomicUsize::new(match (rank.rank(), lose_after) {
                    // The network, then a gradient and a flag a step.
                    (1, Some(steps)) => 2 * steps,
                    _ => usize::MAX,
                }),
                rank,
            };
            let training = Training {
                collective: &failing,
                ..setup.training()
            };
            training
                .run(move |_| validate(), |_| {})
                .err()
                .map(|e| e.to_string())
        };
        let worker = scope.spawn(move || run(second, || unreachable!()));
        let error = run(first, || Ok(validation(0.5)));
        worker.join().unwrap();
        error
    })
}

/// A rank that is gone after so many sums.
#[derive(Debug)]
struct FailingRank {
    steps: AtomicUsize,
    rank: ThreadRank,
}

impl Collective for FailingRank {
    fn rank(&self) -> usize {
        self.rank.rank()
    }

    fn ranks(&self) -> usize {
        self.rank.ranks()
    }

    fn sum(&self, values: &mut [f32]) -> Result<(), LostRank> {
        if self.steps.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(LostRank("killed".into()));
        }
        self.rank.sum(values)
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>, LostRank> {
        self.rank.broadcast(bytes)
    }
}
