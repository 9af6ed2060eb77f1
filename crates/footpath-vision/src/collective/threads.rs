//! Ranks that are threads of one process, one for each device.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Collective, LostRank};

/// A rank that is a thread. Dropping it tells the others that it is gone.
#[derive(Debug)]
pub struct ThreadRank {
    rank: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ranks: usize,
    round: Mutex<Round>,
    changed: Condvar,
}

/// What the ranks exchange. A round is over when every rank has taken its result.
#[derive(Debug, Default)]
struct Round {
    given: Vec<Option<Gift>>,
    result: Option<Arc<Gift>>,
    taken: usize,
    gone: bool,
}

#[derive(Debug)]
enum Gift {
    Values(Vec<f32>),
    Bytes(Vec<u8>),
}

impl ThreadRank {
    /// As many ranks as there are devices to train on.
    #[must_use]
    pub fn group(ranks: usize) -> Vec<Self> {
        let round = Round {
            given: (0..ranks).map(|_| None).collect(),
            ..Round::default()
        };
        let shared = Arc::new(Shared {
            ranks,
            round: Mutex::new(round),
            changed: Condvar::new(),
        });
        let rank = |rank| Self {
            rank,
            shared: Arc::clone(&shared),
        };
        (0..ranks).map(rank).collect()
    }

    /// Gives something and takes what `combine` makes of what all ranks gave, in their order.
    fn exchange(
        &self,
        gift: Gift,
        combine: impl FnOnce(Vec<Gift>) -> Gift,
    ) -> Result<Arc<Gift>, LostRank> {
        let shared = &self.shared;
        // The last round's result may still be waiting for ranks to take it.
        let mut round = self.wait(self.lock(), |round| round.result.is_some())?;
        round.given[self.rank] = Some(gift);
        if round.given.iter().all(Option::is_some) {
            let gifts = round.given.iter_mut().filter_map(Option::take).collect();
            round.result = Some(Arc::new(combine(gifts)));
            shared.changed.notify_all();
        } else {
            round = self.wait(round, |round| round.result.is_none())?;
        }
        let result = round.result.clone();
        round.taken += 1;
        if round.taken == shared.ranks {
            round.taken = 0;
            round.result = None;
            shared.changed.notify_all();
        }
        result.ok_or_else(lost)
    }

    fn wait<'a>(
        &self,
        mut round: MutexGuard<'a, Round>,
        is_early: impl Fn(&Round) -> bool,
    ) -> Result<MutexGuard<'a, Round>, LostRank> {
        while is_early(&round) {
            if round.gone {
                return Err(lost());
            }
            round = match self.shared.changed.wait(round) {
                Ok(round) => round,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
        Ok(round)
    }

    fn lock(&self) -> MutexGuard<'_, Round> {
        self.shared
            .round
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost() -> LostRank {
    LostRank("a device's thread ended; its own message says why".into())
}

impl Drop for ThreadRank {
    fn drop(&mut self) {
        self.lock().gone = true;
        self.shared.changed.notify_all();
    }
}

impl Collective for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.shared.ranks
    }

    fn sum(&self, values: &mut [f32]) -> Result<(), LostRank> {
        let total = self.exchange(Gift::Values(values.to_vec()), |gifts| {
            let mut gifts = gifts.into_iter().filter_map(|gift| match gift {
                Gift::Values(values) => Some(values),
                Gift::Bytes(_) => None,
            });
            let mut total = gifts.next().unwrap_or_default();
            for values in gifts {
                for (sum, value) in total.iter_mut().zip(values) {
                    *sum += value;
                }
            }
            Gift::Values(total)
        })?;
        if let Gift::Values(total) = &*total {
            values.copy_from_slice(total);
        }
        Ok(())
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>, LostRank> {
        let first = |gifts: Vec<Gift>| gifts.into_iter().next().unwrap_or(Gift::Bytes(Vec::new()));
        match &*self.exchange(Gift::Bytes(bytes), first)? {
            Gift::Bytes(bytes) => Ok(bytes.clone()),
            Gift::Values(_) => Err(lost()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn all_ranks_see_the_same_sums_and_the_bytes_of_the_first() {
        let run = |rank: ThreadRank| {
            let mut seen = Vec::new();
            for round in 0..200_u8 {
                let mut values = [rank.rank() as f32, f32::from(round)];
                rank.sum(&mut values).unwrap();
                let bytes = rank.broadcast(vec![rank.rank() as u8, round]).unwrap();
                seen.push((values, bytes));
            }
            seen
        };
        let threads: Vec<_> = ThreadRank::group(3)
            .into_iter()
            .map(|rank| thread::spawn(move || run(rank)))
            .collect();
        for thread in threads {
            let seen = thread.join().unwrap();
            for (round, (values, bytes)) in seen.into_iter().enumerate() {
                assert_eq!(values, [3.0, 3.0 * round as f32]);
                assert_eq!(bytes, [0, round as u8]);
            }
        }
    }

    #[test]
    fn a_rank_that_is_gone_ends_the_others_wait() {
        let mut ranks = ThreadRank::group(2).into_iter();
        let (first, second) = (ranks.next().unwrap(), ranks.next().unwrap());
        let waiting = thread::spawn(move || first.sum(&mut [1.0]));
        drop(second);
        let error = waiting.join().unwrap().unwrap_err();
        assert!(
            error.to_string().contains("a device's thread ended"),
            "{error}"
        );
    }
}
