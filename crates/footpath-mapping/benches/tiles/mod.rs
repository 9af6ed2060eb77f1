//! The real tiles of the shared data, and maps as a network might answer them.

use std::path::{Path, PathBuf};

use footpath_mapping::dataset::{Dataset, Split};
use footpath_mapping::plane::Plane;
use footpath_mapping::problem::Strictness;
use footpath_mapping::targets::{BUILDING, TargetOptions, prepare};

/// The tiles of both towns (264 to train, 112 to validate, 256x256 px); none without shared data.
pub(crate) fn dataset(split: Split) -> Option<Dataset> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("FOOTPATH_SHARED").map_or(beside, PathBuf::from);
    let folders = ["banepa", "zanzibar"].map(|town| shared.join("data").join(town));
    match Dataset::read(&folders, split, None, Strictness::SkipBad) {
        Ok((dataset, _)) => Some(dataset),
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "skipped, no shared data: {error}");
            None
        }
    }
}

/// The tiles of a split as probability maps: soft edges and noise.
pub(crate) fn maps(split: Split) -> Vec<Plane<f32>> {
    let Some(dataset) = dataset(split) else {
        return Vec::new();
    };
    let options = TargetOptions::default();
    let map = |tile: &footpath_mapping::dataset::Tile| {
        let masks = prepare(dataset.buildings(tile), tile.width, tile.height, &options);
        soften(&masks.expect("checked").planes().labels)
    };
    dataset.tiles().iter().map(map).collect()
}

/// 0.9 within buildings, 0.05 outside, slopes of five pixels between, up to 0.05 of noise.
fn soften(labels: &Plane<u8>) -> Plane<f32> {
    let sharp = labels.map(|label| if label == BUILDING { 0.9_f32 } else { 0.05 });
    let (height, width) = (sharp.size().height, sharp.size().width);
    let mut state = 1_u32;
    Plane::from_fn(sharp.size(), |y, x| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / (1_u32 << 24) as f32;
        let (mut sum, mut count) = (0.0, 0.0);
        for v in y.saturating_sub(2)..(y + 3).min(height) {
            for u in x.saturating_sub(2)..(x + 3).min(width) {
                sum += sharp.at(v, u);
                count += 1.0;
            }
        }
        sum / count + 0.05 * noise
    })
}
