//! Whole numbers in as few bytes as they need (LEB128), signs folded in (zigzag).

/// Appends a number: small magnitudes take one byte.
pub(super) fn put(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Takes a number off the front; `None` if the bytes end within it or it has too many.
pub(super) fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if shift == 63 && *byte > 1 {
            return None;
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

/// Appends numbers as differences of differences: a steady count costs a byte each.
pub(super) fn put_deltas(numbers: impl Iterator<Item = i64>, out: &mut Vec<u8>) {
    let (mut last, mut last_delta) = (0i64, 0i64);
    for number in numbers {
        let delta = number.wrapping_sub(last);
        put(delta.wrapping_sub(last_delta), out);
        (last, last_delta) = (number, delta);
    }
}

/// Takes as many numbers off the front as [`put_deltas`] put there.
pub(super) fn take_deltas(count: usize, bytes: &mut &[u8]) -> Option<Vec<i64>> {
    let (mut last, mut delta) = (0i64, 0i64);
    (0..count)
        .map(|_| {
            delta = delta.wrapping_add(take(bytes)?);
            last = last.wrapping_add(delta);
            Some(last)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_steady_count_costs_a_byte_each() {
        let mut bytes = Vec::new();
        put_deltas((0..1000).map(|i| 1_700_000_000_000 + i * 250), &mut bytes);
        assert_eq!(bytes.len(), 6 + 6 + 998);
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(any::<i64>(), 0..50)) {
            let mut bytes = Vec::new();
            put_deltas(numbers.iter().copied(), &mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_deltas(numbers.len(), &mut rest), Some(numbers));
            prop_assert!(rest.is_empty());
        }
    }
}
