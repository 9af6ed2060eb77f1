//! 256-bit content digests and the one way bytes enter them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A BLAKE3 digest: the name of an object, an input or a step's key.
///
/// Shown as 64 hexadecimal digits; [`Digest::short`] gives the first 12.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of plain bytes, as `b3sum` prints it.
    ///
    /// Inputs over 128 KiB are hashed on several threads.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        /// Below this, BLAKE3's own figures show threads cost more than they give.
        const PARALLEL_FROM_BYTES: usize = 128 * 1024;
        if bytes.len() < PARALLEL_FROM_BYTES {
            return Self(*blake3::hash(bytes).as_bytes());
        }
        Self(
            *blake3::Hasher::new()
                .update_rayon(bytes)
                .finalize()
                .as_bytes(),
        )
    }

    /// The digest made of these 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        let mut hex = self.to_string();
        hex.truncate(12);
        hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// The text is not a digest: 64 hexadecimal digits were expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a digest: expected 64 hexadecimal digits")]
pub struct ParseDigestError {
    text: String,
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash = blake3::Hash::from_hex(text).ok();
        hash.map(|hash| Self(*hash.as_bytes()))
            .ok_or_else(|| ParseDigestError {
                text: text.to_owned(),
            })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Feeds typed values into a digest.
///
/// Every value is written with a tag of its kind and, where its length varies,
/// its length, so `("ab", "c")` and `("a", "bc")` differ, as do `1` and `1.0`.
/// There is no way to feed a `usize`: its width depends on the machine.
#[derive(Debug, Clone)]
pub struct Digester(blake3::Hasher);

impl Digester {
    /// A digester for one kind of thing; two kinds never share a digest.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        let mut digester = Self(blake3::Hasher::new());
        digester.str(kind);
        digester
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) -> &mut Self {
        self.0.update(&[tag]).update(bytes);
        self
    }

    /// Feeds raw bytes, preceded by their number.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.tagged(b'b', &(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Feeds text as UTF-8, preceded by its length in bytes.
    pub fn str(&mut self, text: &str) -> &mut Self {
        self.tagged(b's', &(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    /// Feeds an integer of any width up to 128 bits: `5_u8` and `5_i64` are the same.
    pub fn integer(&mut self, value: impl Into<i128>) -> &mut Self {
        self.tagged(b'i', &value.into().to_le_bytes())
    }

    /// Feeds a float by its bits, so `0.0` and `-0.0` differ.
    pub fn float(&mut self, value: impl Into<f64>) -> &mut Self {
        self.tagged(b'f', &value.into().to_bits().to_le_bytes())
    }

    /// Feeds a truth value.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.tagged(b'o', &[u8::from(value)])
    }

    /// Feeds the absence of a value.
    pub fn none(&mut self) -> &mut Self {
        self.tagged(b'0', &[])
    }

    /// Opens a list of `length` values, which the caller feeds next.
    pub fn list(&mut self, length: u64) -> &mut Self {
        self.tagged(b'l', &length.to_le_bytes())
    }

    /// Opens a map of `length` key-value pairs, which the caller feeds next in a fixed order.
    pub fn map(&mut self, length: u64) -> &mut Self {
        self.tagged(b'm', &length.to_le_bytes())
    }

    /// Feeds another digest.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.tagged(b'd', &digest.0)
    }

    /// The digest of everything fed so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_bytes_is_blake3() {
        // First test vector of the BLAKE3 reference: the empty input.
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(Digest::of_bytes(b"").to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::of_bytes(b""));
    }

    #[test]
    fn large_and_small_inputs_agree_with_one_hasher() {
        let bytes = vec![7_u8; 300_000];
        assert_eq!(Digest::of_bytes(&bytes).0, *blake3::hash(&bytes).as_bytes());
    }

    #[test]
    fn values_cannot_run_into_each_other() {
        let of = |parts: &[&str]| {
            let mut digester = Digester::new("test");
            for part in parts {
                digester.str(part);
            }
            digester.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a", ""]), of(&["a"]));
        let integer = Digester::new("test").integer(1).finish();
        assert_ne!(integer, Digester::new("test").float(1.0).finish());
        assert_eq!(integer, Digester::new("test").integer(1_u8).finish());
    }

    #[test]
    fn a_bad_digest_is_refused() {
        let error = "xyz".parse::<Digest>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`xyz` is not a digest: expected 64 hexadecimal digits"
        );
    }
}
