//! Gaussian means of a plane.

use crate::plane::Plane;

/// The mean around each pixel, weighted by a Gaussian of standard deviation `reach_px` that ends at
/// three of them; beyond the border there is nothing.
pub(super) fn gaussian_mean(plane: &Plane<f32>, reach_px: f32) -> Plane<f32> {
    let radius = (3.0 * reach_px).ceil() as usize;
    let weights: Vec<f32> = (0..=radius)
        .map(|i| libm::expf(-0.5 * (i as f32 / reach_px).powi(2)))
        .collect();
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let mut across = plane.clone();
    for (row, out) in plane
        .rows()
        .zip(across.values_mut().chunks_exact_mut(width.max(1)))
    {
        for (x, out) in out.iter_mut().enumerate() {
            let (mut sum, mut whole) = (0.0, 0.0);
            for (i, value) in (x.saturating_sub(radius)..)
                .zip(&row[x.saturating_sub(radius)..(x + radius + 1).min(width)])
            {
                let weight = weights[i.abs_diff(x)];
                sum += weight * value;
                whole += weight;
            }
            *out = sum / whole;
        }
    }
    let mut both = plane.clone();
    for (y, out) in both.values_mut().chunks_exact_mut(width.max(1)).enumerate() {
        out.fill(0.0);
        let mut whole = 0.0;
        for v in y.saturating_sub(radius)..(y + radius + 1).min(height) {
            let weight = weights[v.abs_diff(y)];
            whole += weight;
            for (out, value) in out.iter_mut().zip(&across.values()[v * width..][..width]) {
                *out += weight * value;
            }
        }
        for out in out {
            *out /= whole;
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_spreads_as_the_weights_say() {
        let mut plane = Plane::filled((9, 9), 0.0);
        plane.values_mut()[4 * 9 + 4] = 1.0;
        let blurred = gaussian_mean(&plane, 1.0);
        let line: f32 = (-3..=3).map(|i| (-0.5 * (i * i) as f32).exp()).sum();
        assert!((blurred.at(4, 4) - 1.0 / line.powi(2)).abs() < 1e-6);
        assert!((blurred.at(4, 5) / blurred.at(4, 4) - (-0.5_f32).exp()).abs() < 1e-5);
        assert_eq!(blurred.at(4, 8), 0.0);
        let flat = gaussian_mean(&Plane::filled((5, 3), 0.25), 2.0);
        assert!(flat.values().iter().all(|v| (v - 0.25).abs() < 1e-6));
    }
}
