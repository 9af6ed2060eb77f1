//! The two innermost loops: everything else moves data to and from them.
//!
//! [`outer_product`] is the block of a matrix product (forward and data gradient), [`dot_product`] that of a product
//! with a transposed right side (weight gradient, where both operands are contiguous along the summed pixels).

use super::simd::{Kernel, Level, Portable, Vector};

/// Rows (channels) of a block of [`outer_product`].
pub(crate) const ROWS: usize = 8;
/// Columns (pixels) of a block of [`outer_product`]: three AVX-512 registers.
pub(crate) const COLUMNS: usize = 48;
/// Left rows (channels) of a block of [`dot_product`].
pub(crate) const DOT_LEFT: usize = 4;
/// Right rows (kernel taps) of a block of [`dot_product`].
pub(crate) const DOT_RIGHT: usize = 6;
/// Partial sums of an element of [`dot_product`].
pub(crate) const DOT_LANES: usize = 16;

/// The left operand of [`outer_product`]: element `(row, k)` lies at `row · row_stride + k · depth_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    pub(crate) values: *const f32,
    pub(crate) row_stride: usize,
    pub(crate) depth_stride: usize,
}

/// [`outer_product`] or [`outer_product_bf16`].
pub(crate) type Product =
    unsafe fn(Level, usize, Left, (*const f32, usize), usize, (*mut f32, usize), bool);

/// `c[row][column] (+)= Σ_k left(row, k) · right[k][column]` for [`ROWS`] rows and the first `columns` columns.
///
/// The rows of `right` and `c` lie as far apart as their second parts say.
///
/// # Safety
/// `columns` is at most [`COLUMNS`]. `left` is readable for [`ROWS`] x `depth` elements, `right` and `c` are for
/// `depth` and [`ROWS`] rows of `columns` columns, rounded up to a multiple of 16.
pub(crate) unsafe fn outer_product(
    level: Level,
    depth: usize,
    left: Left,
    right: (*const f32, usize),
    columns: usize,
    c: (*mut f32, usize),
    accumulate: bool,
) {
    // SAFETY: the pointers are the caller's contract, the level was detected.
    unsafe {
        match level {
            Level::Portable => {
                for row in (0..ROWS).step_by(2) {
                    for column in (0..columns).step_by(16) {
                        let left = Left {
                            values: left.values.add(row * left.row_stride),
                            ..left
                        };
                        outer::<Portable, 2, 2>(
                            depth,
                            left,
                            (right.0.add(column), right.1),
                            (c.0.add(row * c.1 + column), c.1),
                            accumulate,
                        );
                    }
                }
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => x86::outer_avx2(depth, left, right, columns, c, accumulate),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => x86::outer_avx512(depth, left, right, columns, c, accumulate),
        }
    }
}

/// [`outer_product`] of pairs of bfloat16 (see [`bf16`](super::bf16)): `depth` counts pairs.
///
/// # Safety
/// As for [`outer_product`], and [`bf16::is_supported`](super::bf16::is_supported).
pub(crate) unsafe fn outer_product_bf16(
    _level: Level,
    depth: usize,
    left: Left,
    right: (*const f32, usize),
    columns: usize,
    c: (*mut f32, usize),
    accumulate: bool,
) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's contract.
    unsafe {
        x86::outer_bf16(depth, left, right, columns, c, accumulate);
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (depth, left, right, columns, c, accumulate);
        unreachable!("no other processor is supported");
    }
}

/// `c[l][r] += Σ_i left[l][i] · right[r][i]` for [`DOT_LEFT`] x [`DOT_RIGHT`] rows of `depth` values each, where an
/// element of `c` is [`DOT_LANES`] partial sums, which [`SumLanes`] adds up.
///
/// The rows of `left` and `right` lie as far apart as their second parts say; `depth` is a multiple of [`DOT_LANES`].
///
/// # Safety
/// All rows are readable and `c` is writable over these extents.
pub(crate) unsafe fn dot_product(
    level: Level,
    depth: usize,
    left: (*const f32, usize),
    right: (*const f32, usize),
    c: *mut f32,
) {
    // SAFETY: the pointers are the caller's contract, the level was detected.
    unsafe {
        match level {
            Level::Portable => {
                for l in (0..DOT_LEFT).step_by(2) {
                    for r in (0..DOT_RIGHT).step_by(2) {
                        let c = c.add((l * DOT_RIGHT + r) * DOT_LANES);
                        let left = (left.0.add(l * left.1), left.1);
                        dot::<Portable, 2, 2>(depth, left, (right.0.add(r * right.1), right.1), c);
                    }
                }
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => x86::dot_avx2(depth, left, right, c),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => x86::dot_avx512(depth, left, right, c),
        }
    }
}

/// Sums of the partial sums of 16 elements each.
pub(crate) struct SumLanes<'a> {
    pub(crate) lanes: &'a [f32],
    pub(crate) sums: &'a mut [f32],
}

impl Kernel for SumLanes<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut columns = [0.0_f32; DOT_LANES * DOT_LANES];
        assert_eq!(self.lanes.len(), DOT_LANES * self.sums.len());
        assert!(self.sums.len().is_multiple_of(DOT_LANES));
        let lanes = self.lanes.as_chunks::<{ DOT_LANES * DOT_LANES }>().0;
        let sums = self.sums.as_chunks_mut::<DOT_LANES>().0;
        for (lanes, sums) in lanes.iter().zip(sums) {
            // SAFETY: 16 x 16 values of both.
            unsafe {
                V::transpose16(
                    (lanes.as_ptr(), DOT_LANES),
                    (columns.as_mut_ptr(), DOT_LANES),
                );
            };
            for half in [8, 4, 2, 1] {
                let (low, high) = columns.split_at_mut(half * DOT_LANES);
                for (low, high) in low.iter_mut().zip(high) {
                    *low += *high;
                }
            }
            sums.copy_from_slice(&columns[..DOT_LANES]);
        }
    }
}

