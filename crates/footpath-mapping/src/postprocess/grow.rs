//! Dilation of labelled objects.

use super::label::Labels;
use crate::plane::Plane;

/// Lets every object grow by `radius_px` (Chebyshev) into the background:
/// dilation by a square of side `2 * radius_px + 1` px.
///
/// No object takes a pixel of another. A background pixel within reach of
/// several goes to the nearest, and among equally near ones to the lower label.
#[must_use]
pub fn grow_labels(labels: &Labels, radius_px: u32) -> Labels {
    let mut plane = labels.plane().clone();
    for _ in 0..radius_px {
        plane = grow_by_one(&plane);
    }
    labels.with_plane(plane)
}

fn grow_by_one(plane: &Plane<u32>) -> Plane<u32> {
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    if width == 0 {
        return plane.clone();
    }
    // Background, 0, becomes the greatest number, so that the least of nine is a label if there is one.
    let mut lowest: Vec<u32> = plane
        .values()
        .iter()
        .map(|label| label.wrapping_sub(1))
        .collect();
    for row in lowest.chunks_exact_mut(width) {
        let mut before = u32::MAX;
        for x in 0..width {
            let here = row[x];
            let behind = row.get(x + 1).copied().unwrap_or(u32::MAX);
            row[x] = before.min(here).min(behind);
            before = here;
        }
    }
    let mut grown = plane.clone();
    for (y, row) in grown.values_mut().chunks_exact_mut(width).enumerate() {
        let line = |y: usize| &lowest[y * width..(y + 1) * width];
        let (above, below) = (line(y.saturating_sub(1)), line((y + 1).min(height - 1)));
        for (((label, above), here), below) in row.iter_mut().zip(above).zip(line(y)).zip(below) {
            if *label == 0 {
                *label = (*above).min(*here).min(*below).wrapping_add(1);
            }
        }
    }
    grown
}

/// The 2018 solution's dilation by a square of `side_px`: the highest label
/// overwrites its neighbours, and an even square lies half a pixel up and left.
#[must_use]
pub fn overwrite_labels(labels: &Labels, side_px: u32) -> Labels {
    let plane = labels.plane();
    let (width, height) = (i64::from(plane.width()), i64::from(plane.height()));
    let (before, after) = (
        i64::from(side_px / 2),
        i64::from(side_px.saturating_sub(1) / 2),
    );
    let at = |x: i64, y: i64| plane.values()[(y * width + x) as usize];
    let dilate = |x: i64, y: i64| {
        let rows = (y - before).max(0)..=(y + after).min(height - 1);
        rows.flat_map(|v| ((x - before).max(0)..=(x + after).min(width - 1)).map(move |u| (u, v)))
            .map(|(u, v)| at(u, v))
            .max()
            .unwrap_or(0)
    };
    let values = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| dilate(x, y));
    labels.with_plane(Plane::new(
        (plane.width(), plane.height()),
        values.collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::label::label_components;
    use super::*;

    fn row(values: &[u8]) -> Labels {
        label_components(&Plane::new((values.len() as u32, 1), values.to_vec()))
    }

    #[test]
    fn objects_meet_in_the_middle_and_none_vanishes() {
        let labels = row(&[1, 0, 0, 0, 1, 0, 1]);
        assert_eq!(
            grow_labels(&labels, 1).plane().values(),
            [1, 1, 0, 2, 2, 2, 3]
        );
        assert_eq!(
            grow_labels(&labels, 3).plane().values(),
            [1, 1, 1, 2, 2, 2, 3]
        );
        assert_eq!(grow_labels(&labels, 0), labels);
    }

    #[test]
    fn the_square_is_odd_and_cut_at_the_border() {
        let mut plane = Plane::filled((5, 4), 0);
        plane.values_mut()[0] = 1;
        let grown = grow_labels(&label_components(&plane), 2);
        assert_eq!(grown.areas(), [9]);
    }

    #[test]
    fn the_old_dilation_overwrites_and_ours_does_not() {
        assert_eq!(
            grow_labels(&row(&[1, 0, 1, 1]), 1).plane().values(),
            [1, 1, 2, 2]
        );
        assert_eq!(
            overwrite_labels(&row(&[1, 0, 1, 1]), 3).plane().values(),
            [1, 2, 2, 2]
        );
        assert_eq!(
            overwrite_labels(&row(&[0, 1, 0, 0]), 2).plane().values(),
            [0, 1, 1, 0]
        );
    }
}
