//! Exact distances to the nearest and to the second nearest building.
//!
//! A building's squared distance along one row is the lower envelope of
//! parabolas, one for each of its columns: `(x - c)² + g(c)²`, where `g(c)` is
//! the vertical distance from that row to the building within column `c`
//! (Meijster, Roerdink & Hesselink 2000, *A general algorithm for computing
//! distance transforms in linear time*, DOI 10.1007/0-306-47025-X_36;
//! Felzenszwalb & Huttenlocher 2012, DOI 10.4086/toc.2012.v008a019). Three
//! things make it quick here:
//!
//! - neighbouring columns at one height, above all those the row cuts through,
//!   make one piece: a parabola with a flat middle;
//! - a building is narrow, so its envelope has few pieces and is evaluated over
//!   long runs of pixels, which compilers vectorise;
//! - most buildings are far from most pixels. The picture is cut into blocks;
//!   the distances from a block's centre tell which buildings can be one of the
//!   two nearest anywhere within it, and only those are looked at. The cost
//!   hardly grows with the number of buildings.
//!
//! All squared distances are integers below 2²⁴ (pictures up to 2,896 px
//! square), exact in `f32`; in larger pictures they are rounded to 24 bits.

use crate::rle::Rle;

/// Side of the blocks, px.
const BLOCK: usize = 16;

/// A building as vertical runs, column by column.
struct Columns {
    /// First column.
    left: usize,
    /// Column behind the last.
    right: usize,
    /// First row of each run, grouped by column.
    starts: Vec<f32>,
    /// Last row of each run.
    lasts: Vec<f32>,
    /// Runs of column `left + i`: those from `first[i]` to before `first[i + 1]`.
    first: Vec<u32>,
    /// Whether each column has exactly one run, the usual case.
    single: bool,
}

impl Columns {
    /// `None` for an empty mask.
    fn new(mask: &Rle) -> Option<Self> {
        let mut spans: Vec<(u32, u32, u32)> = Vec::new();
        mask.for_each_fg_span(|x, rows| spans.push((x, rows.start, rows.end - 1)));
        let (left, right) = (spans.first()?.0, spans.last()?.0 + 1);
        let mut first = vec![0; (right - left) as usize + 1];
        for span in &spans {
            first[(span.0 - left) as usize + 1] += 1;
        }
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        Some(Self {
            left: left as usize,
            right: right as usize,
            starts: spans.iter().map(|span| span.1 as f32).collect(),
            lasts: spans.iter().map(|span| span.2 as f32).collect(),
            single: first.windows(2).all(|ends| ends[1] - ends[0] == 1),
            first,
        })
    }

    /// Squared vertical distance from row `y` for each column; infinite where a column is empty.
    fn heights(&self, y: f32, out: &mut Vec<f32>) {
        out.clear();
        let runs = self.starts.iter().zip(&self.lasts).map(|(&start, &last)| {
            let gap = larger(larger(start - y, y - last), 0.0);
            gap * gap
        });
        if self.single {
            out.extend(runs);
        } else {
            let of_column = |ends: &[u32]| {
                let runs = runs
                    .clone()
                    .skip(ends[0] as usize)
                    .take((ends[1] - ends[0]) as usize);
                runs.fold(f32::INFINITY, smaller)
            };
            out.extend(self.first.windows(2).map(of_column));
        }
    }

    /// Horizontal distance from `x` to the box around the building.
    fn gap_x(&self, x: f32) -> f32 {
        (self.left as f32 - x)
            .max(x - (self.right - 1) as f32)
            .max(0.0)
    }
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
    if buildings.is_empty() {
        return NearestTwo { nearest, second };
    }
    let mut envelope = Envelope::new(width);
    for top in (0..height).step_by(BLOCK) {
        let rows = top..(top + BLOCK).min(height);
        let reaches = reaches(&buildings, top, rows.end, width, &mut envelope.heights);
        for (building, reach) in buildings.iter().zip(reaches) {
            let Some((from, to)) = reach else { continue };
            for y in rows.clone() {
                envelope.build(building, y, to);
                let row = y * width;
                envelope.merge(
                    &mut nearest[row..row + width],
                    &mut second[row..row + width],
                    from,
                    to,
                );
            }
        }
    }
    NearestTwo { nearest, second }
}

