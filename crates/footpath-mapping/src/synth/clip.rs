//! Cuts a footprint at the tile's border.

use super::geometry::{Rect, Vec2, ring_area};

/// The parts of a simple ring inside a rectangle, each a simple ring.
///
/// A concave footprint may fall into several parts; unlike Sutherland–Hodgman clipping this leaves
/// no bridges between them. Each side of the rectangle cuts in turn: where the ring crosses a line,
/// the crossings, sorted along the line, pair up into the new edges.
pub(crate) fn clip_ring(ring: &[Vec2], window: Rect) -> Vec<Vec<Vec2>> {
    type Side = (fn(Vec2, Rect) -> f32, fn(Vec2) -> f32);
    const SIDES: [Side; 4] = [
        (|p, w| p.x - w.min.x, |p| p.y),
        (|p, w| w.max.x - p.x, |p| p.y),
        (|p, w| p.y - w.min.y, |p| p.x),
        (|p, w| w.max.y - p.y, |p| p.x),
    ];
    let mut parts = vec![ring.to_vec()];
    for (depth, along) in SIDES {
        parts = parts
            .iter()
            .flat_map(|part| cut(part, |p| depth(p, window), along))
            .collect();
    }
    for p in parts.iter_mut().flatten() {
        p.x = p.x.clamp(window.min.x, window.max.x);
        p.y = p.y.clamp(window.min.y, window.max.y);
    }
    parts
}

/// A run of points inside, from where the ring enters to where it leaves.
struct Chain {
    points: Vec<Vec2>,
    enters_at: f32,
    leaves_at: f32,
}

fn cut(ring: &[Vec2], depth: impl Fn(Vec2) -> f32, along: fn(Vec2) -> f32) -> Vec<Vec<Vec2>> {
    let n = ring.len();
    let inside: Vec<bool> = ring.iter().map(|&p| depth(p) >= 0.0).collect();
    if inside.iter().all(|&i| i) {
        return vec![ring.to_vec()];
    }
    let crossing = |a: Vec2, b: Vec2| {
        let (da, db) = (depth(a), depth(b));
        a + (b - a) * (da / (da - db))
    };
    let mut chains: Vec<Chain> = Vec::new();
    for start in (0..n).filter(|&i| inside[i] && !inside[(i + n - 1) % n]) {
        let entry = crossing(ring[(start + n - 1) % n], ring[start]);
        let mut points = vec![entry];
        let mut i = start;
        while inside[i] {
            points.push(ring[i]);
            i = (i + 1) % n;
        }
        let exit = crossing(ring[(i + n - 1) % n], ring[i]);
        points.push(exit);
        chains.push(Chain {
            points,
            enters_at: along(entry),
            leaves_at: along(exit),
        });
    }

    // All crossings in order along the line; the ring's inside lies between the first and second,
    // the third and fourth, and so on.
    let mut crossings: Vec<(f32, usize, bool)> = chains
        .iter()
        .enumerate()
        .flat_map(|(i, c)| [(c.enters_at, i, true), (c.leaves_at, i, false)])
        .collect();
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let next_after = |chain: usize| {
        let at = crossings
            .iter()
            .position(|&(_, i, enters)| i == chain && !enters)?;
        let (_, partner, enters) = crossings[at ^ 1];
        enters.then_some(partner)
    };

    let mut used = vec![false; chains.len()];
    let mut parts = Vec::new();
    for start in 0..chains.len() {
        let mut part = Vec::new();
        let mut chain = start;
        while !used[chain] {
            used[chain] = true;
            part.extend_from_slice(&chains[chain].points);
            match next_after(chain) {
                Some(next) => chain = next,
                None => break,
            }
        }
        part.dedup_by(|a, b| (*a - *b).length() < 1e-4);
        if part.len() >= 3 && ring_area(&part).abs() > 1e-3 {
            parts.push(part);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::geometry::vec2;

    #[test]
    fn a_u_shape_cut_through_its_legs_falls_into_two_parts() {
        let u = [
            (0.0, 0.0),
            (9.0, 0.0),
            (9.0, 6.0),
            (6.0, 6.0),
            (6.0, 3.0),
            (3.0, 3.0),
            (3.0, 6.0),
            (0.0, 6.0),
        ]
        .map(|(x, y)| vec2(x, y));
        let parts = clip_ring(&u, Rect::new(-1.0, 4.0, 10.0, 10.0));
        assert_eq!(parts.len(), 2);
        for part in &parts {
            assert_eq!(part.len(), 4, "{part:?}");
            assert!((ring_area(part).abs() - 6.0).abs() < 1e-4);
        }
        let whole = clip_ring(&u, Rect::new(-1.0, -1.0, 10.0, 10.0));
        assert_eq!(whole, vec![u.to_vec()]);
        assert!(clip_ring(&u, Rect::new(20.0, 0.0, 30.0, 9.0)).is_empty());
    }

    #[test]
    fn complementary_windows_share_the_area() {
        let ring =
            [(0.3, 0.2), (7.0, 1.0), (6.0, 5.5), (3.0, 2.0), (1.0, 6.0)].map(|(x, y)| vec2(x, y));
        let area = |window| {
            clip_ring(&ring, window)
                .iter()
                .map(|p| ring_area(p).abs())
                .sum::<f32>()
        };
        for x in [1.5, 2.75, 4.0, 6.5] {
            let sum = area(Rect::new(-9.0, -9.0, x, 9.0)) + area(Rect::new(x, -9.0, 9.0, 9.0));
            assert!((sum - ring_area(&ring).abs()).abs() < 1e-3, "{x}: {sum}");
        }
    }
}
