//! Fills the plots: houses and what surrounds them, then cars, hedges and trees.

mod greenery;
mod yard;

use super::{
    building::Building,
    canvas::{Canvas, Rgb, srgb},
    district::{District, Use},
    geometry::{Frame, Rect, Vec2, vec2},
    house::{self, Fashion},
    material::Ground,
    noise::Noise,
    object::{paint_box, paint_car, paint_court, paint_disc, paint_patch, paint_pool},
    plant::{Plant, paint_hedge},
    random::TileRng,
    roof::{paint_roof, paint_walls},
    street::{Plot, StreetPlan},
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
}
