//! The innermost loop, the block of a matrix product: everything else moves data to and from it.

use super::simd::{Level, Portable, Vector};

/// Rows (channels) of a block of [`outer_product`].
pub(crate) const ROWS: usize = 8;
/// Columns (pixels) of a block of [`outer_product`]: three AVX-512 registers.
pub(crate) const COLUMNS: usize = 48;

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

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use super::super::simd::Bf16Pairs;
    use super::{Left, ROWS, outer};

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
}
