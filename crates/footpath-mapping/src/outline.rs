//! Outlines of masks: how many corners a polygon of a building has.
//!
//! A mask's outline runs along the sides of its pixels; what matters of it are the corners left when
//! stairs are drawn as the lines they stand for.

use crate::dataset::Shape;
use crate::plane::Plane;
use crate::rle::{Rle, to_plane};

/// How far an outline may be moved to have fewer corners, px: enough for the stairs of a slanted wall.
pub const TOLERANCE_PX: f64 = 1.5;

/// A corner between pixels: column and row of the pixel to its lower right.
pub type Corner = (i32, i32);

/// The rings around and inside a mask, along pixel sides, mask to the right: one for each
/// 4-connected part and one for each hole. Corners only, the first not repeated.
#[must_use]
pub fn rings(mask: &Plane<u8>) -> Vec<Vec<Corner>> {
    let (width, height) = (mask.width() as i32, mask.height() as i32);
    let inside = |x: i32, y: i32| {
        (0..width).contains(&x)
            && (0..height).contains(&y)
            && mask.values()[(y * width + x) as usize] != 0
    };
    let mut walked = vec![false; mask.values().len()];
    let mut rings = Vec::new();
    for y in 0..height {
        for x in 0..width {
            if inside(x, y) && !inside(x, y - 1) && !walked[(y * width + x) as usize] {
                rings.push(walk(&inside, &mut walked, width, (x, y)));
            }
        }
    }
    rings
}

/// Follows the ring whose walk east along the upper side of the pixel at `start` is a part of it.
fn walk(
    inside: &impl Fn(i32, i32) -> bool,
    walked: &mut [bool],
    width: i32,
    start: Corner,
) -> Vec<Corner> {
    let mut corners = Vec::new();
    let (mut x, mut y) = start;
    // East, south, west, north.
    let mut heading = 0;
    loop {
        if heading == 0 {
            let side = &mut walked[(y * width + x) as usize];
            if *side {
                break;
            }
            *side = true;
        }
        let (dx, dy) = [(1, 0), (0, 1), (-1, 0), (0, -1)][heading];
        (x, y) = (x + dx, y + dy);
        // The pixels ahead of the corner just reached, to the right and to the left.
        let [right, left] = [
            [(0, 0), (0, -1)],
            [(-1, 0), (0, 0)],
            [(-1, -1), (-1, 0)],
            [(0, -1), (-1, -1)],
        ][heading];
        let turn = if !inside(x + right.0, y + right.1) {
            1
        } else if inside(x + left.0, y + left.1) {
            3
        } else {
            0
        };
        if turn != 0 {
            corners.push((x, y));
            heading = (heading + turn) % 4;
        }
    }
    corners
}

/// The corners that are left when each may be moved by `tolerance_px`: Douglas and Peucker 1973
/// (DOI 10.3138/FM57-6770-U75U-7727) between the corner farthest from the middle and the one
/// farthest from that.
#[must_use]
pub fn simplify(ring: &[Corner], tolerance_px: f64) -> Vec<Corner> {
    if ring.len() < 4 {
        return ring.to_vec();
    }
    let count = ring.len() as f64;
    let mean = |of: fn(&Corner) -> i32| ring.iter().map(|c| f64::from(of(c))).sum::<f64>() / count;
    let middle = (mean(|c| c.0), mean(|c| c.1));
    let first = farthest(ring, middle);
    let mut closed: Vec<Corner> = ring[first..]
        .iter()
        .chain(&ring[..=first])
        .copied()
        .collect();
    let start = (f64::from(closed[0].0), f64::from(closed[0].1));
    let second = farthest(&closed, start);
    let mut kept = vec![false; closed.len()];
    kept[0] = true;
    kept[second] = true;
    let mut open = vec![(0, second), (second, closed.len() - 1)];
    while let Some((from, to)) = open.pop() {
        let apart = |i: &usize| distance_to_line(closed[*i], closed[from], closed[to]);
        let worst = (from + 1..to).max_by(|a, b| apart(a).total_cmp(&apart(b)));
        if let Some(worst) = worst.filter(|worst| apart(worst) > tolerance_px) {
            kept[worst] = true;
            open.extend([(from, worst), (worst, to)]);
        }
    }
    let mut place = 0..;
    closed.retain(|_| place.next().is_some_and(|i: usize| kept[i]));
    closed
}

