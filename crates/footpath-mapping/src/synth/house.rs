//! Designs buildings: sizes, roof forms, coverings and fittings by use.

use super::{
    building::{
        Building, Bump, Covering, Fitting, FittingKind, Form, RoofStyle, Wing, bump_wing,
        draw_bumps, outline,
    },
    canvas::{Rgb, shade, srgb},
    district::Use,
    geometry::{Frame, Rect},
    random::TileRng,
};

/// A colour near one of `colours`.
fn tinted(rng: &mut TileRng, colours: &[(u8, u8, u8)]) -> Rgb {
    let &(r, g, b) = rng.pick(colours);
    let colour = srgb(r, g, b);
    let tone = 1.0 + 0.10 * rng.normal();
    let warm = 1.0 + 0.03 * rng.normal();
    let [r, g, b] = shade(colour, tone);
    [r * warm, g, b / warm]
}

const CLAY: &[(u8, u8, u8)] = &[
    (158, 108, 88),
    (146, 94, 76),
    (172, 126, 104),
    (130, 90, 78),
    (164, 134, 114),
];
const CONCRETE_TILES: &[(u8, u8, u8)] = &[
    (112, 94, 82),
    (92, 88, 86),
    (128, 122, 114),
    (84, 86, 92),
    (106, 112, 98),
    (144, 130, 112),
    (76, 74, 76),
    (150, 146, 140),
];
const SHINGLES: &[(u8, u8, u8)] = &[
    (118, 116, 114),
    (96, 94, 94),
    (134, 124, 112),
    (100, 108, 100),
    (154, 150, 144),
    (88, 82, 76),
];
const METAL: &[(u8, u8, u8)] = &[
    (178, 182, 184),
    (158, 164, 168),
    (196, 200, 202),
    (96, 120, 150),
    (140, 88, 78),
    (112, 126, 112),
    (150, 118, 98),
    (210, 210, 206),
];
const FLAT: &[(u8, u8, u8)] = &[
    (148, 146, 142),
    (116, 116, 118),
    (176, 172, 164),
    (92, 92, 96),
    (202, 200, 194),
    (132, 122, 112),
];
const PLANTED: &[(u8, u8, u8)] = &[(102, 108, 70), (118, 112, 76), (96, 104, 76)];

fn style(rng: &mut TileRng, covering: Covering, tiles: &[(u8, u8, u8)]) -> RoofStyle {
    let colour = match covering {
        Covering::Tiles => tinted(rng, tiles),
        Covering::Sheets => tinted(rng, METAL),
        Covering::Membrane | Covering::Gravel => tinted(rng, FLAT),
        Covering::Planted => tinted(rng, PLANTED),
    };
    let stain = match covering {
        Covering::Tiles => *rng.pick(&[srgb(84, 86, 62), srgb(70, 66, 62), srgb(120, 112, 98)]),
        Covering::Sheets => *rng.pick(&[srgb(128, 84, 58), srgb(104, 96, 88), srgb(122, 92, 72)]),
        Covering::Membrane | Covering::Gravel => *rng.pick(&[srgb(86, 84, 78), srgb(104, 100, 84)]),
        Covering::Planted => *rng.pick(&[srgb(136, 112, 82), srgb(132, 78, 62)]),
    };
    RoofStyle {
        covering,
        colour,
        stain,
        wear: rng.unit() * rng.range(0.4, 1.0),
        ridge: if rng.chance(0.6) {
            rng.range(1.08, 1.35)
        } else {
            rng.range(0.78, 1.0)
        },
        spacing_m: match covering {
            Covering::Tiles => rng.range(0.55, 0.8),
            Covering::Sheets => rng.range(0.75, 1.2),
            _ => rng.range(2.0, 5.0),
        },
        key: rng.key(),
    }
}

/// A fashion in roofs: what most houses of one tile have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fashion {
    tiles: &'static [(u8, u8, u8)],
    hips: f32,
    flats: f32,
    solar: f32,
}

