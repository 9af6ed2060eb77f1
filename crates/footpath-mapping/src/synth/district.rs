//! Kinds of neighbourhood: what sets one tile apart from the next.

use super::{
    canvas::srgb,
    material::{Ground, Kind},
    random::TileRng,
    street::Road,
};

/// What stands on the plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Detached and terraced houses with gardens.
    Suburb,
    /// Large houses, large gardens, pools.
    Villas,
    /// Scattered houses at any angle along tracks, sheet-metal roofs.
    Village,
    /// Blocks of flats in lawns and car parks.
    Flats,
    /// Halls, yards, containers.
    Industry,
    /// Fields and woods; hardly a building.
    Countryside,
}

/// The rules of a neighbourhood.
#[derive(Clone, Debug)]
pub(crate) struct District {
    pub(crate) land_use: Use,
    pub(crate) plot_width_m: (f32, f32),
    pub(crate) plot_depth_m: (f32, f32),
    /// Distance between cross streets.
    pub(crate) block_m: (f32, f32),
    /// Chance that the streets bend.
    pub(crate) curved: f32,
    /// Chance that a plot starts a terrace.
    pub(crate) terraced: f32,
    /// Chance that a plot is built on.
    pub(crate) built: f32,
    /// Trees on a plot of 500 m².
    pub(crate) trees: f32,
    /// How far houses turn from the street, radians (for the whole tile).
    pub(crate) skew: f32,
    /// How far each house turns on its own, radians (standard deviation).
    pub(crate) jitter: f32,
    /// How dry grass and trees are, 0–1.
    pub(crate) dryness: f32,
}

impl District {
    /// Draws a neighbourhood; suburbs are the most common.
    pub(crate) fn draw(rng: &mut TileRng) -> Self {
        let land_use = rng.weighted(&[
            (50.0, Use::Suburb),
            (12.0, Use::Villas),
            (14.0, Use::Village),
            (7.0, Use::Flats),
            (9.0, Use::Industry),
            (8.0, Use::Countryside),
        ]);
        let mut district = Self {
            land_use,
            ..Self::suburb()
        };
        match land_use {
            Use::Suburb => {
                if rng.chance(0.25) {
                    district.terraced = rng.range(0.1, 0.4);
                }
                district.trees = rng.range(0.8, 5.0);
            }
            Use::Villas => {
                district.plot_width_m = (26.0, 38.0);
                district.plot_depth_m = (34.0, 44.0);
                district.trees = rng.range(2.0, 5.0);
            }
            Use::Village => {
                district.plot_width_m = (15.0, 26.0);
                district.plot_depth_m = (18.0, 30.0);
                district.curved = 0.8;
                district.built = 0.75;
                district.jitter = rng.range(0.05, 0.5);
                district.trees = rng.range(0.8, 4.0);
            }
            Use::Flats => {
                district.plot_width_m = (34.0, 52.0);
                district.plot_depth_m = (30.0, 42.0);
                district.trees = rng.range(1.0, 3.0);
            }
            Use::Industry => {
                district.plot_width_m = (32.0, 56.0);
                district.plot_depth_m = (36.0, 52.0);
                district.curved = 0.2;
                district.trees = rng.range(0.1, 0.8);
            }
            Use::Countryside => {
                district.plot_width_m = (40.0, 90.0);
                district.plot_depth_m = (50.0, 90.0);
                district.built = if rng.chance(0.5) { 0.0 } else { 0.25 };
                district.trees = rng.range(0.1, 3.0);
            }
        }
        if rng.chance(0.3) {
            district.skew = rng.sign() * rng.range(0.15, 0.6);
        }
        district.dryness = rng.range(0.0, 1.0);
        district
    }

    /// A plain suburb.
    pub(crate) fn suburb() -> Self {
        Self {
            land_use: Use::Suburb,
            plot_width_m: (15.0, 22.0),
            plot_depth_m: (24.0, 33.0),
            block_m: (90.0, 190.0),
            curved: 0.5,
            terraced: 0.0,
            built: 0.94,
            trees: 2.0,
            skew: 0.0,
            jitter: 0.03,
            dryness: 0.4,
        }
    }

    /// A road as this neighbourhood builds them, at 0.
    pub(crate) fn road(&self, rng: &mut TileRng) -> Road {
        let track = match self.land_use {
            Use::Village => rng.chance(0.7),
            Use::Countryside => rng.chance(0.6),
            _ => false,
        };
        if track {
            return Road {
                at_m: 0.0,
                half_width_m: rng.range(1.4, 2.6),
                pavement_m: 0.0,
                verge_m: rng.range(0.3, 1.5),
                surface: Ground::soil(rng),
                centre_line: false,
                edge_lines: false,
            };
        }
        let main = rng.chance(if self.land_use == Use::Industry {
            0.5
        } else {
            0.2
        });
        let half_width_m = if main {
            rng.range(4.2, 6.5)
        } else {
            rng.range(2.7, 3.8)
        };
        let mut surface = Ground::asphalt(rng);
        if rng.chance(0.08) {
            surface = Ground::slabs(rng);
        }
        Road {
            at_m: 0.0,
            half_width_m,
            pavement_m: if rng.chance(0.75) {
                rng.range(1.2, 2.4)
            } else {
                0.0
            },
            verge_m: if rng.chance(0.4) {
                rng.range(0.8, 2.5)
            } else {
                0.0
            },
            surface,
            centre_line: main || rng.chance(0.2),
            edge_lines: main && rng.chance(0.5),
        }
    }

    /// What covers a plot of this neighbourhood where nothing else lies on it.
    pub(crate) fn plot_ground(&self, rng: &mut TileRng) -> Ground {
        let kind = match self.land_use {
            Use::Suburb | Use::Villas | Use::Flats => rng.weighted(&[
                (78.0, Kind::Grass),
                (9.0, Kind::Soil),
                (8.0, Kind::Slabs),
                (5.0, Kind::Gravel),
            ]),
            Use::Village => rng.weighted(&[
                (42.0, Kind::Grass),
                (38.0, Kind::Soil),
                (12.0, Kind::Crop),
                (8.0, Kind::Gravel),
            ]),
            Use::Industry => rng.weighted(&[
                (36.0, Kind::Asphalt),
                (26.0, Kind::Slabs),
                (18.0, Kind::Gravel),
                (12.0, Kind::Grass),
                (8.0, Kind::Soil),
            ]),
            Use::Countryside => {
                rng.weighted(&[(55.0, Kind::Crop), (32.0, Kind::Grass), (13.0, Kind::Soil)])
            }
        };
        match kind {
            Kind::Grass => {
                let mut grass = Ground::grass(rng);
                let dry = srgb(150, 138, 100);
                grass.colour =
                    super::canvas::mix(grass.colour, dry, 0.55 * self.dryness * rng.unit());
                grass
            }
            Kind::Soil => Ground::soil(rng),
            Kind::Asphalt => Ground::asphalt(rng),
            Kind::Slabs => Ground::slabs(rng),
            Kind::Gravel => Ground::gravel(rng),
            Kind::Crop => Ground::crop(rng),
        }
    }
}
