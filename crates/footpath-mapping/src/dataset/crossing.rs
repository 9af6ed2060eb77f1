//! Does an outline cross itself?

/// Whether two edges of a closed outline (`x0, y0, x1, y1, …`) properly
/// cross. Edges that only touch, and a first point repeated at the end, do not.
///
/// Edges are compared in the order of their left ends, so the cost is near
/// n log n for the outlines of real buildings.
#[must_use]
pub(super) fn crosses_itself(coordinates: &[f64]) -> bool {
    let points: Vec<[f64; 2]> = coordinates.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
    if points.len() < 4 {
        return false;
    }
    let mut edges: Vec<([f64; 2], [f64; 2])> = points
        .iter()
        .zip(points.iter().cycle().skip(1))
        .map(|(&a, &b)| if a[0] <= b[0] { (a, b) } else { (b, a) })
        .collect();
    edges.sort_by(|e, f| e.0[0].total_cmp(&f.0[0]));
    edges.iter().enumerate().any(|(i, e)| {
        edges[i + 1..]
            .iter()
            .take_while(|f| f.0[0] <= e.1[0])
            .any(|f| cross(*e, *f))
    })
}

fn cross(e: ([f64; 2], [f64; 2]), f: ([f64; 2], [f64; 2])) -> bool {
    let apart = |line: ([f64; 2], [f64; 2]), a, b| side(line, a) * side(line, b) < 0.0;
    apart(e, f.0, f.1) && apart(f, e.0, e.1)
}

/// On which side of the line through `a` and `b` the point lies: sign only.
fn side((a, b): ([f64; 2], [f64; 2]), point: [f64; 2]) -> f64 {
    let area = (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]);
    if area == 0.0 { 0.0 } else { area.signum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bow_tie_crosses_and_a_house_does_not() {
        assert!(crosses_itself(&[0., 0., 4., 4., 4., 0., 0., 4.]));
        assert!(!crosses_itself(&[0., 0., 4., 0., 4., 4., 0., 4.]));
        // L shape with its first point repeated at the end
        assert!(!crosses_itself(&[
            0., 0., 4., 0., 4., 2., 2., 2., 2., 4., 0., 4., 0., 0.
        ]));
        assert!(!crosses_itself(&[0., 0., 4., 0., 2., 3.]));
    }

    #[test]
    fn touching_itself_is_no_crossing() {
        // Two squares that share the corner (2, 2).
        assert!(!crosses_itself(&[
            0., 0., 2., 0., 2., 2., 4., 2., 4., 4., 2., 4., 2., 2., 0., 2.
        ]));
    }
}
