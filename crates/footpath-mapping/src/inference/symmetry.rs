//! The symmetries of the square, by exact moves of pixels.

use crate::plane::Plane;
use footpath_kernels::transpose;
use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

/// A symmetry of the square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symmetry {
    /// As it is.
    Identity,
    /// A quarter turn clockwise.
    QuarterTurn,
    /// A half turn.
    HalfTurn,
    /// A quarter turn counter-clockwise.
    ThreeQuarterTurn,
    /// Left and right swapped.
    FlipColumns,
    /// Top and bottom swapped.
    FlipRows,
    /// Rows and columns swapped.
    Transpose,
    /// Rows and columns swapped about the other diagonal.
    AntiTranspose,
}

impl Symmetry {
    /// All eight.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::QuarterTurn,
        Self::HalfTurn,
        Self::ThreeQuarterTurn,
        Self::FlipColumns,
        Self::FlipRows,
        Self::Transpose,
        Self::AntiTranspose,
    ];

    /// Whether width and height change places.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::QuarterTurn | Self::ThreeQuarterTurn | Self::Transpose | Self::AntiTranspose
        )
    }

    pub(super) fn is_reflection(self) -> bool {
        matches!(
            self,
            Self::FlipColumns | Self::FlipRows | Self::Transpose | Self::AntiTranspose
        )
    }

    /// The image in this pose.
    #[must_use]
    pub fn pose(self, image: &RgbImage) -> RgbImage {
        match self {
            Self::Identity => image.clone(),
            Self::QuarterTurn => imageops::rotate90(image),
            Self::HalfTurn => imageops::rotate180(image),
            Self::ThreeQuarterTurn => imageops::rotate270(image),
            Self::FlipColumns => imageops::flip_horizontal(image),
            Self::FlipRows => imageops::flip_vertical(image),
            Self::Transpose => imageops::flip_horizontal(&imageops::rotate90(image)),
            Self::AntiTranspose => imageops::flip_vertical(&imageops::rotate90(image)),
        }
    }

    /// Where the pixel `(y, x)` of an image of `height` x `width` px lies in its pose.
    #[must_use]
    pub fn place(self, y: usize, x: usize, height: usize, width: usize) -> (usize, usize) {
        let (bottom, right) = (height - 1 - y, width - 1 - x);
        match self {
            Self::Identity => (y, x),
            Self::QuarterTurn => (x, bottom),
            Self::HalfTurn => (bottom, right),
            Self::ThreeQuarterTurn => (right, y),
            Self::FlipColumns => (y, right),
            Self::FlipRows => (bottom, x),
            Self::Transpose => (x, y),
            Self::AntiTranspose => (right, bottom),
        }
    }

    /// Rows from `top` on of the upright answer, as many as `band` holds: what lies in the posed
    /// `answer` where [`Self::place`] says.
    pub(super) fn upright_band(self, answer: &Plane<f32>, top: usize, band: &mut [f32]) {
        let (width, height) = (answer.width() as usize, answer.height() as usize);
        let values = answer.values();
        if !self.swaps_sides() {
            for (row, out) in (top..).zip(band.chunks_exact_mut(width)) {
                let row = match self {
                    Self::FlipRows | Self::HalfTurn => height - 1 - row,
                    _ => row,
                };
                let line = &values[row * width..][..width];
                out.copy_from_slice(line);
                if matches!(self, Self::FlipColumns | Self::HalfTurn) {
                    out.reverse();
                }
            }
            return;
        }
        // Columns become rows.
        let rows = band.len() / height;
        let mirrored = matches!(self, Self::QuarterTurn | Self::AntiTranspose);
        let upwards = matches!(self, Self::ThreeQuarterTurn | Self::AntiTranspose);
        let first = if mirrored { width - top - rows } else { top };
        transpose(&values[first..], width, height, rows, band);
        if mirrored {
            let (upper, lower) = band.split_at_mut(rows / 2 * height);
            let upper = upper.chunks_exact_mut(height);
            let lower = lower.chunks_exact_mut(height).rev();
            upper.zip(lower).for_each(|(a, b)| a.swap_with_slice(b));
        }
        if upwards {
            band.chunks_exact_mut(height).for_each(<[f32]>::reverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pose_moves_each_pixel_where_it_says() {
        let image = RgbImage::from_fn(3, 5, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let mut seen = Vec::new();
        for symmetry in Symmetry::ALL {
            let posed = symmetry.pose(&image);
            let answer = Plane::from_fn(crate::plane::Size::of(&posed), |y, x| {
                let [x, y, _] = posed.get_pixel(x as u32, y as u32).0;
                f32::from(y) * 10.0 + f32::from(x)
            });
            let mut band = [0.0; 15];
            symmetry.upright_band(&answer, 0, &mut band);
            let mut second = [0.0; 12];
            symmetry.upright_band(&answer, 1, &mut second);
            assert_eq!(second, band[3..], "{symmetry:?}");
            for y in 0..5 {
                for (x, &moved) in band[y * 3..][..3].iter().enumerate() {
                    let (row_there, column) = symmetry.place(y, x, 5, 3);
                    let found = posed.get_pixel(column as u32, row_there as u32);
                    assert_eq!(found.0, [x as u8, y as u8, 0], "{symmetry:?}");
                    assert_eq!(moved, (y * 10 + x) as f32, "{symmetry:?}");
                }
            }
            assert!(!seen.contains(&posed), "{symmetry:?} is another's twin");
            seen.push(posed);
        }
    }
}
