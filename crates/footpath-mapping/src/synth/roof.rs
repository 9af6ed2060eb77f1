//! Paints buildings: roof faces, coverings, ridges, fittings, and the strip of wall a slanting view
//! shows.

use super::{
    building::{Building, Covering, FittingKind, Form, RoofStyle, Wing},
    canvas::{Canvas, Rgb, mix, shade, srgb},
    geometry::{Rect, Vec2, smoothstep, vec2},
    material::edge_of_cell,
    noise::{Noise, hash_signed},
};

/// A point of a roof's surface.
#[derive(Clone, Copy, Debug)]
struct Surface {
    height: f32,
    /// Rise towards local +x and +y.
    slope: Vec2,
    /// Along the eaves, metres.
    along: f32,
    /// Up the slope from the eaves, metres.
    up: f32,
    /// To the nearest ridge or hip, metres; large on flat roofs.
    to_ridge: f32,
    /// To the nearest free edge of the wing, metres.
    to_edge: f32,
    /// Number of the face within the wing.
    face: u32,
    flat: bool,
}

fn surface(wing: &Wing, p: Vec2) -> Surface {
    let c = wing.rect.centre();
    let (hx, hy) = (wing.rect.width() / 2.0, wing.rect.height() / 2.0);
    let (x, y) = (p.x - c.x, p.y - c.y);
    // Distances to the nearer side, across and along.
    let (ex, ey) = (hx - x.abs(), hy - y.abs());
    let to_edge = ex.min(ey);
    // A face that rises from the side at ±y (or ±x) towards the middle.
    let face_y = |to_ridge: f32| Surface {
        height: wing.eaves_m + wing.pitch * ey,
        slope: vec2(0.0, -y.signum() * wing.pitch),
        along: x,
        up: ey,
        to_ridge,
        to_edge,
        face: u32::from(y > 0.0),
        flat: false,
    };
    let face_x = |to_ridge: f32| Surface {
        height: wing.eaves_m + wing.pitch * ex,
        slope: vec2(-x.signum() * wing.pitch, 0.0),
        along: y,
        up: ex,
        to_ridge,
        to_edge,
        face: 2 + u32::from(x > 0.0),
        flat: false,
    };
    match wing.form {
        Form::GableX => face_y(y.abs()),
        Form::GableY => face_x(x.abs()),
        Form::Hip => {
            let hip = (ex - ey).abs() * std::f32::consts::FRAC_1_SQRT_2;
            if ey < ex {
                face_y(hip.min(y.abs()))
            } else {
                face_x(hip.min(x.abs()))
            }
        }
        Form::Shed => Surface {
            height: wing.eaves_m + wing.pitch * (y + hy),
            slope: vec2(0.0, wing.pitch),
            along: x,
            up: y + hy,
            to_ridge: 9.0,
            to_edge,
            face: 0,
            flat: false,
        },
        Form::Flat => Surface {
            height: wing.eaves_m,
            slope: vec2(0.0, 0.0),
            along: x,
            up: y + hy,
            to_ridge: 9.0,
            to_edge,
            face: 0,
            flat: true,
        },
    }
}

/// Paints the roof of one building and marks its footprint with its number.
pub(crate) fn paint_roof(canvas: &mut Canvas, noise: &Noise, building: &Building, number: u16) {
    let bounds = Rect::around(&building.outline);
    canvas.each_in_frame(building.frame, bounds, |canvas, index, p| {
        let mut top: Option<(Surface, usize)> = None;
        for (i, wing) in building.wings.iter().enumerate() {
            if wing.rect.contains(p) {
                let s = surface(wing, p);
                if top.is_none_or(|(t, _)| s.height > t.height) {
                    top = Some((s, i));
                }
            }
        }
        let Some((mut s, wing)) = top else { return };
        // An edge inside the footprint (where wings join) is no edge.
        s.to_edge = if building.wings.len() == 1 {
            s.to_edge
        } else {
            edge_distance(&building.outline, p)
        };
        canvas.building[index] = number;
        let albedo = roof_albedo(&building.style, noise, index, &s, wing as u32);
        let mut height = s.height;
        if s.flat && s.to_edge < 0.3 {
            height += 0.35;
        }
        let sample = &mut canvas.samples[index];
        sample.albedo = albedo;
        sample.height = height;
        sample.slope = building.frame.turn(s.slope);
    });
    for fitting in &building.fittings {
        paint_fitting(canvas, building, fitting.rect, fitting.kind, noise);
    }
}

