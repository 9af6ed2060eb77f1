//! What the painters fill in: colour, height and slope of every sample of a tile.

use super::geometry::{Frame, Rect, Vec2, vec2};

/// Ground sample distance of the finished tile, metres a pixel.
pub const PIXEL_M: f32 = 0.3;

/// Samples along one side of a pixel while painting.
pub(crate) const SUPERSAMPLING: usize = 2;

/// Linear-light red, green, blue; 1 is a white surface lying flat in full sun.
pub(crate) type Rgb = [f32; 3];

/// No building at this sample.
pub(crate) const NO_BUILDING: u16 = 0;

/// The square lattice of samples, with a margin around the tile for what throws shadows into it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Distance of neighbouring samples, metres.
    pub(crate) step_m: f32,
    /// Samples of margin on each side.
    pub(crate) margin: usize,
    /// Side of the tile without margin, metres.
    pub(crate) tile_m: f32,
}

impl Grid {
    pub(crate) fn new(tile_px: usize, margin_m: f32) -> Self {
        let step_m = PIXEL_M / SUPERSAMPLING as f32;
        let margin = (margin_m / PIXEL_M) as usize * SUPERSAMPLING;
        let side = tile_px * SUPERSAMPLING + 2 * margin;
        Self {
            width: side,
            height: side,
            step_m,
            margin,
            tile_m: tile_px as f32 * PIXEL_M,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.width * self.height
    }

    /// The world position of a sample's centre; the tile's corner is (0, 0).
    pub(crate) fn position(&self, x: usize, y: usize) -> Vec2 {
        let at = |i: usize| (i as f32 + 0.5 - self.margin as f32) * self.step_m;
        vec2(at(x), at(y))
    }

    /// Ranges of sample columns and rows whose centres may lie in a world rectangle.
    fn window(&self, bounds: Rect) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let index = |m: f32, limit: usize| {
            ((m / self.step_m + self.margin as f32).floor().max(0.0) as usize).min(limit)
        };
        (
            index(bounds.min.x, self.width)..index(bounds.max.x + self.step_m, self.width),
            index(bounds.min.y, self.height)..index(bounds.max.y + self.step_m, self.height),
        )
    }
}

/// One sample of the scene seen from above.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Diffuse reflectance.
    pub(crate) albedo: Rgb,
    /// Height above the ground, metres.
    pub(crate) height: f32,
    /// Rise of the surface towards +x and +y, metres a metre.
    pub(crate) slope: Vec2,
}

/// The scene while it is being painted.
pub(crate) struct Canvas {
    pub(crate) grid: Grid,
    pub(crate) samples: Vec<Sample>,
    /// Number of the building whose footprint holds the sample, under whatever hides it.
    pub(crate) building: Vec<u16>,
}

impl Canvas {
    pub(crate) fn new(grid: Grid) -> Self {
        let bare = Sample {
            albedo: [0.2; 3],
            height: 0.0,
            slope: vec2(0.0, 0.0),
        };
        Self {
            grid,
            samples: vec![bare; grid.len()],
            building: vec![NO_BUILDING; grid.len()],
        }
    }

    /// Calls `paint(sample index, world position)` for every sample in a world rectangle.
    pub(crate) fn each_in(&self, bounds: Rect, mut paint: impl FnMut(usize, Vec2)) {
        let (columns, rows) = self.grid.window(bounds);
        for y in rows {
            for x in columns.clone() {
                paint(y * self.grid.width + x, self.grid.position(x, y));
            }
        }
    }

    /// Calls `paint(canvas, sample index, local position)` for the samples in an oriented rectangle.
    pub(crate) fn each_in_frame(
        &mut self,
        frame: Frame,
        rect: Rect,
        mut paint: impl FnMut(&mut Self, usize, Vec2),
    ) {
        let corners = rect.corners().map(|corner| frame.to_world(corner));
        let (columns, rows) = self.grid.window(Rect::around(&corners));
        for y in rows {
            for x in columns.clone() {
                let local = frame.to_local(self.grid.position(x, y));
                if rect.contains(local) {
                    paint(self, y * self.grid.width + x, local);
                }
            }
        }
    }

    /// Puts a surface there if it is higher than what is there already.
    pub(crate) fn raise(&mut self, index: usize, albedo: Rgb, height: f32, slope: Vec2) -> bool {
        let sample = &mut self.samples[index];
        if height <= sample.height {
            return false;
        }
        *sample = Sample {
            albedo,
            height,
            slope,
        };
        true
    }
}

/// A colour given as it looks in a well-exposed photograph (8-bit sRGB), in linear light.
pub(crate) fn srgb(r: u8, g: u8, b: u8) -> Rgb {
    [r, g, b].map(|c| libm::powf(f32::from(c) / 255.0, 2.2))
}

/// Between two colours; `t` is clamped to 0–1.
pub(crate) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
}

/// A colour times a brightness.
pub(crate) fn shade(colour: Rgb, factor: f32) -> Rgb {
    let factor = factor.max(0.05);
    colour.map(|c| c * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_cover_the_tile_evenly() {
        let grid = Grid::new(10, 3.0);
        assert_eq!((grid.margin, grid.width), (20, 60));
        let first = grid.position(grid.margin, grid.margin);
        assert!((first.x - 0.075).abs() < 1e-5);
        let mut seen = 0;
        Canvas::new(grid).each_in(Rect::new(0.0, 0.0, 3.0, 3.0), |_, p| {
            if p.x > 0.0 && p.x < 3.0 && p.y > 0.0 && p.y < 3.0 {
                seen += 1;
            }
        });
        assert_eq!(seen, 400);
    }
}
