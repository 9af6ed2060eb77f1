//! Non-maximum suppression of masks.

use crate::rle::{Rle, coco_box};

/// What becomes of a candidate that overlaps a better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppressed {
    /// It is dropped.
    Dropped,
    /// It stays with score 0, as in the 2018 solution.
    Zeroed,
}

/// Goes through the masks from the best score to the worst (ties: the earlier first) and suppresses
/// each whose `IoU` with one kept before exceeds `iou`. Gives places and scores of what stays, best
/// first.
///
/// Most pairs need no look at their masks: the boxes' overlap bounds the masks' from above.
///
/// # Panics
/// If there are not as many scores as masks.
#[must_use]
pub fn suppress(
    masks: &[Rle],
    scores: &[f64],
    iou: f64,
    suppressed: Suppressed,
) -> Vec<(usize, f64)> {
    assert_eq!(masks.len(), scores.len(), "a score for each mask");
    let shapes: Vec<Shape> = masks.iter().map(Shape::new).collect();
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut kept: Vec<usize> = Vec::new();
    let mut zeroed = Vec::new();
    for candidate in order {
        let shape = &shapes[candidate];
        let overlaps = |&other: &usize| {
            let other_shape = &shapes[other];
            shape.may_exceed(other_shape, iou) && {
                let both = masks[candidate].intersect_area(&masks[other]).unwrap_or(0) as f64;
                both > iou * (shape.area + other_shape.area - both)
            }
        };
        if kept.iter().any(overlaps) {
            zeroed.push(candidate);
        } else {
            kept.push(candidate);
        }
    }
    let mut all: Vec<(usize, f64)> = kept.into_iter().map(|i| (i, scores[i])).collect();
    if suppressed == Suppressed::Zeroed {
        all.extend(zeroed.into_iter().map(|i| (i, 0.0)));
    }
    all
}

/// What bounds an overlap without a look at the pixels.
struct Shape {
    area: f64,
    /// Left, top, right, bottom.
    edges: [f64; 4],
}

impl Shape {
    fn new(mask: &Rle) -> Self {
        let [x, y, w, h] = coco_box(mask);
        Self {
            area: mask.area() as f64,
            edges: [x, y, x + w, y + h],
        }
    }

    /// False if the `IoU` cannot exceed `iou`.
    fn may_exceed(&self, other: &Self, iou: f64) -> bool {
        let [left, top, right, bottom] = self.edges;
        let [l, t, r, b] = other.edges;
        let boxes = (right.min(r) - left.max(l)).max(0.0) * (bottom.min(b) - top.max(t)).max(0.0);
        let both = boxes.min(self.area).min(other.area);
        both > iou * (self.area + other.area - both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plane::Plane;
    use crate::rle::from_plane;
    use proptest::prelude::*;

    fn rectangle(left: usize, top: usize, width: usize, height: usize) -> Plane<u8> {
        let inside = move |y: usize, x: usize| {
            (top..top + height).contains(&y) && (left..left + width).contains(&x)
        };
        Plane::from_fn((16, 16).into(), move |y, x| u8::from(inside(y, x)))
    }

    #[test]
    fn the_better_of_two_that_overlap_stays() {
        let masks = [(0, 4), (1, 4), (8, 4)].map(|(x, w)| from_plane(&rectangle(x, 0, w, 4)));
        let scores = [0.5, 0.9, 0.1];
        let ours = suppress(&masks, &scores, 0.5, Suppressed::Dropped);
        assert_eq!(ours, [(1, 0.9), (2, 0.1)]);
        let old = suppress(&masks, &scores, 0.5, Suppressed::Zeroed);
        assert_eq!(old, [(1, 0.9), (2, 0.1), (0, 0.0)]);
    }

    proptest! {
        #[test]
        fn it_equals_brute_force_over_pixels(
            boxes in prop::collection::vec((0usize..12, 0usize..12, 1usize..9, 1usize..9, 0u8..6), 0..14),
            iou in 0.0..1.0f64,
        ) {
            let planes: Vec<Plane<u8>> = boxes.iter().map(|&(x, y, w, h, _)| rectangle(x, y, w, h)).collect();
            let scores: Vec<f64> = boxes.iter().map(|b| f64::from(b.4)).collect();
            let overlap = |a: &Plane<u8>, b: &Plane<u8>| {
                let pairs = || a.values().iter().zip(b.values());
                let both = pairs().filter(|(a, b)| **a + **b == 2).count() as f64;
                let either = pairs().filter(|(a, b)| **a + **b > 0).count() as f64;
                both > iou * either
            };
            let mut left: Vec<usize> = (0..planes.len()).collect();
            let mut expected = Vec::new();
            while let Some(&best) = left.iter().max_by(|&&a, &&b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a))) {
                expected.push((best, scores[best]));
                left.retain(|&other| other != best && !overlap(&planes[best], &planes[other]));
            }
            let masks: Vec<Rle> = planes.iter().map(from_plane).collect();
            prop_assert_eq!(suppress(&masks, &scores, iou, Suppressed::Dropped), expected);
        }
    }
}
