//! Buildings: their footprint, the roofs over it, and what stands on the roofs.

use super::{
    canvas::Rgb,
    geometry::{Frame, Rect, Vec2, convex_rings_meet, vec2},
    random::TileRng,
};

/// The form of the roof over one wing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Two faces, the ridge along local x.
    GableX,
    /// Two faces, the ridge along local y.
    GableY,
    /// Four faces.
    Hip,
    /// Level, with a parapet.
    Flat,
    /// One face, rising towards +y.
    Shed,
}

/// A rectangular part of a building with one simple roof.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wing {
    pub(crate) rect: Rect,
    pub(crate) form: Form,
    /// Height of the eaves, metres.
    pub(crate) eaves_m: f32,
    /// Rise of the faces, metres a metre.
    pub(crate) pitch: f32,
}

/// The surface of a roof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Covering {
    /// Clay or concrete tiles in courses.
    Tiles,
    /// Metal or fibre-cement sheets with seams down the slope.
    Sheets,
    /// Bitumen, membrane or concrete.
    Membrane,
    /// Loose stones on a flat roof.
    Gravel,
    /// Sedum and moss.
    Planted,
}

/// Colours and wear of a roof.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoofStyle {
    pub(crate) covering: Covering,
    pub(crate) colour: Rgb,
    /// The colour of stains: moss, rust, dirt.
    pub(crate) stain: Rgb,
    /// How stained, 0–1.
    pub(crate) wear: f32,
    /// Brightness of ridge and hip caps relative to the faces.
    pub(crate) ridge: f32,
    /// Width of sheets or spacing of courses, metres.
    pub(crate) spacing_m: f32,
    pub(crate) key: u32,
}

/// A small thing on a roof, in the building's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fitting {
    pub(crate) rect: Rect,
    pub(crate) kind: FittingKind,
}

/// What a fitting is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FittingKind {
    /// A box that stands up: chimney, stair head, ventilator.
    Box {
        /// Metres above the roof.
        height_m: f32,
        colour: Rgb,
    },
    /// Dark panels in a grid, flush with the roof.
    Solar,
    /// A pane flush with the roof: roof window, skylight.
    Pane { colour: Rgb },
    /// A round tank.
    Tank { height_m: f32, colour: Rgb },
}

/// A building.
#[derive(Clone, Debug)]
pub(crate) struct Building {
    pub(crate) frame: Frame,
    pub(crate) wings: Vec<Wing>,
    /// The footprint as one ring in the building's frame, without repeated or needless points.
    pub(crate) outline: Vec<Vec2>,
    pub(crate) style: RoofStyle,
    pub(crate) fittings: Vec<Fitting>,
    pub(crate) wall: Rgb,
}

impl Building {
    /// The footprint on the ground, metres.
    pub(crate) fn footprint(&self) -> Vec<Vec2> {
        self.outline
            .iter()
            .map(|&p| self.frame.to_world(p))
            .collect()
    }

    /// Whether any wing of one comes closer than `gap_m` to a wing of the other.
    pub(crate) fn comes_near(&self, other: &Self, gap_m: f32) -> bool {
        self.wings
            .iter()
            .any(|a| other.wing_comes_near(self.frame, a.rect, gap_m))
    }

    /// Whether any wing comes closer than `gap_m` to a rectangle of another frame.
    pub(crate) fn wing_comes_near(&self, frame: Frame, rect: Rect, gap_m: f32) -> bool {
        let ring = rect.corners().map(|c| frame.to_world(c));
        self.wings.iter().any(|wing| {
            convex_rings_meet(
                &wing.rect.corners().map(|c| self.frame.to_world(c)),
                &ring,
                gap_m,
            )
        })
    }

    /// Metres from a world point to the nearest wing; 0 inside.
    pub(crate) fn distance_m(&self, world: Vec2) -> f32 {
        let p = self.frame.to_local(world);
        self.wings.iter().fold(f32::MAX, |best, wing| {
            let dx = (wing.rect.min.x - p.x).max(p.x - wing.rect.max.x).max(0.0);
            let dy = (wing.rect.min.y - p.y).max(p.y - wing.rect.max.y).max(0.0);
            best.min((dx * dx + dy * dy).sqrt())
        })
    }
}

/// A part that stands out from one long side of the main part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bump {
    /// Side it stands on: true for +y (the back), false for -y.
    pub(crate) back: bool,
    pub(crate) x0: f32,
    pub(crate) x1: f32,
    /// How far it stands out, metres.
    pub(crate) out: f32,
}

