//! Taking apart buildings that touch.
//!
//! A network that sees two houses wall to wall gives one region of the mask, and one region is at
//! most one true positive. Between the houses its probability usually dips, though: [`Split`]
//! finds a seed for each building and lets the seeds flood the mask, highest ground first
//! (watershed by flooding; Meyer 1994, DOI 10.1016/0165-1684(94)90060-4).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::label::{Labels, label_components};
use super::threshold::threshold;
use crate::morphology::erode;
use crate::plane::Plane;

/// How a region of the mask becomes several buildings. No pixel of the mask is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// One building a region.
    #[default]
    None,
    /// Seeds are the regions above a second, higher threshold; they grow down the probabilities.
    Core {
        /// The second threshold, in 0..1; 0.7 unless told.
        #[serde(default = "defaults::core_threshold")]
        threshold: f32,
    },
    /// Seeds are peaks of the smoothed probability that rise by `depth` over the pass to a higher one.
    Peaks {
        /// Least height over the pass, in 0..1; 0.3 unless told.
        #[serde(default = "defaults::depth")]
        depth: f32,
        /// Side of the box that smooths twice, px; 1 leaves the map as it is. 3 unless told.
        #[serde(default = "defaults::smooth_side_px")]
        smooth_side_px: u32,
    },
    /// Seeds are peaks of the distance to the background: parts joined by a waist come apart.
    Distance {
        /// Least height over the pass, px; 1 unless told.
        #[serde(default = "defaults::depth_px")]
        depth_px: f32,
    },
    /// Seeds are what is left of the mask after erosion; they grow back to the mask.
    Erosion {
        /// Erosion by a square of side `2 r + 1` px; 1 unless told.
        #[serde(default = "defaults::radius_px")]
        radius_px: u32,
    },
}

/// What settings are unless told, so that `kind` alone tries a way.
mod defaults {
    pub(super) const fn core_threshold() -> f32 {
        0.7
    }
    pub(super) const fn depth() -> f32 {
        0.3
    }
    pub(super) const fn smooth_side_px() -> u32 {
        3
    }
    pub(super) const fn depth_px() -> f32 {
        1.0
    }
    pub(super) const fn radius_px() -> u32 {
        1
    }
}

/// A setting of [`Split`] out of its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("postprocess.split: {setting} is {value}, expected {expected}")]
pub struct SplitError {
    /// The setting's name.
    setting: &'static str,
    /// Its value.
    value: String,
    /// What it may be.
    expected: &'static str,
}

impl Split {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self, mask_threshold: f32) -> Result<(), SplitError> {
        let refuse = |setting, value: &dyn ToString, expected| {
            let value = value.to_string();
            Err(SplitError {
                setting,
                value,
                expected,
            })
        };
        match self {
            Self::Core { threshold } if !(mask_threshold..=1.0).contains(threshold) => refuse(
                "threshold",
                threshold,
                "a probability from postprocess.threshold to 1",
            ),
            Self::Peaks { depth, .. } if !(0.0..=1.0).contains(depth) => {
                refuse("depth", depth, "a probability from 0 to 1")
            }
            Self::Peaks { smooth_side_px, .. } if smooth_side_px % 2 == 0 => {
                refuse("smooth_side_px", smooth_side_px, "an odd number of pixels")
            }
            Self::Distance { depth_px } if !(depth_px.is_finite() && *depth_px >= 0.0) => refuse(
                "depth_px",
                depth_px,
                "a finite number of pixels, 0 or above",
            ),
            _ => Ok(()),
        }
    }

    /// The buildings of a mask, 4-connected each.
    ///
    /// # Panics
    /// If `probabilities` and `mask` differ in size.
    #[must_use]
    pub fn label(&self, mask: &Plane<u8>, probabilities: &Plane<f32>) -> Labels {
        assert_eq!(
            mask.size(),
            probabilities.size(),
            "size of mask and of probabilities"
        );
        match *self {
            Self::None => label_components(mask),
            Self::Core { threshold: core } => flood(
                &with_seedless(&threshold(probabilities, core), mask),
                mask,
                probabilities,
            ),
            Self::Peaks {
                depth,
                smooth_side_px,
            } => {
                let radius = smooth_side_px as usize / 2;
                let smooth = box_mean(&box_mean(probabilities, radius), radius);
                label_peaks(mask, &smooth, depth)
            }
            Self::Distance { depth_px } => label_peaks(mask, &distance_inside(mask), depth_px),
            Self::Erosion { radius_px } => {
                let seeds = with_seedless(&erode(mask, radius_px), mask);
                // The farther inside, the earlier: seeds meet halfway.
                flood(&seeds, mask, &distance_inside(mask))
            }
        }
    }
}

