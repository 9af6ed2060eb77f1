//! Token buckets by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use parking_lot::Mutex;

/// How many addresses are kept before full buckets are dropped.
const KEPT: usize = 10_000;

/// One bucket an address: it holds `burst` tokens at most and gains `per_second`.
pub(crate) struct Rates {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Rates {
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self {
            per_second,
            burst: burst.max(1.0),
            buckets: Mutex::new(HashMap::new()),
        }
    }

    fn level(&self, (tokens, since): (f64, Instant), now: Instant) -> f64 {
        (tokens + now.saturating_duration_since(since).as_secs_f64() * self.per_second)
            .min(self.burst)
    }

    /// Takes a token; `false` if there is none.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= KEPT && !buckets.contains_key(&address) {
            buckets.retain(|_, bucket| self.level(*bucket, now) < self.burst);
        }
        let bucket = buckets.entry(address).or_insert((self.burst, now));
        let level = self.level(*bucket, now);
        let taken = level >= 1.0;
        *bucket = (if taken { level - 1.0 } else { level }, now);
        taken
    }

    /// Whether there is a token, without taking it.
    pub(crate) fn has(&self, address: IpAddr, now: Instant) -> bool {
        self.buckets
            .lock()
            .get(&address)
            .is_none_or(|bucket| self.level(*bucket, now) >= 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let (rates, now) = (Rates::new(2.0, 3.0), Instant::now());
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!((0..3).all(|_| rates.take(one, now)));
        assert!(!rates.take(one, now) && !rates.has(one, now));
        assert!(rates.take(other, now), "each address has its own");
        let later = now + Duration::from_millis(500);
        assert!(rates.has(one, later) && rates.take(one, later) && !rates.take(one, later));
        let much_later = now + Duration::from_mins(1);
        assert!((0..3).all(|_| rates.take(one, much_later)) && !rates.take(one, much_later));
    }
}
