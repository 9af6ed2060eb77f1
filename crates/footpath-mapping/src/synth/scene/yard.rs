//! What people put around their houses: drives, patios, pools, sheds, cars.

use super::{Builder, Item};
use crate::synth::{
    canvas::srgb,
    district::Use,
    geometry::{Frame, Rect, vec2},
    house,
    material::{Ground, Kind},
    random::TileRng,
    street::Plot,
};

impl Builder<'_> {
    pub(super) fn around_house(&mut self, rng: &mut TileRng, plot: &Plot, house: usize) {
        let building = self.scene.buildings[house].clone();
        let body = Rect::around(&building.outline);
        let land_use = self.district.land_use;
        // Paved or bare ground at the foot of the walls.
        if rng.chance(0.6) {
            let ground = self.yard(rng);
            let margin = rng.range(0.4, 1.6);
            self.scene
                .lying
                .push(Item::Patch(building.frame, body.grown(margin), ground));
        }
        // Patio behind.
        if rng.chance(0.55) {
            let ground = self.yard(rng);
            let x = body.min.x + rng.range(0.0, 0.5) * body.width();
            let rect = Rect::new(
                x,
                body.max.y - 2.0,
                x + rng.range(3.0, 8.0),
                body.max.y + rng.range(1.5, 5.0),
            );
            self.scene
                .lying
                .push(Item::Patch(building.frame, rect, ground));
        }
        // Driveway at one side, with a car.
        if !matches!(land_use, Use::Village | Use::Countryside) || rng.chance(0.3) {
            let ground = self.yard(rng);
            let width = if land_use == Use::Industry {
                rng.range(6.0, 10.0)
            } else {
                rng.range(2.8, 5.6)
            };
            let side = rng.sign()
                * (plot.width() / 2.0 - width / 2.0 - 0.6).max(0.0)
                * rng.range(0.5, 1.0);
            let frame = self.frame(plot, side, 0.0, 0.0);
            let length = rng.range(5.0, 14.0);
            let rect = Rect::new(-width / 2.0, -4.2, width / 2.0, length);
            self.scene.lying.push(Item::Patch(frame, rect, ground));
            for lane in 0..rng.count(0, 2) {
                let at = vec2(
                    (lane as f32 - 0.5) * 2.4 * f32::from(width > 4.6),
                    rng.range(2.5, length - 2.0),
                );
                self.car(rng, frame.moved(at), std::f32::consts::FRAC_PI_2);
            }
        }
        match land_use {
            Use::Suburb | Use::Villas => {
                let villa = land_use == Use::Villas;
                if rng.chance(if villa { 0.5 } else { 0.14 }) {
                    self.behind(rng, plot, Rect::centred(9.0, 5.0), |frame, rng| {
                        Item::Pool {
                            frame,
                            round: rng.chance(0.2),
                        }
                    });
                }
                if rng.chance(0.10) {
                    self.behind(rng, plot, Rect::centred(4.0, 4.0), |frame, _| {
                        Item::Disc(frame.origin)
                    });
                }
                if rng.chance(0.22) {
                    self.outbuilding(rng, plot);
                }
            }
            Use::Village | Use::Countryside => {
                if rng.chance(0.25) {
                    self.outbuilding(rng, plot);
                }
            }
            Use::Flats | Use::Industry => self.yard_things(rng, plot),
        }
    }

    pub(super) fn yard(&self, rng: &mut TileRng) -> Ground {
        match self.district.land_use {
            Use::Village | Use::Countryside => {
                if rng.chance(0.75) {
                    Ground::soil(rng)
                } else {
                    Ground::slabs(rng)
                }
            }
            _ => match rng.weighted(&[
                (50.0, Kind::Slabs),
                (25.0, Kind::Asphalt),
                (15.0, Kind::Gravel),
                (10.0, Kind::Soil),
            ]) {
                Kind::Asphalt => Ground::asphalt(rng),
                Kind::Gravel => Ground::gravel(rng),
                Kind::Soil => Ground::soil(rng),
                _ => Ground::slabs(rng),
            },
        }
    }

    /// Puts something of a given extent into the plot where no building stands.
    pub(super) fn behind(
        &mut self,
        rng: &mut TileRng,
        plot: &Plot,
        extent: Rect,
        make: impl Fn(Frame, &mut TileRng) -> Item,
    ) {
        for _ in 0..6 {
            let sideways = rng.range(-0.5, 0.5) * (plot.width() - extent.width()).max(0.0);
            let inwards = rng.range(0.35, 0.95) * plot.depth();
            let turn = if rng.chance(0.6) {
                self.district.skew
            } else {
                rng.range(-0.3, 0.3)
            };
            let frame = self.frame(plot, sideways, inwards, turn);
            if self.free(plot, frame, extent, 0.8) {
                let item = make(frame, rng);
                self.scene.lying.push(item);
                return;
            }
        }
    }

    pub(super) fn free(&self, plot: &Plot, frame: Frame, rect: Rect, gap_m: f32) -> bool {
        rect.corners()
            .iter()
            .all(|&c| plot.contains(self.plan.bend.to_street(frame.to_world(c)), 0.5))
            && !self
                .scene
                .buildings
                .iter()
                .any(|b| b.wing_comes_near(frame, rect, gap_m))
    }

    pub(super) fn outbuilding(&mut self, rng: &mut TileRng, plot: &Plot) {
        let garage = rng.chance(0.55);
        for _ in 0..6 {
            let sideways = rng.range(-0.45, 0.45) * (plot.width() - 4.0);
            let inwards = rng.range(0.25, 0.92) * plot.depth();
            let turn = self.district.skew + 0.05 * rng.normal();
            let frame = self.frame(plot, sideways, inwards, turn);
            let building = house::shed(rng, frame, garage);
            if self.add(building, plot, 1.2).is_some() {
                return;
            }
        }
    }

    /// Car parks, containers and heaps around halls and flats.
    pub(super) fn yard_things(&mut self, rng: &mut TileRng, plot: &Plot) {
        for _ in 0..rng.count(0, 2) {
            self.car_park(rng, plot);
        }
        if self.district.land_use == Use::Flats {
            return;
        }
        for _ in 0..rng.count(0, 6) {
            let rect = if rng.chance(0.7) {
                Rect::centred(6.1, 2.45)
            } else {
                Rect::centred(12.2, 2.5)
            };
            let at = vec2(
                rng.range(-0.46, 0.46) * plot.width(),
                rng.range(0.1, 0.95) * plot.depth(),
            );
            let turn = self.district.skew
                + if rng.chance(0.5) {
                    0.0
                } else {
                    std::f32::consts::FRAC_PI_2
                };
            let frame = self.frame(plot, at.x, at.y, turn);
            if self.free(plot, frame, rect, 0.8) {
                let colour = *rng.pick(&[
                    srgb(150, 70, 56),
                    srgb(64, 92, 130),
                    srgb(120, 124, 122),
                    srgb(190, 190, 186),
                    srgb(80, 108, 88),
                ]);
                self.scene.standing.push(Item::Box {
                    frame,
                    rect,
                    height_m: 2.6,
                    colour,
                });
            }
        }
    }

    pub(super) fn car_park(&mut self, rng: &mut TileRng, plot: &Plot) {
        let stalls = rng.count(4, 12);
        let length = stalls as f32 * 2.5;
        let rect = Rect::new(-length / 2.0 - 0.5, -6.0, length / 2.0 + 0.5, 5.4);
        for _ in 0..8 {
            let turn = self.district.skew
                + if rng.chance(0.5) {
                    0.0
                } else {
                    std::f32::consts::FRAC_PI_2
                };
            let frame = self.frame(
                plot,
                rng.range(-0.4, 0.4) * plot.width(),
                rng.range(0.15, 0.85) * plot.depth(),
                turn,
            );
            if !self.free(plot, frame, rect, 1.0) {
                continue;
            }
            self.scene
                .lying
                .push(Item::Patch(frame, rect, Ground::asphalt(rng)));
            let mut paint = Ground::slabs(rng);
            paint.colour = srgb(214, 212, 206);
            for stall in 0..=stalls {
                let x = -length / 2.0 + stall as f32 * 2.5;
                let line = Rect::new(x - 0.07, 0.4, x + 0.07, 5.2);
                self.scene.lying.push(Item::Patch(frame, line, paint));
                if stall < stalls && rng.chance(0.6) {
                    let at = vec2(x + 1.25, 2.8 + 0.25 * rng.normal());
                    self.car(rng, frame.moved(at), std::f32::consts::FRAC_PI_2);
                }
            }
            return;
        }
    }

    pub(super) fn car(&mut self, rng: &mut TileRng, frame: Frame, turn: f32) {
        let mut axis = Frame::new(vec2(0.0, 0.0), turn + 0.03 * rng.normal()).axis;
        if rng.chance(0.5) {
            axis = axis * -1.0;
        }
        let frame = Frame {
            origin: frame.origin,
            axis: frame.turn(axis),
        };
        let clear = !self
            .scene
            .buildings
            .iter()
            .any(|b| b.wing_comes_near(frame, Rect::centred(4.8, 2.0), 0.3));
        if clear {
            self.scene.standing.push(Item::Car(frame));
        }
    }
}
