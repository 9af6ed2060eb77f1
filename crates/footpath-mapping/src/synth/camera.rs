//! Lens and sensor: from light to 8-bit pixels.

use image::RgbImage;

use super::{
    canvas::{Grid, Rgb, SUPERSAMPLING},
    noise::{Noise, hash_signed},
    random::TileRng,
};

/// The camera of one tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    exposure: f32,
    /// Gain of each channel.
    balance: Rgb,
    /// Share of the light that the air scatters in.
    haze: f32,
    haze_colour: Rgb,
    /// Standard deviation of the point spread function, pixels.
    blur_px: f32,
    /// Unsharp masking, as processed imagery has.
    sharpen: f32,
    /// Standard deviation of the noise at mid grey, 8-bit steps.
    noise: f32,
    saturation: f32,
    contrast: f32,
}

impl Camera {
    pub(crate) fn draw(rng: &mut TileRng) -> Self {
        let warm = 0.035 * rng.normal();
        let green = 0.02 * rng.normal();
        Self {
            exposure: libm::expf(0.16 * rng.normal()),
            balance: [1.0 + warm, 1.0 + green, 1.0 - warm],
            haze: rng.range(0.0, 0.09),
            haze_colour: [0.52, 0.56, 0.62],
            blur_px: rng.range(0.42, 0.8),
            sharpen: rng.range(0.0, 0.7),
            noise: rng.range(0.8, 3.0),
            saturation: rng.range(0.7, 1.05),
            contrast: rng.range(0.0, 0.45),
        }
    }