/// Paints the walls that a slanting view shows beside the roofs.
///
/// `lean` is how far a point moves sideways in the image for each metre of its height. Paint the
/// walls of all buildings before any roof, or they would cover a touching neighbour's.
pub(crate) fn paint_walls(canvas: &mut Canvas, noise: &Noise, building: &Building, lean: Vec2) {
    for wing in &building.wings {
        let drop = building
            .frame
            .to_local(building.frame.origin - lean * wing.eaves_m);
        let swept = Rect::around(&[
            wing.rect.min,
            wing.rect.max,
            wing.rect.min + drop,
            wing.rect.max + drop,
        ]);
        canvas.each_in_frame(building.frame, swept, |canvas, index, p| {
            // The wall point seen here stands as high as the roof edge is far.
            let seen = (0..=6)
                .map(|i| i as f32 / 6.0)
                .find(|&t| wing.rect.contains(p - drop * t));
            if let Some(t) = seen
                && t > 0.0
            {
                let windows = 1.0 - 0.25 * smoothstep(0.3, 0.5, noise.fine[index]);
                let sample = &mut canvas.samples[index];
                sample.albedo = shade(building.wall, windows * (0.62 + 0.05 * noise.patch[index]));
                sample.height = sample.height.max(wing.eaves_m * (1.0 - t) * 0.9);
                sample.slope = vec2(0.0, 0.0);
            }
        });
    }
}

fn roof_albedo(style: &RoofStyle, noise: &Noise, index: usize, s: &Surface, wing: u32) -> Rgb {
    let (broad, patch, fine) = (noise.broad[index], noise.patch[index], noise.fine[index]);
    let key = style.key;
    let grain = hash_signed(noise.key, index as u32, 11);
    let face = hash_signed(key, s.face, wing);
    let run = s.along / style.spacing_m;
    let mut tone = 1.0 + 0.05 * face;
    let mut stain = style.wear * (0.22 + 0.2 * broad + 0.25 * patch + 0.12 * fine);
    match style.covering {
        Covering::Tiles => {
            let course = s.up / style.spacing_m;
            tone += 0.05
                * hash_signed(
                    key ^ 9,
                    (s.along / 0.9).floor() as i32 as u32,
                    course.floor() as i32 as u32,
                );
            tone += 0.06 * (course - course.floor() - 0.5) + 0.035 * fine + 0.04 * grain;
            // Water runs down and darkens the lower courses.
            stain += 0.12 * style.wear * (1.0 - smoothstep(0.0, 3.0, s.up));
        }
        Covering::Sheets => {
            let sheet = run.floor() as i32 as u32;
            let length = (s.up / 3.6 + 0.5 * hash_signed(key ^ 5, sheet, 1)).floor() as i32 as u32;
            let panel = hash_signed(key, sheet, length ^ (s.face << 8));
            tone += 0.07 * panel * (0.3 + style.wear)
                + 0.05 * (0.5 - edge_of_cell(run, 0.09))
                + 0.02 * grain;
            stain += style.wear * 0.45 * smoothstep(0.25, 0.9, panel + 0.3 * patch);
            // Streaks follow the slope.
            stain +=
                style.wear * 0.12 * hash_signed(key ^ 3, (s.along * 4.0).floor() as i32 as u32, 0);
        }
        Covering::Membrane => {
            tone -= 0.10 * edge_of_cell(run, 0.03);
            tone +=
                0.03 * hash_signed(key, run.floor() as i32 as u32, 2) + 0.03 * fine + 0.02 * grain;
            stain += style.wear * 0.3 * smoothstep(0.6, 1.6, patch);
        }
        Covering::Gravel => tone += 0.06 * fine + 0.08 * grain,
        Covering::Planted => {
            tone += 0.10 * fine + 0.08 * grain + 0.06 * patch;
            stain += 0.35 * smoothstep(-0.3, 1.2, patch + 0.5 * fine);
        }
    }
    let mut colour = shade(mix(style.colour, style.stain, stain), tone);
    let ridge = 1.0 - smoothstep(0.10, 0.26, s.to_ridge);
    colour = shade(colour, 1.0 + (style.ridge - 1.0) * ridge);
    if s.flat {
        let parapet = 1.0 - smoothstep(0.24, 0.36, s.to_edge);
        colour = mix(colour, srgb(176, 172, 166), 0.6 * parapet);
    } else {
        // Gutters and the drip edge.
        colour = shade(
            colour,
            1.0 - 0.22 * (1.0 - smoothstep(0.08, 0.28, s.to_edge)),
        );
    }
    colour
}

