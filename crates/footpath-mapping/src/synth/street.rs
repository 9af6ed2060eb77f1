//! Streets and the plots along them.
//!
//! Streets live in their own coordinates `(u, v)`: `u` runs along them, `v` across. A turn and a
//! gentle sine bend take `(u, v)` to the ground and, exactly, back, so any sample can ask which
//! road or plot it lies on.

use super::{
    district::District,
    geometry::{Vec2, vec2},
    material::Ground,
    random::TileRng,
};

/// How street coordinates lie on the ground.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bend {
    origin: Vec2,
    axis: Vec2,
    angle: f32,
    amplitude_m: f32,
    /// Radians a metre.
    frequency: f32,
    phase: f32,
}

impl Bend {
    pub(crate) fn new(
        origin: Vec2,
        angle: f32,
        amplitude_m: f32,
        wavelength_m: f32,
        phase: f32,
    ) -> Self {
        Self {
            origin,
            axis: Vec2::from_angle(angle),
            angle,
            amplitude_m,
            frequency: std::f32::consts::TAU / wavelength_m,
            phase,
        }
    }

    fn swing(&self, u: f32) -> f32 {
        if self.amplitude_m > 0.0 {
            self.amplitude_m * libm::sinf(u * self.frequency + self.phase)
        } else {
            0.0
        }
    }

    pub(crate) fn to_street(self, world: Vec2) -> Vec2 {
        let d = world - self.origin;
        let u = d.dot(self.axis);
        vec2(u, d.dot(self.axis.perpendicular()) - self.swing(u))
    }

    pub(crate) fn to_world(self, street: Vec2) -> Vec2 {
        self.origin
            + self.axis * street.x
            + self.axis.perpendicular() * (street.y + self.swing(street.x))
    }

    /// Direction of the street at `u`, radians from the world's x axis.
    pub(crate) fn heading(self, u: f32) -> f32 {
        let slope = self.amplitude_m * self.frequency * libm::cosf(u * self.frequency + self.phase);
        self.angle + libm::atanf(slope)
    }
}

/// A road: its place across (for streets: `v`; for cross streets: `u`) and its build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Road {
    pub(crate) at_m: f32,
    pub(crate) half_width_m: f32,
    /// Pavement on each side; 0 for a track.
    pub(crate) pavement_m: f32,
    /// Grass between kerb and pavement.
    pub(crate) verge_m: f32,
    pub(crate) surface: Ground,
    pub(crate) centre_line: bool,
    pub(crate) edge_lines: bool,
}

impl Road {
    /// From the centre line to where plots begin.
    pub(crate) fn reach_m(&self) -> f32 {
        self.half_width_m + self.verge_m + self.pavement_m
    }
}

/// A piece of land with one owner.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) u0: f32,
    pub(crate) u1: f32,
    /// The side at the street.
    pub(crate) v_front: f32,
    /// The far side; above or below `v_front`.
    pub(crate) v_back: f32,
    pub(crate) ground: Ground,
    /// Joined to the plot before it by a party wall.
    pub(crate) attached: bool,
}

impl Plot {
    /// +1 if the plot lies on the side of growing `v`.
    pub(crate) fn away(&self) -> f32 {
        (self.v_back - self.v_front).signum()
    }

    pub(crate) fn width(&self) -> f32 {
        self.u1 - self.u0
    }

    pub(crate) fn depth(&self) -> f32 {
        (self.v_back - self.v_front).abs()
    }

    /// Street coordinates from a place in the plot: metres from its middle line and from its front.
    pub(crate) fn place(&self, sideways: f32, inwards: f32) -> Vec2 {
        vec2(
            self.u0.midpoint(self.u1) + sideways,
            self.v_front + self.away() * inwards,
        )
    }

    pub(crate) fn contains(&self, street: Vec2, margin: f32) -> bool {
        let (low, high) = (self.v_front.min(self.v_back), self.v_front.max(self.v_back));
        street.x > self.u0 + margin
            && street.x < self.u1 - margin
            && street.y > low + margin
            && street.y < high - margin
    }
}

/// Plots side by side along one side of a street, in order of `u`.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) v_low: f32,
    pub(crate) v_high: f32,
    pub(crate) plots: Vec<Plot>,
}

/// All streets and plots of a tile.
pub(crate) struct StreetPlan {
    pub(crate) bend: Bend,
    pub(crate) streets: Vec<Road>,
    pub(crate) cross_streets: Vec<Road>,
    pub(crate) rows: Vec<Row>,
}

