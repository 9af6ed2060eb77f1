//! The command end to end, on tiny synthetic suburbs.

#[path = "command/predictions.rs"]
mod predictions;
mod session;

use session::Session;

const METRICS: [&str; 21] = [
    "ap",
    "ap50",
    "ap50_large",
    "ap50_small",
    "ap75",
    "ap_large",
    "ap_medium",
    "ap_small",
    "ar50",
    "ar50_large",
    "ar50_small",
    "ar_1",
    "ar_10",
    "ar_100",
    "ar_large",
    "ar_medium",
    "ar_small",
    "detections",
    "images",
    "iou",
    "truths",
];

#[test]
fn the_whole_journey() {
    let session = Session::with_suburb();

    let prepared = session.succeed("prepare -c town.yaml --export seen");
    assert!(
        prepared.stdout.contains("train: 6 tiles, 6 prepared"),
        "{prepared:?}"
    );
    let again = session.succeed("prepare -c town.yaml");
    assert!(
        again
            .stdout
            .contains("train: 6 tiles, 0 prepared, 6 already there"),
        "{again:?}"
    );
    for kind in ["masks", "distances", "sizes"] {
        let picture =
            image::open(session.path(&format!("seen/train/{kind}/000000000000.png"))).unwrap();
        assert_eq!((picture.width(), picture.height()), (64, 64));
    }

    let trained =
        session.succeed("train -c town.yaml --pipeline unet_weighted -o best.safetensors");
    assert!(trained.stderr.contains("epoch"), "{trained:?}");
    let again = session.succeed("train -c town.yaml --pipeline unet_weighted -o again.safetensors");
    assert!(again.stderr.contains("done before"), "{again:?}");
    assert_eq!(
        session.read("best.safetensors"),
        session.read("again.safetensors")
    );

    session.succeed("evaluate -c town.yaml --pipeline unet_weighted --json metrics.json --predictions found.json");
    let metrics = session.json("metrics.json");
    for key in METRICS {
        assert!(metrics[key].is_number(), "{key}");
    }
    assert_eq!(metrics["images"], 3);

    session.succeed("score data/val/annotation.json found.json --json score.json");
    let score = session.json("score.json");
    for key in METRICS {
        assert_eq!(score[key], metrics[key], "{key}");
    }

    session.succeed(
        "evaluate -c town.yaml --pipeline unet_weighted --model best.safetensors --json file.json",
    );
    assert_eq!(session.json("file.json"), metrics);

    session.succeed(
        "predict -c town.yaml --pipeline unet_weighted data/val/images -o all.json --overlays drawn \
         --set postprocess.threshold=0.01",
    );
    let found = session.json("all.json");
    let first = &found.as_array().unwrap()[0];
    assert_eq!(first["category_id"], 100);
    assert!(
        first["file_name"].as_str().unwrap().starts_with("0000"),
        "{first}"
    );
    assert_eq!(first["segmentation"]["size"], serde_json::json!([64, 64]));
    let drawn = image::open(session.path("drawn/000000000000.png")).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (64, 64));

    let annotations = session.read("data/val/annotation.json");
    session.fail(
        "predict -c town.yaml --pipeline unet_weighted data/val/images -o data/val/annotation.json",
        2,
        &["data/val/annotation.json holds something else than COCO results"],
    );
    assert_eq!(session.read("data/val/annotation.json"), annotations);

    let stranger = serde_json::json!([{
        "image_id": 99, "category_id": 100, "score": 0.5, "segmentation": first["segmentation"],
    }]);
    session.write("stranger.json", &stranger.to_string());
    session.fail(
        "score data/val/annotation.json stranger.json",
        1,
        &["image 99", "none of the predictions of stranger.json fits"],
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name| {
            let metadata = std::fs::metadata(session.path(name)).unwrap();
            metadata.permissions().mode()
        };
        assert_eq!(mode("metrics.json"), mode("stranger.json"));
    }
}

