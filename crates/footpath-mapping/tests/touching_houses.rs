//! What a network could reach at most in a dense town if it learnt its targets perfectly: how much
//! of the truth survives targets, threshold, labelling and growing back.

use std::path::{Path, PathBuf};

use footpath_mapping::dataset::{BUILDING_CATEGORY, Dataset, Split};
use footpath_mapping::evaluation::{Evaluator, Metrics, Prediction, Truth, TruthImage};
use footpath_mapping::outline::corners_of_shape;
use footpath_mapping::postprocess::{Postprocess, PostprocessOptions};
use footpath_mapping::problem::Strictness;
use footpath_mapping::targets::{BUILDING, TargetOptions, prepare};

/// The dense town's validation tiles; without the shared data, says so and gives `None`.
fn dense_town() -> Option<Dataset> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("FOOTPATH_SHARED").map_or(beside, PathBuf::from);
    let folder = shared.join("data/banepa");
    match Dataset::read(&[folder], Split::Val, None, Strictness::SkipBad) {
        Ok((dataset, _)) => Some(dataset),
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
            {
                eprintln!("SKIPPED: no real tiles: {error}");
            }
            None
        }
    }
}

fn evaluator(dataset: &Dataset) -> Evaluator {
    let (mut images, mut truths) = (Vec::new(), Vec::new());
    for (id, tile) in (0..).zip(dataset.tiles()) {
        let (width, height) = (tile.width, tile.height);
        images.push(TruthImage { id, width, height });
        for building in dataset.buildings(tile) {
            let mask = building.shape.to_rle(width, height).expect("drawable");
            truths.push(Truth {
                image_id: id,
                category_id: BUILDING_CATEGORY,
                corners: corners_of_shape(&building.shape, &mask),
                area_px: building.area.unwrap_or_else(|| mask.area() as f64),
                mask,
                crowd: building.crowd,
            });
        }
    }
    Evaluator::new(&images, &[BUILDING_CATEGORY], &truths).expect("sound")
}

/// Metrics of a network that is sure of every pixel of these targets.
fn learnt_perfectly(dataset: &Dataset, targets: &TargetOptions, dilate_side_px: u32) -> Metrics {
    let chain = PostprocessOptions {
        dilate_side_px,
        ..PostprocessOptions::default()
    };
    let chain = Postprocess::new(chain).expect("sound");
    let mut predictions = Vec::new();
    for (id, tile) in (0..).zip(dataset.tiles()) {
        let (width, height) = (tile.width, tile.height);
        let masks = prepare(dataset.buildings(tile), width, height, targets).expect("drawable");
        let labels = masks.planes().labels;
        let sure = labels.map(|label| if label == BUILDING { 0.99 } else { 0.01 });
        let found = chain.run(&sure, width, height).into_iter();
        predictions.extend(found.map(|d| Prediction::building(id, d.mask, d.score)));
    }
    evaluator(dataset).evaluate(&predictions).expect("sound")
}

#[test]
fn eroded_targets_keep_the_houses_of_a_dense_town_apart() {
    let Some(dataset) = dense_town() else { return };
    let plain = TargetOptions::default();
    let eroded = TargetOptions {
        erode_radius_px: 1,
        ..plain.clone()
    };
    let all_eroded = TargetOptions {
        small_annotation_size_px: 0,
        ..eroded.clone()
    };
    let bordered = TargetOptions {
        border_width_px: 5.0,
        ..all_eroded.clone()
    };
    let overlapping = TargetOptions {
        overlap_width_px: 1,
        ..plain.clone()
    };
    let ap50 = |options, side| learnt_perfectly(&dataset, options, side).ap50;
    let plain = ap50(&plain, 0);
    let eroded = ap50(&eroded, 3);
    let all_eroded = ap50(&all_eroded, 3);
    let bordered = ap50(&bordered, 3);
    let overlapping = ap50(&overlapping, 3);
    let all = format!(
        "AP50 plain {plain:.3}, eroded {eroded:.3}, small ones too {all_eroded:.3}, with borders \
         {bordered:.3}, overlap {overlapping:.3}"
    );
    assert!(plain < 0.8, "{all}");
    assert!(
        eroded > 0.9 && all_eroded > 0.95 && overlapping > 0.9,
        "{all}"
    );
    // The border class takes its pixels from the background only.
    assert!((bordered - all_eroded).abs() < 1e-9, "{all}");
    #[expect(clippy::print_stdout, reason = "figures to be read with --nocapture")]
    {
        println!("{all}");
    }
}
