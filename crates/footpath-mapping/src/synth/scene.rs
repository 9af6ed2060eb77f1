//! Fills the plots: houses and what surrounds them, then cars, hedges and trees.

use super::{
    building::Building,
    canvas::{Canvas, Rgb, shade, srgb},
    district::{District, Use},
    geometry::{Frame, Rect, Vec2, vec2},
    house::{self, Fashion},
    material::{Ground, Kind},
    noise::Noise,
    object::{paint_box, paint_car, paint_court, paint_disc, paint_patch, paint_pool},
    plant::{Plant, paint_hedge},
    random::TileRng,
    roof::{paint_roof, paint_walls},
    street::{Plot, Road, StreetPlan},
};

/// Something to paint besides buildings.
enum Item {
    Patch(Frame, Rect, Ground),
    Pool {
        frame: Frame,
        round: bool,
    },
    Court(Frame),
    Disc(Vec2),
    Car(Frame),
    Box {
        frame: Frame,
        rect: Rect,
        height_m: f32,
        colour: Rgb,
    },
    Hedge {
        from: Vec2,
        to: Vec2,
        colour: Rgb,
    },
    Plant(Plant),
}

/// Everything that stands or lies on the plots of a tile.
pub(crate) struct Scene {
    pub(crate) buildings: Vec<Building>,
    /// Painted in order: first what lies on the ground, then (after the buildings) what stands.
    lying: Vec<Item>,
    standing: Vec<Item>,
}

impl Scene {
    /// Builds on every plot that lies within `bounds` (world metres).
    pub(crate) fn new(
        rng: &mut TileRng,
        district: &District,
        plan: &StreetPlan,
        bounds: Rect,
    ) -> Self {
        let fashion = Fashion::draw(rng);
        let mut builder = Builder {
            scene: Self {
                buildings: vec![],
                lying: vec![],
                standing: vec![],
            },
            district,
            plan,
            fashion,
            bounds,
            hedge: *rng.pick(&[srgb(70, 90, 52), srgb(84, 98, 58), srgb(62, 78, 50)]),
            palms: district.land_use == Use::Village && rng.chance(0.5),
            terrace_depth_m: rng.range(8.5, 11.0),
            terrace_setback_m: rng.range(2.0, 5.5),
            terrace_eaves_m: rng.range(4.5, 6.5),
        };
        for row in &plan.rows {
            let mut terrace: Option<Terrace> = None;
            for plot in &row.plots {
                let centre = plan.bend.to_world(plot.place(0.0, plot.depth() / 2.0));
                let near = plot.width().max(plot.depth()) * 0.75;
                if bounds.grown(near).contains(centre) {
                    builder.plot(rng, plot, &mut terrace);
                } else {
                    terrace = None;
                }
            }
        }
        builder.roadside(rng);
        builder.scene
    }

    /// Paints the scene over the ground; see [`paint_walls`] for `lean`.
    pub(crate) fn paint(&self, rng: &mut TileRng, canvas: &mut Canvas, noise: &Noise, lean: Vec2) {
        for item in &self.lying {
            item.paint(rng, canvas, noise);
        }
        for building in &self.buildings {
            paint_walls(canvas, noise, building, lean);
        }
        for (i, building) in self.buildings.iter().enumerate() {
            paint_roof(canvas, noise, building, i as u16 + 1);
        }
        for item in &self.standing {
            item.paint(rng, canvas, noise);
        }
    }
}

impl Item {
    fn paint(&self, rng: &mut TileRng, canvas: &mut Canvas, noise: &Noise) {
        match *self {
            Self::Patch(frame, rect, ref ground) => paint_patch(canvas, noise, frame, rect, ground),
            Self::Pool { frame, round } => paint_pool(canvas, noise, rng, frame, round),
            Self::Court(frame) => paint_court(canvas, noise, rng, frame),
            Self::Disc(at) => paint_disc(canvas, rng, at),
            Self::Car(frame) => paint_car(canvas, rng, frame),
            Self::Box {
                frame,
                rect,
                height_m,
                colour,
            } => {
                paint_box(canvas, noise, frame, rect, height_m, colour);
            }
            Self::Hedge { from, to, colour } => paint_hedge(canvas, noise, rng, from, to, colour),
            Self::Plant(plant) => plant.paint(canvas, noise, rng),
        }
    }
}

/// Houses wall to wall: where the next one goes.
struct Terrace {
    frame: Frame,
    /// Local x where the next house begins.
    next_x: f32,
}

struct Builder<'a> {
    scene: Scene,
    district: &'a District,
    plan: &'a StreetPlan,
    fashion: Fashion,
    bounds: Rect,
    hedge: Rgb,
    palms: bool,
    terrace_depth_m: f32,
    terrace_setback_m: f32,
    terrace_eaves_m: f32,
}

