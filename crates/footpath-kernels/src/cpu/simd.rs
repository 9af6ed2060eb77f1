//! Vectors of `f32` and the choice of instruction set at run time.

use std::sync::OnceLock;

/// The instruction sets that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Plain Rust, left to the compiler's vectoriser: NEON on `AArch64`, SSE2 on old x86.
    Portable,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best level of this processor, or a lower one that the environment variable `FOOTPATH_SIMD` names
    /// (`portable`, `avx2` or `avx512`).
    pub(crate) fn current() -> Self {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            let best = Self::detect();
            match std::env::var("FOOTPATH_SIMD").as_deref() {
                Ok("portable") => Self::Portable,
                #[cfg(target_arch = "x86_64")]
                Ok("avx2") => best.min(Self::Avx2),
                _ => best,
            }
        })
    }

    fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// Work that is compiled for each instruction set.
pub(crate) trait Kernel {
    /// Does the work with vectors `V`; to be marked `#[inline(always)]`, as all it calls.
    ///
    /// # Safety
    /// The processor has the vector's instruction set.
    unsafe fn run<V: Vector>(self);
}

impl Level {
    /// Runs `kernel` with this level's vectors, compiled for its instruction set.
    pub(crate) fn run(self, kernel: impl Kernel) {
        // SAFETY: levels beyond the portable one come from detection alone.
        unsafe {
            match self {
                Self::Portable => kernel.run::<Portable>(),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => x86::run_avx2(kernel),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => x86::run_avx512(kernel),
            }
        }
    }
}

/// Runs plain loops compiled for the best instruction set of this processor (or that of the environment
/// variable `FOOTPATH_SIMD`): the compiler's vectoriser does the rest. The result is the same to the bit,
/// for the compiler neither reorders nor fuses what a loop says.
///
/// `work` is to call nothing that is not inlined.
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    match Level::current() {
        Level::Portable => work(),
        // SAFETY: levels beyond the portable one come from detection alone.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::call_avx2(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::call_avx512(work) },
    }
}

/// A register of `f32` lanes.
///
/// # Safety
/// Every function may only run where the processor has the vector's instruction set; [`load`](Self::load) and
/// [`store`](Self::store) access [`LANES`](Self::LANES) values at any alignment.
pub(crate) trait Vector: Copy {
    const LANES: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(source: *const f32) -> Self;
    unsafe fn store(self, target: *mut f32);
    /// `self * factor + addend`, rounded once where the instruction set can.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    /// `target[column][row] = source[row][column]` for 16 x 16 values, whose rows lie as far apart as the second
    /// parts say.
    unsafe fn transpose16(source: (*const f32, usize), target: (*mut f32, usize));
}

/// Eight lanes in plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 8]);

