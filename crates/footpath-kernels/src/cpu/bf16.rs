//! Pairs of bfloat16: what [`outer_product_bf16`](super::microkernel::outer_product_bf16) multiplies.
//!
//! Two neighbours along the summed axis share the 32 bits of a single value, the first in the lower half. So panels of
//! pairs are laid out as panels of values that are half as deep.

use super::simd::Level;

/// Whether the processor has the instructions, and `FOOTPATH_SIMD` does not forbid them.
pub(crate) fn is_supported() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        Level::current() == Level::Avx512 && is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Two values rounded to nearest, ties to even.
#[inline(always)]
pub(crate) fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(round(first) >> 16 | round(second) & 0xFFFF_0000)
}

/// The rounded value in the upper half; the lower half is arbitrary.
#[inline(always)]
fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    bits.wrapping_add(0x7FFF + (bits >> 16 & 1))
}

/// Pairs neighbours: `pairs[i]` of `values[2 i]` and `values[2 i + 1]`.
#[inline(always)]
pub(crate) fn pair_neighbours(values: &[f32], pairs: &mut [f32]) {
    for (pair_, [first, second]) in pairs.iter_mut().zip(values.as_chunks::<2>().0) {
        *pair_ = pair(*first, *second);
    }
}

/// Pairs rows: `pairs[i]` of `first[i]` and `second[i]`.
#[inline(always)]
pub(crate) fn pair_rows(first: &[f32], second: &[f32], pairs: &mut [f32]) {
    for (pair_, (first, second)) in pairs.iter_mut().zip(first.iter().zip(second)) {
        *pair_ = pair(*first, *second);
    }
}

/// Pairs the first `depth` rows of `[depth][WIDTH]` values in place; an odd last one with zeros.
#[inline(always)]
pub(crate) fn pair_in_place<const WIDTH: usize>(values: &mut [f32], depth: usize) {
    let rows = values.as_chunks_mut::<WIDTH>().0;
    for pair in 0..depth.div_ceil(2) {
        let first = rows[2 * pair];
        let second = if 2 * pair + 1 < depth {
            rows[2 * pair + 1]
        } else {
            [0.0; WIDTH]
        };
        pair_rows(&first, &second, &mut rows[pair]);
    }
}

#[cfg(test)]
mod tests {
    use super::pair;

    #[test]
    fn rounds_to_nearest_even() {
        let halves = |first, second| {
            let bits = pair(first, second).to_bits();
            [bits as u16, (bits >> 16) as u16]
        };
        assert_eq!(halves(1.0, -2.0), [0x3F80, 0xC000]);
        // Half way between two neighbours: to the even one.
        assert_eq!(
            halves(1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0),
            [0x3F80, 0x3F82]
        );
        assert_eq!(halves(1.0 + 1.1 / 256.0, f32::INFINITY), [0x3F81, 0x7F80]);
        assert!(f32::from_bits(u32::from(halves(f32::NAN, 0.0)[0]) << 16).is_nan());
    }
}
