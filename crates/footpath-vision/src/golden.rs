//! Tests' access to the golden numbers shared beside the repository.

use std::path::{Path, PathBuf};

/// The text of a golden file; without the shared data, says so and gives `None`.
pub(crate) fn read(name: &str) -> Option<String> {
    let path = shared().join("golden").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            skip(&path, &error);
            None
        }
    }
}

/// The folder of shared data: `FOOTPATH_SHARED`, or `shared` beside the repository.
pub(crate) fn shared() -> PathBuf {
    std::env::var_os("FOOTPATH_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(path: &Path, error: &std::io::Error) {
    eprintln!("SKIPPED: no golden numbers at {}: {error}", path.display());
}

/// The golden numbers' stream: splitmix64 mapped to [-1, 1).
pub(crate) fn stream(seed: u64, count: usize) -> impl Iterator<Item = f64> {
    (1..=count as u64).map(move |i| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}

/// The golden numbers' tensor of a name.
pub(crate) fn tensor(name: &str, shape: &[usize]) -> Vec<f32> {
    let (offset, scale) = match *shape {
        [_, channels, height, width] => (0.0, (6.0 / (channels * height * width) as f64).sqrt()),
        _ if name.ends_with("running_mean") || name.ends_with("bias") => (0.0, 0.1),
        _ if name.ends_with("running_var") => (1.0, 0.5),
        _ => (0.5, 0.1),
    };
    let seed = u64::from(crc32(name.as_bytes()));
    let values = stream(seed, shape.iter().product());
    values.map(|u| (offset + scale * u) as f32).collect()
}

/// The CRC of zip (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            let carry = 0xEDB8_8320 & (crc & 1).wrapping_neg();
            (crc >> 1) ^ carry
        })
    })
}

#[test]
fn stream_and_checksum_have_their_known_values() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    // networks.json, `_input.first`.
    for (found, expected) in stream(7, 2).zip([-0.220_340_505, -0.966_423_392]) {
        assert!((found - expected).abs() < 1e-7, "{found}, not {expected}");
    }
}