#[test]
fn a_changed_threshold_reruns_neither_training_nor_network() {
    let session = Session::with_suburb();
    session.succeed("evaluate -c town.yaml --pipeline unet");
    let run = session.succeed(
        "steps explain -c town.yaml --pipeline unet --set postprocess.threshold=0.4 --json",
    );
    let explained: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let step = |name: &str| {
        let steps = explained["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).unwrap()
    };
    for (name, action) in [
        ("targets", "unneeded"),
        ("unet", "hit"),
        ("probabilities", "hit"),
        ("objects", "compute"),
        ("metrics", "compute"),
    ] {
        assert_eq!(step(name)["action"], action, "{name}: {explained:#}");
    }
    assert_eq!(step("objects")["reasons"][0]["path"], "options.threshold");
    assert_eq!(step("metrics")["reasons"][0]["step"], "objects");
    let redone =
        session.succeed("evaluate -c town.yaml --pipeline unet --set postprocess.threshold=0.4");
    assert!(!redone.stderr.contains("epoch  "), "{redone:?}");
}

#[test]
fn a_network_infers_in_bf16_where_the_processor_can() {
    let session = Session::with_suburb();
    session
        .succeed("evaluate -c town.yaml --pipeline unet --predictions exact.json --json f32.json");
    let rounded =
        session.run("evaluate -c town.yaml --pipeline unet --precision bf16 --json bf16.json");
    if rounded.code == Some(0) {
        let iou = |file: &str| session.json(file)["iou"].as_f64().unwrap();
        assert!((iou("f32.json") - iou("bf16.json")).abs() < 0.1);
        assert!(!rounded.stderr.contains("epoch  "), "{rounded:?}");
    } else {
        let advice = "this processor has no AVX-512 BF16 instructions; use the precision f32";
        assert!(rounded.stderr.contains(advice), "{rounded:?}");
    }
}

#[test]
fn the_same_training_gives_the_same_bytes_for_any_number_of_threads() {
    let session = Session::with_suburb();
    for threads in [1, 2, 4] {
        let work = format!("--set work=w{threads} --threads {threads}");
        session.succeed(&format!(
            "train -c town.yaml --pipeline unet_weighted {work} -o {threads}.safetensors"
        ));
        session.succeed(&format!(
            "predict -c town.yaml --pipeline unet_weighted {work} data/val/images -o {threads}.json"
        ));
    }
    for threads in [2, 4] {
        for kind in ["safetensors", "json"] {
            let (one, many) = (format!("1.{kind}"), format!("{threads}.{kind}"));
            assert!(
                session.read(&one) == session.read(&many),
                "{many} differs from {one}"
            );
        }
    }
}

#[test]
fn a_broken_image_is_named_and_left_out() {
    let session = Session::with_suburb();
    let tile = session.path("data/train/images/000000000002.jpg");
    let bytes = std::fs::read(&tile).unwrap();
    std::fs::write(&tile, &bytes[..bytes.len() / 3]).unwrap();
    let prepared = session.succeed("prepare -c town.yaml");
    let told = "train: 6 tiles, 6 prepared, 0 already there, 0 failed, 1 image unreadable";
    assert!(prepared.stdout.contains(told), "{prepared:?}");
    assert!(prepared.stderr.contains("000000000002.jpg"), "{prepared:?}");
    let strict = "prepare -c town.yaml --set work=strict --strict";
    session.fail(strict, 1, &["000000000002.jpg"]);
    let trained = session.succeed("train -c town.yaml --pipeline unet --set training.epochs=1");
    assert!(trained.stderr.contains("000000000002.jpg"), "{trained:?}");
    let refused = session.fail(
        "train -c town.yaml --pipeline unet --set training.epochs=1 --set work=strict --strict",
        1,
        &["000000000002.jpg"],
    );
    assert!(!refused.stderr.contains("left out"), "{refused:?}");
    session.succeed("train -c town.yaml --pipeline unet_weighted -o best.safetensors");
    let predict = "predict -c town.yaml --pipeline unet_weighted data/train/images -o out.json \
                   --model best.safetensors --set work=strict";
    let told = session.succeed(predict);
    assert!(told.stderr.contains("left out"), "{told:?}");
    let refused = session.fail(&format!("{predict} --strict"), 1, &["000000000002.jpg"]);
    assert!(!refused.stderr.contains("left out"), "{refused:?}");
}

#[test]
fn wrong_usage_says_what_to_change() {
    let session = Session::with_suburb();
    session.fail("prepare", 2, &["no data set is named", "--set data=DIR"]);
    session.fail(
        "train -c town.yaml --pipeline unet --set training.epoch=1",
        2,
        &[
            "unknown key `training.epoch`",
            "did you mean `training.epochs`?",
        ],
    );
    session.fail(
        "config show --set unet.encoder=resnet9",
        2,
        &["unet.encoder", "resnet9", "resnet18"],
    );
    session.fail("prepare -c nowhere.yaml", 2, &["nowhere.yaml"]);
    session.fail("train -c town.yaml --pipeline unit", 2, &["unet_weighted"]);
    session.fail(
        "predict -c town.yaml --pipeline unet data/val/images -o out.json",
        1,
        &["no trained network of `unet`", "footpath train"],
    );
    session.write("empty/readme.txt", "no image");
    session.fail(
        "predict -c town.yaml --pipeline unet empty -o out.json",
        1,
        &["there is no image in empty", "PNG, JPEG or TIFF"],
    );
    session.fail(
        "prepare --set data=nowhere",
        1,
        &["nowhere", "{train,val}/images"],
    );
}

#[test]
fn the_demo_leaves_all_that_it_names() {
    let session = Session::empty();
    let demo = session.succeed(
        "demo --out d --train 4 --val 2 --set training.epochs=1 --set training.size.height=64 \
         --set training.size.width=64",
    );
    assert!(
        demo.stdout.contains("footpath evaluate -c d/config.yaml"),
        "{demo:?}"
    );
    for file in [
        "model.safetensors",
        "predictions.json",
        "data/val/annotation.json",
    ] {
        assert!(session.path("d").join(file).is_file(), "{file}");
    }
    assert_eq!(session.json("d/metrics.json")["images"], 2);
    let pictures = std::fs::read_dir(session.path("d/overlays")).unwrap();
    assert_eq!(pictures.count(), 2);
    // What it names next works on what it left: the settings are in the configuration.
    let again = session.succeed("train -c d/config.yaml --pipeline unet_weighted");
    assert!(again.stderr.contains("done before"), "{again:?}");
}

#[test]
fn synth_repeats_itself_and_keeps_what_is_not_its_own() {
    let session = Session::empty();
    session.succeed("synth --out a --train 1 --val 1 --size 64");
    session.succeed("synth --out b --train 1 --val 1 --size 64 --threads 1");
    for file in ["train/annotation.json", "val/images/000000000000.jpg"] {
        assert_eq!(
            session.read(&format!("a/{file}")),
            session.read(&format!("b/{file}")),
            "{file}"
        );
    }
    let again = session.succeed("synth --out a --train 1 --val 1 --size 64");
    assert!(again.stderr.contains("nothing to do"), "{again:?}");
    session.write("mine/notes.txt", "precious");
    session.fail("synth --out mine --train 1 --val 1 --size 64", 1, &["mine"]);
    assert_eq!(session.read("mine/notes.txt"), b"precious");
}

#[test]
fn every_pipeline_runs_on_one_training() {
    let session = Session::with_suburb();
    session.succeed("train -c town.yaml --pipeline unet_weighted");
    for pipeline in [
        "unet_weighted",
        "unet_padded",
        "unet_tta",
        "unet_weighted_scoring_model",
        "unet_padded_scoring_model",
        "unet_tta_scoring_model",
        "scoring_model",
    ] {
        let run = session.succeed(&format!(
            "evaluate -c town.yaml --pipeline {pipeline} --json {pipeline}.json"
        ));
        assert!(!run.stderr.contains("epoch  "), "{pipeline}: {run:?}");
        let scoring = pipeline.ends_with("scoring_model");
        assert_eq!(run.stderr.contains("box_fill"), scoring, "{run:?}");
        assert_eq!(session.json(&format!("{pipeline}.json"))["images"], 3);
        session.succeed(&format!(
            "predict -c town.yaml --pipeline {pipeline} data/val/images -o found.json"
        ));
    }
    // An ensemble of the network with itself is the network; leaning on colours is another answer.
    let metrics = |name: &str| session.json(&format!("{name}.json"));
    let evaluate = |name: &str, set: &str| {
        let run = session.succeed(&format!(
            "evaluate -c town.yaml --pipeline unet_weighted --set {set} --json {name}.json \
             --per-image {name}.csv --worst 2 {name}"
        ));
        assert!(!run.stderr.contains("epoch  "), "{run:?}");
    };
    let model = ".footpath/models/unet_weighted.safetensors";
    evaluate("twice", &format!("inference.ensemble=[{model}]"));
    assert_eq!(metrics("twice"), metrics("unet_weighted"));
    session.succeed(&format!(
        "predict -c town.yaml --pipeline unet_tta data/val/images -o found.json --set \
         inference.ensemble=[{model}]"
    ));
    evaluate("leaning", "postprocess.crf.smooth_reach_px=2");
    // Two data sets have images of the same ids: what is said of them names the data set.
    session.succeed("synth --out other --train 1 --val 3 --size 64 --seed 5");
    session.succeed(&format!(
        "evaluate -c town.yaml --pipeline unet_weighted --set data=[data,other] --model {model} \
         --predictions both.json --per-image both.csv"
    ));
    let table = String::from_utf8(session.read("both.csv")).unwrap();
    assert!(table.starts_with("data_set,image_id,file_name,"), "{table}");
    assert_eq!(table.lines().count(), 7);
    for result in session.json("both.json").as_array().unwrap() {
        let of = result["data_set"].as_str().unwrap();
        assert!(of.ends_with("data") || of.ends_with("other"), "{of}");
    }
    // A network that is not there yet is trained, and that is said with the reason.
    let run =
        session.succeed("evaluate -c town.yaml --pipeline unet_weighted --set training.seed=9");
    assert!(run.stderr.contains("no finished training fits"), "{run:?}");
    assert!(run.stderr.contains("seed"), "{run:?}");
    assert!(session.path("leaning").is_dir());
    let table = String::from_utf8(session.read("leaning.csv")).unwrap();
    assert_eq!(table.lines().count(), 4);
    assert!(table.starts_with("image_id,file_name,truths,"), "{table}");
    let pictures = std::fs::read_dir(session.path("leaning")).unwrap();
    assert_eq!(pictures.count(), 2);
    for key in [
        "boundary_ap",
        "c_iou",
        "iou_mean",
        "object_ratio",
        "corner_ratio",
    ] {
        assert!(metrics("leaning")[key].is_number(), "{key}");
    }
    assert_eq!(metrics("leaning")["by_size"].as_array().unwrap().len(), 5);
    assert_eq!(
        metrics("leaning")["intervals"]["iou"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    session.succeed("train -c town.yaml --pipeline unet_scoring_model");
    session.succeed("evaluate -c town.yaml --pipeline unet");
}

#[test]
fn an_ablation_of_post_processing_trains_once_and_compares() {
    let session = Session::with_suburb();
    let line =
        "ablate -c town.yaml --pipeline unet --over postprocess.threshold=0.99,0.3 --samples 50";
    let first = session.succeed(&format!("{line} --out effects.csv"));
    assert_eq!(first.stderr.matches("epoch  ").count(), 1, "{first:?}");
    assert!(
        first.stdout.contains("| `postprocess.threshold=0.3` |"),
        "{first:?}"
    );
    let table = String::from_utf8(session.read("effects.csv")).unwrap();
    assert!(
        table.contains("\"postprocess.threshold=0.99\",iou,"),
        "{table}"
    );
    let again = session.succeed(&format!("{line} --json"));
    assert!(!again.stderr.contains("epoch  "), "{again:?}");
    let effects: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(effects["rows"].as_array().unwrap().len(), 2);
    let iou = &effects["rows"][0]["effects"]["iou"];
    let value = |key: &str| iou[key].as_f64().unwrap();
    assert!((value("value") - value("base") - value("difference")).abs() < 1e-12);
    assert_eq!(effects["base"]["iou"], iou["base"]);

    for (over, says) in [
        (
            "postprocess.threshhold=0.3",
            "did you mean `postprocess.threshold`?",
        ),
        ("postprocess.threshold", "there is no `=`"),
        ("postprocess.threshold=0.3,7", "postprocess.threshold is 7"),
        ("data=a,b", "stay the same in an ablation"),
    ] {
        session.fail(&format!("ablate -c town.yaml --over {over}"), 2, &[says]);
    }
    session.fail(
        &format!("{line} --out effects.xls"),
        2,
        &["effects.xls", ".md, .csv or .json"],
    );
}

#[test]
fn wrong_combinations_say_what_to_change() {
    let session = Session::with_suburb();
    session.fail(
        "evaluate -c town.yaml --pipeline scoring_model --set scoring.thresholds=0",
        2,
        &["scoring.thresholds is 0, expected at least 1"],
    );
    session.fail(
        "evaluate -c town.yaml --pipeline unet --set inference.ensemble=[none.safetensors]",
        1,
        &["none.safetensors", "inference.ensemble"],
    );
    session.fail(
        "evaluate -c town.yaml --pipeline unet --per-image table.xls",
        2,
        &["table.xls", ".csv or .json"],
    );
    session.fail(
        "evaluate -c town.yaml --pipeline unet --worst few worst",
        2,
        &["few is no number of tiles"],
    );
    session.fail(
        "train -c town.yaml --pipeline unet --set unet.encoder=resnet35",
        2,
        &["resnet35", "resnet34"],
    );
    session.fail(
        "train -c town.yaml --pipeline scoring_model --second-level model.txt",
        2,
        &["scoring.learner.kind to lightgbm"],
    );
    session.fail(
        "predict -c town.yaml --pipeline unet_scoring_model data/val/images -o found.json",
        1,
        &["run `footpath train --pipeline unet_scoring_model`"],
    );
}

#[test]
fn a_pose_that_does_not_fit_says_what_to_change() {
    let session = Session::with_suburb();
    session.fail(
        "evaluate -c town.yaml --pipeline unet_tta --set training.size.width=128",
        2,
        &[
            "turns a 64x128 px input on its side",
            "set training.size to a square",
        ],
    );
}
