//! Sun, sky and shadow: turns heights, slopes and colours into light.

use super::{
    canvas::{Canvas, Rgb},
    geometry::{Vec2, smoothstep},
    random::TileRng,
};

/// The light of one tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    /// Horizontal direction towards the sun.
    pub(crate) towards_sun: Vec2,
    /// Height of the sun over the horizon, as a tangent.
    pub(crate) elevation: f32,
    /// Share of the light that comes from the sun itself on level ground.
    pub(crate) direct: f32,
    pub(crate) sun: Rgb,
    pub(crate) sky: Rgb,
}

impl Light {
    pub(crate) fn draw(rng: &mut TileRng) -> Self {
        let overcast = rng.chance(0.15);
        let warmth = rng.range(0.0, 0.06);
        let blue = rng.range(0.02, 0.16);
        Self {
            towards_sun: Vec2::from_angle(rng.range(0.0, std::f32::consts::TAU)),
            elevation: rng.range(0.65, 1.8),
            direct: if overcast {
                rng.range(0.15, 0.4)
            } else {
                rng.range(0.68, 0.82)
            },
            sun: [1.0 + warmth, 1.0, 1.0 - warmth],
            sky: [1.0 - blue, 1.0, 1.0 + blue],
        }
    }

    /// The light each sample sends to the camera; 1 is a white level surface in the sun.
    pub(crate) fn shine(&self, canvas: &Canvas) -> Vec<Rgb> {
        let shadow = self.shadow(canvas);
        let openness = openness(canvas);
        let upright = self.elevation / (1.0 + self.elevation * self.elevation).sqrt();
        let flat = (1.0 - upright * upright).sqrt();
        let mut light = Vec::with_capacity(canvas.samples.len());
        for (i, sample) in canvas.samples.iter().enumerate() {
            let rise = sample.slope.dot(self.towards_sun);
            let norm = (1.0 + sample.slope.dot(sample.slope)).sqrt();
            // Relative to level ground.
            let facing = ((upright - flat * rise) / (norm * upright)).clamp(0.0, 1.7);
            let direct = self.direct * facing * shadow[i];
            let sky = (1.0 - self.direct) * openness[i] * (0.5 + 0.5 / norm);
            light.push(
                [0, 1, 2].map(|c| sample.albedo[c] * (direct * self.sun[c] + sky * self.sky[c])),
            );
        }
        light
    }

    /// How much of the sun each sample sees, 0–1.
    ///
    /// One sweep away from the sun carries along the height of the shadow's upper edge: a step
    /// away from the sun it sinks by the sun's tangent, and stands no lower than what it passes.
    /// Interpolating across the sweep softens edges as the sun's disc does.
    fn shadow(&self, canvas: &Canvas) -> Vec<f32> {
        let grid = canvas.grid;
        let sun = self.towards_sun;
        let by_columns = sun.x.abs() >= sun.y.abs();
        let (main, side) = if by_columns {
            (sun.x, sun.y)
        } else {
            (sun.y, sun.x)
        };
        let (lines, across) = if by_columns {
            (grid.width, grid.height)
        } else {
            (grid.height, grid.width)
        };
        let sink = grid.step_m / main.abs() * self.elevation;
        let shift = side / main.abs();
        let at = |line: usize, i: usize| {
            if by_columns {
                i * grid.width + line
            } else {
                line * grid.width + i
            }
        };
        let mut shadow = vec![1.0; grid.len()];
        let mut edge = vec![-1.0_f32; across];
        let mut next = vec![-1.0_f32; across];
        for step in 0..lines {
            // Start at the side where the sun is.
            let line = if main > 0.0 { lines - 1 - step } else { step };
            for i in 0..across {
                let from = (i as f32 + shift).clamp(0.0, (across - 1) as f32);
                let low = from as usize;
                let high = (low + 1).min(across - 1);
                let blend = from - low as f32;
                let arriving = edge[low] + (edge[high] - edge[low]) * blend - sink;
                let height = canvas.samples[at(line, i)].height;
                shadow[at(line, i)] = 1.0 - smoothstep(0.0, 0.28, arriving - height);
                next[i] = arriving.max(height);
            }
            std::mem::swap(&mut edge, &mut next);
        }
        shadow
    }
}

