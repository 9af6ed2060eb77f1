//! Times of what follows the network, over the real tiles of the shared data.
//!
//! `cargo bench -p footpath-mapping --bench inference_work`; the data are looked for in
//! `$FOOTPATH_SHARED` or in `../shared` beside the repository. One thread, so that the figures are
//! those of a core; `inference.py` is the same work as the 2018 solution does it. Items are images.

mod tiles;

use divan::Bencher;
use divan::counter::ItemsCount;
use footpath_mapping::dataset::Split;
use footpath_mapping::inference::{Symmetry, TtaOptions};
use footpath_mapping::plane::{Plane, Size};
use footpath_mapping::postprocess::{
    CrfOptions, Postprocess, PostprocessOptions, ResultRecord, resize_bilinear,
};
use footpath_mapping::rle::Rle;
use footpath_mapping::second_level::{ScoringOptions, Suppressed, find_candidates, suppress};
use image::RgbImage;

fn main() {
    divan::main();
}

/// The validation tiles as probability maps.
fn maps() -> Vec<Plane<f32>> {
    tiles::maps(Split::Val)
}

/// The answers of a network to the eight poses: the map posed, and a little of each pose's own.
fn answers(map: &Plane<f32>) -> Vec<Plane<f32>> {
    let Size { height, width } = map.size();
    let answer = |(number, pose): (usize, Symmetry)| {
        let mut posed = map.clone();
        for y in 0..height {
            for x in 0..width {
                let (row, column) = pose.place(y, x, height, width);
                let own = 0.001 * ((number * 7 + y + x) % 8) as f32;
                posed.values_mut()[row * width + column] = map.at(y, x) + own;
            }
        }
        posed
    };
    Symmetry::ALL.into_iter().enumerate().map(answer).collect()
}

/// The eight answers to one.
#[divan::bench]
fn tta_join(bencher: Bencher<'_, '_>) {
    let all: Vec<Vec<Plane<f32>>> = maps().iter().map(answers).collect();
    let options = TtaOptions::default();
    bencher.counter(ItemsCount::new(all.len())).bench_local(|| {
        for answers in &all {
            divan::black_box(options.join(&Symmetry::ALL, answers));
        }
    });
}

/// 256x256 to 300x300 px.
#[divan::bench]
fn resize(bencher: Bencher<'_, '_>) {
    let maps = maps();
    bencher
        .counter(ItemsCount::new(maps.len()))
        .bench_local(|| {
            for map in &maps {
                divan::black_box(resize_bilinear(map, 300, 300));
            }
        });
}

/// From the joined map to records of a results file, at 300x300 px: resize, label, score, encode.
fn records(chain: &Postprocess, map: &Plane<f32>) -> Vec<ResultRecord> {
    let found = chain.run(map, 300, 300);
    found.iter().map(|one| one.to_record(1, None)).collect()
}

#[divan::bench]
fn resize_label_score_encode(bencher: Bencher<'_, '_>) {
    let maps = maps();
    let chain = Postprocess::new(PostprocessOptions::default()).expect("default");
    bencher
        .counter(ItemsCount::new(maps.len()))
        .bench_local(|| {
            for map in &maps {
                divan::black_box(records(&chain, map));
            }
        });
}

/// All of it: join, resize, label, score, encode.
#[divan::bench]
fn whole(bencher: Bencher<'_, '_>) {
    let all: Vec<Vec<Plane<f32>>> = maps().iter().map(answers).collect();
    let options = TtaOptions::default();
    let chain = Postprocess::new(PostprocessOptions::default()).expect("default");
    bencher.counter(ItemsCount::new(all.len())).bench_local(|| {
        for answers in &all {
            divan::black_box(records(&chain, &options.join(&Symmetry::ALL, answers)));
        }
    });
}

/// Candidates of 19 layers with a score: mean probability times the root of the area, as if the
/// lower layers' larger objects were the better ones.
fn layers() -> Vec<(Vec<Rle>, Vec<f64>)> {
    let chain = Postprocess::new(PostprocessOptions::default()).expect("default");
    let options = ScoringOptions::default();
    let tile = |map: &Plane<f32>| {
        let found = find_candidates(map, 300, 300, &chain, &options);
        let score = |features: &[f64; 10]| features[2] * features[1].sqrt();
        let scores = found.candidates.iter().map(|c| score(&c.features));
        (found.masks(), scores.collect())
    };
    maps().iter().map(tile).collect()
}

/// Non-maximum suppression over 19 layers.
#[divan::bench]
fn nms_of_19_layers(bencher: Bencher<'_, '_>) {
    let layers = layers();
    bencher
        .counter(ItemsCount::new(layers.len()))
        .bench_local(|| {
            for (masks, scores) in &layers {
                divan::black_box(suppress(masks, scores, 0.5, Suppressed::Dropped));
            }
        });
}

/// Finding and measuring the candidates of 19 layers.
#[divan::bench]
fn candidates_of_19_layers(bencher: Bencher<'_, '_>) {
    let maps = maps();
    let chain = Postprocess::new(PostprocessOptions::default()).expect("default");
    let options = ScoringOptions::default();
    bencher
        .counter(ItemsCount::new(maps.len()))
        .bench_local(|| {
            for map in &maps {
                divan::black_box(find_candidates(map, 300, 300, &chain, &options));
            }
        });
}

/// The conditional random field on a textured picture of the buildings.
#[divan::bench(sample_count = 10)]
fn crf(bencher: Bencher<'_, '_>) {
    let maps: Vec<Plane<f32>> = maps().into_iter().step_by(10).collect();
    let picture = |map: &Plane<f32>| {
        RgbImage::from_fn(map.width(), map.height(), |x, y| {
            let p = map.at(y as usize, x as usize);
            let texture = ((x * 31 + y * 17) % 23) as u8;
            image::Rgb([60 + (p * 120.0) as u8 + texture, 90 + texture, 70])
        })
    };
    let pictures: Vec<RgbImage> = maps.iter().map(picture).collect();
    let options = CrfOptions::default();
    bencher
        .counter(ItemsCount::new(maps.len()))
        .bench_local(|| {
            for (map, picture) in maps.iter().zip(&pictures) {
                divan::black_box(options.refine(map, picture));
            }
        });
}