/// For each building the columns `[from, to)` of the strip of rows
/// `[top, bottom)` in which it may be one of the two nearest.
///
/// Distances change by at most the way gone. If `d` is the distance of a
/// block's centre to its second nearest building and `r` that to its corners,
/// no pixel of the block has its second nearest building farther than `d + r`,
/// and a building farther than `d + 2 r` from the centre is farther than that.
fn reaches(
    buildings: &[Columns],
    top: usize,
    bottom: usize,
    width: usize,
    heights: &mut Vec<f32>,
) -> Vec<Option<(usize, usize)>> {
    let y = (top + bottom - 1) as f32 / 2.0;
    let lefts: Vec<usize> = (0..width).step_by(BLOCK).collect();
    let center = |left: usize| (left + (left + BLOCK).min(width) - 1) as f32 / 2.0;
    // Distances from all centres of the strip, building after building.
    let mut distances = Vec::with_capacity(buildings.len() * lefts.len());
    for building in buildings {
        building.heights(y, heights);
        let lowest = heights.iter().copied().fold(f32::INFINITY, f32::min);
        distances.extend(lefts.iter().map(|&left| {
            let x = center(left);
            // The box is near enough to the truth for a building that is far away.
            let far = building.gap_x(x);
            if far > 4.0 * BLOCK as f32 {
                return Bounds {
                    least: (far * far + lowest).sqrt(),
                    most: f32::INFINITY,
                };
            }
            let mut dx = x - building.left as f32;
            let mut least = f32::INFINITY;
            for &height in heights.iter() {
                least = least.min(dx * dx + height);
                dx -= 1.0;
            }
            let distance = least.sqrt();
            Bounds {
                least: distance,
                most: distance,
            }
        }));
    }
    let mut reaches: Vec<Option<(usize, usize)>> = vec![None; buildings.len()];
    for (i, &left) in lefts.iter().enumerate() {
        let of_block = || distances[i..].iter().step_by(lefts.len());
        let (mut one, mut two) = (f32::INFINITY, f32::INFINITY);
        for bounds in of_block() {
            two = two.min(one.max(bounds.most));
            one = one.min(bounds.most);
        }
        // Half the diagonal between the centres of the corner pixels, and a little for rounding.
        let radius = (BLOCK as f32 - 1.0) * std::f32::consts::FRAC_1_SQRT_2 + 0.01;
        for (reach, bounds) in reaches.iter_mut().zip(of_block()) {
            if bounds.least <= two + 2.0 * radius {
                let from = reach.map_or(left, |(from, _)| from);
                *reach = Some((from, (left + BLOCK).min(width)));
            }
        }
    }
    reaches
}

/// What is known of the distance between a block's centre and a building, px.
struct Bounds {
    least: f32,
    most: f32,
}

/// The lower envelope of a building's parabolas along one row.
struct Envelope {
    heights: Vec<f32>,
    pieces: Vec<Piece>,
    /// `1 / (2 d)` for the distance `d` between two columns.
    half_inverse: Vec<f64>,
}

/// Consecutive columns at one height: a parabola with a flat middle.
#[derive(Clone, Copy)]
struct Piece {
    /// First column.
    first: i32,
    /// Last column.
    last: i32,
    /// Squared vertical distance.
    height: f32,
    /// It is the lowest for pixels right of this.
    after: f64,
}

impl Envelope {
    fn new(width: usize) -> Self {
        let half_inverse = (0..=width).map(|d| 0.5 / d as f64).collect();
        Self {
            heights: Vec::new(),
            pieces: Vec::new(),
            half_inverse,
        }
    }

    /// Builds the envelope of row `y`, as far as it shows left of column `to`.
    fn build(&mut self, building: &Columns, y: usize, to: usize) {
        building.heights(y as f32, &mut self.heights);
        self.pieces.clear();
        let left = building.left as i32;
        let mut first = 0;
        for group in self.heights.chunk_by(|a, b| a.to_bits() == b.to_bits()) {
            let height = group[0];
            let next = first + group.len() as i32;
            if height < f32::INFINITY {
                let piece = Piece {
                    first: left + first,
                    last: left + next - 1,
                    height,
                    after: -1.0,
                };
                push(&mut self.pieces, &self.half_inverse, piece, to as f64);
            }
            first = next;
        }
    }