impl Fashion {
    pub(crate) fn draw(rng: &mut TileRng) -> Self {
        Self {
            tiles: rng.weighted(&[(35.0, CLAY), (35.0, CONCRETE_TILES), (30.0, SHINGLES)]),
            hips: rng.unit(),
            flats: if rng.chance(0.25) {
                rng.range(0.2, 0.7)
            } else {
                0.06
            },
            solar: rng.range(0.02, 0.3),
        }
    }

    fn tiles(&self, rng: &mut TileRng) -> &'static [(u8, u8, u8)] {
        if rng.chance(0.7) {
            self.tiles
        } else {
            rng.weighted(&[(1.0, CLAY), (1.0, CONCRETE_TILES), (1.0, SHINGLES)])
        }
    }
}

fn wall(rng: &mut TileRng) -> Rgb {
    tinted(
        rng,
        &[
            (206, 200, 188),
            (190, 180, 164),
            (168, 142, 124),
            (214, 212, 208),
            (176, 172, 166),
        ],
    )
}

/// A detached house, hall or block of flats centred in `frame`, at most `max_w` by `max_d` metres
/// (with its bumps).
pub(crate) fn detached(
    rng: &mut TileRng,
    land_use: Use,
    fashion: &Fashion,
    frame: Frame,
    max_w: f32,
    max_d: f32,
) -> Building {
    let (w, d): (f32, f32) = match land_use {
        Use::Suburb => (rng.range(9.0, 15.5), rng.range(8.0, 11.5)),
        Use::Villas => (rng.range(13.0, 21.0), rng.range(9.5, 13.5)),
        Use::Village | Use::Countryside => (rng.range(7.5, 15.0), rng.range(6.5, 10.0)),
        Use::Flats => (rng.range(20.0, 38.0), rng.range(10.0, 14.0)),
        Use::Industry => (rng.range(18.0, 42.0), rng.range(13.0, 27.0)),
    };
    let (w, d) = (w.min(max_w), d.min(max_d));
    let main = Rect::centred(w, d);
    let mut bumps = match land_use {
        Use::Village | Use::Countryside if rng.chance(0.55) => vec![],
        _ => draw_bumps(rng, main),
    };
    // Bumps stand out only as far as there is room.
    let room = (max_d - d).max(0.0);
    for bump in &mut bumps {
        bump.out = bump.out.min(room);
    }
    bumps.retain(|bump| bump.out > 0.8);

    let storeys = match land_use {
        Use::Flats => rng.range(2.5, 5.0),
        Use::Industry => rng.range(1.8, 3.0),
        Use::Suburb | Use::Villas => rng.range(1.0, 2.2),
        _ => rng.range(0.9, 1.3),
    };
    let eaves_m = 2.8 * storeys;
    let flat_chance = match land_use {
        Use::Flats => 0.75,
        Use::Industry => 0.5,
        Use::Village | Use::Countryside => 0.2,
        _ => fashion.flats,
    };
    let flat = rng.chance(flat_chance);
    let covering = match (flat, land_use) {
        (true, _) => rng.weighted(&[
            (55.0, Covering::Membrane),
            (25.0, Covering::Gravel),
            (8.0, Covering::Planted),
            (12.0, Covering::Sheets),
        ]),
        (false, Use::Industry) => Covering::Sheets,
        (false, Use::Village) => rng.weighted(&[(75.0, Covering::Sheets), (25.0, Covering::Tiles)]),
        (false, Use::Countryside) => {
            rng.weighted(&[(45.0, Covering::Sheets), (55.0, Covering::Tiles)])
        }
        (false, _) => rng.weighted(&[
            (88.0, Covering::Tiles),
            (8.0, Covering::Sheets),
            (4.0, Covering::Planted),
        ]),
    };
    let pitch = match covering {
        Covering::Sheets => rng.range(0.10, 0.35),
        Covering::Planted => rng.range(0.1, 0.3),
        _ => rng.range(0.35, 0.75),
    };
    let hip = rng.chance(if land_use == Use::Industry {
        0.1
    } else {
        fashion.hips
    });
    let main_form = match (flat, hip) {
        (true, _) => Form::Flat,
        (false, true) => Form::Hip,
        (false, false) if w > 0.85 * d => Form::GableX,
        (false, false) => Form::GableY,
    };
    let mut wings = vec![Wing {
        rect: main,
        form: main_form,
        eaves_m,
        pitch,
    }];
    for bump in &bumps {
        wings.push(wing_over(rng, main, bump, main_form, eaves_m, pitch));
    }
    let tiles = fashion.tiles(rng);
    let mut building = Building {
        frame,
        outline: outline(main, &bumps),
        wings,
        style: style(rng, covering, tiles),
        fittings: vec![],
        wall: wall(rng),
    };
    add_fittings(rng, &mut building, land_use, fashion.solar);
    building
}

