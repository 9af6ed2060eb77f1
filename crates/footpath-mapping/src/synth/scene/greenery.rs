//! What grows, and what keeps neighbours apart: gardens, hedges, avenues, vacant plots.

use super::{Builder, Item};
use crate::synth::{
    canvas::{shade, srgb},
    district::Use,
    geometry::{Frame, Rect, Vec2, vec2},
    material::{Ground, Kind},
    plant::Plant,
    random::TileRng,
    street::{Plot, Road},
};

impl Builder<'_> {
    /// A plot without a house: bare ground, a court, a copse, or nothing.
    pub(super) fn vacant(&mut self, rng: &mut TileRng, plot: &Plot) {
        let w = plot.width();
        match rng.weighted(&[(40.0, 0), (25.0, 1), (20.0, 2), (15.0, 3)]) {
            0 => {
                // Ground as red, grey or pale as a roof, cut as straight as one.
                for _ in 0..rng.count(1, 2) {
                    let ground = if rng.chance(0.6) {
                        Ground::soil(rng)
                    } else {
                        self.yard(rng)
                    };
                    let rect = Rect::centred(rng.range(6.0, 16.0), rng.range(6.0, 13.0));
                    self.behind(rng, plot, rect, |frame, _| Item::Patch(frame, rect, ground));
                }
            }
            1 if w > 30.0 => self.behind(rng, plot, Rect::centred(29.0, 15.5), |frame, _| {
                Item::Court(frame)
            }),
            2 => {
                let count = (w * plot.depth() / rng.range(18.0, 45.0)) as usize;
                for _ in 0..count.min(260) {
                    self.tree(rng, plot);
                }
            }
            _ => {}
        }
    }

    /// Boundaries and trees of a plot.
    pub(super) fn garden(&mut self, rng: &mut TileRng, plot: &Plot) {
        let trees = self.district.trees * plot.width() * plot.depth() / 500.0;
        let trees = trees * rng.range(0.2, 1.8) + rng.unit();
        for _ in 0..trees as usize {
            self.tree(rng, plot);
        }
        if self.district.land_use == Use::Countryside && rng.chance(0.5) {
            return;
        }
        let side = [
            plot.place(-plot.width() / 2.0, 1.5),
            plot.place(-plot.width() / 2.0, plot.depth()),
        ];
        let back = [
            plot.place(-plot.width() / 2.0, plot.depth()),
            plot.place(plot.width() / 2.0, plot.depth()),
        ];
        let front = [
            plot.place(-plot.width() / 2.0, 0.5),
            plot.place(plot.width() * 0.15, 0.5),
        ];
        for (line, chance) in [(side, 0.7), (back, 0.4), (front, 0.25)] {
            if rng.chance(chance) {
                self.boundary(rng, line);
            }
        }
    }

    pub(super) fn boundary(&mut self, rng: &mut TileRng, [from, to]: [Vec2; 2]) {
        let hedge = rng.chance(0.45);
        let colour = if hedge {
            shade(self.hedge, 1.0 + 0.1 * rng.normal())
        } else {
            *rng.pick(&[
                srgb(150, 132, 112),
                srgb(186, 182, 174),
                srgb(112, 96, 82),
                srgb(214, 210, 204),
            ])
        };
        let pieces = ((to - from).length() / 7.0).ceil().max(1.0) as usize;
        for i in 0..pieces {
            let at = |i: usize| {
                self.plan
                    .bend
                    .to_world(from + (to - from) * (i as f32 / pieces as f32))
            };
            let (a, b) = (at(i), at(i + 1));
            let axis = (b - a) * (1.0 / (b - a).length().max(0.1));
            let frame = Frame { origin: a, axis };
            let rect = Rect::new(0.0, -0.12, (b - a).length(), 0.12);
            if rng.chance(0.08)
                || self
                    .scene
                    .buildings
                    .iter()
                    .any(|b| b.wing_comes_near(frame, rect, 0.2))
            {
                continue;
            }
            self.scene.standing.push(if hedge {
                Item::Hedge {
                    from: a,
                    to: b,
                    colour,
                }
            } else {
                Item::Box {
                    frame,
                    rect,
                    height_m: 1.5,
                    colour,
                }
            });
        }
    }

    pub(super) fn tree(&mut self, rng: &mut TileRng, plot: &Plot) {
        let street = plot.place(
            rng.range(-0.48, 0.48) * plot.width(),
            rng.range(0.04, 0.97) * plot.depth(),
        );
        let at = self.plan.bend.to_world(street);
        let plant = Plant::tree(rng, at, self.palms, self.district.dryness);
        self.plant(plant);
    }

    /// Plants unless it would hide too much of a roof.
    pub(super) fn plant(&mut self, plant: Plant) {
        if !self.bounds.grown(plant.radius_m).contains(plant.at) {
            return;
        }
        let hides = self
            .scene
            .buildings
            .iter()
            .any(|b| b.distance_m(plant.at) < 0.62 * plant.radius_m);
        if !hides {
            self.scene.standing.push(Item::Plant(plant));
        }
    }

    /// Cars and trees along the streets.
    pub(super) fn roadside(&mut self, rng: &mut TileRng) {
        let plan = self.plan;
        let reach = self.bounds.width() * 0.75;
        for road in &plan.streets {
            if road.surface.kind == Kind::Soil {
                continue;
            }
            let trees = rng.chance(0.35).then(|| rng.range(8.0, 15.0));
            let parked = rng.range(0.0, 0.35);
            let radius_m = rng.range(1.5, 3.2);
            for side in [-1.0, 1.0] {
                let mut u = -reach;
                while u < reach {
                    let junction = plan
                        .cross_streets
                        .iter()
                        .any(|c| (c.at_m - u).abs() < c.half_width_m + 6.0);
                    let v = road.at_m + side * (road.half_width_m - 1.1);
                    let frame = Frame::new(plan.bend.to_world(vec2(u, v)), plan.bend.heading(u));
                    if !junction && rng.chance(parked) {
                        self.car(rng, frame, 0.0);
                    } else if rng.chance(0.03) {
                        let lane = Frame::new(
                            plan.bend
                                .to_world(vec2(u, road.at_m + side * road.half_width_m * 0.45)),
                            plan.bend.heading(u),
                        );
                        self.car(rng, lane, 0.0);
                    }
                    u += rng.range(5.6, 7.5);
                }
                if let Some(spacing) = trees
                    && road.verge_m + road.pavement_m > 1.0
                {
                    self.avenue(rng, road, side, spacing, radius_m, reach);
                }
            }
        }
    }

    pub(super) fn avenue(
        &mut self,
        rng: &mut TileRng,
        road: &Road,
        side: f32,
        spacing: f32,
        radius_m: f32,
        reach: f32,
    ) {
        let mut u = -reach + rng.unit() * spacing;
        while u < reach {
            let v = road.at_m + side * (road.half_width_m + 0.9);
            let at = self.plan.bend.to_world(vec2(u, v));
            let junction = self
                .plan
                .cross_streets
                .iter()
                .any(|c| (c.at_m - u).abs() < c.half_width_m + 4.0);
            if !junction && rng.chance(0.85) {
                let mut plant = Plant::tree(rng, at, false, self.district.dryness);
                plant.radius_m = radius_m * rng.range(0.8, 1.15);
                self.plant(plant);
            }
            u += spacing;
        }
    }
}