/// The ring around a main rectangle and its bumps (which must not overlap each other on a side).
pub(crate) fn outline(main: Rect, bumps: &[Bump]) -> Vec<Vec2> {
    let mut ring = Vec::new();
    for back in [false, true] {
        let mut side: Vec<&Bump> = bumps.iter().filter(|bump| bump.back == back).collect();
        side.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        let mut points = Vec::new();
        let (edge, away) = if back {
            (main.max.y, 1.0)
        } else {
            (main.min.y, -1.0)
        };
        points.push(vec2(main.min.x, edge));
        for bump in side {
            points.push(vec2(bump.x0, edge));
            points.push(vec2(bump.x0, edge + away * bump.out));
            points.push(vec2(bump.x1, edge + away * bump.out));
            points.push(vec2(bump.x1, edge));
        }
        points.push(vec2(main.max.x, edge));
        // Along the front from left to right, then along the back from right to left.
        if back {
            points.reverse();
        }
        ring.append(&mut points);
    }
    tidy(&ring)
}

/// Drops points that repeat their neighbour or lie on the line between their neighbours.
fn tidy(ring: &[Vec2]) -> Vec<Vec2> {
    let mut points = ring.to_vec();
    loop {
        let n = points.len();
        let needless = (0..n).find(|&i| {
            let before = points[(i + n - 1) % n];
            let after = points[(i + 1) % n];
            (points[i] - before).cross(after - points[i]).abs() < 1e-4
        });
        match needless {
            Some(i) if n > 4 => {
                points.remove(i);
            }
            _ => return points,
        }
    }
}

/// The wing over a bump: it reaches into the main part up to its ridge, so the roofs join.
pub(crate) fn bump_wing(main: Rect, bump: &Bump, form: Form, eaves_m: f32, pitch: f32) -> Wing {
    let inner = main.centre().y;
    let rect = if bump.back {
        Rect::new(bump.x0, inner, bump.x1, main.max.y + bump.out)
    } else {
        Rect::new(bump.x0, main.min.y - bump.out, bump.x1, inner)
    };
    Wing {
        rect,
        form,
        eaves_m,
        pitch,
    }
}

/// Bumps that make a plain rectangle, an L, a T or a U, or add an annex.
pub(crate) fn draw_bumps(rng: &mut TileRng, main: Rect) -> Vec<Bump> {
    let (w, d) = (main.width(), main.height());
    let leg = |rng: &mut TileRng| rng.range(0.30, 0.45) * w;
    let out = |rng: &mut TileRng| rng.range(0.3, 0.75) * d;
    let back = rng.chance(0.6);
    match rng.weighted(&[(44.0, 0), (26.0, 1), (7.0, 2), (12.0, 3), (11.0, 4)]) {
        0 => vec![],
        1 => {
            let (leg, out) = (leg(rng), out(rng));
            let left = rng.chance(0.5);
            let x0 = if left { main.min.x } else { main.max.x - leg };
            vec![Bump {
                back,
                x0,
                x1: x0 + leg,
                out,
            }]
        }
        2 if w > 13.0 => {
            let (leg, out_a, out_b) = (rng.range(0.26, 0.34) * w, out(rng), out(rng));
            vec![
                Bump {
                    back,
                    x0: main.min.x,
                    x1: main.min.x + leg,
                    out: out_a,
                },
                Bump {
                    back,
                    x0: main.max.x - leg,
                    x1: main.max.x,
                    out: out_b,
                },
            ]
        }
        3 => {
            let leg = leg(rng);
            let x0 = main.min.x + rng.range(0.15, 0.85) * (w - leg);
            vec![Bump {
                back,
                x0,
                x1: x0 + leg,
                out: rng.range(0.2, 0.45) * d,
            }]
        }
        _ => {
            // An entrance in front and a conservatory or annex behind.
            let (a, b) = (rng.range(2.2, 4.0).min(w * 0.4), leg(rng));
            let xa = main.min.x + rng.unit() * (w - a);
            let xb = main.min.x + rng.unit() * (w - b);
            vec![
                Bump {
                    back: false,
                    x0: xa,
                    x1: xa + a,
                    out: rng.range(1.0, 2.2),
                },
                Bump {
                    back: true,
                    x0: xb,
                    x1: xb + b,
                    out: rng.range(1.8, 4.5),
                },
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::geometry::ring_area;

    #[test]
    fn outlines_have_the_area_of_their_parts() {
        let main = Rect::new(-6.0, -4.0, 6.0, 4.0);
        assert_eq!(outline(main, &[]).len(), 4);
        let l = [Bump {
            back: true,
            x0: 2.0,
            x1: 6.0,
            out: 3.0,
        }];
        let ring = outline(main, &l);
        assert_eq!(ring.len(), 6, "{ring:?}");
        assert!((ring_area(&ring).abs() - (96.0 + 12.0)).abs() < 1e-3);
        let u = [
            Bump {
                back: false,
                x0: -6.0,
                x1: -3.0,
                out: 4.0,
            },
            Bump {
                back: false,
                x0: 3.0,
                x1: 6.0,
                out: 2.0,
            },
        ];
        let ring = outline(main, &u);
        assert_eq!(ring.len(), 8, "{ring:?}");
        assert!((ring_area(&ring).abs() - (96.0 + 12.0 + 6.0)).abs() < 1e-3);
        assert!(ring.contains(&vec2(-3.0, -4.0)));
    }
}
