//! One tile: the picture and the footprints in it.

use image::RgbImage;

use super::{
    camera::Camera,
    canvas::{Canvas, Grid, PIXEL_M},
    clip::clip_ring,
    district::District,
    geometry::{Rect, Vec2, vec2},
    ground::Streetscape,
    light::Light,
    noise::Noise,
    random::{Split, TileRng},
    scene::Scene,
    street::StreetPlan,
};

/// Land around the tile whose shadows may fall into it, metres.
const MARGIN_M: f32 = 12.0;

/// The least area of an annotated part, px²: smaller slivers at the border are left out.
pub const MIN_PART_PX2: f64 = 10.0;

/// The visible part of one building.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    /// Simple rings of (x, y) in pixels from the tile's top left corner, in steps of 0.01, not
    /// closed. More than one where the tile's border cuts a concave building apart.
    pub parts: Vec<Vec<[f64; 2]>>,
}

impl Footprint {
    /// Sum of the parts' areas, px².
    #[must_use]
    pub fn area(&self) -> f64 {
        self.parts.iter().map(|part| shoelace(part)).sum()
    }

    /// Least and greatest x and y: `[x0, y0, x1, y1]`, pixels.
    #[must_use]
    pub fn bounds(&self) -> [f64; 4] {
        self.parts.iter().flatten().fold(
            [
                f64::INFINITY,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::NEG_INFINITY,
            ],
            |[x0, y0, x1, y1], &[x, y]| [x0.min(x), y0.min(y), x1.max(x), y1.max(y)],
        )
    }
}

/// Area of a ring, px².
fn shoelace(ring: &[[f64; 2]]) -> f64 {
    let twice: f64 = (0..ring.len())
        .map(|i| {
            let ([x0, y0], [x1, y1]) = (ring[i], ring[(i + 1) % ring.len()]);
            x0 * y1 - x1 * y0
        })
        .sum();
    twice.abs() / 2.0
}

/// A rendered tile.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The photograph.
    pub image: RgbImage,
    /// Its buildings; their interiors are disjoint.
    pub footprints: Vec<Footprint>,
}

/// Renders a tile of `size_px` by `size_px` pixels; the arguments alone decide every byte of it.
#[must_use]
pub fn render_tile(seed: u64, split: Split, index: usize, size_px: usize) -> Tile {
    render_with_canvas(seed, split, index, size_px).0
}

/// The tile and the canvas it was made from.
pub(crate) fn render_with_canvas(
    seed: u64,
    split: Split,
    index: usize,
    size_px: usize,
) -> (Tile, Canvas) {
    let mut rng = TileRng::new(seed, split, index);
    let grid = Grid::new(size_px, MARGIN_M);
    let district = District::draw(&mut rng);
    let plan = StreetPlan::new(&mut rng, &district, grid.tile_m);
    let streetscape = Streetscape::new(&mut rng);
    let window = Rect::new(0.0, 0.0, grid.tile_m, grid.tile_m);
    let scene = Scene::new(&mut rng, &district, &plan, window.grown(MARGIN_M));
    let light = Light::draw(&mut rng);
    let camera = Camera::draw(&mut rng);
    let lean = Vec2::from_angle(rng.range(0.0, std::f32::consts::TAU)) * rng.range(0.0, 0.14);
    let noise = Noise::new(&grid, rng.key());

    let mut canvas = Canvas::new(grid);
    streetscape.paint(&mut canvas, &plan, &noise);
    scene.paint(&mut rng, &mut canvas, &noise, lean);
    let image = camera.expose(&light.shine(&canvas), &grid, &noise, size_px);
    let footprints = scene
        .buildings
        .iter()
        .filter_map(|b| footprint(&b.footprint(), window))
        .collect();
    (Tile { image, footprints }, canvas)
}

/// Clips a ring (metres) to the tile and turns it into pixels; `None` if nothing worth a label is
/// left.
fn footprint(ring: &[Vec2], window: Rect) -> Option<Footprint> {
    let parts: Vec<_> = clip_ring(ring, window)
        .iter()
        .map(|part| {
            let mut points: Vec<[f64; 2]> = part
                .iter()
                .map(|&Vec2 { x, y }| vec2(x, y) * (1.0 / PIXEL_M))
                .map(|p| [p.x, p.y].map(|v| (f64::from(v) * 100.0).round() / 100.0))
                .collect();
            points.dedup();
            if points.len() > 1 && points.first() == points.last() {
                points.pop();
            }
            points
        })
        .filter(|part| part.len() >= 3 && shoelace(part) >= MIN_PART_PX2)
        .collect();
    (!parts.is_empty()).then_some(Footprint { parts })
}