    /// Merges the envelope into the two smallest distances of columns
    /// `[from, to)` of the row.
    fn merge(&self, nearest: &mut [f32], second: &mut [f32], from: usize, to: usize) {
        let starts = self
            .pieces
            .iter()
            .map(|piece| ((piece.after + 1.0) as usize).clamp(from, to));
        let ends = starts.clone().skip(1).chain([to]);
        for ((piece, start), end) in self.pieces.iter().zip(starts).zip(ends) {
            let before = piece.first as f32 - start as f32;
            let behind = start as f32 - piece.last as f32;
            let height = piece.height;
            let pixels = nearest[start..end].iter_mut().zip(&mut second[start..end]);
            for (i, (nearest, second)) in pixels.enumerate() {
                let i = i as i32 as f32;
                let dx = larger(larger(before - i, behind + i), 0.0);
                let distance = dx * dx + height;
                *second = smaller(*second, larger(*nearest, distance));
                *nearest = smaller(*nearest, distance);
            }
        }
    }
}

// `f32::min` and `f32::max` take care of NaN, which costs three instructions for one.
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Adds the next piece to the right, dropping those that show no more.
fn push(pieces: &mut Vec<Piece>, half_inverse: &[f64], mut piece: Piece, to: f64) {
    while let Some(last) = pieces.last() {
        piece.after = crossing(last, &piece, half_inverse);
        if piece.after > last.after {
            break;
        }
        // The new piece is lower wherever the last one was lowest.
        pieces.pop();
        piece.after = -1.0;
    }
    if piece.after < to {
        pieces.push(piece);
    }
}

/// Where `b` becomes lower than `a`, which lies left of it.
///
/// `b - a` falls from left to right, so there is one such place. Rounding may
/// move it across a pixel only if both are equally low there.
fn crossing(a: &Piece, b: &Piece, half_inverse: &[f64]) -> f64 {
    let parabolas = |p: i32, q: i32| {
        let (x, y) = (f64::from(p), f64::from(q));
        let rise = (y * y + f64::from(b.height)) - (x * x + f64::from(a.height));
        rise * half_inverse[(q - p) as usize]
    };
    let x = parabolas(a.last, b.first);
    if a.first < a.last && x < f64::from(a.last) {
        // Within the flat middle of `a`, or left of it.
        let x = f64::from(b.first) - f64::from(a.height - b.height).sqrt();
        if x < f64::from(a.first) {
            parabolas(a.first, b.first)
        } else {
            x
        }
    } else if b.first < b.last && x > f64::from(b.first) {
        // Within the flat middle of `b`, or right of it.
        let x = f64::from(a.last) + f64::from(b.height - a.height).sqrt();
        if x > f64::from(b.last) {
            parabolas(a.last, b.last)
        } else {
            x
        }
    } else {
        x
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
            let mut plane = Plane::filled((4, 2), 0);
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
        let one = from_plane(&Plane::new((3, 1), vec![1, 0, 0]));
        let found = nearest_two(&[one, Rle::from_counts(1, 3, vec![3])], 3, 1);
        assert_eq!(found.nearest, [0., 1., 4.]);
        assert_eq!(found.second, [f32::INFINITY; 3]);
    }

    /// Left, top, width, height.
    type Rectangle = (u32, u32, u32, u32);

    /// Buildings of random rectangles and pixels.
    fn masks(width: u32, height: u32) -> impl Strategy<Value = Vec<Rle>> {
        let draw = move |rectangles: Vec<Rectangle>| {
            let mut plane = Plane::filled((width, height), 0u8);
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
        #[test]
        fn distances_are_those_of_brute_force(
            (width, height, masks) in (1u32..70, 1u32..50)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), masks(w, h)))
        ) {
            prop_assert_eq!(nearest_two(&masks, width, height), brute_force(&masks, width, height));
        }
    }
}
