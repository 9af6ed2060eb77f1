//! Trees, palms, shrubs and hedges.

use super::{
    canvas::{Canvas, Rgb, shade, srgb},
    geometry::{Rect, Vec2, vec2},
    noise::Noise,
    random::TileRng,
};

/// How a plant grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// A dome of leafy lumps.
    Broadleaf,
    /// A dark cone.
    Conifer,
    /// A star of fronds.
    Palm,
    /// A low round lump.
    Shrub,
}

/// A plant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plant {
    pub(crate) at: Vec2,
    pub(crate) habit: Habit,
    /// Radius of the crown, metres.
    pub(crate) radius_m: f32,
    pub(crate) colour: Rgb,
}

impl Plant {
    /// A tree at a place; `dryness` (0–1) browns it.
    pub(crate) fn tree(rng: &mut TileRng, at: Vec2, palms: bool, dryness: f32) -> Self {
        let habit = rng.weighted(&[
            (70.0, Habit::Broadleaf),
            (16.0, Habit::Conifer),
            (if palms { 40.0 } else { 0.0 }, Habit::Palm),
            (16.0, Habit::Shrub),
        ]);
        let radius_m = match habit {
            Habit::Broadleaf => 1.6 + 2.0 * (rng.unit() + rng.unit() * rng.unit()),
            Habit::Conifer => rng.range(1.1, 2.6),
            Habit::Palm => rng.range(2.0, 3.2),
            Habit::Shrub => rng.range(0.5, 1.3),
        };
        let fresh = match habit {
            Habit::Conifer => *rng.pick(&[srgb(50, 66, 48), srgb(44, 58, 46), srgb(62, 76, 60)]),
            _ => *rng.pick(&[
                srgb(72, 92, 50),
                srgb(60, 80, 46),
                srgb(88, 104, 58),
                srgb(78, 92, 62),
                srgb(100, 108, 60),
            ]),
        };
        let brown = *rng.pick(&[srgb(112, 104, 72), srgb(122, 96, 66), srgb(96, 94, 74)]);
        let browning = if rng.chance(0.35) {
            dryness * rng.unit()
        } else {
            0.2 * dryness
        };
        let colour = shade(
            super::canvas::mix(fresh, brown, browning),
            1.0 + 0.1 * rng.normal(),
        );
        Self {
            at,
            habit,
            radius_m,
            colour,
        }
    }

    /// Grows the plant onto the canvas.
    pub(crate) fn paint(&self, canvas: &mut Canvas, noise: &Noise, rng: &mut TileRng) {
        match self.habit {
            Habit::Broadleaf => self.broadleaf(canvas, noise, rng),
            Habit::Conifer => self.conifer(canvas, noise),
            Habit::Palm => self.palm(canvas, noise, rng),
            Habit::Shrub => {
                let lump = Lump {
                    at: self.at,
                    radius: self.radius_m,
                    base: 0.2,
                    rise: self.radius_m * 1.1,
                    colour: self.colour,
                };
                lump.paint(canvas, noise);
            }
        }
    }

    fn broadleaf(&self, canvas: &mut Canvas, noise: &Noise, rng: &mut TileRng) {
        let r = self.radius_m;
        let trunk = 1.2 + 0.5 * r;
        let core = Lump {
            at: self.at,
            radius: r * 0.8,
            base: trunk,
            rise: r * 1.0,
            colour: shade(self.colour, 0.8),
        };
        core.paint(canvas, noise);
        let lumps = 7 + (r * r * 2.2) as usize;
        for _ in 0..lumps {
            let direction = Vec2::from_angle(rng.range(0.0, std::f32::consts::TAU));
            let out = rng.unit().sqrt() * 0.82;
            let radius = (0.22 + 0.16 * rng.unit()) * r.max(1.6);
            let base = trunk + 1.1 * r * (1.0 - out * out).max(0.0).sqrt();
            let colour = shade(self.colour, 1.0 + 0.13 * rng.normal());
            Lump {
                at: self.at + direction * (out * r),
                radius,
                base,
                rise: radius * 0.9,
                colour,
            }
            .paint(canvas, noise);
        }
    }

