//! Brings a probability map to the size of its image.

use crate::plane::Plane;

/// Source positions and weight of the second for each output position.
fn taps(from: u32, to: u32) -> Vec<(usize, usize, f32)> {
    let scale = f64::from(from) / f64::from(to);
    let last = from as usize - 1;
    (0..to)
        .map(|i| {
            // Pixel centres lie at half coordinates; beyond the outermost, the edge repeats.
            let position = ((f64::from(i) + 0.5) * scale - 0.5).clamp(0.0, last as f64);
            let low = position as usize;
            (low, (low + 1).min(last), (position - low as f64) as f32)
        })
        .collect()
}

/// Resizes by bilinear interpolation between pixel centres; edges repeat.
///
/// # Panics
/// If a side is 0.
#[must_use]
pub fn resize_bilinear(plane: &Plane<f32>, width: u32, height: u32) -> Plane<f32> {
    assert!(
        plane.width() > 0 && plane.height() > 0 && width > 0 && height > 0,
        "cannot resize {}x{} to {width}x{height}",
        plane.width(),
        plane.height()
    );
    if (plane.width(), plane.height()) == (width, height) {
        return plane.clone();
    }
    let columns = taps(plane.width(), width);
    let rows = taps(plane.height(), height);
    let source = |y: usize| &plane.values()[y * plane.width() as usize..][..plane.width() as usize];
    let mut out = Vec::with_capacity(width as usize * height as usize);
    let mut mixed = vec![0.0; plane.width() as usize];
    for (upper, lower, weight) in rows {
        for ((mixed, up), low) in mixed.iter_mut().zip(source(upper)).zip(source(lower)) {
            *mixed = up + (low - up) * weight;
        }
        out.extend(
            columns
                .iter()
                .map(|&(left, right, weight)| mixed[left] + (mixed[right] - mixed[left]) * weight),
        );
    }
    Plane::new((width, height), out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubling_by_hand() {
        let row = Plane::new((2, 1), vec![0.0, 1.0]);
        assert_eq!(resize_bilinear(&row, 4, 1).values(), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(resize_bilinear(&row, 1, 1).values(), [0.5]);
        let column = Plane::new((1, 2), vec![0.0, 1.0]);
        assert_eq!(
            resize_bilinear(&column, 1, 4).values(),
            [0.0, 0.25, 0.75, 1.0]
        );
    }

    proptest! {
        #[test]
        fn a_constant_stays_and_extremes_bound(w in 1u32..20, h in 1u32..20, to_w in 1u32..40, to_h in 1u32..40, seed: u64) {
            let constant = resize_bilinear(&Plane::filled((w, h), 0.7f32), to_w, to_h);
            prop_assert!(constant.values().iter().all(|&v| v == 0.7));
            let noise = |i: u64| (seed.wrapping_mul(i * 2 + 1) >> 40) as f32 / (1u64 << 24) as f32;
            let plane = Plane::new((w, h), (0..u64::from(w * h)).map(noise).collect());
            let resized = resize_bilinear(&plane, to_w, to_h);
            prop_assert!(resized.values().iter().all(|&v| (0.0..=1.0).contains(&v)));
        }
    }
}
