//! Buffers of tensors, recycled.
//!
//! The system hands out large allocations as fresh pages, which cost a fault and a zeroing each: a tenth of a training
//! step. Tensors of a network come in the same sizes step after step, so a buffer that is dropped waits here for the
//! next tensor of its size. What waits counts towards the highest memory that was ever in use at once: beyond it,
//! waiting buffers are freed before a new one is allocated.

use std::{
    collections::BTreeMap,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

/// Shorter buffers are left to the allocator.
const SHORTEST: usize = 16 * 1024;

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

/// Values for a result. Their content is arbitrary: the kernel writes every one.
#[derive(Debug)]
pub(super) struct Buffer {
    values: Vec<f32>,
}

impl Buffer {
    pub(super) fn new(len: usize) -> Self {
        let recycled = if len < SHORTEST {
            None
        } else {
            pool().take(len)
        };
        Self {
            values: recycled.unwrap_or_else(|| vec![0.0; len]),
        }
    }

    /// The buffer as storage of a tensor.
    pub(super) fn into_bytes(self) -> Bytes {
        let len = size_of_val(self.values.as_slice());
        // SAFETY: all `len` bytes are initialised.
        unsafe { Bytes::from_controller(Box::new(self), len) }
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(values: Vec<f32>) -> Self {
        if values.len() >= SHORTEST {
            pool().adopt(values.len());
        }
        Self { values }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.values.len() >= SHORTEST {
            pool().give_back(std::mem::take(&mut self.values));
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _policy: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let len = size_of_val(self.values.as_slice());
        // SAFETY: the values' own bytes; by contract only initialised ones are written, and any bits make an `f32`.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.values.as_mut_ptr().cast(), len) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let len = size_of_val(self.values.as_slice());
        // SAFETY: the values' own bytes.
        Ok(unsafe { std::slice::from_raw_parts(self.values.as_ptr().cast(), len) })
    }
}

/// Dropped buffers by length. Counts are in values.
struct Pool {
    waiting: BTreeMap<usize, Vec<Vec<f32>>>,
    waiting_len: usize,
    in_use: usize,
    most_in_use: usize,
}

fn pool() -> MutexGuard<'static, Pool> {
    // Every method leaves the pool whole even if an allocation in it panics.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    const fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            waiting_len: 0,
            in_use: 0,
            most_in_use: 0,
        }
    }

    /// A waiting buffer of this length, if there is one; otherwise makes room for a new one.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        self.adopt(len);
        let found = self.waiting.get_mut(&len).and_then(Vec::pop);
        if found.is_some() {
            self.waiting_len -= len;
        }
        while found.is_none() && self.waiting_len + self.in_use > self.most_in_use {
            let Some(mut longest) = self.waiting.last_entry() else {
                break;
            };
            match longest.get_mut().pop() {
                Some(buffer) => self.waiting_len -= buffer.len(),
                None => drop(longest.remove()),
            }
        }
        found
    }

    /// Counts a buffer that came into use.
    fn adopt(&mut self, len: usize) {
        self.in_use += len;
        self.most_in_use = self.most_in_use.max(self.in_use);
    }

    fn give_back(&mut self, buffer: Vec<f32>) {
        self.in_use -= buffer.len();
        self.waiting_len += buffer.len();
        self.waiting.entry(buffer.len()).or_default().push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;

    #[test]
    fn recycles_equal_lengths() {
        let mut pool = Pool::new();
        assert!(pool.take(10).is_none());
        pool.give_back(vec![1.0; 10]);
        assert_eq!(pool.take(10), Some(vec![1.0; 10]));
        assert!(pool.take(10).is_none());
        assert_eq!(
            (pool.in_use, pool.waiting_len, pool.most_in_use),
            (20, 0, 20)
        );
    }

    #[test]
    fn frees_what_waits_before_it_grows() {
        let mut pool = Pool::new();
        for _ in 0..2 {
            assert!(pool.take(10).is_none());
        }
        pool.give_back(vec![0.0; 10]);
        pool.give_back(vec![0.0; 10]);
        // 15 in use and one of ten waiting would be more than the 20 that were once in use.
        assert!(pool.take(15).is_none());
        assert_eq!(
            (pool.in_use, pool.waiting_len, pool.most_in_use),
            (15, 0, 20)
        );
        assert!(pool.take(5).is_none());
        pool.give_back(vec![0.0; 15]);
        // Now there is room: 5 + 5 in use and 15 waiting are too much, so the 15 go.
        assert!(pool.take(5).is_none());
        assert_eq!((pool.in_use, pool.waiting_len), (10, 0));
    }
}
