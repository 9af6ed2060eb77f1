//! Random streams by name.
//!
//! Every draw of the crate comes from a stream that is a pure function of a seed, a purpose and
//! a position (a tensor's name, an epoch, a sample). No stream is shared, so nothing depends on
//! the order in which threads reach it, and a resumed run needs no generator's state.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The stream of `purpose` for one item of a seeded run.
///
/// `key` tells items of one purpose apart: a tensor's name, or an epoch and a position.
#[must_use]
pub fn stream(seed: u64, purpose: &str, key: &[u8]) -> ChaCha8Rng {
    let mut hash = blake3::Hasher::new_derive_key("footpath-vision random stream 1");
    hash.update(&seed.to_le_bytes());
    hash.update(&(purpose.len() as u64).to_le_bytes());
    hash.update(purpose.as_bytes());
    hash.update(key);
    ChaCha8Rng::from_seed(*hash.finalize().as_bytes())
}

/// The stream of `purpose` at a place in training.
#[must_use]
pub fn stream_at(seed: u64, purpose: &str, epoch: usize, position: usize) -> ChaCha8Rng {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&(epoch as u64).to_le_bytes());
    key[8..].copy_from_slice(&(position as u64).to_le_bytes());
    stream(seed, purpose, &key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngCore;

    #[test]
    fn streams_repeat_and_differ_in_each_part_of_their_name() {
        let first = |mut rng: ChaCha8Rng| rng.next_u64();
        let here = first(stream_at(1, "flip", 2, 3));
        assert_eq!(here, first(stream_at(1, "flip", 2, 3)));
        for other in [
            stream_at(0, "flip", 2, 3),
            stream_at(1, "flit", 2, 3),
            stream_at(1, "flip", 3, 3),
            stream_at(1, "flip", 2, 2),
            stream(1, "fli", b"p"),
        ] {
            assert_ne!(here, first(other));
        }
    }
}
