//! Bands along the outlines of buildings.

use crate::morphology::{dilate, erode};
use crate::plane::Plane;
use crate::rle::Rle;

/// In how many buildings' bands each pixel lies; a band is what lies within `width_px` (Chebyshev)
/// of a building's outline, inside or outside.
pub(super) fn bands<'a>(
    masks: impl Iterator<Item = &'a Rle>,
    (width, height): (u32, u32),
    width_px: u32,
) -> Plane<u8> {
    let mut bands = Plane::filled((width, height), 0_u8);
    for mask in masks {
        let Some(near) = Surroundings::of(mask, width_px) else {
            continue;
        };
        let (grown, shrunk) = (dilate(&near.mask, width_px), erode(&near.mask, width_px));
        for (y, (grown, shrunk)) in grown.rows().zip(shrunk.rows()).enumerate() {
            let from = (near.top as usize + y) * width as usize + near.left as usize;
            let row = &mut bands.values_mut()[from..from + grown.len()];
            for ((count, &grown), &shrunk) in row.iter_mut().zip(grown).zip(shrunk) {
                *count = count.saturating_add(u8::from(grown != 0 && shrunk == 0));
            }
        }
    }
    bands
}

/// A building's part of the tile, with a margin.
struct Surroundings {
    left: u32,
    top: u32,
    mask: Plane<u8>,
}

impl Surroundings {
    /// `None` for an empty mask. Cut at the tile's border, as morphology there would be.
    fn of(mask: &Rle, width_px: u32) -> Option<Self> {
        let (mut left, mut right, mut top, mut bottom) = (u32::MAX, 0, u32::MAX, 0);
        mask.for_each_fg_span(|x, rows| {
            (left, right) = (left.min(x), right.max(x + 1));
            (top, bottom) = (top.min(rows.start), bottom.max(rows.end));
        });
        if left > right {
            return None;
        }
        // One pixel more, so that what is eroded ends within.
        let margin = width_px + 1;
        let (left, top) = (left.saturating_sub(margin), top.saturating_sub(margin));
        let (right, bottom) = ((right + margin).min(mask.w), (bottom + margin).min(mask.h));
        let width = (right - left) as usize;
        let mut plane = Plane::filled((right - left, bottom - top), 0);
        let values = plane.values_mut();
        mask.for_each_fg_span(|x, rows| {
            for y in rows {
                values[(y - top) as usize * width + (x - left) as usize] = 1;
            }
        });
        Some(Self {
            left,
            top,
            mask: plane,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rle::from_plane;

    proptest! {
        #[test]
        fn bands_are_those_of_the_whole_picture(
            (w, h) in (1u32..24, 1u32..24),
            boxes in prop::collection::vec((0u32..24, 0u32..24, 1u32..10, 1u32..10), 0..5),
            width_px in 1u32..4,
        ) {
            let masks: Vec<Rle> = boxes.iter().map(|&(x, y, bw, bh)| {
                from_plane(&Plane::from_fn(crate::plane::Size::from((w, h)), |row, column| {
                    let inside = (x..x + bw).contains(&(column as u32)) && (y..y + bh).contains(&(row as u32));
                    u8::from(inside)
                }))
            }).collect();
            let found = bands(masks.iter(), (w, h), width_px);
            let mut expected = Plane::filled((w, h), 0_u8);
            for mask in &masks {
                let plane = crate::rle::to_plane(mask);
                let (grown, shrunk) = (dilate(&plane, width_px), erode(&plane, width_px));
                for (i, count) in expected.values_mut().iter_mut().enumerate() {
                    *count += u8::from(mask.area() > 0 && grown.values()[i] != 0 && shrunk.values()[i] == 0);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
