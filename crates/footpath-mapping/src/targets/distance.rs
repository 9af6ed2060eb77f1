//! Exact distances to the nearest and to the second nearest building.
//!
//! A building's squared distance along one row is the lower envelope of
//! parabolas, one for each of its columns: `(x - c)² + g(c)²`, where `g(c)` is
//! the vertical distance from that row to the building within column `c`
//! (Meijster, Roerdink & Hesselink 2000, *A general algorithm for computing
//! distance transforms in linear time*, DOI 10.1007/0-306-47025-X_36;
//! Felzenszwalb & Huttenlocher 2012, DOI 10.4086/toc.2012.v008a019). Two
//! things make it quick here:
//!
//! - a building is narrow, so its envelope is short and is evaluated over
//!   long runs of pixels, which compilers vectorise;
//! - most buildings are far from most pixels. The picture is cut into blocks;
//!   from boxes alone follows an upper bound of the distance to the second
//!   nearest building of each block, and a building farther than that is not
//!   looked at there. The cost hardly grows with the number of buildings.
//!
//! All squared distances are integers below 2²⁴ (pictures up to 2,896 px
//! square), exact in `f32`; in larger pictures they are rounded to 24 bits.

use crate::rle::Rle;

/// Side of the blocks, px. 16 and 32 measured best.
const BLOCK: usize = 16;

/// A building as vertical runs, column by column.
struct Columns {
    /// First column.
    left: usize,
    /// First row.
    top: usize,
    /// Column behind the last.
    right: usize,
    /// Row behind the last.
    bottom: usize,
    /// Runs `[start, end)` of rows, grouped by column.
    runs: Vec<(f32, f32)>,
    /// Runs of column `left + i`: `runs[first[i]..first[i + 1]]`.
    first: Vec<u32>,
    /// Whether each column has exactly one run, the usual case.
    single: bool,
    /// Four pixels `(x, y)` on the sides of the box.
    anchors: [(usize, usize); 4],
}

impl Columns {
    /// `None` for an empty mask.
    fn new(mask: &Rle) -> Option<Self> {
        let mut spans: Vec<(u32, u32, u32)> = Vec::new();
        mask.for_each_fg_span(|x, rows| spans.push((x, rows.start, rows.end - 1)));
        let leftmost = *spans.first()?;
        let rightmost = *spans.last()?;
        let highest = *spans.iter().min_by_key(|span| span.1)?;
        let lowest = *spans.iter().max_by_key(|span| span.2)?;
        let (left, right) = (leftmost.0, rightmost.0 + 1);
        let mut first = vec![0; (right - left) as usize + 1];
        for span in &spans {
            first[(span.0 - left) as usize + 1] += 1;
        }
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        let at = |x: u32, y: u32| (x as usize, y as usize);
        Some(Self {
            left: left as usize,
            top: highest.1 as usize,
            right: right as usize,
            bottom: lowest.2 as usize + 1,
            runs: spans
                .iter()
                .map(|&(_, start, last)| (start as f32, last as f32))
                .collect(),
            single: first.windows(2).all(|ends| ends[1] - ends[0] == 1),
            first,
            anchors: [
                at(leftmost.0, leftmost.1),
                at(rightmost.0, rightmost.2),
                at(highest.0, highest.1),
                at(lowest.0, lowest.2),
            ],
        })
    }

    /// Squared vertical distances of row `y` for each column; infinite where a column is empty.
    fn column_distances(&self, y: f32, out: &mut Vec<f32>) {
        out.clear();
        if self.single {
            out.extend(self.runs.iter().map(|run| square_gap(y, *run)));
            return;
        }
        out.extend(self.first.windows(2).map(|ends| {
            let runs = &self.runs[ends[0] as usize..ends[1] as usize];
            runs.iter()
                .map(|run| square_gap(y, *run))
                .fold(f32::INFINITY, f32::min)
        }));
    }

    /// Least possible squared distance between a pixel of the block and the building.
    fn lower_bound(&self, block: &Block) -> usize {
        let dx = self
            .left
            .saturating_sub(block.right - 1)
            .max((block.left + 1).saturating_sub(self.right));
        let dy = self
            .top
            .saturating_sub(block.bottom - 1)
            .max((block.top + 1).saturating_sub(self.bottom));
        dx * dx + dy * dy
    }

