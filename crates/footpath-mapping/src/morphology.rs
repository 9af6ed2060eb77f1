//! Erosion and dilation of binary masks by odd squares, and what is made of them.

use crate::plane::Plane;
use crate::postprocess::label_components;

/// Every pixel within `radius_px` (Chebyshev) of a non-zero pixel becomes 1:
/// dilation by a square of side `2 * radius_px + 1`. Nothing comes in from outside.
#[must_use]
pub fn dilate(mask: &Plane<u8>, radius_px: u32) -> Plane<u8> {
    let width = mask.width() as usize;
    if radius_px == 0 || mask.values().is_empty() {
        return mask.map(|v| u8::from(v != 0));
    }
    let mut out = mask.map(|v| u8::from(v != 0));
    for row in out.values_mut().chunks_exact_mut(width) {
        spread(row, 1, radius_px as usize);
    }
    for x in 0..width {
        spread(&mut out.values_mut()[x..], width, radius_px as usize);
    }
    out
}

/// Dilates the line of every `step`-th pixel.
fn spread(pixels: &mut [u8], step: usize, radius: usize) {
    let sources: Vec<usize> = pixels
        .iter()
        .step_by(step)
        .enumerate()
        .filter(|(_, v)| **v != 0)
        .map(|(i, _)| i)
        .collect();
    let length = pixels.len().div_ceil(step);
    let mut done = 0;
    for i in sources {
        let end = (i + radius + 1).min(length);
        for at in i.saturating_sub(radius).max(done)..end {
            pixels[at * step] = 1;
        }
        done = end;
    }
}

/// Only pixels farther than `radius_px` (Chebyshev) from every zero pixel
/// stay: erosion by a square of side `2 * radius_px + 1`. Beyond the border
/// everything counts as set, so a building cut by the border keeps its cut side.
#[must_use]
pub fn erode(mask: &Plane<u8>, radius_px: u32) -> Plane<u8> {
    dilate(&mask.map(|v| u8::from(v == 0)), radius_px).map(|v| u8::from(v == 0))
}

/// What squares of side `2 * radius_px + 1` within the mask cover: erosion, then dilation. Specks
/// and thin parts go. Beyond the border everything counts as set.
#[must_use]
pub fn open(mask: &Plane<u8>, radius_px: u32) -> Plane<u8> {
    dilate(&erode(mask, radius_px), radius_px)
}

/// What no square of side `2 * radius_px + 1` outside the mask covers: dilation, then erosion. Gaps
/// and narrow bays are filled.
#[must_use]
pub fn close(mask: &Plane<u8>, radius_px: u32) -> Plane<u8> {
    erode(&dilate(mask, radius_px), radius_px)
}

/// Fills 4-connected parts of the background of at most `most_px` pixels that do not touch the
/// border.
#[must_use]
pub fn fill_holes(mask: &Plane<u8>, most_px: u32) -> Plane<u8> {
    let outside = label_components(&mask.map(|v| u8::from(v == 0)));
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let mut fill: Vec<bool> = outside
        .areas()
        .iter()
        .map(|&area| area <= most_px)
        .collect();
    for (i, &label) in outside.plane().values().iter().enumerate() {
        let (y, x) = (i / width, i % width);
        if label > 0 && (x == 0 || y == 0 || x + 1 == width || y + 1 == height) {
            fill[label as usize - 1] = false;
        }
    }
    let filled = |(&value, &label): (&u8, &u32)| {
        u8::from(value != 0 || label > 0 && fill[label as usize - 1])
    };
    let pairs = mask.values().iter().zip(outside.plane().values());
    Plane::new(mask.size(), pairs.map(filled).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pixel_grows_to_a_square_and_back() {
        let mut plane = Plane::filled((7, 6), 0u8);
        plane.values_mut()[2 * 7 + 3] = 1;
        let grown = dilate(&plane, 2);
        assert_eq!(
            grown.values().iter().map(|&v| u32::from(v)).sum::<u32>(),
            5 * 5
        );
        assert_eq!(
            (
                grown.at(0, 1),
                grown.at(4, 5),
                grown.at(2, 6),
                grown.at(5, 3)
            ),
            (1, 1, 0, 0)
        );
        // The side cut off by the border is not eroded, hence row 0 stays.
        let back = erode(&grown, 2);
        assert_eq!(back.values().iter().map(|&v| u32::from(v)).sum::<u32>(), 3);
        assert_eq!(back.at(2, 3), 1);
    }

    #[test]
    fn holes_are_filled_and_bays_are_not() {
        #[rustfmt::skip]
        let mask = Plane::new((5, 4), vec![
            1, 1, 1, 1, 1,
            1, 0, 1, 0, 1,
            1, 0, 1, 0, 1,
            1, 1, 1, 0, 1,
        ]);
        let sum = |plane: &Plane<u8>| plane.values().iter().map(|&v| u32::from(v)).sum::<u32>();
        assert_eq!(sum(&fill_holes(&mask, 1)), 15);
        let filled = fill_holes(&mask, 2);
        assert_eq!((sum(&filled), filled.at(1, 1), filled.at(1, 3)), (17, 1, 0));
    }

    #[test]
    fn opening_takes_specks_and_closing_gaps() {
        let line = |values: &[u8]| {
            let row = values.repeat(5);
            Plane::new((values.len() as u32, 5), row)
        };
        let mask = line(&[0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0]);
        assert_eq!(
            open(&mask, 1),
            line(&[0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
        );
        assert_eq!(
            close(&mask, 1),
            line(&[1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1])
        );
    }

    proptest! {
        #[test]
        fn opening_shrinks_closing_grows_and_twice_is_once(
            (w, h, bits) in (1u32..20, 1u32..20).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.6), (w * h) as usize))
            }),
            radius in 0u32..3,
        ) {
            let mask = Plane::new((w, h), bits.into_iter().map(u8::from).collect());
            let (opened, closed) = (open(&mask, radius), close(&mask, radius));
            for ((mask, opened), closed) in mask.values().iter().zip(opened.values()).zip(closed.values()) {
                prop_assert!(opened <= mask && mask <= closed);
            }
            prop_assert_eq!(open(&opened, radius), opened);
            prop_assert_eq!(close(&closed, radius), closed);
        }

        #[test]
        fn dilation_reaches_every_pixel_within_the_radius(
            (w, h, bits) in (1u32..20, 1u32..20).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.1), (w * h) as usize))
            }),
            radius in 0u32..4,
        ) {
            let plane = Plane::new((w, h), bits.into_iter().map(u8::from).collect());
            let grown = dilate(&plane, radius);
            for y in 0..h {
                for x in 0..w {
                    let near = (y.saturating_sub(radius)..(y + radius + 1).min(h)).any(|v| {
                        (x.saturating_sub(radius)..(x + radius + 1).min(w)).any(|u| plane.at(v as usize, u as usize) != 0)
                    });
                    prop_assert_eq!(grown.at(y as usize, x as usize), u8::from(near), "({}, {})", x, y);
                }
            }
        }
    }
}
