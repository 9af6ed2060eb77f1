//! Things that lie or stand on the ground and are no buildings: cars, pools, courts, fences.

use super::{
    canvas::{Canvas, Rgb, mix, shade, srgb},
    geometry::{Frame, Rect, Vec2, smoothstep, vec2},
    material::Ground,
    noise::Noise,
    random::TileRng,
};

/// A rectangle of ground: driveway, patio, yard.
pub(crate) fn paint_patch(
    canvas: &mut Canvas,
    noise: &Noise,
    frame: Frame,
    rect: Rect,
    ground: &Ground,
) {
    canvas.each_in_frame(frame, rect.grown(0.2), |canvas, index, p| {
        let ragged = 0.05 * noise.fine[index];
        if rect.grown(ragged).contains(p) {
            let world = frame.to_world(p);
            canvas.samples[index].albedo = ground.albedo(noise, index, world);
        }
    });
}

/// A box that stands on the ground: container, pile, garden wall.
pub(crate) fn paint_box(
    canvas: &mut Canvas,
    noise: &Noise,
    frame: Frame,
    rect: Rect,
    height_m: f32,
    colour: Rgb,
) {
    canvas.each_in_frame(frame, rect, |canvas, index, p| {
        let edge = (p.x - rect.min.x)
            .min(rect.max.x - p.x)
            .min(p.y - rect.min.y)
            .min(rect.max.y - p.y);
        let tone = 1.0 + 0.04 * noise.fine[index] - 0.1 * (1.0 - smoothstep(0.05, 0.2, edge));
        canvas.raise(index, shade(colour, tone), height_m, vec2(0.0, 0.0));
    });
}

/// A car of usual colours, its length along the frame's x axis.
pub(crate) fn paint_car(canvas: &mut Canvas, rng: &mut TileRng, frame: Frame) {
    let van = rng.chance(0.12);
    let (length, width, height) = if van {
        (rng.range(5.2, 7.0), 2.0, 2.3)
    } else {
        (rng.range(3.8, 4.9), rng.range(1.7, 1.9), 1.45)
    };
    let body = *rng.pick(&[
        srgb(226, 226, 224),
        srgb(214, 214, 212),
        srgb(176, 178, 180),
        srgb(150, 152, 156),
        srgb(60, 62, 66),
        srgb(44, 45, 50),
        srgb(96, 98, 102),
        srgb(140, 44, 40),
        srgb(52, 70, 112),
        srgb(120, 116, 96),
    ]);
    let glass = srgb(40, 46, 54);
    let half = length / 2.0;
    let rect = Rect::centred(length, width);
    canvas.each_in_frame(frame, rect, |canvas, index, p| {
        // Rounded corners, bonnet, windscreen, roof, rear window.
        let t = p.x / half;
        let corner = vec2(
            (p.x.abs() - half + 0.5).max(0.0),
            (p.y.abs() - width / 2.0 + 0.5).max(0.0),
        );
        if corner.length() > 0.5 {
            return;
        }
        let (colour, level) = if van {
            if t > 0.62 && t < 0.8 {
                (glass, 0.9)
            } else {
                (body, 1.0)
            }
        } else if (0.22..0.44).contains(&t) || (-0.72..-0.56).contains(&t) {
            (glass, 0.8)
        } else if !(-0.72..=0.44).contains(&t) {
            (shade(body, 0.96), 0.62)
        } else if p.y.abs() > width / 2.0 - 0.28 {
            (mix(glass, body, 0.45), 0.85)
        } else {
            (shade(body, 1.05), 1.0)
        };
        canvas.raise(index, colour, height * level, vec2(0.0, 0.0));
    });
}

/// A swimming pool with its rim.
pub(crate) fn paint_pool(
    canvas: &mut Canvas,
    noise: &Noise,
    rng: &mut TileRng,
    frame: Frame,
    round: bool,
) {
    let (w, d) = if round {
        (rng.range(3.0, 5.0), 0.0)
    } else {
        (rng.range(6.0, 10.0), rng.range(3.2, 4.6))
    };
    let d = if round { w } else { d };
    let water = *rng.pick(&[
        srgb(92, 168, 190),
        srgb(70, 140, 172),
        srgb(110, 178, 186),
        srgb(66, 118, 122),
    ]);
    let rim = *rng.pick(&[
        srgb(206, 202, 192),
        srgb(184, 170, 150),
        srgb(150, 148, 146),
    ]);
    let rect = Rect::centred(w, d);
    let apron = if round { 0.25 } else { rng.range(0.6, 1.8) };
    canvas.each_in_frame(frame, rect.grown(apron), |canvas, index, p| {
        let inside = if round {
            w / 2.0 - p.length()
        } else {
            (w / 2.0 - p.x.abs()).min(d / 2.0 - p.y.abs())
        };
        if inside < -apron {
            return;
        }
        let colour = if inside > 0.0 {
            shade(
                water,
                0.9 + 0.12 * smoothstep(0.0, 1.0, inside) + 0.04 * noise.patch[index],
            )
        } else {
            shade(rim, 1.0 + 0.04 * noise.fine[index])
        };
        canvas.samples[index].albedo = colour;
    });
}

/// A trampoline or round table.
pub(crate) fn paint_disc(canvas: &mut Canvas, rng: &mut TileRng, at: Vec2) {
    let radius = rng.range(1.1, 2.1);
    let rim = *rng.pick(&[srgb(60, 92, 150), srgb(70, 110, 70), srgb(120, 120, 122)]);
    let frame = Frame::new(at, 0.0);
    canvas.each_in_frame(
        frame,
        Rect::centred(2.0 * radius, 2.0 * radius),
        |canvas, index, p| {
            let d = p.length();
            if d < radius {
                let colour = if d < radius - 0.35 {
                    srgb(46, 46, 50)
                } else {
                    rim
                };
                canvas.raise(index, colour, 0.8, vec2(0.0, 0.0));
            }
        },
    );
}

/// A sports court: the colour and shape of a roof, without its height.
pub(crate) fn paint_court(canvas: &mut Canvas, noise: &Noise, rng: &mut TileRng, frame: Frame) {
    let surface = *rng.pick(&[
        srgb(160, 94, 72),
        srgb(84, 118, 92),
        srgb(80, 108, 140),
        srgb(150, 148, 144),
    ]);
    let surround = *rng.pick(&[srgb(96, 118, 90), srgb(142, 84, 66), srgb(128, 128, 126)]);
    let (w, d) = (23.8, 11.0);
    canvas.each_in_frame(
        frame,
        Rect::centred(w + 5.0, d + 4.0),
        |canvas, index, p| {
            let (x, y) = (p.x.abs(), p.y.abs());
            let mut colour = if x < w / 2.0 && y < d / 2.0 {
                surface
            } else {
                surround
            };
            let line = |at: f32, value: f32| (value - at).abs() < 0.08;
            if (line(w / 2.0, x) && y < d / 2.0)
                || (line(d / 2.0, y) && x < w / 2.0)
                || (line(6.4, x) && y < 4.1)
                || (line(4.1, y) && x < w / 2.0)
                || (x < 0.06 && y < d / 2.0)
            {
                colour = mix(colour, srgb(230, 230, 226), 0.8);
            }
            let tone = 1.0
                + 0.04 * noise.broad[index]
                + 0.05 * noise.patch[index]
                + 0.02 * noise.fine[index];
            canvas.samples[index].albedo = shade(colour, tone);
        },
    );
}
