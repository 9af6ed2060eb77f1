//! The random numbers of one tile.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

/// Which part of a data set a tile belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Tiles to train on.
    Train,
    /// Tiles held out.
    Val,
}

impl Split {
    /// Both splits, in the order they are written.
    pub const ALL: [Self; 2] = [Self::Train, Self::Val];

    /// The split's folder name.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
        }
    }
}

/// A stream of random numbers that depends on the seed, the split and the tile's index alone.
///
/// Every tile owns one, so tiles can be made in any order and by any number of threads. The
/// distributions are spelt out here, not taken from `rand`, so that a newer `rand` cannot change
/// the bytes of a data set.
pub(crate) struct TileRng(ChaCha8Rng);

impl TileRng {
    pub(crate) fn new(seed: u64, split: Split, index: usize) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(index as u64).to_le_bytes());
        key[16] = split as u8;
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `[0, 1)`, with 24 random bits.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number in `low..=high`.
    pub(crate) fn count(&mut self, low: usize, high: usize) -> usize {
        low + (self.unit() * (high - low + 1) as f32) as usize
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// -1 or 1.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Roughly normal (the sum of four uniforms), mean 0, standard deviation 1, within ±3.5.
    pub(crate) fn normal(&mut self) -> f32 {
        let sum: f32 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 1.732_050_8
    }

    /// One of `items`, each equally likely.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.count(0, items.len() - 1)]
    }

    /// One of `items`, with probability in proportion to its weight.
    pub(crate) fn weighted<T: Copy>(&mut self, items: &[(f32, T)]) -> T {
        let total: f32 = items.iter().map(|(weight, _)| weight).sum();
        let mut left = self.unit() * total;
        for &(weight, item) in items {
            if left < weight {
                return item;
            }
            left -= weight;
        }
        items[items.len() - 1].1
    }

    /// A key for [`hash`](super::noise::hash).
    pub(crate) fn key(&mut self) -> u32 {
        self.0.next_u32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_split_and_index_has_its_own_stream() {
        let first = |seed, split, index| TileRng::new(seed, split, index).key();
        let keys = [
            first(1, Split::Train, 0),
            first(2, Split::Train, 0),
            first(1, Split::Val, 0),
            first(1, Split::Train, 1),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert!(!keys[i + 1..].contains(a), "{keys:?}");
        }
        assert_eq!(keys[0], first(1, Split::Train, 0));
    }

    #[test]
    fn distributions_keep_their_bounds_and_moments() {
        let mut rng = TileRng::new(7, Split::Train, 3);
        let n = 20_000;
        let normals: Vec<f32> = (0..n).map(|_| rng.normal()).collect();
        let mean = normals.iter().sum::<f32>() / n as f32;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n as f32;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.04, "{variance}");
        let mut seen = [0; 3];
        for _ in 0..3000 {
            seen[rng.weighted(&[(1.0, 0), (2.0, 1), (1.0, 2)])] += 1;
            assert!((2..=4).contains(&rng.count(2, 4)));
        }
        assert!(seen[1] > 1350 && seen[1] < 1650, "{seen:?}");
    }
}
