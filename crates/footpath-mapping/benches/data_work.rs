//! Times of the work on masks, over the real tiles of the shared data.
//!
//! `cargo bench -p footpath-mapping`; the data are looked for in
//! `$FOOTPATH_SHARED` or in `../shared` beside the repository. One thread, so
//! that the figures are those of a core; `original.py` is the same work as the 2018
//! solution does it.

use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::ItemsCount;
use footpath_mapping::dataset::{AnnotationRecord, Dataset, Split};
use footpath_mapping::evaluation::{Evaluator, Prediction};
use footpath_mapping::plane::Plane;
use footpath_mapping::postprocess::{Postprocess, PostprocessOptions};
use footpath_mapping::problem::Strictness;
use footpath_mapping::targets::{BUILDING, TargetMasks, TargetOptions, prepare};

fn main() {
    divan::main();
}

/// Both splits of both towns: 376 tiles of 256x256 px.
fn datasets() -> Vec<Dataset> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("FOOTPATH_SHARED").map_or(beside, PathBuf::from);
    let folders = ["banepa", "zanzibar"].map(|town| shared.join("data").join(town));
    [Split::Train, Split::Val]
        .into_iter()
        .filter_map(
            |split| match Dataset::read(&folders, split, None, Strictness::SkipBad) {
                Ok((dataset, _)) => Some(dataset),
                Err(error) => {
                    use std::io::Write;
                    let _ = writeln!(std::io::stderr(), "skipped, no shared data: {error}");
                    None
                }
            },
        )
        .collect()
}

type Tiles = Vec<(Vec<AnnotationRecord>, u32, u32)>;

fn tiles() -> Tiles {
    datasets()
        .iter()
        .flat_map(|dataset| {
            dataset
                .tiles()
                .iter()
                .map(|tile| (dataset.buildings(tile).to_vec(), tile.width, tile.height))
        })
        .collect()
}

fn masks(tiles: &Tiles) -> Vec<TargetMasks> {
    let options = TargetOptions::default();
    tiles
        .iter()
        .map(|(buildings, w, h)| prepare(buildings, *w, *h, &options).expect("checked"))
        .collect()
}

/// Annotations to labels, distances and sizes.
#[divan::bench]
fn prepare_planes(bencher: Bencher<'_, '_>) {
    let tiles = tiles();
    let options = TargetOptions::default();
    bencher
        .counter(ItemsCount::new(tiles.len()))
        .bench_local(|| {
            for (buildings, w, h) in &tiles {
                divan::black_box(
                    prepare(buildings, *w, *h, &options)
                        .expect("checked")
                        .planes(),
                );
            }
        });
}

/// Annotations to what is kept on disk.
#[divan::bench]
fn prepare_and_encode(bencher: Bencher<'_, '_>) {
    let tiles = tiles();
    let options = TargetOptions::default();
    bencher
        .counter(ItemsCount::new(tiles.len()))
        .bench_local(|| {
            for (buildings, w, h) in &tiles {
                divan::black_box(
                    prepare(buildings, *w, *h, &options)
                        .expect("checked")
                        .to_bytes(),
                );
            }
        });
}

/// What is kept on disk to labels, distances and sizes.
#[divan::bench]
fn decode_and_planes(bencher: Bencher<'_, '_>) {
    let bytes: Vec<_> = masks(&tiles()).iter().map(TargetMasks::to_bytes).collect();
    bencher
        .counter(ItemsCount::new(bytes.len()))
        .bench_local(|| {
            for bytes in &bytes {
                divan::black_box(
                    TargetMasks::from_bytes(bytes)
                        .expect("just written")
                        .planes(),
                );
            }
        });
}

/// A probability map like a network's: soft edges, and noise that makes small objects.
fn probabilities(masks: &TargetMasks) -> Plane<f32> {
    let labels = masks.planes().labels;
    let mut state = 1u32;
    labels.map(|label| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / (1u32 << 24) as f32;
        let base: f32 = if label == BUILDING { 0.8 } else { 0.1 };
        (base + if noise > 0.999 { 0.45 } else { 0.2 * noise }).min(1.0)
    })
}

/// Probability map to scored, encoded buildings, without resizing.
#[divan::bench(args = [0, 3])]
fn postprocess(bencher: Bencher<'_, '_>, dilate_side_px: u32) {
    let maps: Vec<_> = masks(&tiles()).iter().map(probabilities).collect();
    let options = PostprocessOptions {
        dilate_side_px,
        ..PostprocessOptions::default()
    };
    let postprocess = Postprocess::new(options).expect("odd");
    bencher
        .counter(ItemsCount::new(maps.len()))
        .bench_local(|| {
            for map in &maps {
                for detection in postprocess.run(map, map.width(), map.height()) {
                    divan::black_box(detection.to_record(1, None));
                }
            }
        });
}

/// The same from 256x256 px to the challenge's 300x300 px.
#[divan::bench]
fn postprocess_resized(bencher: Bencher<'_, '_>) {
    let maps: Vec<_> = masks(&tiles()).iter().map(probabilities).collect();
    let postprocess = Postprocess::new(PostprocessOptions::default()).expect("odd");
    bencher
        .counter(ItemsCount::new(maps.len()))
        .bench_local(|| {
            for map in &maps {
                divan::black_box(postprocess.run(map, 300, 300));
            }
        });
}

/// All metrics of all tiles of the validation splits.
#[divan::bench]
fn evaluate(bencher: Bencher<'_, '_>) {
    let Some(dataset) = datasets().pop() else {
        return;
    };
    let postprocess = Postprocess::new(PostprocessOptions::default()).expect("odd");
    let mut predictions = Vec::new();
    for (id, tile) in (0..).zip(dataset.tiles()) {
        let options = TargetOptions::default();
        let masks =
            prepare(dataset.buildings(tile), tile.width, tile.height, &options).expect("checked");
        let found = postprocess.run(&probabilities(&masks), tile.width, tile.height);
        predictions.extend(
            found
                .into_iter()
                .map(|d| Prediction::building(id, d.mask, d.score)),
        );
    }
    let evaluator = Evaluator::of_dataset(&dataset).expect("sound");
    bencher
        .counter(ItemsCount::new(dataset.tiles().len()))
        .bench_local(|| evaluator.evaluate(&predictions).expect("sound"));
}
