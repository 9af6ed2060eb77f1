//! Networks, targets, loading and losses by configuration, end to end on tiny suburbs.

mod session;

use serde_json::{Value, json};
use session::Session;

/// Eroded targets with a border class (the suburb's gaps are wider than a dense town's), and every
/// kind of variation and loss.
const GAPS: &str = "\
data: data
unet: {encoder: plain, classes: 3, dropout: 0.1, plain: {filters: 4, repeat_blocks: 3}}
targets: {erode_radius_px: 1, border_width_px: 30, small_annotation_size_px: 4}
training:
  epochs: 1
  batch_size: 4
  size: {height: 48, width: 48}
  loader: {kind: crop_and_pad, pad: reflect}
  loss: {focal: 0.5, lovasz: 0.5, class_weights: [1, 1, 2], normalise_weights: true}
  augment:
    symmetry_probability: 0.5
    scale: 0.1
    colour: {brightness: 0.2, contrast: 0.2, saturation: 0.3, hue_deg: 10, noise: 3, blur_px: 0.5}
postprocess:
  threshold: 0.3
  split: {kind: core, threshold: 0.5}
  dilate_side_px: 3
";

#[test]
fn border_class_and_eroded_targets_are_learnt_and_looked_for() {
    let session = Session::with_suburb();
    session.write("gaps.yaml", GAPS);
    session.fail(
        "train -c gaps.yaml --pipeline unet_weighted --set unet.classes=2",
        2,
        &[
            "`unet.classes`",
            "3 classes (background, building, border)",
            "set unet.classes=3",
            "targets.border_width_px=0",
        ],
    );
    for threads in [1, 3] {
        session.succeed(&format!(
            "train -c gaps.yaml --pipeline unet_weighted --threads {threads} \
             --set work=w{threads} -o {threads}.safetensors"
        ));
    }
    assert!(session.read("1.safetensors") == session.read("3.safetensors"));
    session
        .succeed("evaluate -c gaps.yaml --pipeline unet_weighted --set work=w1 --json gaps.json");
    assert_eq!(session.json("gaps.json")["images"], 3);
    session.succeed(
        "predict -c gaps.yaml --pipeline unet_tta --set work=w1 data/val/images -o found.json",
    );
    session.succeed("prepare -c gaps.yaml --set work=w1 --export seen");
    let masks = (0..6).map(|tile| {
        let name = format!("seen/train/masks/{tile:012}.png");
        image::open(session.path(&name)).unwrap().into_luma8()
    });
    let bordered = masks.filter(|mask| mask.pixels().any(|pixel| pixel.0[0] == 64));
    assert!(bordered.count() > 0, "no tile with a border");
}

#[test]
fn a_training_starts_from_a_whole_network() {
    let session = Session::with_suburb();
    session.write("gaps.yaml", GAPS);
    session.succeed("train -c gaps.yaml --pipeline unet -o first.safetensors");
    let start = "--set unet.weights=first.safetensors --set training.learning_rate=1e-9";
    session.succeed(&format!(
        "train -c gaps.yaml --pipeline unet {start} -o same.safetensors"
    ));
    let two = "--set unet.classes=2 --set targets.border_width_px=0 \
               --set training.loss.class_weights=[]";
    session.fail(
        &format!("train -c gaps.yaml --pipeline unet {start} {two}"),
        1,
        &[
            "first.safetensors",
            "final.weight [3, 4, 1, 1] instead of [2, 4, 1, 1]",
            "unet.weights_except",
        ],
    );
    session.succeed(&format!(
        "train -c gaps.yaml --pipeline unet {start} {two} --set unet.weights_except=[final]"
    ));
    session.fail(
        &format!("train -c gaps.yaml --pipeline unet {two} --set unet.weights=none.safetensors"),
        1,
        &["none.safetensors", "unet.weights"],
    );
}

#[test]
fn every_network_trains_and_predicts() {
    let session = Session::with_suburb();
    for options in [
        "--set unet.encoder=plain --set unet.plain.filters=4",
        "--set unet.encoder=dilated --set unet.dilated.filters=4",
        "--set unet.upsampling=bilinear --set unet.context=aspp",
        "--set training.compat.bilinear_targets=true --set training.compat.weight_units=true \
         --set unet.encoder=plain",
    ] {
        let options = format!("{options} --set training.epochs=1 --set work=w");
        session.succeed(&format!(
            "train -c town.yaml --pipeline unet_weighted {options}"
        ));
        session.succeed(&format!(
            "predict -c town.yaml --pipeline unet_weighted {options} data/val/images -o found.json"
        ));
    }
    session.fail(
        "train -c town.yaml --pipeline unet --set training.loss.class_weights=[1,2,3]",
        1,
        &["loss.class_weights is [1.0, 2.0, 3.0]", "unet.classes"],
    );
}

#[test]
fn further_categories_are_classes_where_the_data_have_them() {
    let session = Session::with_suburb();
    for split in ["train", "val"] {
        let file = format!("data/{split}/annotation.json");
        let mut coco = session.json(&file);
        let list = |coco: &mut Value, name: &str, value| {
            coco[name].as_array_mut().unwrap().push(value);
        };
        list(&mut coco, "categories", json!({"id": 7, "name": "road"}));
        let image = coco["images"][0]["id"].clone();
        let road = [[0, 30, 64, 30, 64, 34, 0, 34]];
        let road = json!({"id": 90_001, "image_id": image, "category_id": 7, "iscrowd": 0,
            "area": 256, "bbox": [0, 30, 64, 4], "segmentation": road});
        list(&mut coco, "annotations", road);
        session.write(&file, &coco.to_string());
    }
    let plain = "--set unet.encoder=plain --set unet.plain.filters=4 --set training.epochs=1";
    session.fail(
        "prepare -c town.yaml --set categories=[7]",
        2,
        &["3 classes (background, building, category 7)"],
    );
    session.fail(
        "prepare -c town.yaml --set categories=[8] --set unet.classes=3",
        1,
        &["annotation.json", "[7, 100]", "none of which is 8"],
    );
    let roads = "--set categories=[7] --set unet.classes=3";
    session.succeed(&format!("prepare -c town.yaml {roads} --export seen"));
    let mask = image::open(session.path("seen/train/masks/000000000000.png"))
        .unwrap()
        .into_luma8();
    let roads_seen = mask.pixels().filter(|pixel| pixel.0[0] == 64).count();
    assert!((1..=256).contains(&roads_seen), "{roads_seen} px of road");
    session.succeed(&format!(
        "train -c town.yaml --pipeline unet_weighted {roads} {plain}"
    ));
    let evaluate = "evaluate -c town.yaml --pipeline unet_weighted";
    session.succeed(&format!("{evaluate} {roads} {plain} --json with.json"));
    session.succeed(&format!("{evaluate} {plain} --json without.json"));
    // A road is nothing to be found.
    let truths = |file: &str| session.json(file)["truths"].clone();
    assert_eq!(truths("with.json"), truths("without.json"));
}