/// The first of the corners farthest from a point.
fn farthest(corners: &[Corner], (x, y): (f64, f64)) -> usize {
    let apart = |c: &Corner| (f64::from(c.0) - x).powi(2) + (f64::from(c.1) - y).powi(2);
    let mut best = 0;
    for (i, corner) in corners.iter().enumerate() {
        if apart(corner) > apart(&corners[best]) {
            best = i;
        }
    }
    best
}

/// Distance of a corner to the line through two others, or to the point that they are, px.
fn distance_to_line(corner: Corner, from: Corner, to: Corner) -> f64 {
    let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let (x, y) = (f64::from(corner.0 - from.0), f64::from(corner.1 - from.1));
    let length = (dx * dx + dy * dy).sqrt();
    if length == 0.0 {
        (x * x + y * y).sqrt()
    } else {
        (dx * y - dy * x).abs() / length
    }
}

/// Corners of a mask's outline, simplified by [`TOLERANCE_PX`]; specks that simplify away count
/// as triangles.
#[must_use]
pub fn corners_of_mask(mask: &Rle) -> usize {
    let simple = |ring: &Vec<Corner>| simplify(ring, TOLERANCE_PX).len().max(3);
    rings(&to_plane(mask)).iter().map(simple).sum()
}

/// Corners of an annotation: those of its polygon, or of its mask's outline where it is one.
#[must_use]
pub fn corners_of_shape(shape: &Shape, mask: &Rle) -> usize {
    match shape {
        Shape::Rle(_) => corners_of_mask(mask),
        Shape::Polygon(parts) => {
            let corners = |part: &[f64]| {
                let closed = part.len() >= 4 && part[..2] == part[part.len() - 2..];
                part.len() / 2 - usize::from(closed)
            };
            parts.iter().map(corners).sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Parts;
    use crate::postprocess::label_components;
    use crate::rle::from_plane;
    use proptest::prelude::*;

    #[test]
    fn an_angle_has_six_corners_and_a_frame_two_rings() {
        #[rustfmt::skip]
        let angle = Plane::new((3, 3), vec![
            1, 0, 0,
            1, 0, 0,
            1, 1, 1,
        ]);
        assert_eq!(
            rings(&angle),
            [[(1, 0), (1, 2), (3, 2), (3, 3), (0, 3), (0, 0)]]
        );
        #[rustfmt::skip]
        let frame = Plane::new((3, 3), vec![
            1, 1, 1,
            1, 0, 1,
            1, 1, 1,
        ]);
        let found = rings(&frame);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|ring| ring.len() == 4), "{found:?}");
    }

    #[test]
    fn pixels_that_touch_at_a_corner_are_apart() {
        let diagonal = Plane::new((2, 2), vec![1, 0, 0, 1]);
        assert_eq!(rings(&diagonal).len(), 2);
    }

    #[test]
    fn a_slanted_wall_is_one_line() {
        // A parallelogram whose sides climb one pixel in three.
        let mask = Plane::from_fn((40, 40).into(), |y, x| {
            u8::from((5..35).contains(&x) && (5 + x / 3..20 + x / 3).contains(&y))
        });
        assert_eq!(corners_of_mask(&from_plane(&mask)), 4);
        let square = Plane::from_fn((9, 9).into(), |y, x| {
            u8::from((2..7).contains(&x) && (2..7).contains(&y))
        });
        assert_eq!(corners_of_mask(&from_plane(&square)), 4);
    }

    #[test]
    fn an_annotated_polygon_keeps_its_corners() {
        let part = vec![0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 2.0, 4.0, 0.0, 4.0];
        let mut closed = part.clone();
        closed.extend([0.0, 0.0]);
        let shape = Shape::Polygon(Parts::new(&[part, closed]));
        assert_eq!(corners_of_shape(&shape, &Rle::empty(9, 9)), 10);
    }

    proptest! {
        #[test]
        fn rings_enclose_the_mask(
            (w, h, bits) in (1u32..16, 1u32..16).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.6), (w * h) as usize))
            })
        ) {
            let mask = Plane::new((w, h), bits.iter().map(|&b| u8::from(b)).collect());
            let rings = rings(&mask);
            // Green's theorem: holes count against the parts around them.
            let area: i32 = rings.iter().map(|ring| {
                let next = ring.iter().cycle().skip(1);
                ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<i32>()
            }).sum();
            prop_assert_eq!(area, 2 * bits.iter().filter(|&&b| b).count() as i32);
            prop_assert!(rings.len() >= label_components(&mask).count() as usize);
            for ring in &rings {
                prop_assert_eq!(simplify(ring, 0.0).len(), ring.len());
            }
        }
    }
}
