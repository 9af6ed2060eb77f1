//! Masks as COCO run-length encodings.
//!
//! An [`Rle`] holds the runs of a binary mask **column by column**, background
//! first; that is COCO's form and the one the metrics read. The type, the
//! compressed `counts` strings and the polygon rasteriser come from
//! [`vernier_mask`], which restates pycocotools' `maskApi.c` (property-tested
//! there against pycocotools 2.0.11, and here by our golden files).
//!
//! **One rasteriser for all:** polygons become masks by COCO's own rule
//! (`rleFrPoly`: outline sampled five times finer than the pixels, even-odd
//! fill, parts united) in the targets as in the scores, so a network is
//! taught exactly the masks it is measured against.

use serde::{Deserialize, Serialize};
pub use vernier_mask::Rle;

use crate::plane::Plane;
use crate::problem::ProblemKind;

/// An RLE as JSON writes it: `{"size": [height, width], "counts": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RleRecord {
    /// Height and width of the image, px.
    pub size: [u32; 2],
    /// The runs.
    pub counts: RleCounts,
}

/// The two spellings of RLE runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RleCounts {
    /// COCO's compressed string.
    Compressed(String),
    /// Plain run lengths, background first.
    Uncompressed(Vec<u32>),
}

impl RleRecord {
    /// The record of a mask, with compressed counts.
    #[must_use]
    pub fn new(rle: &Rle) -> Self {
        let counts = String::from_utf8_lossy(&rle.to_string_bytes()).into_owned();
        Self {
            size: [rle.h, rle.w],
            counts: RleCounts::Compressed(counts),
        }
    }

    /// The mask, checked against the image it belongs to.
    ///
    /// # Errors
    /// [`ProblemKind::RleWrongSize`], [`ProblemKind::RleWrongLength`] or
    /// [`ProblemKind::RleMalformed`].
    pub fn to_rle(&self, width: u32, height: u32) -> Result<Rle, ProblemKind> {
        let expected = [height, width];
        if self.size != expected {
            return Err(ProblemKind::RleWrongSize {
                expected,
                found: self.size,
            });
        }
        let rle = match &self.counts {
            RleCounts::Compressed(text) => Rle::from_string_bytes(text.as_bytes(), height, width)
                .map_err(|e| ProblemKind::RleMalformed {
                detail: e.to_string(),
            })?,
            RleCounts::Uncompressed(counts) => Rle::from_counts(height, width, counts.clone()),
        };
        let found = rle.counts.iter().map(|&run| u64::from(run)).sum();
        let expected = u64::from(height) * u64::from(width);
        if found != expected {
            return Err(ProblemKind::RleWrongLength { expected, found });
        }
        Ok(rle)
    }
}

/// The mask that all `masks` cover together; the empty mask of `width` x `height` px if there is none.
///
/// # Panics
/// If a mask has another size.
#[must_use]
pub fn union(masks: &[Rle], width: u32, height: u32) -> Rle {
    if masks.is_empty() {
        return Rle::from_counts(height, width, vec![width * height]);
    }
    assert!(
        masks.iter().all(|m| m.w == width && m.h == height),
        "masks of one image have its size, {width}x{height} px"
    );
    Rle::merge(masks, false).unwrap_or_else(|e| unreachable!("sizes were compared: {e}"))
}

/// Smallest box around a mask as COCO writes it: left, top, width, height in
/// px; four zeros for an empty mask.
#[must_use]
pub fn coco_box(rle: &Rle) -> [f64; 4] {
    rle.bbox().map(f64::from)
}

/// The mask as a plane of 0 and 1.
#[must_use]
pub fn to_plane(rle: &Rle) -> Plane<u8> {
    Plane::new((rle.w, rle.h), rle.to_row_major_raster_bytes())
}

/// The mask of a plane's non-zero pixels.
#[must_use]
pub fn from_plane(plane: &Plane<u8>) -> Rle {
    let (w, h) = (plane.width(), plane.height());
    Rle::from_row_major_raster_bytes(plane.values(), h, w)
        .unwrap_or_else(|e| unreachable!("a plane has width times height values: {e}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 3 rows, 4 columns:
    /// ```text
    /// . X . .
    /// . X X .
    /// . . X X
    /// ```
    fn mask() -> Plane<u8> {
        Plane::new((4, 3), vec![0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1])
    }

    #[test]
    fn runs_go_down_the_columns() {
        let rle = from_plane(&mask());
        assert_eq!(*rle.counts, [3, 2, 2, 2, 2, 1]);
        assert_eq!(rle.area(), 5);
        assert_eq!(coco_box(&rle), [1.0, 0.0, 3.0, 3.0]);
        assert_eq!(to_plane(&rle), mask());
    }

    #[test]
    fn compressed_counts_are_those_of_pycocotools() {
        // pycocotools.mask.encode(np.asfortranarray(mask)) of the mask above.
        let record = RleRecord::new(&from_plane(&mask()));
        assert_eq!(
            serde_json::to_string(&record).expect("plain data"),
            PYCOCOTOOLS_RECORD
        );
    }

    const PYCOCOTOOLS_RECORD: &str = r#"{"size":[3,4],"counts":"32200O"}"#;

    #[test]
    fn both_spellings_read_alike() {
        let short: RleRecord = serde_json::from_str(PYCOCOTOOLS_RECORD).expect("valid");
        let long: RleRecord =
            serde_json::from_str(r#"{"size":[3,4],"counts":[3,2,2,2,2,1]}"#).expect("valid");
        assert_eq!(short.to_rle(4, 3), long.to_rle(4, 3));
        assert_eq!(short.to_rle(4, 3).expect("fits"), from_plane(&mask()));
    }

    #[test]
    fn a_square_polygon_covers_its_pixels() {
        let rle =
            Rle::from_polygon(&[1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0], 4, 4).expect("valid");
        assert_eq!(rle.area(), 4);
        assert_eq!(coco_box(&rle), [1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn wrong_sizes_and_lengths_are_told() {
        let record = RleRecord {
            size: [3, 4],
            counts: RleCounts::Uncompressed(vec![3, 2]),
        };
        assert_eq!(
            record.to_rle(4, 3),
            Err(ProblemKind::RleWrongLength {
                expected: 12,
                found: 5
            })
        );
        assert_eq!(
            record.to_rle(3, 4),
            Err(ProblemKind::RleWrongSize {
                expected: [4, 3],
                found: [3, 4]
            })
        );
        let record = RleRecord {
            size: [3, 4],
            counts: RleCounts::Compressed("\u{1}".into()),
        };
        assert!(matches!(
            record.to_rle(4, 3),
            Err(ProblemKind::RleMalformed { .. })
        ));
    }

    #[test]
    fn the_union_of_none_is_empty() {
        assert_eq!(union(&[], 4, 3).area(), 0);
        assert_eq!(
            union(&[from_plane(&mask()), from_plane(&mask())], 4, 3).area(),
            5
        );
    }

    proptest! {
        #[test]
        fn planes_survive_the_round_trip(
            (width, height, bits) in (1u32..40, 1u32..40).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(0u8..2, (w * h) as usize))
            })
        ) {
            let plane = Plane::new((width, height), bits);
            let rle = from_plane(&plane);
            prop_assert_eq!(&to_plane(&rle), &plane);
            let text = serde_json::to_string(&RleRecord::new(&rle)).expect("plain data");
            let record: RleRecord = serde_json::from_str(&text).expect("just written");
            prop_assert_eq!(record.to_rle(width, height), Ok(rle));
        }
    }
}
