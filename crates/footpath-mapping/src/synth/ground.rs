//! Paints the ground: roads with markings, pavements, verges and plots.

use super::{
    canvas::{Canvas, Rgb, mix, shade, srgb},
    geometry::{Vec2, smoothstep, vec2},
    material::{Ground, Kind},
    noise::Noise,
    random::TileRng,
    street::{Road, StreetPlan},
};

/// What lies between the plots.
pub(crate) struct Streetscape {
    verge: Ground,
    pavement: Ground,
    kerb: Rgb,
    paint: Rgb,
    /// Radius of the kerb where streets meet, metres.
    corner_m: f32,
}

impl Streetscape {
    pub(crate) fn new(rng: &mut TileRng) -> Self {
        Self {
            verge: Ground::grass(rng),
            pavement: Ground::slabs(rng),
            kerb: srgb(176, 172, 164),
            paint: srgb(222, 220, 212),
            corner_m: rng.range(3.0, 7.0),
        }
    }

    /// Fills the whole canvas.
    pub(crate) fn paint(&self, canvas: &mut Canvas, plan: &StreetPlan, noise: &Noise) {
        let grid = canvas.grid;
        for y in 0..grid.height {
            for x in 0..grid.width {
                let index = y * grid.width + x;
                let p = grid.position(x, y);
                let albedo = self.albedo(plan, noise, index, p);
                let sample = &mut canvas.samples[index];
                sample.albedo = albedo;
            }
        }
    }

    fn albedo(&self, plan: &StreetPlan, noise: &Noise, index: usize, p: Vec2) -> Rgb {
        let street = plan.bend.to_street(p);
        let (along, across) = (
            nearest(&plan.streets, street.y),
            nearest(&plan.cross_streets, street.x),
        );
        let (a, b) = (
            (street.y - along.at_m).abs(),
            (street.x - across.at_m).abs(),
        );
        let (edge_a, edge_b) = (a - along.half_width_m, b - across.half_width_m);
        // The road the sample is nearer to; the other one only matters for the rounded corner.
        let (road, offset, run) = if edge_a <= edge_b {
            (along, a, street.x)
        } else {
            (across, b, street.y)
        };
        let outside = rounded_union(edge_a, edge_b, self.corner_m);

        let unpaved = matches!(road.surface.kind, Kind::Soil);
        let wobble = if unpaved {
            0.45 * noise.patch[index]
        } else {
            0.02 * noise.fine[index]
        };
        let outside = outside + wobble;
        if outside < 0.0 {
            let crossing = edge_a.max(edge_b) < 1.0;
            return self.road(road, noise, index, vec2(offset, run), crossing, p);
        }
        if !unpaved && outside < 0.25 {
            return shade(self.kerb, 1.0 + 0.05 * noise.patch[index]);
        }
        if outside < road.verge_m {
            let verge = self.verge.albedo(noise, index, p);
            if unpaved {
                // Tracks fade into what grows beside them.
                let track = road.surface.albedo(noise, index, p);
                return mix(
                    track,
                    verge,
                    outside / road.verge_m + 0.3 * noise.fine[index],
                );
            }
            return verge;
        }
        if outside < road.verge_m + road.pavement_m {
            return self.pavement.albedo(noise, index, p);
        }
        let ground = plan
            .plot_at(vec2(street.x + 0.1 * noise.fine[index], street.y))
            .map_or(&self.verge, |plot| &plot.ground);
        ground.albedo(noise, index, p)
    }

    /// The carriageway; `at` is (distance from its centre line, distance along it).
    fn road(
        &self,
        road: &Road,
        noise: &Noise,
        index: usize,
        at: Vec2,
        crossing: bool,
        p: Vec2,
    ) -> Rgb {
        let mut colour = road.surface.albedo(noise, index, p);
        let half = road.half_width_m;
        if road.surface.kind == Kind::Soil {
            // Grass between the wheel tracks of narrow tracks.
            let strip = 1.0 - smoothstep(0.3, 0.7, at.x + 0.2 * noise.patch[index]);
            let verge = self.verge.albedo(noise, index, p);
            return mix(
                colour,
                verge,
                strip * 0.6 * (1.0 - smoothstep(1.6, 2.6, half)),
            );
        }
        // Oil and tyres darken the lanes' middles, dust lightens the edges.
        let lane = (at.x - half * 0.5).abs() / half;
        colour = shade(
            colour,
            1.0 + 0.10 * smoothstep(0.2, 0.5, lane) + 0.03 * noise.broad[index] - 0.04,
        );
        if crossing {
            return colour;
        }
        let worn = 0.85 - 0.25 * (noise.patch[index] * 0.5 + 0.5);
        let dash = (at.y / 9.0 - (at.y / 9.0).floor()) < 0.36;
        if road.centre_line && at.x < 0.09 && dash {
            colour = mix(colour, self.paint, worn);
        }
        if road.edge_lines && (at.x - (half - 0.45)).abs() < 0.08 {
            colour = mix(colour, self.paint, worn);
        }
        colour
    }
}

fn nearest(roads: &[Road], at: f32) -> &Road {
    let mut best = &roads[0];
    for road in roads {
        if (road.at_m - at).abs() - road.half_width_m < (best.at_m - at).abs() - best.half_width_m {
            best = road;
        }
    }
    best
}

/// Distance outside the union of two half planes, its inner corner rounded with radius `r`.
fn rounded_union(a: f32, b: f32, r: f32) -> f32 {
    if a > 0.0 && b > 0.0 && a < r && b < r {
        return r - vec2(r - a, r - b).length();
    }
    a.min(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn street_corners_are_rounded() {
        assert!((rounded_union(-1.0, 4.0, 5.0) + 1.0).abs() < 1e-6);
        // On the diagonal the arc stands r(√2 - 1) away from the sharp corner.
        let gap = 5.0 * (1.0 - std::f32::consts::FRAC_1_SQRT_2);
        assert!(rounded_union(gap, gap, 5.0).abs() < 1e-5);
        assert!(rounded_union(0.5, 0.5, 5.0) < 0.0);
        assert!(rounded_union(4.0, 4.0, 5.0) > 0.0);
    }
}