/// Labels of the seeds; a region of the mask without any is a seed as a whole.
fn with_seedless(seeds: &Plane<u8>, mask: &Plane<u8>) -> Labels {
    let regions = label_components(mask);
    let mut seeded = vec![false; regions.count() as usize + 1];
    for ((&region, &seed), &inside) in regions
        .plane()
        .values()
        .iter()
        .zip(seeds.values())
        .zip(mask.values())
    {
        seeded[region as usize] |= seed != 0 && inside != 0;
    }
    let mut all = seeds.clone();
    for (value, &region) in all.values_mut().iter_mut().zip(regions.plane().values()) {
        *value = u8::from(region > 0 && (*value != 0 || !seeded[region as usize]));
    }
    label_components(&all)
}

/// The 4-neighbours of a pixel.
fn neighbours(pixel: usize, width: usize, pixels: usize) -> impl Iterator<Item = usize> {
    let column = pixel % width;
    let up = pixel.checked_sub(width);
    let left = (column > 0).then(|| pixel - 1);
    let right = (column + 1 < width).then_some(pixel + 1);
    let down = (pixel + width < pixels).then_some(pixel + width);
    [up, left, right, down].into_iter().flatten()
}

/// Orders heights, all finite; NaN counts as lowest.
fn rank(height: f32) -> u32 {
    let bits = height.to_bits();
    if height.is_nan() {
        0
    } else if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

/// Lets seeds grow over the mask, highest pixel first, among equals the earlier reached.
fn flood(seeds: &Labels, mask: &Plane<u8>, heights: &Plane<f32>) -> Labels {
    let (width, pixels) = (mask.width() as usize, mask.values().len());
    let mut plane = seeds.plane().clone();
    let labels = plane.values_mut();
    let mut queue = BinaryHeap::new();
    let mut reached = 0_u32;
    let mut border: Vec<usize> = (0..pixels).filter(|&pixel| labels[pixel] > 0).collect();
    let mut next = 0;
    loop {
        while let Some(&from) = border.get(next) {
            next += 1;
            for to in neighbours(from, width, pixels) {
                if labels[to] == 0 && mask.values()[to] != 0 {
                    queue.push((
                        rank(heights.values()[to]),
                        Reverse(reached),
                        to,
                        labels[from],
                    ));
                    reached += 1;
                }
            }
        }
        let Some((_, _, pixel, label)) = queue.pop() else {
            break;
        };
        if labels[pixel] == 0 {
            labels[pixel] = label;
            border.clear();
            border.push(pixel);
            next = 0;
        }
    }
    seeds.with_plane(plane)
}

/// No hill.
const NONE: u32 = u32::MAX;

/// The hill that `hill` became part of.
fn root(into: &[u32], mut hill: u32) -> u32 {
    while into[hill as usize] != NONE {
        hill = into[hill as usize];
    }
    hill
}

/// Gives each peak of `heights` that rises by `depth` over the pass to a higher one a label of
/// its own, and each pixel of the mask the label of the peak it leads up to.
///
/// Pixels are added from the highest to the lowest. Where two hills meet, the lower one either
/// stands `depth` above the pass and stays, or becomes part of the higher one: no search for
/// peaks beforehand, no flood afterwards.
fn label_peaks(mask: &Plane<u8>, heights: &Plane<f32>, depth: f32) -> Labels {
    let (width, pixels) = (mask.width() as usize, mask.values().len());
    let heights = heights.values();
    let mut order: Vec<u32> = (0..pixels as u32)
        .filter(|&pixel| mask.values()[pixel as usize] != 0)
        .collect();
    order.sort_by_key(|&pixel| (Reverse(rank(heights[pixel as usize])), pixel));
    // A hill is known by its peak; hills merged into others point at them.
    let mut hill_of = vec![NONE; pixels];
    let mut into: Vec<u32> = vec![NONE; pixels];
    let mut age = vec![0_u32; pixels];
    for (when, &pixel) in (0..).zip(&order) {
        let height = heights[pixel as usize];
        let hills: Vec<u32> = neighbours(pixel as usize, width, pixels)
            .filter(|&to| hill_of[to] != NONE)
            .map(|to| root(&into, hill_of[to]))
            .collect();
        // Peaks come in order, so the one met first is the highest.
        let best = hills.iter().copied().min_by_key(|&hill| age[hill as usize]);
        let best = best.unwrap_or(NONE);
        for hill in hills {
            // Only with the hill that this pixel joins, so that every hill stays connected.
            if hill != best && heights[hill as usize] - height < depth {
                into[hill as usize] = best;
            }
        }
        hill_of[pixel as usize] = if best == NONE { pixel } else { best };
        if best == NONE {
            age[pixel as usize] = when;
        }
    }
    let mut number = vec![0; pixels];
    let mut count = 0;
    let labels = hill_of.iter().map(|&hill| {
        if hill == NONE {
            return 0;
        }
        let hill = root(&into, hill) as usize;
        if number[hill] == 0 {
            count += 1;
            number[hill] = count;
        }
        number[hill]
    });
    let plane = Plane::new(mask.size(), labels.collect());
    Labels::new(plane, count)
}

/// Distance of each pixel of the mask to the nearest pixel outside it, px, by chamfer steps of
/// 1 and √2 (at most 8 % too long; Borgefors 1986, DOI 10.1016/S0734-189X(86)80047-0). The image's
/// border is no outside.
fn distance_inside(mask: &Plane<u8>) -> Plane<f32> {
    const DIAGONAL: f32 = std::f32::consts::SQRT_2;
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let far = (width + height) as f32;
    let mut plane = mask.map(|value| if value == 0 { 0.0 } else { far });
    let distances = plane.values_mut();
    let sweep = |distances: &mut [f32], y: usize, x: usize, forward: bool| {
        let here = y * width + x;
        let mut least = distances[here];
        let mut step = |inside: bool, at: isize, length: f32| {
            if inside {
                least = least.min(distances[(here as isize + at) as usize] + length);
            }
        };
        let sign = if forward { -1 } else { 1 };
        let row = sign * width as isize;
        let side = if forward { x > 0 } else { x + 1 < width };
        let other = if forward { x + 1 < width } else { x > 0 };
        let line = if forward { y > 0 } else { y + 1 < height };
        step(side, sign, 1.0);
        step(line, row, 1.0);
        step(line && side, row + sign, DIAGONAL);
        step(line && other, row - sign, DIAGONAL);
        distances[here] = least;
    };
    for y in 0..height {
        for x in 0..width {
            sweep(distances, y, x, true);
        }
    }
    for y in (0..height).rev() {
        for x in (0..width).rev() {
            sweep(distances, y, x, false);
        }
    }
    plane
}

/// The mean over a square of side `2 radius + 1` px, cut at the border.
fn box_mean(plane: &Plane<f32>, radius: usize) -> Plane<f32> {
    if radius == 0 {
        return plane.clone();
    }
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let line = |values: &[f32], step: usize, length: usize, out: &mut [f32]| {
        for i in 0..length {
            let (first, last) = (i.saturating_sub(radius), (i + radius).min(length - 1));
            let sum: f32 = (first..=last).map(|j| values[j * step]).sum();
            out[i * step] = sum / (last - first + 1) as f32;
        }
    };
    let mut rows = plane.clone();
    for y in 0..height {
        let range = y * width..(y + 1) * width;
        line(
            &plane.values()[range.clone()],
            1,
            width,
            &mut rows.values_mut()[range],
        );
    }
    let mut both = rows.clone();
    for x in 0..width {
        line(
            &rows.values()[x..],
            width,
            height,
            &mut both.values_mut()[x..],
        );
    }
    both
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(values: &[f32]) -> Plane<f32> {
        Plane::new((values.len() as u32, 1), values.to_vec())
    }

    fn labels(split: Split, values: &[f32]) -> Vec<u32> {
        let probabilities = row(values);
        let mask = threshold(&probabilities, 0.25);
        split.label(&mask, &probabilities).plane().values().to_vec()
    }

    #[test]
    fn cores_share_the_mask_and_a_region_without_core_stays() {
        let split = Split::Core { threshold: 0.75 };
        let found = labels(split, &[0.5, 1.0, 0.5, 0.375, 0.625, 1.0, 0.0, 0.5, 0.5]);
        assert_eq!(found, [1, 1, 1, 2, 2, 2, 0, 3, 3]);
    }

    #[test]
    fn a_peak_stays_if_it_stands_high_over_the_pass() {
        let values = [0.5, 1.0, 0.5, 0.875, 0.75, 0.8125, 0.0];
        let peaks = |depth| Split::Peaks {
            depth,
            smooth_side_px: 1,
        };
        assert_eq!(labels(peaks(0.03125), &values), [1, 1, 1, 2, 2, 3, 0]);
        assert_eq!(labels(peaks(0.25), &values), [1, 1, 1, 2, 2, 2, 0]);
        assert_eq!(labels(peaks(0.5), &values), [1, 1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn a_waist_parts_two_squares() {
        // Two 7x7 squares joined by a bridge of one pixel's height.
        let inside = |y: usize, x: usize| {
            (1..8).contains(&y) && ((1..8).contains(&x) || (10..17).contains(&x))
                || y == 4 && (8..10).contains(&x)
        };
        let mask = Plane::from_fn((18, 9).into(), |y, x| u8::from(inside(y, x)));
        let flat = mask.map(f32::from);
        for split in [
            Split::Distance { depth_px: 1.0 },
            Split::Erosion { radius_px: 1 },
        ] {
            let found = split.label(&mask, &flat);
            // The pixel in the middle of the waist may go either way.
            let areas = found.areas();
            assert_eq!(areas.len(), 2, "{split:?}");
            assert!(areas[0].abs_diff(50) <= 1, "{split:?}: {areas:?}");
        }
        assert_eq!(Split::None.label(&mask, &flat).areas(), [100]);
    }

    #[test]
    fn wild_settings_are_refused_by_name() {
        let error = Split::Core { threshold: 0.2 }.check(0.3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "postprocess.split: threshold is 0.2, expected a probability from postprocess.threshold to 1"
        );
        let even = Split::Peaks {
            depth: 0.1,
            smooth_side_px: 2,
        };
        assert!(even.check(0.3).is_err());
        assert!(Split::Distance { depth_px: f32::NAN }.check(0.3).is_err());
    }

    proptest! {
        #[test]
        fn the_mask_is_shared_out_whole_in_connected_parts(
            (w, h, values) in (1u32..16, 1u32..16).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(0u8..8, (w * h) as usize))
            }),
            depth in 0u8..8,
        ) {
            let probabilities = Plane::new((w, h), values.iter().map(|&v| f32::from(v) / 8.0).collect());
            let mask = threshold(&probabilities, 0.25);
            let depth = f32::from(depth) / 8.0;
            for split in [
                Split::Core { threshold: 0.5 },
                Split::Peaks { depth, smooth_side_px: 1 },
                Split::Peaks { depth, smooth_side_px: 3 },
                Split::Distance { depth_px: depth },
                Split::Erosion { radius_px: 1 },
            ] {
                let found = split.label(&mask, &probabilities);
                let covered = found.plane().map(|label| u8::from(label > 0));
                prop_assert_eq!(&covered, &mask, "{:?}", split);
                for label in 1..=found.count() {
                    let part = found.plane().map(|l| u8::from(l == label));
                    prop_assert_eq!(label_components(&part).count(), 1, "{:?}", split);
                }
            }
        }

        #[test]
        fn distances_are_near_the_exact_ones(
            (w, h, bits) in (1u32..14, 1u32..14).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.9), (w * h) as usize))
            })
        ) {
            let mask = Plane::new((w, h), bits.iter().map(|&b| u8::from(b)).collect());
            prop_assume!(mask.values().contains(&0));
            let distances = distance_inside(&mask);
            for y in 0..h as usize {
                for x in 0..w as usize {
                    let to = |v: usize, u: usize| (y.abs_diff(v) as f32).hypot(x.abs_diff(u) as f32);
                    let exact = (0..h as usize).flat_map(|v| (0..w as usize).map(move |u| (v, u)))
                        .filter(|&(v, u)| mask.at(v, u) == 0)
                        .map(|(v, u)| to(v, u))
                        .fold(f32::INFINITY, f32::min);
                    let found = distances.at(y, x);
                    prop_assert!(found >= exact - 1e-4 && found <= exact * 1.09 + 1e-4, "{} for {}", found, exact);
                }
            }
        }
    }
}