/// How much of the sky each sample sees: less at the foot of walls and between trees.
fn openness(canvas: &Canvas) -> Vec<f32> {
    let grid = canvas.grid;
    let mut around: Vec<f32> = canvas.samples.iter().map(|s| s.height).collect();
    let radius = (1.5 / grid.step_m) as usize;
    box_blur(&mut around, grid.width, grid.height, radius);
    box_blur(&mut around, grid.width, grid.height, radius);
    around
        .iter()
        .zip(&canvas.samples)
        .map(|(around, s)| 1.0 - 0.55 * smoothstep(0.1, 3.5, around - s.height))
        .collect()
}

/// Mean over a square window, edges clamped.
fn box_blur(field: &mut [f32], width: usize, height: usize, radius: usize) {
    let mut sums = Vec::new();
    for row in field.chunks_exact_mut(width) {
        blur_line(row, radius, &mut sums);
    }
    // Down the columns: running sums of whole rows.
    let source = field.to_vec();
    let row = |y: isize| {
        let y = y.clamp(0, height as isize - 1) as usize;
        &source[y * width..(y + 1) * width]
    };
    let radius = radius as isize;
    let scale = 1.0 / (2 * radius + 1) as f32;
    let mut sum = vec![0.0_f32; width];
    for y in -radius..=radius {
        for (s, v) in sum.iter_mut().zip(row(y)) {
            *s += v;
        }
    }
    for y in 0..height as isize {
        let out = &mut field[y as usize * width..(y as usize + 1) * width];
        let (enter, leave) = (row(y + radius + 1), row(y - radius));
        for x in 0..width {
            out[x] = sum[x] * scale;
            sum[x] += enter[x] - leave[x];
        }
    }
}

fn blur_line(line: &mut [f32], radius: usize, sums: &mut Vec<f32>) {
    let n = line.len() as isize;
    sums.clear();
    sums.push(0.0);
    let at = |i: isize| line[i.clamp(0, n - 1) as usize];
    let radius = radius as isize;
    let mut sum: f32 = (-radius..=radius).map(at).sum();
    sums.clear();
    for i in 0..n {
        sums.push(sum / (2 * radius + 1) as f32);
        sum += at(i + radius + 1) - at(i - radius);
    }
    line.copy_from_slice(sums);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{canvas::Grid, geometry::vec2};

    /// A post 3 m high in the middle, the sun in the east at 45°: the shadow falls 3 m to the west.
    #[test]
    fn shadows_are_as_long_as_the_sun_makes_them() {
        let mut canvas = Canvas::new(Grid::new(40, 0.0));
        let (w, middle) = (canvas.grid.width, 40);
        for y in 30..50 {
            canvas.samples[y * w + middle].height = 3.0;
        }
        let light = Light {
            towards_sun: vec2(1.0, 0.0),
            elevation: 1.0,
            direct: 0.7,
            sun: [1.0; 3],
            sky: [1.0; 3],
        };
        let shadow = light.shadow(&canvas);
        let row = &shadow[middle * w..(middle + 1) * w];
        assert!((row[middle + 5] - 1.0).abs() < 1e-6, "sunny side");
        assert!(row[middle - 10] < 0.01, "1.5 m away");
        assert!(row[middle - 17] < 0.05, "2.55 m away");
        assert!((row[middle - 22] - 1.0).abs() < 1e-6, "3.3 m away");
        assert!(
            (shadow[10 * w + middle - 5] - 1.0).abs() < 1e-6,
            "beside the post"
        );
    }

    #[test]
    fn box_blur_keeps_the_mean_of_a_constant_and_spreads_a_point() {
        let mut field = vec![2.0; 12 * 9];
        box_blur(&mut field, 12, 9, 2);
        assert!(field.iter().all(|v| (v - 2.0).abs() < 1e-5));
        let mut point = vec![0.0; 81];
        point[40] = 25.0;
        box_blur(&mut point, 9, 9, 2);
        assert!((point[40] - 1.0).abs() < 1e-5 && (point[2 * 9 + 2] - 1.0).abs() < 1e-5);
        assert!(point[9 + 1].abs() < 1e-5);
    }
}