    fn conifer(&self, canvas: &mut Canvas, noise: &Noise) {
        let r = self.radius_m;
        let top = 2.0 + 3.2 * r;
        let at = self.at;
        let bounds = Rect { min: at, max: at }.grown(r * 1.3);
        let mut hits = Vec::new();
        canvas.each_in(bounds, |index, p| {
            let d = p - at;
            let ragged = r * (1.0 + 0.22 * noise.fine[index]);
            let distance = d.length();
            if distance < ragged {
                hits.push((index, d * (1.0 / distance.max(0.05)), distance / ragged));
            }
        });
        for (index, out, t) in hits {
            let height = 0.5 + top * (1.0 - t) * (1.0 + 0.06 * noise.fine[index]);
            let tone = 0.75 + 0.4 * (1.0 - t) + 0.16 * noise.fine[index];
            canvas.raise(index, shade(self.colour, tone), height, out * -1.3);
        }
    }

    fn palm(&self, canvas: &mut Canvas, noise: &Noise, rng: &mut TileRng) {
        let fronds = rng.count(11, 16);
        let trunk = rng.range(4.0, 8.0);
        let turn = rng.unit();
        for i in 0..fronds {
            let angle =
                (i as f32 + turn + 0.25 * rng.normal()) * std::f32::consts::TAU / fronds as f32;
            let along = Vec2::from_angle(angle);
            let length = self.radius_m * rng.range(0.75, 1.1);
            let colour = shade(self.colour, 1.05 + 0.15 * rng.normal());
            for step in 0..14 {
                let t = (step as f32 + 0.5) / 14.0;
                let half = 0.42 * (t * (1.0 - t) * 4.0).max(0.0).sqrt().max(0.25);
                let at = self.at + along * (length * t);
                let base = trunk + 0.7 * t - 1.9 * t * t;
                Lump {
                    at,
                    radius: half,
                    base,
                    rise: 0.12,
                    colour,
                }
                .paint(canvas, noise);
            }
        }
    }
}

/// A row of lumps between two points.
pub(crate) fn paint_hedge(
    canvas: &mut Canvas,
    noise: &Noise,
    rng: &mut TileRng,
    from: Vec2,
    to: Vec2,
    colour: Rgb,
) {
    let half = rng.range(0.4, 0.75);
    let height = rng.range(0.7, 1.9);
    let length = (to - from).length();
    let along = (to - from) * (1.0 / length.max(0.1));
    let mut at = 0.0;
    while at < length {
        let radius = half * rng.range(0.8, 1.25);
        let lump = Lump {
            at: from + along * at + along.perpendicular() * (0.12 * rng.normal()),
            radius,
            base: height - 0.4,
            rise: 0.4,
            colour: shade(colour, 1.0 + 0.1 * rng.normal()),
        };
        lump.paint(canvas, noise);
        at += half * 0.9;
    }
}

/// The top of a leafy ball.
struct Lump {
    at: Vec2,
    radius: f32,
    /// Height of its rim, metres.
    base: f32,
    /// From rim to top, metres.
    rise: f32,
    colour: Rgb,
}

impl Lump {
    fn paint(&self, canvas: &mut Canvas, noise: &Noise) {
        let r = self.radius;
        let bounds = Rect {
            min: self.at,
            max: self.at,
        }
        .grown(r * 1.25);
        let mut hits = Vec::new();
        canvas.each_in(bounds, |index, p| {
            let d = p - self.at;
            let ragged = r * (1.0 + 0.16 * noise.fine[index]);
            let t = d.dot(d) / (ragged * ragged);
            if t < 1.0 {
                hits.push((index, d, (1.0 - t).sqrt()));
            }
        });
        for (index, d, dome) in hits {
            let fine = noise.fine[index];
            let height = self.base + self.rise * dome + 0.16 * fine;
            let slope = d * (-self.rise / (r * r * dome.max(0.45)));
            let slope = slope + vec2(fine, -noise.patch[index]) * 0.12;
            let tone = 0.72 + 0.3 * dome + 0.13 * fine;
            canvas.raise(index, shade(self.colour, tone), height, slope);
        }
    }
}