fn wing_over(
    rng: &mut TileRng,
    main: Rect,
    bump: &Bump,
    main_form: Form,
    eaves_m: f32,
    pitch: f32,
) -> Wing {
    let small = bump.out < 2.6;
    match main_form {
        Form::Flat => {
            // A lower annex or a part of the same height.
            let eaves_m = if rng.chance(0.5) {
                eaves_m
            } else {
                eaves_m * 0.7
            };
            let mut wing = bump_wing(main, bump, Form::Flat, eaves_m, 0.0);
            if eaves_m < wing.eaves_m + 0.1 {
                wing.rect = Rect::new(bump.x0, wing.rect.min.y, bump.x1, wing.rect.max.y);
            }
            wing
        }
        _ if small => bump_wing(main, bump, Form::Flat, (eaves_m * 0.8).max(2.3), 0.0),
        Form::Hip => bump_wing(main, bump, Form::Hip, eaves_m, pitch),
        _ => bump_wing(main, bump, Form::GableY, eaves_m, pitch),
    }
}

fn add_fittings(rng: &mut TileRng, building: &mut Building, land_use: Use, solar: f32) {
    let main = building.wings[0].rect;
    let flat = building.wings[0].form == Form::Flat;
    let at = |rng: &mut TileRng, w: f32, h: f32| {
        let x = main.min.x + 0.6 + rng.unit() * (main.width() - w - 1.2).max(0.1);
        let y = main.min.y + 0.6 + rng.unit() * (main.height() - h - 1.2).max(0.1);
        Rect::new(x, y, x + w, y + h)
    };
    if !flat && land_use != Use::Industry && rng.chance(0.55) {
        let side = rng.range(0.6, 1.1);
        let colour = tinted(rng, &[(140, 92, 76), (180, 174, 166), (96, 92, 90)]);
        let rect = at(rng, side, side);
        building.fittings.push(Fitting {
            rect,
            kind: FittingKind::Box {
                height_m: 0.9,
                colour,
            },
        });
    }
    if rng.chance(solar) {
        let columns = rng.count(2, 7) as f32;
        let rows = rng.count(1, 2) as f32;
        let (w, h) = (
            (columns * 1.02).min(main.width() - 1.6),
            (rows * 1.68).min(main.height() / 2.0 - 0.9),
        );
        if w > 1.5 && h > 1.2 {
            let x = main.min.x + 0.8 + rng.unit() * (main.width() - w - 1.6);
            let y = if rng.chance(0.5) {
                main.min.y + 0.5
            } else {
                main.max.y - 0.5 - h
            };
            building.fittings.push(Fitting {
                rect: Rect::new(x, y, x + w, y + h),
                kind: FittingKind::Solar,
            });
        }
    }
    if !flat && matches!(land_use, Use::Suburb | Use::Villas) && rng.chance(0.4) {
        for _ in 0..rng.count(1, 4) {
            let colour = *rng.pick(&[srgb(78, 90, 104), srgb(190, 200, 210), srgb(50, 54, 60)]);
            let rect = at(rng, 0.8, 1.2);
            building.fittings.push(Fitting {
                rect,
                kind: FittingKind::Pane { colour },
            });
        }
    }
    let things = match (land_use, flat) {
        (Use::Industry | Use::Flats, true) => rng.count(2, 9),
        (Use::Village, true) => rng.count(0, 4),
        (_, true) => rng.count(0, 3),
        _ => 0,
    };
    for _ in 0..things {
        if rng.chance(0.6) {
            let (w, h) = (rng.range(0.8, 3.0), rng.range(0.8, 2.4));
            let colour = tinted(rng, &[(190, 190, 188), (150, 150, 150), (214, 214, 212)]);
            let rect = at(rng, w, h);
            let height_m = rng.range(0.5, 1.6);
            building.fittings.push(Fitting {
                rect,
                kind: FittingKind::Box { height_m, colour },
            });
        } else if land_use == Use::Village {
            let colour = *rng.pick(&[srgb(40, 40, 44), srgb(60, 130, 110), srgb(220, 220, 220)]);
            let rect = at(rng, 1.3, 1.3);
            building.fittings.push(Fitting {
                rect,
                kind: FittingKind::Tank {
                    height_m: 1.3,
                    colour,
                },
            });
        } else {
            let rect = at(rng, 1.4, 1.4);
            building.fittings.push(Fitting {
                rect,
                kind: FittingKind::Pane {
                    colour: srgb(196, 204, 208),
                },
            });
        }
    }
    if land_use == Use::Industry && !flat && rng.chance(0.5) {
        // Translucent strips across the hall.
        let n = rng.count(2, 6);
        for i in 0..n {
            let x = main.min.x + (i as f32 + 0.5) * main.width() / n as f32;
            for (y0, y1) in [(0.15, 0.42), (0.58, 0.85)] {
                let rect = Rect::new(
                    x - 0.6,
                    main.min.y + y0 * main.height(),
                    x + 0.6,
                    main.min.y + y1 * main.height(),
                );
                building.fittings.push(Fitting {
                    rect,
                    kind: FittingKind::Pane {
                        colour: srgb(206, 210, 208),
                    },
                });
            }
        }
    }
}