impl Builder<'_> {
    /// A frame in a plot: x along the street, y away from it.
    fn frame(&self, plot: &Plot, sideways: f32, inwards: f32, turn: f32) -> Frame {
        let street = plot.place(sideways, inwards);
        let mut angle = self.plan.bend.heading(street.x) + turn;
        if plot.away() < 0.0 {
            angle += std::f32::consts::PI;
        }
        Frame::new(self.plan.bend.to_world(street), angle)
    }

    fn plot(&mut self, rng: &mut TileRng, plot: &Plot, terrace: &mut Option<Terrace>) {
        let narrow = plot.width() < 10.0;
        if narrow && self.district.terraced > 0.0 {
            self.terraced(rng, plot, terrace);
            self.garden(rng, plot);
            return;
        }
        *terrace = None;
        let house = if rng.chance(self.district.built) {
            self.detached(rng, plot)
        } else {
            None
        };
        if let Some(house) = house {
            self.around_house(rng, plot, house);
        } else {
            self.vacant(rng, plot);
        }
        self.garden(rng, plot);
    }

    /// Adds a building if it stands free of the others, inside the plot.
    fn add(&mut self, building: Building, plot: &Plot, gap_m: f32) -> Option<usize> {
        let inside = building
            .footprint()
            .iter()
            .all(|&p| plot.contains(self.plan.bend.to_street(p), 0.7));
        if !inside
            || self
                .scene
                .buildings
                .iter()
                .any(|other| other.comes_near(&building, gap_m))
        {
            return None;
        }
        self.scene.buildings.push(building);
        Some(self.scene.buildings.len() - 1)
    }

    fn terraced(&mut self, rng: &mut TileRng, plot: &Plot, terrace: &mut Option<Terrace>) {
        let w = plot.width();
        if !plot.attached || terrace.is_none() {
            let frame = self.frame(
                plot,
                0.0,
                self.terrace_setback_m + self.terrace_depth_m / 2.0,
                0.0,
            );
            // Plots follow each other along u; the frame's x axis may point the other way.
            *terrace = Some(Terrace {
                frame,
                next_x: -w / 2.0,
            });
        }
        let Some(row) = terrace else { return };
        let x = row.next_x + w / 2.0;
        row.next_x += w;
        let frame = row.frame.moved(vec2(x * plot.away(), 0.0));
        if w < 4.5 {
            *terrace = None;
            return;
        }
        let building = house::terraced(
            rng,
            &self.fashion,
            frame,
            w,
            self.terrace_depth_m,
            self.terrace_eaves_m,
        );
        // Neighbours share a wall: they may touch but not overlap.
        let clear = self
            .scene
            .buildings
            .iter()
            .all(|other| !other.comes_near(&building, -0.05));
        let reach = Rect {
            min: vec2(-30.0, -30.0),
            max: vec2(30.0, 30.0),
        };
        let on_land = building.footprint().iter().all(|&p| {
            let street = self.plan.bend.to_street(p);
            let inwards = (street.y - plot.v_front) * plot.away();
            inwards > 0.3
                && inwards < plot.depth() - 1.0
                && street.x > plot.u0 - 3.0
                && street.x < plot.u1 + 3.0
        });
        if clear && on_land && reach.contains(frame.origin - row.frame.origin) {
            self.scene.buildings.push(building);
        } else {
            *terrace = None;
        }
    }

    fn detached(&mut self, rng: &mut TileRng, plot: &Plot) -> Option<usize> {
        let mut max_w = plot.width() - rng.range(2.4, 5.0);
        let mut max_d = plot.depth() * 0.62;
        for _ in 0..5 {
            let turn = self.district.skew + self.district.jitter * rng.normal();
            let setback = rng.range(3.0, 7.5).min(plot.depth() * 0.25);
            let sideways = rng.range(-0.12, 0.12) * plot.width();
            let mut building = house::detached(
                rng,
                self.district.land_use,
                &self.fashion,
                Frame::new(vec2(0.0, 0.0), 0.0),
                max_w,
                max_d,
            );
            let front = Rect::around(&building.outline).min.y;
            building.frame = self.frame(plot, sideways, setback - front, turn);
            if let Some(house) = self.add(building, plot, 1.0) {
                return Some(house);
            }
            max_w *= 0.88;
            max_d *= 0.9;
        }
        None
    }

    fn around_house(&mut self, rng: &mut TileRng, plot: &Plot, house: usize) {
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

    fn yard(&self, rng: &mut TileRng) -> Ground {
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
    fn behind(
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

    fn free(&self, plot: &Plot, frame: Frame, rect: Rect, gap_m: f32) -> bool {
        rect.corners()
            .iter()
            .all(|&c| plot.contains(self.plan.bend.to_street(frame.to_world(c)), 0.5))
            && !self
                .scene
                .buildings
                .iter()
                .any(|b| b.wing_comes_near(frame, rect, gap_m))
    }

    fn outbuilding(&mut self, rng: &mut TileRng, plot: &Plot) {
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
    fn yard_things(&mut self, rng: &mut TileRng, plot: &Plot) {
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

    fn car_park(&mut self, rng: &mut TileRng, plot: &Plot) {
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

    fn car(&mut self, rng: &mut TileRng, frame: Frame, turn: f32) {
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

    /// A plot without a house: bare ground, a court, a copse, or nothing.
    fn vacant(&mut self, rng: &mut TileRng, plot: &Plot) {
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
    fn garden(&mut self, rng: &mut TileRng, plot: &Plot) {
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

    fn boundary(&mut self, rng: &mut TileRng, [from, to]: [Vec2; 2]) {
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

    fn tree(&mut self, rng: &mut TileRng, plot: &Plot) {
        let street = plot.place(
            rng.range(-0.48, 0.48) * plot.width(),
            rng.range(0.04, 0.97) * plot.depth(),
        );
        let at = self.plan.bend.to_world(street);
        let plant = Plant::tree(rng, at, self.palms, self.district.dryness);
        self.plant(plant);
    }

    /// Plants unless it would hide too much of a roof.
    fn plant(&mut self, plant: Plant) {
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
    fn roadside(&mut self, rng: &mut TileRng) {
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

    fn avenue(
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
