//! A slice that parallel tasks fill without overlap.

use std::marker::PhantomData;

/// A mutable slice of which several threads write disjoint parts.
pub(crate) struct SharedSlice<'a> {
    start: *mut f32,
    len: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: access goes through `part`, whose contract forbids overlap.
unsafe impl Send for SharedSlice<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedSlice<'_> {}

impl<'a> SharedSlice<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            borrow: PhantomData,
        }
    }

    /// The part of `len` values from `start`.
    ///
    /// # Safety
    /// No two parts that overlap exist at one time.
    ///
    /// # Panics
    /// If the part reaches beyond the slice.
    #[expect(clippy::mut_from_ref, reason = "disjointness is the caller's contract")]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [f32] {
        assert!(
            start + len <= self.len,
            "part {start}+{len} of a slice of {}",
            self.len
        );
        // SAFETY: inside the borrowed slice, and unique by contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }

    /// A pointer to the value at `start`, for scattered writes.
    ///
    /// # Safety
    /// What is written through it lies in the slice and belongs to one task.
    ///
    /// # Panics
    /// If `start` lies beyond the slice.
    pub(crate) unsafe fn from(&self, start: usize) -> *mut f32 {
        assert!(start < self.len, "value {start} of a slice of {}", self.len);
        // SAFETY: inside the borrowed slice.
        unsafe { self.start.add(start) }
    }
}
