//! A chunk: points as a compressed, checksummed block of bytes.
//!
//! ```text
//! version: 1 byte · mode: 1 byte · points: u32 · payload · CRC-32 of all before: u32
//! raw payload:        24 bytes a point
//! compressed payload: size: u32 · zstd( steps · times · byte planes of the values )
//! ```
//! Numbers are little endian. Steps and times are differences of differences as variable
//! length integers; the values' bytes are stored plane by plane (all first bytes, all second
//! bytes, …), for signs, exponents and leading digits repeat where noise does not.

use super::varint;
use crate::model::Point;

/// The points a chunk aims for.
pub(crate) const CHUNK_POINTS: usize = 4096;
/// The most points a block may say it has: refused before anything is allocated.
const LIMIT_POINTS: usize = 1 << 16;
/// Blocks of fewer points are not worth compressing.
const COMPRESS_FROM: usize = 32;
const VERSION: u8 = 1;
const RAW: u8 = 0;
const COMPRESSED: u8 = 1;
const HEADER: usize = 6;
const ZSTD_LEVEL: i32 = 1;

/// The block of these points, in the order given; at most 65,536.
pub(crate) fn encode(points: &[Point]) -> Vec<u8> {
    debug_assert!(
        points.len() <= LIMIT_POINTS,
        "{} points in a block of at most {LIMIT_POINTS}",
        points.len()
    );
    let mut block = Vec::with_capacity(HEADER + points.len() * 12 + 64);
    block.extend_from_slice(&[VERSION, RAW]);
    block.extend_from_slice(&(points.len() as u32).to_le_bytes());
    let compressed = (points.len() >= COMPRESS_FROM)
        .then(|| compressed(points))
        .flatten();
    if let Some((size, payload)) = compressed {
        block[1] = COMPRESSED;
        block.extend_from_slice(&(size as u32).to_le_bytes());
        block.extend_from_slice(&payload);
    } else {
        for point in points {
            block.extend_from_slice(&point.to_bytes());
        }
    }
    let checksum = crc32fast::hash(&block);
    block.extend_from_slice(&checksum.to_le_bytes());
    block
}

fn compressed(points: &[Point]) -> Option<(usize, Vec<u8>)> {
    let mut plain = Vec::with_capacity(points.len() * 12);
    varint::put_deltas(points.iter().map(|point| point.step), &mut plain);
    varint::put_deltas(points.iter().map(|point| point.time_ms), &mut plain);
    let values = plain.len();
    plain.resize(values + points.len() * 8, 0);
    for (plane, bytes) in plain[values..].chunks_exact_mut(points.len()).enumerate() {
        for (byte, point) in bytes.iter_mut().zip(points) {
            *byte = (point.value.to_bits() >> (plane * 8)) as u8;
        }
    }
    let payload = zstd::bulk::compress(&plain, ZSTD_LEVEL).ok()?;
    (payload.len() + 4 < points.len() * 24).then_some((plain.len(), payload))
}

/// The points of a block.
///
/// # Errors
/// What is wrong with the bytes; no bytes panic or allocate more than a block may hold.
pub(crate) fn decode(block: &[u8]) -> Result<Vec<Point>, &'static str> {
    let Some((rest, checksum)) = block.split_last_chunk::<4>() else {
        return Err("it is too short");
    };
    if crc32fast::hash(rest) != u32::from_le_bytes(*checksum) {
        return Err("its checksum is wrong");
    }
    let Some((&[version, mode, a, b, c, d], payload)) = rest.split_first_chunk::<HEADER>() else {
        return Err("it is too short");
    };
    if version != VERSION {
        return Err("a newer program wrote it");
    }
    let count = u32::from_le_bytes([a, b, c, d]) as usize;
    if count > LIMIT_POINTS {
        return Err("it claims more points than a chunk may have");
    }
    match mode {
        RAW => {
            let (points, rest) = payload.as_chunks::<24>();
            if points.len() != count || !rest.is_empty() {
                return Err("its length does not fit its points");
            }
            Ok(points.iter().map(Point::from_bytes).collect())
        }
        COMPRESSED => decompressed(count, payload),
        _ => Err("its mode is unknown"),
    }
}

