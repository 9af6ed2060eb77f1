//! What a synthetic data set promises: exact labels, repeatable bytes, no shortcut by colour.

use std::{collections::BTreeMap, fs, path::Path};

use super::{canvas::SUPERSAMPLING, tile::render_with_canvas, *};

fn segments_cross(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> bool {
    let side = |p: [f64; 2], q: [f64; 2], r: [f64; 2]| {
        (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    };
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

fn edges(ring: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
    (0..ring.len()).map(|i| (ring[i], ring[(i + 1) % ring.len()]))
}

fn holds(footprint: &Footprint, [x, y]: [f64; 2]) -> bool {
    footprint.parts.iter().any(|part| {
        edges(part)
            .filter(|(a, b)| {
                (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
            })
            .count()
            % 2
            == 1
    })
}

fn distance_to_edge(footprint: &Footprint, p: [f64; 2]) -> f64 {
    footprint
        .parts
        .iter()
        .flat_map(|part| edges(part))
        .fold(f64::INFINITY, |best, (a, b)| {
            let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
            let t =
                (((p[0] - a[0]) * ex + (p[1] - a[1]) * ey) / (ex * ex + ey * ey)).clamp(0.0, 1.0);
            best.min((p[0] - a[0] - t * ex).hypot(p[1] - a[1] - t * ey))
        })
}

#[test]
fn polygons_are_simple_inside_the_tile_and_large_enough() {
    let mut seen = 0;
    for index in 0..40 {
        let tile = render_with_canvas(3, Split::Train, index, 96).0;
        for part in tile.footprints.iter().flat_map(|f| &f.parts) {
            seen += 1;
            assert!(part.len() >= 3, "tile {index}: {part:?}");
            let area = Footprint {
                parts: vec![part.clone()],
            }
            .area();
            assert!(area >= MIN_PART_PX2, "tile {index}: {area} px²");
            assert!(
                part.iter().flatten().all(|v| (0.0..=96.0).contains(v)),
                "tile {index}: {part:?}"
            );
            let all: Vec<_> = edges(part).collect();
            for (i, &(a, b)) in all.iter().enumerate() {
                assert!(a != b, "tile {index}: repeated point in {part:?}");
                for &(c, d) in &all[i + 1..] {
                    assert!(
                        !segments_cross(a, b, c, d),
                        "tile {index}: crosses itself: {part:?}"
                    );
                }
            }
        }
    }
    assert!(seen > 60, "{seen} parts");
}

/// Every sample the renderer gave to a building lies in that building's polygon and no other's, and
/// the other way round, but for samples right on an edge.
#[test]
fn annotations_are_what_was_painted() {
    let size = 160;
    let (mut inside, mut touching) = (0, 0);
    for index in 0..24 {
        let (tile, canvas) = render_with_canvas(1, Split::Train, index, size);
        let mut numbers = vec![None; tile.footprints.len()];
        for y in (0..size * SUPERSAMPLING).step_by(3) {
            for x in 0..size * SUPERSAMPLING {
                let p = [x, y].map(|i| (i as f64 + 0.5) / SUPERSAMPLING as f64);
                let sample = (y + canvas.grid.margin) * canvas.grid.width + x + canvas.grid.margin;
                let number = canvas.building[sample];
                let holders: Vec<usize> = (0..tile.footprints.len())
                    .filter(|&i| holds(&tile.footprints[i], p))
                    .collect();
                let to_edges: Vec<f64> = tile
                    .footprints
                    .iter()
                    .map(|f| distance_to_edge(f, p))
                    .collect();
                touching += usize::from(to_edges.iter().filter(|&&d| d < 0.2).count() > 1);
                if to_edges.iter().any(|&d| d < 0.02) {
                    continue;
                }
                assert!(
                    holders.len() <= 1,
                    "tile {index}: polygons overlap at {p:?}"
                );
                if let Some(&holder) = holders.first() {
                    inside += 1;
                    assert_eq!(
                        *numbers[holder].get_or_insert(number),
                        number,
                        "tile {index} at {p:?}"
                    );
                }
                // Slivers under the least area have no polygon; they lie at the border.
                let border = p.iter().any(|&v| v < 4.0 || v > size as f64 - 4.0);
                assert!(
                    holders.is_empty() == (number == 0) || border,
                    "tile {index} at {p:?}: {number} {holders:?}"
                );
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(
            numbers.iter().flatten().filter(|&&n| n == 0).count(),
            0,
            "tile {index}"
        );
    }
    assert!(
        inside > 50_000 && touching > 0,
        "{inside} samples inside, {touching} on shared walls"
    );
}

/// Building pixels, other pixels by colour.
type Counts = BTreeMap<[u8; 3], [u64; 2]>;

/// The best intersection over union that classifying each pixel by a key of its colour can reach
/// on `tested`, ranking colours by how often they were building in `fitted`.
fn best_iou(fitted: &Counts, tested: &Counts) -> f64 {
    let mut ranked: Vec<(f64, [u64; 2])> = tested
        .iter()
        .map(|(key, &counts)| {
            let [building, other] = fitted.get(key).copied().unwrap_or([0, 1]);
            (building as f64 / (building + other) as f64, counts)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let truth: u64 = ranked.iter().map(|r| r.1[0]).sum();
    let (mut hits, mut false_hits, mut best) = (0, 0, 0.0_f64);
    for (_, [building, other]) in ranked {
        hits += building;
        false_hits += other;
        best = best.max(hits as f64 / (truth + false_hits) as f64);
    }
    best
}

#[test]
fn colour_alone_does_not_find_buildings() {
    let (tiles, size, levels) = (32, 150, 16);
    // [half][statistic]: quantised RGB, then each channel alone.
    let mut counts = vec![vec![Counts::new(); 4]; 2];
    for index in 0..tiles {
        let tile = render_with_canvas(11, Split::Train, index, size).0;
        for (x, y, pixel) in tile.image.enumerate_pixels() {
            let p = [f64::from(x) + 0.5, f64::from(y) + 0.5];
            let class = usize::from(!tile.footprints.iter().any(|f| holds(f, p)));
            let quantised = pixel.0.map(|c| c / (256 / levels) as u8);
            let keys = [
                quantised,
                [pixel.0[0], 0, 0],
                [pixel.0[1], 0, 0],
                [pixel.0[2], 0, 0],
            ];
            for (counts, key) in counts[index % 2].iter_mut().zip(keys) {
                counts.entry(key).or_default()[class] += 1;
            }
        }
    }
    let bayes = best_iou(&counts[0][0], &counts[1][0]).max(best_iou(&counts[1][0], &counts[0][0]));
    assert!(bayes < 0.5, "a colour table reaches IoU {bayes:.3}");
    for (channel, tested) in counts[1].iter().enumerate().skip(1) {
        // A threshold, fitted on the very tiles it is tested on: bright is building, or dark is.
        for rising in [false, true] {
            let ramp: Counts = (0..=255_u8)
                .map(|v| {
                    (
                        [v, 0, 0],
                        if rising {
                            [u64::from(v) + 1, 256 - u64::from(v)]
                        } else {
                            [256 - u64::from(v), u64::from(v) + 1]
                        },
                    )
                })
                .collect();
            let iou = best_iou(&ramp, tested);
            assert!(
                iou < 0.35,
                "a threshold on channel {channel} reaches IoU {iou:.3}"
            );
        }
    }
}

fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(
                    path.strip_prefix(folder)
                        .expect("a path inside")
                        .display()
                        .to_string(),
                    fs::read(&path).expect("a file"),
                );
            }
        }
    }
    files
}

fn small(seed: u64) -> SynthSettings {
    SynthSettings {
        train: 3,
        val: 2,
        size: 48,
        seed,
    }
}

fn generated(settings: &SynthSettings, threads: usize) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a thread pool");
    pool.install(|| generate(settings, folder.path(), false, &|_| {}))
        .expect("a data set");
    bytes_of(folder.path())
}

#[test]
fn one_seed_gives_the_same_bytes_for_any_number_of_threads() {
    let one = generated(&small(9), 1);
    assert_eq!(one.len(), 5 + 2 + 1, "{:?}", one.keys());
    assert!(one == generated(&small(9), 4));
    let other = generated(&small(10), 4);
    for (name, bytes) in &one {
        assert!(&other[name] != bytes, "{name} is the same for another seed");
    }
    assert_ne!(
        one["train/images/000000000000.jpg"],
        one["val/images/000000000000.jpg"]
    );
}

#[test]
fn annotation_files_are_coco_with_crowdai_names() {
    let files = generated(
        &SynthSettings {
            size: 160,
            ..small(2)
        },
        2,
    );
    let coco: serde_json::Value =
        serde_json::from_slice(&files["train/annotation.json"]).expect("JSON");
    assert_eq!(coco["images"][2]["file_name"], "000000000002.jpg");
    assert_eq!(coco["images"][2]["id"], 2);
    assert_eq!(coco["categories"][0]["id"], 100);
    let annotations = coco["annotations"].as_array().expect("COCO types");
    assert!(!annotations.is_empty());
    for (i, annotation) in annotations.iter().enumerate() {
        assert_eq!(annotation["id"], i);
        assert_eq!(annotation["category_id"], 100);
        assert_eq!(annotation["iscrowd"], 0);
        let number = |v: &serde_json::Value| v.as_f64().expect("COCO types");
        assert!(
            number(&annotation["area"])
                <= number(&annotation["bbox"][2]) * number(&annotation["bbox"][3]) + 0.01
        );
        assert_eq!(
            annotation["segmentation"][0]
                .as_array()
                .expect("COCO types")
                .len()
                % 2,
            0
        );
    }
    let image = image::load_from_memory(&files["val/images/000000000001.jpg"]).expect("a JPEG");
    assert_eq!((image.width(), image.height()), (160, 160));
}

#[test]
fn a_folder_in_use_is_refused_an_own_one_is_finished() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("set");
    let settings = small(1);
    let first = generate(&settings, &out, false, &|_| {}).expect("a data set");
    assert!(!first.already_complete);
    let before = bytes_of(&out);
    let again = generate(&settings, &out, false, &|_| panic!("nothing to do")).expect("a data set");
    assert_eq!(
        again,
        SynthReport {
            already_complete: true,
            ..first.clone()
        }
    );

    // Interrupted: an image and an annotation file are missing, a temporary file is left.
    fs::remove_file(out.join("val/annotation.json")).expect("removed");
    fs::remove_file(out.join("train/images/000000000001.jpg")).expect("removed");
    fs::write(out.join("train/images/000000000001.jpg.tmp"), b"half").expect("written");
    assert_eq!(
        generate(&settings, &out, false, &|_| {}).expect("a data set"),
        first
    );
    assert!(before == bytes_of(&out));

    let other = SynthSettings {
        train: 1,
        ..settings
    };
    let refused = generate(&other, &out, false, &|_| {})
        .expect_err("refused")
        .to_string();
    assert!(
        refused.contains("other settings (3 train, 2 val, 48 px, seed 1"),
        "{refused}"
    );
    assert!(before == bytes_of(&out));
    fs::write(out.join("notes.txt"), b"mine").expect("written");
    assert_eq!(
        generate(&other, &out, true, &|_| {})
            .expect("a data set")
            .tiles,
        3
    );
    let forced = bytes_of(&out);
    assert_eq!(forced.len(), 3 + 2 + 1 + 1, "{:?}", forced.keys());
    assert_eq!(forced["notes.txt"], b"mine");

    fs::remove_file(out.join("synth.json")).expect("removed");
    assert!(matches!(
        generate(&other, &out, false, &|_| {}),
        Err(SynthError::Occupied { .. })
    ));
    let tiny = SynthSettings {
        size: 8,
        ..small(1)
    };
    assert!(matches!(
        generate(&tiny, &out, true, &|_| {}),
        Err(SynthError::Size { size: 8 })
    ));
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    fs::write(&file, b"no folder").expect("written");
    let error = generate(&small(1), &file.join("set"), false, &|_| {}).expect_err("refused");
    assert!(
        matches!(&error, SynthError::Io { path, .. } if path.starts_with(&file)),
        "{error:?}"
    );
    assert!(error.to_string().contains("file"), "{error}");
}