    /// A squared distance that no pixel of the block exceeds.
    fn upper_bound(&self, block: &Block) -> usize {
        let farthest = |&(x, y): &(usize, usize)| {
            let dx = x.abs_diff(block.left).max(x.abs_diff(block.right - 1));
            let dy = y.abs_diff(block.top).max(y.abs_diff(block.bottom - 1));
            dx * dx + dy * dy
        };
        self.anchors
            .iter()
            .map(farthest)
            .min()
            .unwrap_or(usize::MAX)
    }
}

fn square_gap(y: f32, (start, last): (f32, f32)) -> f32 {
    let gap = (start - y).max(y - last).max(0.0);
    gap * gap
}

struct Block {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// Squared distances to the nearest and to the second nearest building, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NearestTwo {
    /// To the nearest, px²; infinite if there is no building.
    pub(super) nearest: Vec<f32>,
    /// To the second nearest, px²; infinite if there are fewer than two.
    pub(super) second: Vec<f32>,
}

/// Distances of every pixel to the two nearest of `masks`, in a picture of
/// `width` x `height` px. Empty masks are no buildings.
pub(super) fn nearest_two(masks: &[Rle], width: u32, height: u32) -> NearestTwo {
    let buildings: Vec<Columns> = masks.iter().filter_map(Columns::new).collect();
    let (width, height) = (width as usize, height as usize);
    let mut nearest = vec![f32::INFINITY; width * height];
    let mut second = nearest.clone();
    let mut envelope = Envelope::new(width);
    for top in (0..height).step_by(BLOCK) {
        let bottom = (top + BLOCK).min(height);
        for (building, reach) in buildings
            .iter()
            .zip(reaches(&buildings, top, bottom, width))
        {
            let Some((from, to)) = reach else { continue };
            for y in top..bottom {
                envelope.build(building, y, from, to);
                let row = y * width;
                envelope.merge(
                    &mut nearest[row..row + width],
                    &mut second[row..row + width],
                    to,
                );
            }
        }
    }
    NearestTwo { nearest, second }
}

/// For each building the columns `[from, to)` of the strip of rows
/// `[top, bottom)` in which it may be one of the two nearest.
fn reaches(
    buildings: &[Columns],
    top: usize,
    bottom: usize,
    width: usize,
) -> Vec<Option<(usize, usize)>> {
    let mut reaches: Vec<Option<(usize, usize)>> = vec![None; buildings.len()];
    for left in (0..width).step_by(BLOCK) {
        let block = Block {
            left,
            top,
            right: (left + BLOCK).min(width),
            bottom,
        };
        let (mut least, mut next) = (usize::MAX, usize::MAX);
        for building in buildings {
            let bound = building.upper_bound(&block);
            next = next.min(least.max(bound));
            least = least.min(bound);
        }
        for (reach, building) in reaches.iter_mut().zip(buildings) {
            if building.lower_bound(&block) <= next {
                let from = reach.map_or(block.left, |(from, _)| from);
                *reach = Some((from, block.right));
            }
        }
    }
    reaches
}

/// The lower envelope of a building's parabolas along one row.
struct Envelope {
    column_distances: Vec<f32>,
    /// Vertex column, squared height and first pixel of each parabola, left to right.
    pieces: Vec<Piece>,
    /// `1 / (2 d)` for the distance `d` between two columns.
    half_inverse: Vec<f64>,
}

#[derive(Clone, Copy)]
struct Piece {
    column: usize,
    height: f32,
    start: usize,
}

impl Envelope {
    fn new(width: usize) -> Self {
        let half_inverse = (0..=width).map(|d| 0.5 / d as f64).collect();
        Self {
            column_distances: Vec::new(),
            pieces: Vec::new(),
            half_inverse,
        }
    }