fn decompressed(count: usize, payload: &[u8]) -> Result<Vec<Point>, &'static str> {
    let Some((size, payload)) = payload.split_first_chunk::<4>() else {
        return Err("it is too short");
    };
    let size = u32::from_le_bytes(*size) as usize;
    // Ten bytes are the longest variable length integer.
    if size > count * (10 + 10 + 8) {
        return Err("it claims more bytes than its points can have");
    }
    let plain = zstd::bulk::decompress(payload, size)
        .map_err(|_cause: std::io::Error| "its payload does not decompress")?;
    let mut rest = &plain[..];
    let steps = varint::take_deltas(count, &mut rest).ok_or("its steps end early")?;
    let times = varint::take_deltas(count, &mut rest).ok_or("its times end early")?;
    if rest.len() != count * 8 {
        return Err("its values do not fit its points");
    }
    let mut bits = vec![0u64; count];
    if count > 0 {
        for (plane, bytes) in rest.chunks_exact(count).enumerate() {
            for (bits, byte) in bits.iter_mut().zip(bytes) {
                *bits |= u64::from(*byte) << (plane * 8);
            }
        }
    }
    Ok(steps
        .into_iter()
        .zip(times)
        .zip(bits)
        .map(|((step, time_ms), bits)| Point {
            step,
            time_ms,
            value: f64::from_bits(bits),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A noisy loss curve logged every 250 ms with some jitter.
    fn noisy(count: usize) -> Vec<Point> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as f64 / u64::MAX as f64
        };
        let mut time_ms = 1_700_000_000_000;
        (0..count)
            .map(|step| {
                time_ms += 240 + (noise() * 20.0) as i64;
                Point::new(
                    step as i64,
                    time_ms,
                    1.0 / (1.0 + step as f64 * 1e-3) + 0.1 * noise(),
                )
            })
            .collect()
    }

    #[test]
    fn noisy_points_cost_less_than_ten_bytes() {
        let points = noisy(CHUNK_POINTS);
        let block = encode(&points);
        assert_eq!(decode(&block).unwrap(), points);
        assert!(
            block.len() < 10 * points.len(),
            "{} bytes a point",
            block.len() as f64 / points.len() as f64
        );
    }

    #[test]
    fn damage_is_told() {
        let mut block = encode(&noisy(100));
        block[40] ^= 1;
        assert_eq!(decode(&block), Err("its checksum is wrong"));
        assert_eq!(decode(&[]), Err("it is too short"));
        assert_eq!(decode(&encode(&[])), Ok(vec![]));
    }

    fn any_point() -> impl Strategy<Value = Point> {
        (any::<i64>(), any::<i64>(), any::<u64>())
            .prop_map(|(step, time, bits)| Point::new(step, time, f64::from_bits(bits)))
    }

    proptest! {
        #[test]
        fn every_bit_comes_back(points in prop::collection::vec(any_point(), 0..200)) {
            prop_assert_eq!(decode(&encode(&points)).unwrap(), points);
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), shaped in any::<bool>(), count in 0u32..400) {
            if shaped && bytes.len() > 10 {
                // Past the checksum and the header, into the payload.
                bytes[0] = VERSION;
                bytes[1] %= 2;
                bytes[2..6].copy_from_slice(&count.to_le_bytes());
                let checksum = crc32fast::hash(&bytes);
                bytes.extend_from_slice(&checksum.to_le_bytes());
            }
            let _ = decode(&bytes);
        }

        #[test]
        fn no_plain_payload_panics(plain in prop::collection::vec(any::<u8>(), 0..600), count in 0u32..60) {
            let mut block = vec![VERSION, COMPRESSED];
            block.extend_from_slice(&count.to_le_bytes());
            block.extend_from_slice(&(plain.len() as u32).to_le_bytes());
            block.extend_from_slice(&zstd::bulk::compress(&plain, 1).unwrap());
            let checksum = crc32fast::hash(&block);
            block.extend_from_slice(&checksum.to_le_bytes());
            if let Ok(points) = decode(&block) {
                prop_assert_eq!(points.len(), count as usize);
            }
        }
    }
}
