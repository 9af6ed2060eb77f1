//! Connected components.

use crate::plane::Plane;

/// The objects of a mask, numbered from 1 in the order in which rows meet them.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    plane: Plane<u32>,
    count: u32,
}

impl Labels {
    /// The label of each pixel, 0 for background.
    #[must_use]
    pub fn plane(&self) -> &Plane<u32> {
        &self.plane
    }

    /// Number of objects.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Number of pixels of each object, that of label 1 first.
    #[must_use]
    pub fn areas(&self) -> Vec<u32> {
        let mut areas = vec![0; self.count as usize];
        for &label in self.plane.values().iter().filter(|label| **label > 0) {
            areas[label as usize - 1] += 1;
        }
        areas
    }

    /// Objects numbered from 1 to `count`.
    pub(super) fn new(plane: Plane<u32>, count: u32) -> Self {
        Self { plane, count }
    }

    /// The same objects on a changed plane.
    pub(super) fn with_plane(&self, plane: Plane<u32>) -> Self {
        Self {
            plane,
            count: self.count,
        }
    }
}

/// A stretch of non-zero pixels `[start, end)` of one row.
struct Run {
    start: usize,
    end: usize,
    row: usize,
}

/// Labels the 4-connected components of the non-zero pixels.
///
/// Runs of pixels are united, not pixels, so the cost beyond one look at
/// each pixel is near the number of runs.
#[must_use]
pub fn label_components(mask: &Plane<u8>) -> Labels {
    let mut runs: Vec<Run> = Vec::new();
    let mut parents: Vec<u32> = Vec::new();
    let mut above = 0..0;
    for (row, pixels) in mask.rows().enumerate() {
        let first = runs.len();
        find_runs(pixels, row, &mut runs);
        parents.extend(first as u32..runs.len() as u32);
        let mut candidate = above.start;
        for run in first..runs.len() {
            while candidate < above.end && runs[candidate].end <= runs[run].start {
                candidate += 1;
            }
            let mut touching = candidate;
            while touching < above.end && runs[touching].start < runs[run].end {
                unite(&mut parents, touching as u32, run as u32);
                touching += 1;
            }
        }
        above = first..runs.len();
    }

    // A root is the first run of its component, so labels follow the rows.
    let mut plane = Plane::filled((mask.width(), mask.height()), 0);
    let width = mask.width() as usize;
    let mut labels = vec![0; runs.len()];
    let mut count = 0;
    for (i, run) in runs.iter().enumerate() {
        let root = find(&mut parents, i as u32) as usize;
        if root == i {
            count += 1;
            labels[i] = count;
        }
        let offset = run.row * width;
        plane.values_mut()[offset + run.start..offset + run.end].fill(labels[root]);
    }
    Labels { plane, count }
}

fn find_runs(pixels: &[u8], row: usize, runs: &mut Vec<Run>) {
    let mut x = 0;
    while let Some(start) = pixels[x..].iter().position(|&v| v != 0).map(|d| x + d) {
        let end = pixels[start..]
            .iter()
            .position(|&v| v == 0)
            .map_or(pixels.len(), |d| start + d);
        runs.push(Run { start, end, row });
        x = end;
    }
}

fn find(parents: &mut [u32], mut node: u32) -> u32 {
    while parents[node as usize] != node {
        parents[node as usize] = parents[parents[node as usize] as usize];
        node = parents[node as usize];
    }
    node
}

fn unite(parents: &mut [u32], a: u32, b: u32) {
    let (a, b) = (find(parents, a), find(parents, b));
    // The earlier run is the root.
    parents[a.max(b) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Labels by flooding from each unlabelled pixel in row order.
    fn flood_fill(mask: &Plane<u8>) -> Labels {
        let (w, h) = (mask.width(), mask.height());
        let mut plane = Plane::filled((w, h), 0);
        let mut count = 0;
        for seed in 0..w * h {
            if mask.values()[seed as usize] == 0 || plane.values()[seed as usize] != 0 {
                continue;
            }
            count += 1;
            let mut stack = vec![(seed % w, seed / w)];
            while let Some((x, y)) = stack.pop() {
                let i = (y * w + x) as usize;
                if mask.values()[i] == 0 || plane.values()[i] != 0 {
                    continue;
                }
                plane.values_mut()[i] = count;
                stack.extend((x > 0).then(|| (x - 1, y)));
                stack.extend((y > 0).then(|| (x, y - 1)));
                stack.extend((x + 1 < w).then_some((x + 1, y)));
                stack.extend((y + 1 < h).then_some((x, y + 1)));
            }
        }
        Labels { plane, count }
    }

    #[test]
    fn corners_do_not_connect_and_a_u_is_one() {
        #[rustfmt::skip]
        let mask = Plane::new((5, 3), vec![
            1, 0, 1, 0, 1,
            1, 0, 1, 0, 0,
            1, 1, 1, 0, 1,
        ]);
        let labels = label_components(&mask);
        #[rustfmt::skip]
        assert_eq!(labels.plane().values(), [
            1, 0, 1, 0, 2,
            1, 0, 1, 0, 0,
            1, 1, 1, 0, 3,
        ]);
        assert_eq!((labels.count(), labels.areas()), (3, vec![7, 1, 1]));
        let diagonal = label_components(&Plane::new((2, 2), vec![1, 0, 0, 1]));
        assert_eq!(diagonal.count(), 2);
    }

    proptest! {
        #[test]
        fn components_are_those_of_flood_fill(
            (w, h, bits) in (1u32..25, 1u32..25).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.6), (w * h) as usize))
            })
        ) {
            let mask = Plane::new((w, h), bits.into_iter().map(u8::from).collect());
            prop_assert_eq!(label_components(&mask), flood_fill(&mask));
        }
    }
}
