//! Draws building outlines over photographs.
//!
//! An outline is the set of points near the mask's border, so it is smooth without tracing a
//! contour: a mask blurred by one pixel says how far each point is from a straight border, since
//! the blur turns the edge into a normal distribution function. A dark casing on both sides keeps
//! the line visible on any ground.

use image::{Rgb, RgbImage};

/// Width of the coloured line, pixels.
const LINE_PX: f32 = 2.0;

/// Width of the dark casing on each side, pixels.
const CASING_PX: f32 = 0.9;

/// How far from the border anything is drawn, pixels.
const REACH_PX: usize = 3;

const CASING: Rgb<u8> = Rgb([12, 12, 16]);

/// The predicted outline.
const PREDICTION: Rgb<u8> = Rgb([255, 176, 0]);

/// The true outline.
const TRUTH: Rgb<u8> = Rgb([60, 220, 255]);

/// Colours that differ from each other and from ground, in the order they are given out.
const PALETTE: [Rgb<u8>; 10] = [
    Rgb([255, 82, 82]),
    Rgb([64, 196, 255]),
    Rgb([255, 215, 64]),
    Rgb([105, 240, 174]),
    Rgb([224, 124, 255]),
    Rgb([255, 171, 64]),
    Rgb([124, 255, 255]),
    Rgb([255, 138, 196]),
    Rgb([198, 255, 80]),
    Rgb([140, 158, 255]),
];

/// The mask of one building: a window of the image.
#[derive(Clone, Copy, Debug)]
pub struct Instance<'a> {
    /// Column of the window's left edge in the image, pixels.
    pub x: usize,
    /// Row of the window's top edge in the image, pixels.
    pub y: usize,
    /// Width of the window, pixels.
    pub width: usize,
    /// Whether each pixel of the window is building, row by row; its length is a multiple of
    /// `width`.
    pub mask: &'a [bool],
}

impl Instance<'_> {
    fn height(&self) -> usize {
        self.mask.len().checked_div(self.width).unwrap_or(0)
    }

    /// 1 where the image's pixel is building, 0 elsewhere. Coordinates may lie outside.
    fn at(&self, x: i64, y: i64) -> f32 {
        let (x, y) = (x - self.x as i64, y - self.y as i64);
        let inside = x >= 0 && y >= 0 && x < self.width as i64 && y < self.height() as i64;
        f32::from(inside && self.mask[y as usize * self.width + x as usize])
    }
}

