//! What the ground is made of.

use super::{
    canvas::{Rgb, mix, shade, srgb},
    geometry::{Vec2, smoothstep},
    noise::{Noise, hash_signed},
    random::TileRng,
};

/// A kind of ground with its own texture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Lawn to rough meadow; `wear` lets soil show through.
    Grass,
    /// Bare earth.
    Soil,
    /// Asphalt, with wear and patches.
    Asphalt,
    /// Poured concrete or pavers in slabs.
    Slabs,
    /// Loose stones.
    Gravel,
    /// Furrows or crop rows.
    Crop,
}

/// A patch of ground.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground {
    pub(crate) kind: Kind,
    pub(crate) colour: Rgb,
    /// The second colour: soil under grass, furrow between crops, stain on asphalt.
    pub(crate) under: Rgb,
    /// How much of `under` shows, 0–1.
    pub(crate) wear: f32,
    /// Direction of rows or slabs, for kinds that have one.
    pub(crate) along: Vec2,
    /// Spacing of rows or slabs, metres.
    pub(crate) spacing_m: f32,
}

impl Ground {
    fn new(rng: &mut TileRng, kind: Kind, colour: Rgb, under: Rgb, wear: f32) -> Self {
        let tint = 1.0 + 0.09 * rng.normal();
        Self {
            kind,
            colour: shade(colour, tint),
            under: shade(under, tint),
            wear,
            along: Vec2::from_angle(rng.range(0.0, 3.2)),
            spacing_m: rng.range(1.2, 3.0),
        }
    }

    pub(crate) fn grass(rng: &mut TileRng) -> Self {
        let green = *rng.pick(&[
            srgb(98, 108, 76),
            srgb(86, 98, 68),
            srgb(116, 120, 88),
            srgb(110, 108, 80),
            srgb(92, 100, 74),
        ]);
        let dry = *rng.pick(&[srgb(146, 136, 106), srgb(132, 120, 94), srgb(118, 116, 86)]);
        let wear = rng.range(0.05, 0.55);
        Self::new(rng, Kind::Grass, green, dry, wear)
    }

    pub(crate) fn soil(rng: &mut TileRng) -> Self {
        let (earth, dark) = *rng.pick(&[
            (srgb(156, 136, 112), srgb(120, 104, 86)),
            (srgb(166, 124, 100), srgb(134, 100, 80)),
            (srgb(186, 168, 138), srgb(150, 132, 106)),
            (srgb(132, 112, 92), srgb(100, 86, 70)),
            (srgb(160, 152, 140), srgb(128, 122, 112)),
        ]);
        let wear = rng.range(0.3, 0.7);
        Self::new(rng, Kind::Soil, earth, dark, wear)
    }

    pub(crate) fn asphalt(rng: &mut TileRng) -> Self {
        let grey = *rng.pick(&[
            srgb(118, 118, 119),
            srgb(100, 101, 104),
            srgb(138, 136, 132),
            srgb(88, 89, 93),
        ]);
        let wear = rng.range(0.1, 0.6);
        Self::new(rng, Kind::Asphalt, grey, shade(grey, 0.72), wear)
    }

    pub(crate) fn slabs(rng: &mut TileRng) -> Self {
        let stone = *rng.pick(&[
            srgb(182, 178, 168),
            srgb(168, 160, 150),
            srgb(160, 124, 104),
            srgb(196, 188, 172),
            srgb(142, 140, 138),
        ]);
        let wear = rng.range(0.2, 0.6);
        Self::new(rng, Kind::Slabs, stone, shade(stone, 0.75), wear)
    }

    pub(crate) fn gravel(rng: &mut TileRng) -> Self {
        let stone = *rng.pick(&[
            srgb(172, 166, 154),
            srgb(150, 144, 136),
            srgb(188, 174, 150),
        ]);
        let wear = rng.range(0.2, 0.6);
        Self::new(rng, Kind::Gravel, stone, shade(stone, 0.8), wear)
    }

    pub(crate) fn crop(rng: &mut TileRng) -> Self {
        let (plant, furrow) = *rng.pick(&[
            (srgb(96, 112, 58), srgb(136, 118, 88)),
            (srgb(128, 130, 74), srgb(150, 132, 96)),
            (srgb(172, 158, 110), srgb(152, 134, 92)),
            (srgb(70, 94, 52), srgb(92, 88, 62)),
            (srgb(166, 140, 112), srgb(134, 110, 88)),
        ]);
        let wear = rng.range(0.3, 0.6);
        Self::new(rng, Kind::Crop, plant, furrow, wear)
    }