/// Distance from a point inside to the nearest edge of a ring, metres.
fn edge_distance(ring: &[Vec2], p: Vec2) -> f32 {
    let mut best = f32::MAX;
    for (i, &a) in ring.iter().enumerate() {
        let edge = ring[(i + 1) % ring.len()] - a;
        let t = ((p - a).dot(edge) / edge.dot(edge)).clamp(0.0, 1.0);
        best = best.min((p - a - edge * t).length());
    }
    best
}

fn paint_fitting(
    canvas: &mut Canvas,
    building: &Building,
    rect: Rect,
    kind: FittingKind,
    noise: &Noise,
) {
    let centre = rect.centre();
    let radius = rect.width().min(rect.height()) / 2.0;
    canvas.each_in_frame(building.frame, rect, |canvas, index, p| {
        // Roof parts that a higher wing hides, and places past the edge, hold no fitting.
        if !building.wings.iter().any(|wing| wing.rect.contains(p)) {
            return;
        }
        let sample = &mut canvas.samples[index];
        match kind {
            FittingKind::Box { height_m, colour } => {
                sample.albedo = shade(colour, 1.0 + 0.04 * noise.fine[index]);
                sample.height += height_m;
                sample.slope = vec2(0.0, 0.0);
            }
            FittingKind::Tank { height_m, colour } => {
                let d = (p - centre).length();
                if d < radius {
                    let rim = 1.0 + 0.5 * (1.0 - smoothstep(0.0, 0.2, (d - radius * 0.8).abs()));
                    sample.albedo = shade(colour, rim);
                    sample.height += height_m;
                    sample.slope = vec2(0.0, 0.0);
                }
            }
            FittingKind::Solar => {
                let q = p - rect.min;
                let frame = edge_of_cell(q.x / 1.02, 0.05).max(edge_of_cell(q.y / 1.68, 0.035));
                sample.albedo = mix(srgb(38, 46, 68), srgb(120, 126, 136), 0.6 * frame);
            }
            FittingKind::Pane { colour } => {
                let edge = (p.x - rect.min.x)
                    .min(rect.max.x - p.x)
                    .min(p.y - rect.min.y)
                    .min(rect.max.y - p.y);
                sample.albedo = mix(
                    colour,
                    srgb(70, 70, 72),
                    0.5 * (1.0 - smoothstep(0.05, 0.15, edge)),
                );
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wing(form: Form) -> Wing {
        Wing {
            rect: Rect::new(-6.0, -4.0, 6.0, 4.0),
            form,
            eaves_m: 3.0,
            pitch: 0.5,
        }
    }

    #[test]
    fn roofs_rise_from_eaves_to_ridge() {
        let gable = surface(&wing(Form::GableX), vec2(5.9, 0.0));
        assert!((gable.height - 5.0).abs() < 1e-5);
        let hip = surface(&wing(Form::Hip), vec2(5.5, 0.0));
        assert!((hip.height - 3.25).abs() < 1e-5);
        assert_eq!(hip.slope, vec2(-0.5, 0.0));
        let front = surface(&wing(Form::Hip), vec2(0.0, -3.0));
        assert_eq!((front.slope, front.face), (vec2(0.0, 0.5), 0));
        assert!((surface(&wing(Form::Flat), vec2(1.0, 1.0)).height - 3.0).abs() < 1e-6);
    }

    #[test]
    fn slopes_are_the_derivatives_of_heights() {
        for form in [Form::GableX, Form::GableY, Form::Hip, Form::Shed] {
            let wing = wing(form);
            for p in [vec2(2.0, 1.0), vec2(-5.0, 0.3), vec2(1.0, -3.0)] {
                let s = surface(&wing, p);
                let dx = surface(&wing, p + vec2(0.01, 0.0)).height - s.height;
                let dy = surface(&wing, p + vec2(0.0, 0.01)).height - s.height;
                assert!((dx - 0.01 * s.slope.x).abs() < 1e-4, "{form:?} {p:?}");
                assert!((dy - 0.01 * s.slope.y).abs() < 1e-4, "{form:?} {p:?}");
            }
        }
    }
}