// SAFETY: no instruction set is needed; the pointer contract is the caller's.
impl Vector for Portable {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: eight readable values, by contract.
        Self(unsafe { source.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: eight writable values, by contract.
        unsafe { target.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        let fused = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
        Self(std::array::from_fn(|i| {
            if fused {
                self.0[i].mul_add(factor.0[i], addend.0[i])
            } else {
                self.0[i] * factor.0[i] + addend.0[i]
            }
        }))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
    #[inline(always)]
    unsafe fn transpose16(source: (*const f32, usize), target: (*mut f32, usize)) {
        for row in 0..16 {
            for column in 0..16 {
                // SAFETY: 16 x 16 values of both, by contract.
                unsafe {
                    *target.0.add(column * target.1 + row) = *source.0.add(row * source.1 + column);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::Bf16Pairs;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, __m512bh, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_permute2f128_ps, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_sub_ps,
        _mm256_unpackhi_ps, _mm256_unpacklo_ps, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_fmadd_ps,
        _mm512_loadu_ps, _mm512_permutex2var_ps, _mm512_set1_ps, _mm512_setr_epi32,
        _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_storeu_ps, _mm512_sub_ps,
    };

    use super::{Kernel, Vector};

    #[target_feature(enable = "avx512f")]
    pub(super) fn call_avx512<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn call_avx2<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn run_avx512(kernel: impl Kernel) {
        // SAFETY: the instruction set is the caller's contract.
        unsafe { kernel.run::<__m512>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn run_avx2(kernel: impl Kernel) {
        // SAFETY: the instruction set is the caller's contract.
        unsafe { kernel.run::<__m256>() }
    }

    // SAFETY (all methods): the instruction set and the pointers are the caller's contract.
    #[expect(
        clippy::undocumented_unsafe_blocks,
        reason = "one contract, stated above"
    )]
    impl Vector for __m512 {
        const LANES: usize = 16;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { _mm512_set1_ps(value) }
        }
        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            unsafe { _mm512_loadu_ps(source) }
        }
        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            unsafe { _mm512_storeu_ps(target, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            unsafe { _mm512_fmadd_ps(self, factor, addend) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { _mm512_add_ps(self, other) }
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { _mm512_sub_ps(self, other) }
        }
        #[inline(always)]
        unsafe fn transpose16(source: (*const f32, usize), target: (*mut f32, usize)) {
            unsafe {
                let first =
                    _mm512_setr_epi32(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
                let last =
                    _mm512_setr_epi32(4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31);
                // blocks[j][i] holds columns 4j to 4j + 3 of rows 4i to 4i + 3, column after column.
                let mut blocks = [[_mm512_setzero_ps(); 4]; 4];
                for i in 0..4 {
                    let row = |k| _mm512_loadu_ps(source.0.add((4 * i + k) * source.1));
                    let [a, b, c, d] = [row(0), row(1), row(2), row(3)];
                    let (ab0, cd0) = (
                        _mm512_shuffle_f32x4::<0x44>(a, b),
                        _mm512_shuffle_f32x4::<0x44>(c, d),
                    );
                    let (ab1, cd1) = (
                        _mm512_shuffle_f32x4::<0xEE>(a, b),
                        _mm512_shuffle_f32x4::<0xEE>(c, d),
                    );
                    let block = [
                        _mm512_permutex2var_ps(ab0, first, cd0),
                        _mm512_permutex2var_ps(ab0, last, cd0),
                        _mm512_permutex2var_ps(ab1, first, cd1),
                        _mm512_permutex2var_ps(ab1, last, cd1),
                    ];
                    for (blocks, block) in blocks.iter_mut().zip(block) {
                        blocks[i] = block;
                    }
                }
                for (j, [a, b, c, d]) in blocks.into_iter().enumerate() {
                    let (ab0, cd0) = (
                        _mm512_shuffle_f32x4::<0x44>(a, b),
                        _mm512_shuffle_f32x4::<0x44>(c, d),
                    );
                    let (ab1, cd1) = (
                        _mm512_shuffle_f32x4::<0xEE>(a, b),
                        _mm512_shuffle_f32x4::<0xEE>(c, d),
                    );
                    let columns = [
                        _mm512_shuffle_f32x4::<0x88>(ab0, cd0),
                        _mm512_shuffle_f32x4::<0xDD>(ab0, cd0),
                        _mm512_shuffle_f32x4::<0x88>(ab1, cd1),
                        _mm512_shuffle_f32x4::<0xDD>(ab1, cd1),
                    ];
                    for (k, column) in columns.into_iter().enumerate() {
                        _mm512_storeu_ps(target.0.add((4 * j + k) * target.1), column);
                    }
                }
            }
        }
    }

    // SAFETY (all methods): the instruction set and the pointers are the caller's contract.
    #[expect(
        clippy::undocumented_unsafe_blocks,
        reason = "one contract, stated above"
    )]
    impl Vector for __m256 {
        const LANES: usize = 8;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { _mm256_set1_ps(value) }
        }
        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            unsafe { _mm256_loadu_ps(source) }
        }
        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            unsafe { _mm256_storeu_ps(target, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            unsafe { _mm256_fmadd_ps(self, factor, addend) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { _mm256_add_ps(self, other) }
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { _mm256_sub_ps(self, other) }
        }
        #[inline(always)]
        unsafe fn transpose16(source: (*const f32, usize), target: (*mut f32, usize)) {
            unsafe {
                let (pitch, target_pitch) = (source.1, target.1);
                for i in [0, 8] {
                    for j in [0, 8] {
                        let source = source.0.add(i * source.1 + j);
                        let row = |k: usize| _mm256_loadu_ps(source.add(k * pitch));
                        let upper = transpose([row(0), row(1), row(2), row(3)]);
                        let lower = transpose([row(4), row(5), row(6), row(7)]);
                        let target = target.0.add(j * target.1 + i);
                        for (k, (a, b)) in upper.into_iter().zip(lower).enumerate() {
                            let (low, high) = (
                                _mm256_permute2f128_ps::<0x20>(a, b),
                                _mm256_permute2f128_ps::<0x31>(a, b),
                            );
                            _mm256_storeu_ps(target.add(k * target_pitch), low);
                            _mm256_storeu_ps(target.add((k + 4) * target_pitch), high);
                        }
                    }
                }
            }
        }
    }

    /// Sixteen sums, or sixteen pairs of bfloat16 to multiply.
    #[derive(Clone, Copy)]
    pub(crate) struct Bf16Pairs(__m512);

    // SAFETY (all methods): the instruction set (AVX-512 BF16) and the pointers are the caller's contract.
    #[expect(
        clippy::undocumented_unsafe_blocks,
        reason = "one contract, stated above"
    )]
    impl Vector for Bf16Pairs {
        const LANES: usize = 16;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            Self(unsafe { _mm512_loadu_ps(source) })
        }
        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            unsafe { _mm512_storeu_ps(target, self.0) }
        }
        /// `addend` plus the products of both halves of a pair.
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            // SAFETY (transmutes): 512 bits each.
            unsafe {
                let pairs = |vector: Self| std::mem::transmute::<__m512, __m512bh>(vector.0);
                Self(_mm512_dpbf16_ps(addend.0, pairs(self), pairs(factor)))
            }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            Self(unsafe { _mm512_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn transpose16(source: (*const f32, usize), target: (*mut f32, usize)) {
            unsafe { __m512::transpose16(source, target) }
        }
    }

    /// Transposes the 4x4 blocks of the low and of the high halves.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn transpose([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
        // SAFETY: the instruction set is the caller's contract.
        unsafe {
            let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
            [
                _mm256_shuffle_ps::<0x44>(ab_low, cd_low),
                _mm256_shuffle_ps::<0xEE>(ab_low, cd_low),
                _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
                _mm256_shuffle_ps::<0xEE>(ab_high, cd_high),
            ]
        }
    }
}