    /// Builds the envelope of row `y` as far as it shows in `[from, to)`.
    fn build(&mut self, building: &Columns, y: usize, from: usize, to: usize) {
        building.column_distances(y as f32, &mut self.column_distances);
        self.pieces.clear();
        for (i, &height) in self.column_distances.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let column = building.left + i;
            let mut start = from;
            while let Some(&top) = self.pieces.last() {
                start = self.takes_over(top, column, height).max(from);
                if start > top.start {
                    break;
                }
                // The new parabola is lower wherever the last one was lowest.
                self.pieces.pop();
                start = from;
            }
            if start < to {
                self.pieces.push(Piece {
                    column,
                    height,
                    start,
                });
            }
        }
    }

    /// First pixel at which the parabola at `column` is lower than `piece`'s, which lies left of it.
    fn takes_over(&self, piece: Piece, column: usize, height: f32) -> usize {
        let (a, b) = (piece.column as f64, column as f64);
        let rise = (b * b + f64::from(height)) - (a * a + f64::from(piece.height));
        // Exact up to the last bit, and where the last bit matters both are equally low.
        let cross = rise * self.half_inverse[column - piece.column];
        if cross < 0.0 { 0 } else { cross as usize + 1 }
    }

    /// Merges the envelope into the two smallest distances of the row, up to column `to`.
    fn merge(&self, nearest: &mut [f32], second: &mut [f32], to: usize) {
        for (i, piece) in self.pieces.iter().enumerate() {
            let end = self.pieces.get(i + 1).map_or(to, |next| next.start);
            let column = piece.column as i32;
            let pixels = nearest[piece.start..end]
                .iter_mut()
                .zip(&mut second[piece.start..end]);
            for (x, (nearest, second)) in (piece.start as i32..).zip(pixels) {
                let dx = (x - column) as f32;
                let distance = dx * dx + piece.height;
                let low = if distance < *nearest {
                    distance
                } else {
                    *nearest
                };
                let high = if distance < *nearest {
                    *nearest
                } else {
                    distance
                };
                *second = if high < *second { high } else { *second };
                *nearest = low;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plane::Plane;
    use crate::rle::from_plane;

    fn brute_force(masks: &[Rle], width: u32, height: u32) -> NearestTwo {
        let pixels: Vec<Vec<(i64, i64)>> = masks
            .iter()
            .map(|mask| {
                let mut pixels = Vec::new();
                mask.for_each_fg_pixel(|x, y| pixels.push((i64::from(x), i64::from(y))));
                pixels
            })
            .collect();
        let (mut nearest, mut second) = (Vec::new(), Vec::new());
        for y in 0..i64::from(height) {
            for x in 0..i64::from(width) {
                let distance = |p: &(i64, i64)| (p.0 - x).pow(2) + (p.1 - y).pow(2);
                let mut all: Vec<f32> = pixels
                    .iter()
                    .filter_map(|p| p.iter().map(distance).min())
                    .map(|d| d as f32)
                    .collect();
                all.extend([f32::INFINITY; 2]);
                all.sort_by(f32::total_cmp);
                nearest.push(all[0]);
                second.push(all[1]);
            }
        }
        NearestTwo { nearest, second }
    }

    #[test]
    fn two_pixels_by_hand() {
        // A at (0, 0), B at (3, 0), picture 4x2: columns 0..3 of row 1 have
        // nearest² 1, 2, 2, 1 and second² 10, 5, 5, 10.
        let pixel = |x: usize| {
            let mut plane = Plane::filled(4, 2, 0);
            plane.values_mut()[x] = 1;
            from_plane(&plane)
        };
        let found = nearest_two(&[pixel(0), pixel(3)], 4, 2);
        assert_eq!(found.nearest, [0., 1., 1., 0., 1., 2., 2., 1.]);
        assert_eq!(found.second, [9., 4., 4., 9., 10., 5., 5., 10.]);
    }

    #[test]
    fn without_buildings_everything_is_infinitely_far() {
        let found = nearest_two(&[], 3, 1);
        assert_eq!(found.nearest, [f32::INFINITY; 3]);
        let one = from_plane(&Plane::from_values(3, 1, vec![1, 0, 0]));
        let found = nearest_two(&[one, Rle::from_counts(1, 3, vec![3])], 3, 1);
        assert_eq!(found.nearest, [0., 1., 4.]);
        assert_eq!(found.second, [f32::INFINITY; 3]);
    }

    /// Left, top, width, height.
    type Rectangle = (u32, u32, u32, u32);

    /// Buildings of random rectangles and pixels.
    fn masks(width: u32, height: u32) -> impl Strategy<Value = Vec<Rle>> {
        let draw = move |rectangles: Vec<Rectangle>| {
            let mut plane = Plane::filled(width, height, 0u8);
            for (left, top, w, h) in rectangles {
                for y in top..(top + h).min(height) {
                    for x in left..(left + w).min(width) {
                        plane.values_mut()[(y * width + x) as usize] = 1;
                    }
                }
            }
            from_plane(&plane)
        };
        let size = prop_oneof![Just(1u32), 1u32..12];
        let rectangle = (0..width, 0..height, size.clone(), size);
        let building = prop::collection::vec(rectangle, 1..6).prop_map(draw);
        prop::collection::vec(building, 0..14)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn distances_are_those_of_brute_force(
            (width, height, masks) in (1u32..70, 1u32..50)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), masks(w, h)))
        ) {
            prop_assert_eq!(nearest_two(&masks, width, height), brute_force(&masks, width, height));
        }
    }
}
