//! Resizing images and planes.
//!
//! Bilinear means a triangle filter with the corners of the first and last pixel kept in place
//! (`align_corners` false) and the edges clamped. When shrinking, the triangle widens with the
//! scale, so that no pixel is skipped (as PIL and torchvision with `antialias` do).

use image::RgbImage;

use crate::plane::{Plane, Size};

/// An image at another size, bilinear.
#[must_use]
pub fn resize_image(image: &RgbImage, size: Size) -> RgbImage {
    if Size::of(image) == size {
        return image.clone();
    }
    let values: Vec<f32> = image
        .as_raw()
        .iter()
        .map(|&value| f32::from(value))
        .collect();
    let values = resize::<3>(&values, Size::of(image), size);
    let bytes = values
        .into_iter()
        .map(|value| (value + 0.5) as u8)
        .collect();
    match RgbImage::from_raw(size.width as u32, size.height as u32, bytes) {
        Some(image) => image,
        None => unreachable!("resizing to {size} made another number of pixels"),
    }
}

/// A plane at another size, bilinear.
#[must_use]
pub fn resize_plane(plane: &Plane<f32>, size: Size) -> Plane<f32> {
    if plane.size() == size {
        return plane.clone();
    }
    Plane::new(size, resize::<1>(plane.values(), plane.size(), size))
}

/// A plane at another size, each pixel the one of the source that lies under its centre.
#[must_use]
pub fn resize_nearest<T: Copy>(plane: &Plane<T>, size: Size) -> Plane<T> {
    let from = plane.size();
    let rows = nearest(from.height, size.height);
    let columns = nearest(from.width, size.width);
    Plane::from_fn(size, |row, column| plane.at(rows[row], columns[column]))
}

fn nearest(from: usize, to: usize) -> Vec<usize> {
    (0..to).map(|i| (2 * i + 1) * from / (2 * to)).collect()
}

/// What one output pixel takes from a row or column: neighbours and their weights, sum 1.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let at = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).floor().max(0.0) as usize;
        let end = ((centre + reach + 0.5).floor() as usize).min(from);
        let weight = |j: usize| (1.0 - ((j as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let sum: f64 = (first..end).map(weight).sum();
        Taps {
            first,
            weights: (first..end).map(|j| (weight(j) / sum) as f32).collect(),
        }
    };
    (0..to).map(at).collect()
}

/// Rows, then columns; `C` interleaved channels.
fn resize<const C: usize>(values: &[f32], from: Size, to: Size) -> Vec<f32> {
    let across = taps(from.width, to.width);
    let mut narrow = Vec::with_capacity(from.height * to.width * C);
    for row in values.chunks_exact(from.width * C) {
        for tap in &across {
            let mut sum = [0.0; C];
            for (pixel, weight) in row[tap.first * C..].chunks_exact(C).zip(&tap.weights) {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += value * weight;
                }
            }
            narrow.extend_from_slice(&sum);
        }
    }
    let width = to.width * C;
    let mut resized = vec![0.0; to.height * width];
    for (out, tap) in resized
        .chunks_exact_mut(width)
        .zip(taps(from.height, to.height))
    {
        for (row, weight) in narrow[tap.first * width..]
            .chunks_exact(width)
            .zip(&tap.weights)
        {
            for (out, value) in out.iter_mut().zip(row) {
                *out += value * weight;
            }
        }
    }
    resized
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(values: &[f32]) -> Plane<f32> {
        Plane::new(Size::new(1, values.len()), values.to_vec())
    }

    #[test]
    fn doubling_interpolates_and_clamps() {
        // PyTorch: interpolate([0, 4, 8], size=6, mode="linear", align_corners=False)
        let doubled = resize_plane(&row(&[0.0, 4.0, 8.0]), Size::new(1, 6));
        assert_eq!(doubled.values(), [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]);
    }

    #[test]
    fn halving_averages_all_pixels() {
        // A triangle of reach 2 around the centre between pixels: weights 1, 3, 3, 1 over 8.
        let halved = resize_plane(&row(&[0.0, 0.0, 8.0, 0.0, 0.0, 0.0]), Size::new(1, 3));
        let expected = [8.0 / 7.0, 3.0, 0.0];
        for (found, expected) in halved.values().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        }
    }

    #[test]
    fn nearest_takes_the_pixel_under_the_centre() {
        let plane = Plane::new(Size::new(1, 4), vec![1_u8, 2, 3, 4]);
        assert_eq!(resize_nearest(&plane, Size::new(1, 2)).values(), [2, 4]);
        let doubled = resize_nearest(&plane, Size::new(2, 8));
        assert_eq!(doubled.values()[8..], [1, 1, 2, 2, 3, 3, 4, 4]);
    }

    proptest! {
        #[test]
        fn a_constant_stays_and_bounds_hold(
            (height, width, to_height, to_width) in (1_usize..9, 1_usize..9, 1_usize..9, 1_usize..9),
            values in prop::collection::vec(0.0_f32..1.0, 64),
        ) {
            let from = Size::new(height, width);
            let to = Size::new(to_height, to_width);
            let constant = resize_plane(&Plane::from_fn(from, |_, _| 0.5), to);
            prop_assert!(constant.values().iter().all(|v| (v - 0.5).abs() < 1e-6));
            let resized = resize_plane(&Plane::from_fn(from, |y, x| values[y * width + x]), to);
            prop_assert!(resized.values().iter().all(|v| (0.0..=1.000_001).contains(v)));
        }
    }
}
