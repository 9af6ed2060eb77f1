//! Target masks on disk.
//!
//! Layout, all numbers but the magic and the width of borders as LEB128:
//! `FPTM`, version, width, height, compat bits, border width (`f32`, little-endian), overlap
//! width, number of further categories, runs of the ignored mask, number of buildings, then for
//! each its area and runs, number of further objects, then for each its class and runs.
//! Runs are preceded by their number and go column by column, background first.

use super::{FURTHER, FurtherObject, TargetBuilding, TargetCompat, TargetMasks};
use crate::rle::Rle;

const MAGIC: [u8; 4] = *b"FPTM";
const VERSION: u64 = 2;

/// Why bytes are no target masks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They do not start like target masks.
    #[error(
        "these bytes are no target masks: they start with {found:02x?}, expected {MAGIC:02x?}; run `prepare` again"
    )]
    WrongMagic {
        /// The first bytes, at most four.
        found: Vec<u8>,
    },
    /// Another version of the format.
    #[error("target masks of format version {found}, expected {VERSION}; run `prepare` again")]
    WrongVersion {
        /// The version found.
        found: u64,
    },
    /// The bytes end too early.
    #[error("target masks are cut off after {bytes} bytes; run `prepare` again")]
    CutOff {
        /// How many there are.
        bytes: usize,
    },
    /// A value that [`TargetMasks::to_bytes`] never writes.
    #[error("target masks are damaged at byte {at}: {what}; run `prepare` again")]
    Damaged {
        /// Position from 0.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

impl TargetMasks {
    /// The masks as bytes; same masks, same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put(&mut out, VERSION);
        put(&mut out, u64::from(self.width));
        put(&mut out, u64::from(self.height));
        put(&mut out, compat_bits(self.compat));
        out.extend(self.border_width_px.to_le_bytes());
        put(&mut out, u64::from(self.overlap_width_px));
        put(&mut out, u64::from(self.categories));
        put_runs(&mut out, &self.ignored);
        put(&mut out, self.buildings.len() as u64);
        for building in &self.buildings {
            put(&mut out, u64::from(building.area_px));
            put_runs(&mut out, &building.mask);
        }
        put(&mut out, self.further.len() as u64);
        for object in &self.further {
            put(&mut out, u64::from(object.label));
            put_runs(&mut out, &object.mask);
        }
        out
    }

    /// The masks from their bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for anything [`Self::to_bytes`] does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { bytes, at: 0 };
        if !bytes.starts_with(&MAGIC) {
            return Err(DecodeError::WrongMagic {
                found: bytes[..bytes.len().min(4)].to_vec(),
            });
        }
        reader.at = MAGIC.len();
        match reader.number()? {
            VERSION => {}
            found => return Err(DecodeError::WrongVersion { found }),
        }
        let (width, height) = (reader.small()?, reader.small()?);
        if u64::from(width) * u64::from(height) > u64::from(u32::MAX) {
            return Err(reader.damaged("more pixels than fit"));
        }
        let compat =
            compat_from_bits(reader.number()?).ok_or_else(|| reader.damaged("compat bits"))?;
        let border = reader
            .bytes
            .get(reader.at..reader.at + 4)
            .and_then(|b| b.try_into().ok());
        let border_width_px = f32::from_le_bytes(border.ok_or_else(|| reader.cut_off())?);
        reader.at += 4;
        let overlap_width_px = reader.small()?;
        // The border and overlap classes come behind them, and 255 is no class.
        let categories = u8::try_from(reader.number()?)
            .ok()
            .filter(|&count| count < 250 - FURTHER)
            .ok_or_else(|| reader.damaged("too many categories"))?;
        let ignored = reader.runs(width, height)?;
        let count = reader.number()?;
        let mut buildings = Vec::new();
        for _ in 0..count {
            let area_px = reader.small()?;
            buildings.push(TargetBuilding {
                area_px,
                mask: reader.runs(width, height)?,
            });
        }
        let count = reader.number()?;
        let mut further = Vec::new();
        for _ in 0..count {
            let label = reader.number()?;
            let last = u64::from(FURTHER + categories);
            if !(u64::from(FURTHER)..last).contains(&label) {
                return Err(reader.damaged("an object of no category"));
            }
            further.push(FurtherObject {
                label: label as u8,
                mask: reader.runs(width, height)?,
            });
        }
        if reader.at != bytes.len() {
            return Err(reader.damaged("bytes left over"));
        }
        Ok(Self {
            width,
            height,
            buildings,
            ignored,
            further,
            categories,
            border_width_px,
            overlap_width_px,
            compat,
        })
    }
}