impl StreetPlan {
    /// Lays out streets and plots over a tile of `tile_m` metres and its surroundings.
    pub(crate) fn new(rng: &mut TileRng, district: &District, tile_m: f32) -> Self {
        let centre = vec2(tile_m / 2.0, tile_m / 2.0);
        let reach = tile_m * 0.75 + 15.0;
        let curved = rng.chance(district.curved);
        let amplitude = if curved { rng.range(3.0, 11.0) } else { 0.0 };
        let wavelength = rng.range(130.0, 260.0);
        let bend = Bend::new(
            centre,
            rng.range(0.0, std::f32::consts::TAU),
            amplitude,
            wavelength,
            rng.range(0.0, std::f32::consts::TAU),
        );

        let mut cross_streets = Vec::new();
        let mut u = -reach - rng.range(0.0, district.block_m.0);
        while u < reach {
            cross_streets.push(Road {
                at_m: u,
                ..district.road(rng)
            });
            u += rng.range(district.block_m.0, district.block_m.1);
        }
        cross_streets.push(Road {
            at_m: u,
            ..district.road(rng)
        });

        let mut streets: Vec<Road> = Vec::new();
        let mut rows = Vec::new();
        let mut v = -reach - rng.range(0.0, 60.0);
        let mut road = district.road(rng);
        while v < reach {
            let here = Road { at_m: v, ..road };
            let next = district.road(rng);
            let depths = [
                rng.range(district.plot_depth_m.0, district.plot_depth_m.1),
                rng.range(district.plot_depth_m.0, district.plot_depth_m.1),
            ];
            let low = v + here.reach_m();
            let middle = low + depths[0];
            let high = middle + depths[1];
            rows.push(Row {
                v_low: low,
                v_high: middle,
                plots: plots(rng, district, &cross_streets, low, middle, reach),
            });
            rows.push(Row {
                v_low: middle,
                v_high: high,
                plots: plots(rng, district, &cross_streets, high, middle, reach),
            });
            streets.push(here);
            v = high + next.reach_m();
            road = next;
        }
        streets.push(Road { at_m: v, ..road });
        Self {
            bend,
            streets,
            cross_streets,
            rows,
        }
    }

    /// The plot under a street coordinate.
    pub(crate) fn plot_at(&self, street: Vec2) -> Option<&Plot> {
        let row = self
            .rows
            .iter()
            .find(|row| street.y >= row.v_low && street.y < row.v_high)?;
        let after = row.plots.partition_point(|plot| plot.u0 <= street.x);
        row.plots[..after].last().filter(|plot| street.x < plot.u1)
    }
}

/// Cuts the land between cross streets into plots.
fn plots(
    rng: &mut TileRng,
    district: &District,
    cross_streets: &[Road],
    v_front: f32,
    v_back: f32,
    reach: f32,
) -> Vec<Plot> {
    let mut plots = Vec::new();
    for pair in cross_streets.windows(2) {
        let end = pair[1].at_m - pair[1].reach_m();
        let mut u = pair[0].at_m + pair[0].reach_m();
        if u > reach || end < -reach {
            continue;
        }
        let mut joined_left = 0;
        while u < end - district.plot_width_m.0 * 0.6 {
            let mut width = rng.range(district.plot_width_m.0, district.plot_width_m.1);
            let attached = joined_left > 0;
            if attached {
                joined_left -= 1;
                width = plots.last().map_or(width, Plot::width);
            } else if rng.chance(district.terraced) {
                joined_left = rng.count(2, 6);
                width = rng.range(6.0, 8.5);
            }
            // The last plot takes what is left, if that is not too much.
            let u1 = if end - (u + width) < district.plot_width_m.0 * 0.6 && !attached {
                end
            } else {
                (u + width).min(end)
            };
            plots.push(Plot {
                u0: u,
                u1,
                v_front,
                v_back,
                ground: district.plot_ground(rng),
                attached,
            });
            u = u1;
        }
    }
    plots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::random::Split;

    #[test]
    fn bends_invert_and_head_along_the_street() {
        let bend = Bend::new(vec2(40.0, 45.0), 0.8, 9.0, 150.0, 1.1);
        for (u, v) in [(0.0, 0.0), (-30.0, 12.0), (55.0, -20.0)] {
            let back = bend.to_street(bend.to_world(vec2(u, v)));
            assert!((back - vec2(u, v)).length() < 1e-3, "{back:?}");
        }
        let step = bend.to_world(vec2(10.05, 3.0)) - bend.to_world(vec2(9.95, 3.0));
        let along = Vec2::from_angle(bend.heading(10.0));
        assert!(step.cross(along).abs() < 1e-3 * step.length().max(1.0));
    }

    #[test]
    fn plots_of_a_row_do_not_overlap_and_are_found_again() {
        let mut rng = TileRng::new(4, Split::Train, 0);
        let plan = StreetPlan::new(&mut rng, &District::suburb(), 90.0);
        let mut seen = 0;
        for row in &plan.rows {
            for pair in row.plots.windows(2) {
                assert!(pair[0].u1 <= pair[1].u0 + 1e-3);
            }
            for plot in &row.plots {
                let centre = plot.place(0.0, plot.depth() / 2.0);
                assert_eq!(plan.plot_at(centre).map(|p| p.u0), Some(plot.u0));
                seen += 1;
            }
        }
        assert!(seen > 8, "{seen}");
    }
}