    /// Takes the photograph of `tile_px` by `tile_px` pixels.
    pub(crate) fn expose(
        &self,
        light: &[Rgb],
        grid: &Grid,
        noise: &Noise,
        tile_px: usize,
    ) -> RgbImage {
        let blurred = self.gather(light, grid, tile_px);
        let sharp = self.unsharp(&blurred, tile_px);
        let curve = self.tone_curve();
        let mut image = RgbImage::new(tile_px as u32, tile_px as u32);
        for (i, (pixel, colour)) in image.pixels_mut().zip(&sharp).enumerate() {
            let (x, y) = ((i % tile_px) as u32, (i / tile_px) as u32);
            let mut value = [0.0; 3];
            for (c, value) in value.iter_mut().enumerate() {
                let hazy = colour[c] * (1.0 - self.haze) + self.haze * self.haze_colour[c];
                *value = tone(&curve, hazy * self.balance[c] * self.exposure);
            }
            let grey = 0.3 * value[0] + 0.59 * value[1] + 0.11 * value[2];
            // Luminance noise with a weaker colour part; shadows are a little noisier.
            let amount = self.noise * (1.25 - 0.5 * grey / 255.0);
            let common = gaussian(noise.key ^ 0xA5, x, y);
            for (c, out) in pixel.0.iter_mut().enumerate() {
                let own = gaussian(noise.key ^ (0xC0 + c as u32), x, y);
                let v = grey
                    + (value[c] - grey) * self.saturation
                    + amount * (0.85 * common + 0.5 * own);
                *out = (v + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
        image
    }

    /// Blurs with the lens and samples the tile's pixels, leaving out the margin.
    fn gather(&self, light: &[Rgb], grid: &Grid, tile_px: usize) -> Vec<Rgb> {
        let sigma = self.blur_px * SUPERSAMPLING as f32;
        let radius = 4_i32;
        // A pixel's centre lies between its two samples a side.
        let weights: Vec<f32> = (-radius..radius)
            .map(|k| {
                let d = (k as f32 + 0.5) / sigma;
                libm::expf(-0.5 * d * d)
            })
            .collect();
        let total: f32 = weights.iter().sum();
        let tap = |centre: usize, k: usize, limit: usize| {
            (centre as i32 + 1 + k as i32 - radius).clamp(0, limit as i32 - 1) as usize
        };
        let mut rows = vec![[0.0_f32; 3]; tile_px * grid.height];
        for y in 0..grid.height {
            let line = &light[y * grid.width..(y + 1) * grid.width];
            for x in 0..tile_px {
                let centre = grid.margin + x * SUPERSAMPLING;
                let mut sum = [0.0; 3];
                for (k, weight) in weights.iter().enumerate() {
                    let sample = line[tap(centre, k, grid.width)];
                    for c in 0..3 {
                        sum[c] += sample[c] * weight;
                    }
                }
                rows[y * tile_px + x] = sum.map(|v| v / total);
            }
        }
        let mut out = vec![[0.0_f32; 3]; tile_px * tile_px];
        for y in 0..tile_px {
            let centre = grid.margin + y * SUPERSAMPLING;
            let line = &mut out[y * tile_px..(y + 1) * tile_px];
            for (k, weight) in weights.iter().enumerate() {
                let source = tap(centre, k, grid.height) * tile_px;
                for (pixel, sample) in line.iter_mut().zip(&rows[source..source + tile_px]) {
                    for c in 0..3 {
                        pixel[c] += sample[c] * weight / total;
                    }
                }
            }
        }
        out
    }

    /// Adds back a part of what a 3x3 mean takes away.
    fn unsharp(&self, image: &[Rgb], n: usize) -> Vec<Rgb> {
        let mut out = image.to_vec();
        for y in 1..n.saturating_sub(1) {
            for x in 1..n - 1 {
                let mut mean = [0.0; 3];
                for row in [y - 1, y, y + 1] {
                    for pixel in &image[row * n + x - 1..=row * n + x + 1] {
                        for c in 0..3 {
                            mean[c] += pixel[c] / 9.0;
                        }
                    }
                }
                let here = image[y * n + x];
                out[y * n + x] =
                    [0, 1, 2].map(|c| (here[c] + self.sharpen * (here[c] - mean[c])).max(0.0));
            }
        }
        out
    }

    /// 8-bit values of linear light 0–2 in steps of 1/1024: gamma, an S-shaped contrast curve and
    /// a soft shoulder.
    fn tone_curve(&self) -> Vec<f32> {
        (0..=2048)
            .map(|i| {
                let gamma = libm::powf(i as f32 / 1024.0, 1.0 / 2.2);
                let v = if gamma > 0.85 {
                    0.85 + 0.15 * libm::tanhf((gamma - 0.85) / 0.15)
                } else {
                    gamma
                };
                let curved = v * v * (3.0 - 2.0 * v);
                255.0 * (v + self.contrast * (curved - v))
            })
            .collect()
    }
}

fn tone(curve: &[f32], light: f32) -> f32 {
    let at = (light * 1024.0).clamp(0.0, 2047.0);
    let low = at as usize;
    curve[low] + (curve[low + 1] - curve[low]) * (at - low as f32)
}

/// Roughly normal, standard deviation 1.
fn gaussian(key: u32, x: u32, y: u32) -> f32 {
    hash_signed(key, x, y) + hash_signed(key ^ 0x1111, x, y) + hash_signed(key ^ 0x2222, x, y)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Camera {
        Camera {
            exposure: 1.0,
            balance: [1.0; 3],
            haze: 0.0,
            haze_colour: [0.5; 3],
            blur_px: 0.5,
            sharpen: 0.5,
            noise: 0.0,
            saturation: 1.0,
            contrast: 0.0,
        }
    }

    #[test]
    fn an_even_scene_stays_even_and_an_edge_stays_in_place() {
        let grid = Grid::new(16, 3.0);
        let noise = Noise::new(&grid, 1);
        let grey = vec![[0.25; 3]; grid.len()];
        let image = plain().expose(&grey, &grid, &noise, 16);
        let expected = (libm::powf(0.25, 1.0 / 2.2) * 255.0).round() as u8;
        assert!(
            image.pixels().all(|p| p.0 == [expected; 3]),
            "{:?}",
            image.get_pixel(3, 3)
        );

        // White from the ninth pixel on.
        let edge: Vec<Rgb> = (0..grid.len())
            .map(|i| {
                if i % grid.width >= grid.margin + 16 {
                    [0.8; 3]
                } else {
                    [0.05; 3]
                }
            })
            .collect();
        let image = plain().expose(&edge, &grid, &noise, 16);
        let steps: Vec<i32> = (0..15)
            .map(|x| {
                i32::from(image.get_pixel(x + 1, 8).0[0]) - i32::from(image.get_pixel(x, 8).0[0])
            })
            .collect();
        let steepest = (0..15).max_by_key(|&x| steps[x]);
        assert_eq!(steepest, Some(7), "{steps:?}");
    }
}