fn compat_bits(compat: TargetCompat) -> u64 {
    let TargetCompat {
        single_building_ring,
        union_sizes,
        drop_edge_buildings,
        distance_wrap,
    } = compat;
    [
        single_building_ring,
        union_sizes,
        drop_edge_buildings,
        distance_wrap,
    ]
    .iter()
    .rev()
    .fold(0, |bits, &bit| bits << 1 | u64::from(bit))
}

fn compat_from_bits(bits: u64) -> Option<TargetCompat> {
    let bit = |i: u64| bits >> i & 1 == 1;
    (bits < 16).then(|| TargetCompat {
        single_building_ring: bit(0),
        union_sizes: bit(1),
        drop_edge_buildings: bit(2),
        distance_wrap: bit(3),
    })
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_runs(out: &mut Vec<u8>, mask: &Rle) {
    put(out, mask.counts.len() as u64);
    for &run in mask.counts.iter() {
        put(out, u64::from(run));
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let &byte = self.bytes.get(self.at).ok_or_else(|| self.cut_off())?;
            self.at += 1;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged("a number too long"))
    }

    fn small(&mut self) -> Result<u32, DecodeError> {
        let number = self.number()?;
        u32::try_from(number)
            .ok()
            .ok_or_else(|| self.damaged("a number too large"))
    }

    fn runs(&mut self, width: u32, height: u32) -> Result<Rle, DecodeError> {
        let count = self.number()? as usize;
        // Each run takes a byte at least: no allocation beyond the input's size.
        if count > self.bytes.len() - self.at {
            return Err(self.cut_off());
        }
        let runs = (0..count)
            .map(|_| self.small())
            .collect::<Result<Vec<_>, _>>()?;
        let pixels: u64 = runs.iter().map(|&run| u64::from(run)).sum();
        if pixels != u64::from(width) * u64::from(height) {
            return Err(self.damaged("runs that do not cover the tile"));
        }
        Ok(Rle::from_counts(height, width, runs))
    }

    fn cut_off(&self) -> DecodeError {
        DecodeError::CutOff {
            bytes: self.bytes.len(),
        }
    }

    fn damaged(&self, what: &'static str) -> DecodeError {
        DecodeError::Damaged { at: self.at, what }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::targets::tests::{annotation, square};
    use crate::targets::{TargetOptions, prepare};

    fn masks() -> TargetMasks {
        let options = TargetOptions {
            border_width_px: 7.5,
            overlap_width_px: 2,
            compat: TargetCompat {
                union_sizes: true,
                ..TargetCompat::default()
            },
            ..TargetOptions::default()
        };
        let annotations =
            [square(4., 4., 6.), square(14., 5., 5.), square(0., 0., 1.)].map(annotation);
        let mut road = annotation(square(3., 12., 6.));
        road.category_id = 7;
        prepare(&annotations, 30, 20, &options)
            .and_then(|masks| masks.with_further(&[road], &[6, 7]))
            .expect("drawable")
    }

    #[test]
    fn masks_and_planes_survive_the_round_trip() {
        let masks = masks();
        let bytes = masks.to_bytes();
        assert!(
            bytes.len() < 100,
            "{} bytes for three buildings and a road",
            bytes.len()
        );
        let read = TargetMasks::from_bytes(&bytes).expect("just written");
        assert_eq!(read, masks);
        assert_eq!(read.planes(), masks.planes());
    }

    #[test]
    fn every_compat_bit_comes_back() {
        for bits in 0..16 {
            assert_eq!(compat_from_bits(bits).map(compat_bits), Some(bits));
        }
        assert_eq!(compat_from_bits(16), None);
    }

    #[test]
    fn cut_and_foreign_bytes_are_refused() {
        let bytes = masks().to_bytes();
        for end in 0..bytes.len() {
            assert!(
                TargetMasks::from_bytes(&bytes[..end]).is_err(),
                "cut after {end}"
            );
        }
        assert_eq!(
            TargetMasks::from_bytes(b"\x89PNG")
                .expect_err("a PNG")
                .to_string(),
            "these bytes are no target masks: they start with [89, 50, 4e, 47], \
             expected [46, 50, 54, 4d]; run `prepare` again"
        );
        let mut newer = bytes.clone();
        newer[4] = 9;
        assert_eq!(
            TargetMasks::from_bytes(&newer),
            Err(DecodeError::WrongVersion { found: 9 })
        );
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..60, value: u8) {
            let mut bytes = masks().to_bytes();
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(read) = TargetMasks::from_bytes(&bytes) {
                prop_assert_eq!(read.width() * read.height(), 600);
            }
        }
    }
}