/// Draws the outline of each instance in a colour of its own (ten colours in turn), 2 px wide,
/// anti-aliased, with a dark casing. Parts of windows outside the image are ignored.
pub fn draw_outlines(image: &mut RgbImage, instances: &[Instance<'_>]) {
    for (i, instance) in instances.iter().enumerate() {
        draw(image, instance, PALETTE[i % PALETTE.len()]);
    }
}

/// Draws true outlines in cyan and, over them, predicted ones in orange.
pub fn draw_comparison(image: &mut RgbImage, truth: &[Instance<'_>], prediction: &[Instance<'_>]) {
    for (instances, colour) in [(truth, TRUTH), (prediction, PREDICTION)] {
        for instance in instances {
            draw(image, instance, colour);
        }
    }
}

fn draw(image: &mut RgbImage, instance: &Instance<'_>, colour: Rgb<u8>) {
    if instance.width == 0 {
        return;
    }
    let window = Distance::to_border(instance, image.width() as usize, image.height() as usize);
    for row in 0..window.height {
        for column in 0..window.width {
            let distance = window.px[row * window.width + column];
            // Coverage of a band around the border, one pixel of soft edge.
            let band = |half: f32| (half + 0.5 - distance).clamp(0.0, 1.0);
            let casing = band(LINE_PX / 2.0 + CASING_PX) * 0.75;
            let line = band(LINE_PX / 2.0);
            if casing == 0.0 {
                continue;
            }
            let pixel = image.get_pixel_mut((window.x + column) as u32, (window.y + row) as u32);
            for c in 0..3 {
                let ground = f32::from(pixel.0[c]);
                let cased = ground + (f32::from(CASING.0[c]) - ground) * casing;
                let value = cased + (f32::from(colour.0[c]) - cased) * line;
                pixel.0[c] = (value + 0.5) as u8;
            }
        }
    }
}

/// Unsigned distance to a mask's smoothed border, within a window of the image.
struct Distance {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    /// Pixels, true near the border and merely large (5 or more) beyond the blur's reach.
    px: Vec<f32>,
}

impl Distance {
    fn to_border(instance: &Instance<'_>, image_width: usize, image_height: usize) -> Self {
        let x = instance.x.saturating_sub(REACH_PX).min(image_width);
        let y = instance.y.saturating_sub(REACH_PX).min(image_height);
        let width = (instance.x + instance.width + REACH_PX).min(image_width) - x;
        let height = (instance.y + instance.height() + REACH_PX).min(image_height) - y;

        // Outside the image the mask repeats its border: a building cut by it has no outline there.
        let clamp = |v: usize, limit: usize| (v as i64 - 2).clamp(0, limit as i64 - 1);
        let padded_width = width + 4;
        let padded: Vec<f32> = (0..padded_width * (height + 4))
            .map(|i| {
                let column = clamp(x + i % padded_width, image_width);
                instance.at(column, clamp(y + i / padded_width, image_height))
            })
            .collect();
        let across: Vec<f32> = (0..width * (height + 4))
            .map(|i| binomial(&padded, i / width * padded_width + i % width, 1))
            .collect();
        let px = (0..width * height)
            .map(|i| {
                let level = binomial(&across, i, width).clamp(1e-6, 1.0 - 1e-6);
                // The logistic approximation of the inverse normal distribution function; the
                // kernel's standard deviation is one pixel.
                (level / (1.0 - level)).ln().abs() / 1.702
            })
            .collect();
        Self {
            x,
            y,
            width,
            height,
            px,
        }
    }
}

/// The 1-4-6-4-1 mean of five values from `start` on, `stride` apart.
fn binomial(values: &[f32], start: usize, stride: usize) -> f32 {
    [1.0, 4.0, 6.0, 4.0, 1.0]
        .iter()
        .enumerate()
        .map(|(k, weight)| weight * values[start + k * stride])
        .sum::<f32>()
        / 16.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUND: Rgb<u8> = Rgb([90, 100, 80]);

    #[test]
    fn a_square_gets_a_coloured_line_on_its_border_and_nothing_elsewhere() {
        let mut image = RgbImage::from_pixel(40, 40, GROUND);
        let mask = vec![true; 16 * 16];
        draw_outlines(
            &mut image,
            &[Instance {
                x: 12,
                y: 12,
                width: 16,
                mask: &mask,
            }],
        );
        // The border runs between columns 11 and 12: both are on the 2 px line.
        for x in [11, 12, 27, 28] {
            let Rgb([r, g, b]) = *image.get_pixel(x, 20);
            assert!(r > 200 && g < 130 && b < 130, "column {x}: {r} {g} {b}");
        }
        for (x, y) in [(20, 20), (4, 4), (20, 5), (36, 20)] {
            assert_eq!(*image.get_pixel(x, y), GROUND, "({x}, {y})");
        }
        // The casing darkens what is next to the line.
        assert!(image.get_pixel(10, 20).0[1] < 95);
    }

    #[test]
    fn instances_take_different_colours_and_windows_may_leave_the_image() {
        let mut image = RgbImage::from_pixel(24, 20, GROUND);
        let mask = vec![true; 64];
        let at = |x, y| Instance {
            x,
            y,
            width: 8,
            mask: &mask,
        };
        draw_outlines(&mut image, &[at(3, 5), at(20, 16), at(90, 90)]);
        let (first, second) = (*image.get_pixel(3, 9), *image.get_pixel(20, 18));
        assert!(
            first.0[0] > 200 && second.0[2] > 200,
            "{first:?} {second:?}"
        );
        // Cut by the right border: no line along the border itself.
        assert_eq!(*image.get_pixel(23, 19), GROUND);
        let empty = Instance {
            x: 0,
            y: 0,
            width: 0,
            mask: &[],
        };
        draw_outlines(&mut image, &[empty]);
    }

    #[test]
    fn predictions_lie_over_the_truth() {
        let mut image = RgbImage::from_pixel(30, 30, GROUND);
        let mask = vec![true; 100];
        let square = Instance {
            x: 10,
            y: 10,
            width: 10,
            mask: &mask,
        };
        draw_comparison(&mut image, &[square], &[square]);
        let Rgb([r, _, b]) = *image.get_pixel(10, 15);
        assert!(r > 180 && b < 60, "{r} {b}");
        draw_comparison(&mut image, &[square], &[]);
        let Rgb([r, _, b]) = *image.get_pixel(10, 15);
        assert!(r < 110 && b > 180, "{r} {b}");
    }
}