#[inline(always)]
unsafe fn outer<V: Vector, const M: usize, const N: usize>(
    depth: usize,
    left: Left,
    right: (*const f32, usize),
    c: (*mut f32, usize),
    accumulate: bool,
) {
    // SAFETY: the contract of `outer_product`, for M rows and N vectors.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; M];
        if accumulate {
            for (m, row) in sums.iter_mut().enumerate() {
                for (n, sum) in row.iter_mut().enumerate() {
                    *sum = V::load(c.0.add(m * c.1 + n * V::LANES));
                }
            }
        }
        let mut a = left.values;
        let mut b = right.0;
        for _ in 0..depth {
            let mut pixels = [V::splat(0.0); N];
            for (n, pixel) in pixels.iter_mut().enumerate() {
                *pixel = V::load(b.add(n * V::LANES));
            }
            for (m, row) in sums.iter_mut().enumerate() {
                let weight = V::splat(*a.add(m * left.row_stride));
                for (sum, pixel) in row.iter_mut().zip(pixels) {
                    *sum = weight.mul_add(pixel, *sum);
                }
            }
            a = a.wrapping_add(left.depth_stride);
            b = b.wrapping_add(right.1);
        }
        for (m, row) in sums.iter().enumerate() {
            for (n, sum) in row.iter().enumerate() {
                sum.store(c.0.add(m * c.1 + n * V::LANES));
            }
        }
    }
}

#[inline(always)]
unsafe fn dot<V: Vector, const L: usize, const R: usize>(
    depth: usize,
    left: (*const f32, usize),
    right: (*const f32, usize),
    c: *mut f32,
) {
    // SAFETY: the contract of `dot_product`, for L and R rows.
    unsafe {
        let element = |l: usize, r: usize| c.add((l * DOT_RIGHT + r) * DOT_LANES);
        let mut sums = [[V::splat(0.0); R]; L];
        for (l, row) in sums.iter_mut().enumerate() {
            for (r, sum) in row.iter_mut().enumerate() {
                *sum = V::load(element(l, r));
            }
        }
        let mut i = 0;
        while i < depth {
            let mut rights = [V::splat(0.0); R];
            for (r, value) in rights.iter_mut().enumerate() {
                *value = V::load(right.0.add(r * right.1 + i));
            }
            for (l, row) in sums.iter_mut().enumerate() {
                let left = V::load(left.0.add(l * left.1 + i));
                for (sum, right) in row.iter_mut().zip(rights) {
                    *sum = left.mul_add(right, *sum);
                }
            }
            i += V::LANES;
        }
        for (l, row) in sums.iter().enumerate() {
            for (r, sum) in row.iter().enumerate() {
                sum.store(element(l, r));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use super::super::simd::Bf16Pairs;
    use super::{DOT_LANES, DOT_LEFT, DOT_RIGHT, Left, ROWS, dot, outer};

    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn outer_avx512(
        depth: usize,
        left: Left,
        right: (*const f32, usize),
        columns: usize,
        c: (*mut f32, usize),
        accumulate: bool,
    ) {
        // SAFETY: the contract of `outer_product`.
        unsafe {
            match columns.div_ceil(16) {
                1 => outer::<__m512, ROWS, 1>(depth, left, right, c, accumulate),
                2 => outer::<__m512, ROWS, 2>(depth, left, right, c, accumulate),
                _ => outer::<__m512, ROWS, 3>(depth, left, right, c, accumulate),
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) unsafe fn outer_bf16(
        depth: usize,
        left: Left,
        right: (*const f32, usize),
        columns: usize,
        c: (*mut f32, usize),
        accumulate: bool,
    ) {
        // SAFETY: the contract of `outer_product_bf16`.
        unsafe {
            match columns.div_ceil(16) {
                1 => outer::<Bf16Pairs, ROWS, 1>(depth, left, right, c, accumulate),
                2 => outer::<Bf16Pairs, ROWS, 2>(depth, left, right, c, accumulate),
                _ => outer::<Bf16Pairs, ROWS, 3>(depth, left, right, c, accumulate),
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn outer_avx2(
        depth: usize,
        left: Left,
        right: (*const f32, usize),
        columns: usize,
        c: (*mut f32, usize),
        accumulate: bool,
    ) {
        // SAFETY: the contract of `outer_product`, in quarters.
        unsafe {
            for row in (0..ROWS).step_by(4) {
                let left = Left {
                    values: left.values.add(row * left.row_stride),
                    ..left
                };
                for column in (0..columns).step_by(16) {
                    let right = (right.0.add(column), right.1);
                    let c = (c.0.add(row * c.1 + column), c.1);
                    outer::<__m256, 4, 2>(depth, left, right, c, accumulate);
                }
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn dot_avx512(
        depth: usize,
        left: (*const f32, usize),
        right: (*const f32, usize),
        c: *mut f32,
    ) {
        // SAFETY: the contract of `dot_product`.
        unsafe { dot::<__m512, DOT_LEFT, DOT_RIGHT>(depth, left, right, c) }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn dot_avx2(
        depth: usize,
        left: (*const f32, usize),
        right: (*const f32, usize),
        c: *mut f32,
    ) {
        // SAFETY: the contract of `dot_product`, in halves.
        unsafe {
            for l in (0..DOT_LEFT).step_by(2) {
                let left = (left.0.add(l * left.1), left.1);
                let c = c.add(l * DOT_RIGHT * DOT_LANES);
                dot::<__m256, 2, DOT_RIGHT>(depth, left, right, c);
            }
        }
    }
}
