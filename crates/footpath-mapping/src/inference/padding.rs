//! Images with a margin: the network sees beyond the border, and nothing is resized.

use crate::plane::{Plane, Size};
pub use footpath_vision::loader::PadMode;
use image::RgbImage;
use serde::{Deserialize, Serialize};

/// What every encoder's input size is a multiple of, px.
const STRIDE: usize = 64;

/// How images are padded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaddingOptions {
    /// Least margin on each side, px; it widens until the network's stride divides the size. 10 unless told.
    pub margin_px: usize,
    /// What the margin shows; the edge replicated unless told.
    pub mode: PadMode,
}

impl Default for PaddingOptions {
    fn default() -> Self {
        Self {
            margin_px: 10,
            mode: PadMode::Replicate,
        }
    }
}

impl PaddingOptions {
    /// Left or upper margin of a side of `length` px, and the side with both margins.
    fn margins(&self, length: usize) -> (usize, usize) {
        let padded = (length + 2 * self.margin_px).div_ceil(STRIDE) * STRIDE;
        ((padded - length) / 2, padded)
    }

    /// The image with its margin.
    #[must_use]
    pub fn pad(&self, image: &RgbImage) -> RgbImage {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let ((left, padded_width), (top, padded_height)) =
            (self.margins(width), self.margins(height));
        RgbImage::from_fn(padded_width as u32, padded_height as u32, |x, y| {
            let x = self.mode.source(x as isize - left as isize, width);
            let y = self.mode.source(y as isize - top as isize, height);
            *image.get_pixel(x as u32, y as u32)
        })
    }

    /// What lies under an image of `size` in the map of the padded one.
    #[must_use]
    pub fn crop(&self, padded: &Plane<f32>, size: Size) -> Plane<f32> {
        let (left, _) = self.margins(size.width);
        let (top, _) = self.margins(size.height);
        Plane::from_fn(size, |y, x| padded.at(y + top, x + left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cropping_undoes_padding() {
        let image = RgbImage::from_fn(50, 33, |x, y| image::Rgb([x as u8, y as u8, 7]));
        for mode in [PadMode::Replicate, PadMode::Reflect] {
            let options = PaddingOptions { margin_px: 5, mode };
            let padded = options.pad(&image);
            assert_eq!((padded.width(), padded.height()), (64, 64));
            let red = Plane::from_fn(Size::of(&padded), |y, x| {
                f32::from(padded.get_pixel(x as u32, y as u32)[0])
            });
            let back = options.crop(&red, Size::of(&image));
            assert_eq!(back, Plane::from_fn(Size::new(33, 50), |_, x| x as f32));
        }
        let wide = PaddingOptions::default().pad(&RgbImage::new(50, 300));
        assert_eq!((wide.width(), wide.height()), (128, 320));
    }
}