/// A house in a terrace: as wide as its plot, gable along the street.
pub(crate) fn terraced(
    rng: &mut TileRng,
    fashion: &Fashion,
    frame: Frame,
    w: f32,
    d: f32,
    eaves_m: f32,
) -> Building {
    let main = Rect::centred(w, d);
    let flat = rng.chance(fashion.flats * 0.5);
    let form = if flat { Form::Flat } else { Form::GableX };
    let tiles = fashion.tiles(rng);
    let covering = if flat {
        Covering::Membrane
    } else {
        Covering::Tiles
    };
    let mut building = Building {
        frame,
        wings: vec![Wing {
            rect: main,
            form,
            eaves_m: eaves_m + rng.range(-0.5, 0.5),
            pitch: rng.range(0.4, 0.75),
        }],
        outline: outline(main, &[]),
        style: style(rng, covering, tiles),
        fittings: vec![],
        wall: wall(rng),
    };
    // The party wall stands above both roofs.
    let colour = tinted(rng, &[(196, 188, 176), (150, 120, 104), (172, 168, 162)]);
    let parapet = Rect::new(main.min.x, main.min.y, main.min.x + 0.35, main.max.y);
    building.fittings.push(Fitting {
        rect: parapet,
        kind: FittingKind::Box {
            height_m: 0.35,
            colour,
        },
    });
    add_fittings(rng, &mut building, Use::Suburb, fashion.solar);
    building
}

/// A shed or garage in a garden.
pub(crate) fn shed(rng: &mut TileRng, frame: Frame, garage: bool) -> Building {
    let (w, d) = if garage {
        (rng.range(3.4, 6.2), rng.range(5.6, 7.0))
    } else {
        (rng.range(3.2, 4.8), rng.range(3.2, 5.4))
    };
    let main = Rect::centred(w, d);
    let form = rng.weighted(&[(40.0, Form::Flat), (35.0, Form::GableY), (25.0, Form::Shed)]);
    let covering = match form {
        Form::Flat => Covering::Membrane,
        _ => rng.weighted(&[(50.0, Covering::Sheets), (50.0, Covering::Tiles)]),
    };
    Building {
        frame,
        wings: vec![Wing {
            rect: main,
            form,
            eaves_m: rng.range(2.1, 2.7),
            pitch: rng.range(0.1, 0.4),
        }],
        outline: outline(main, &[]),
        style: style(rng, covering, CONCRETE_TILES),
        fittings: vec![],
        wall: wall(rng),
    }
}