    /// The colour at a sample.
    pub(crate) fn albedo(&self, noise: &Noise, index: usize, p: Vec2) -> Rgb {
        let (broad, patch, fine) = (noise.broad[index], noise.patch[index], noise.fine[index]);
        let grain = hash_signed(noise.key, index as u32, 3);
        match self.kind {
            Kind::Grass => {
                // A gentle change all over, and worn places with frayed edges.
                let gentle = self.wear * (0.3 + 0.25 * broad + 0.15 * patch + 0.1 * fine);
                let worn = smoothstep(
                    1.9 - 1.6 * self.wear,
                    3.4 - 1.6 * self.wear,
                    0.7 * broad + 0.6 * patch + 0.55 * fine,
                );
                let colour = mix(self.colour, self.under, gentle + 0.75 * worn);
                shade(
                    colour,
                    1.0 + 0.05 * broad + 0.08 * patch + 0.13 * fine + 0.10 * grain,
                )
            }
            Kind::Soil => {
                let dark = self.wear * 0.5 + 0.22 * broad + 0.16 * patch + 0.12 * fine;
                let colour = mix(self.colour, self.under, dark);
                shade(colour, 1.0 + 0.04 * patch + 0.09 * fine + 0.07 * grain)
            }
            Kind::Asphalt => {
                let stain = self.wear * (0.25 + 0.3 * broad + 0.22 * patch);
                let colour = mix(self.colour, self.under, stain);
                shade(colour, 1.0 + 0.03 * fine + 0.045 * grain)
            }
            Kind::Slabs => {
                let (s, t) = (
                    p.dot(self.along) / self.spacing_m,
                    p.dot(self.along.perpendicular()) / self.spacing_m,
                );
                let slab = hash_signed(
                    noise.key ^ 0x4D,
                    s.floor() as i32 as u32,
                    t.floor() as i32 as u32,
                );
                let joint = edge_of_cell(s, 0.06 / self.spacing_m)
                    .max(edge_of_cell(t, 0.06 / self.spacing_m));
                let stain = self.wear * (0.25 + 0.25 * broad + 0.25 * patch);
                let colour = mix(self.colour, self.under, stain);
                shade(
                    colour,
                    1.0 + 0.04 * slab + 0.03 * fine + 0.02 * grain - 0.14 * joint,
                )
            }
            Kind::Gravel => {
                let colour = mix(self.colour, self.under, 0.4 + 0.25 * patch);
                shade(colour, 1.0 + 0.08 * fine + 0.09 * grain)
            }
            Kind::Crop => {
                let wobble = 0.12 * patch;
                let t = p.dot(self.along.perpendicular()) / self.spacing_m + wobble;
                let row = 0.5 + 0.5 * triangle(t);
                let gaps = 0.35 * fine + 0.3 * patch + 0.3 * broad;
                let colour = mix(self.colour, self.under, row * 1.1 - 0.25 + self.wear * gaps);
                shade(colour, 1.0 + 0.08 * fine + 0.06 * grain)
            }
        }
    }
}

/// A triangle wave of period 1 between -1 and 1.
pub(crate) fn triangle(t: f32) -> f32 {
    let phase = t - t.floor();
    4.0 * (phase - 0.5).abs() - 1.0
}

/// 1 within `half_width` (a share of the period 1) of a whole number, fading to 0 at twice that.
pub(crate) fn edge_of_cell(t: f32, half_width: f32) -> f32 {
    let phase = t - t.floor();
    let distance = phase.min(1.0 - phase);
    1.0 - smoothstep(half_width, 2.0 * half_width, distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_have_their_period() {
        assert!((triangle(0.0) - 1.0).abs() < 1e-6);
        assert!((triangle(0.5) + 1.0).abs() < 1e-6);
        assert!((triangle(-1.25) - triangle(0.75)).abs() < 1e-6);
        assert!((edge_of_cell(3.001, 0.01) - 1.0).abs() < 1e-6);
        assert!(edge_of_cell(3.4, 0.01).abs() < 1e-6);
    }
}
