//! What the second level's learners cost and how well they tell how good a candidate is, on the real
//! tiles of the shared data under maps that are wrong here and there.
//!
//! `cargo bench -p footpath-mapping --bench learners [-- ROWS.csv]`; with a file, the candidates are
//! written to it (tile, ten features, target), which `learners.py` reads.

mod tiles;

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use footpath_mapping::dataset::Split;
use footpath_mapping::plane::Plane;
use footpath_mapping::postprocess::{Postprocess, PostprocessOptions};
use footpath_mapping::rle::Rle;
use footpath_mapping::second_level::{
    LabelledTile, Learner, ScoringOptions, SecondLevel, TileCandidates, find_candidates,
};

/// A smooth field in 0..1: values at the corners of a grid of 24 px, mixed between.
fn field(y: usize, x: usize, seed: usize) -> f32 {
    const GRID: usize = 24;
    let corner = |row: usize, column: usize| {
        let mixed = (row * 7919 + column * 104_729 + seed * 1_299_709).wrapping_mul(2_654_435_761);
        ((mixed >> 13) % 1024) as f32 / 1023.0
    };
    let (row, column) = (y / GRID, x / GRID);
    let (down, across) = (
        (y % GRID) as f32 / GRID as f32,
        (x % GRID) as f32 / GRID as f32,
    );
    let mix = |a: f32, b: f32, part: f32| a + (b - a) * part;
    mix(
        mix(corner(row, column), corner(row, column + 1), across),
        mix(corner(row + 1, column), corner(row + 1, column + 1), across),
        down,
    )
}

fn main() {
    let Some(dataset) = tiles::dataset(Split::Val) else {
        return;
    };
    let options = ScoringOptions::default();
    let chain = Postprocess::new(PostprocessOptions::default()).expect("default");
    let maps = tiles::maps(Split::Val);
    let found: Vec<(TileCandidates, Vec<Rle>)> = dataset
        .tiles()
        .iter()
        .zip(maps)
        .enumerate()
        .map(|(number, (tile, map))| {
            let wrong = Plane::from_fn(map.size(), |y, x| {
                let doubt = 0.35 + 0.65 * field(y, x, 2 * number);
                let false_alarm = 0.7 * (field(y, x, 2 * number + 1) - 0.4).max(0.0);
                (map.at(y, x) * doubt + false_alarm).min(1.0)
            });
            let candidates = find_candidates(&wrong, tile.width, tile.height, &chain, &options);
            let truth = dataset
                .buildings(tile)
                .iter()
                .filter(|building| !building.crowd);
            let masks = truth.filter_map(|b| b.shape.to_rle(tile.width, tile.height).ok());
            (candidates, masks.collect())
        })
        .collect();
    let labelled: Vec<LabelledTile<'_>> = found
        .iter()
        .map(|(tile, truth)| LabelledTile { tile, truth })
        .collect();
    let mut out = std::io::stdout().lock();
    if let Some(path) = std::env::args()
        .nth(1)
        .filter(|path| !path.starts_with('-'))
    {
        std::fs::write(&path, rows(&labelled)).expect("writable");
        let _ = writeln!(out, "candidates: {path}");
    }
    for learner in [
        Learner::default(),
        Learner::RandomForest {
            trees: 500,
            depth: 20,
            least_rows: 100,
        },
    ] {
        let options = ScoringOptions {
            learner,
            ..ScoringOptions::default()
        };
        let started = Instant::now();
        let model = SecondLevel::fit(&labelled, &options).expect("candidates");
        let _ = writeln!(
            out,
            "{learner:?}: {} candidates, {:.2} s for {} folds and the whole, error {:.4} (of the mean {:.4})",
            model.candidates,
            started.elapsed().as_secs_f64(),
            options.folds,
            model.out_of_fold_error,
            model.constant_error,
        );
    }
}

/// A line for each candidate: its tile, its features, its `IoU` with the annotation that fits best.
fn rows(tiles: &[LabelledTile<'_>]) -> String {
    let mut text = String::new();
    for (number, labelled) in tiles.iter().enumerate() {
        for (mask, candidate) in labelled.tile.masks().iter().zip(&labelled.tile.candidates) {
            let iou = |truth: &Rle| {
                let both = mask.intersect_area(truth).unwrap_or(0) as f64;
                both / ((mask.area() + truth.area()) as f64 - both)
            };
            let best = labelled.truth.iter().map(iou).fold(0.0, f64::max);
            let _ = write!(text, "{number}");
            for feature in candidate.features {
                let _ = write!(text, ",{feature}");
            }
            let _ = writeln!(text, ",{best}");
        }
    }
    text
}
