//! Whose network and second level `predict` takes, and what `score` makes of its results.

use crate::session::Session;

#[test]
fn predictions_are_those_of_the_configuration() {
    let session = Session::with_suburb();
    let predict = |set: &str, out: &str| {
        session.succeed(&format!(
            "predict -c town.yaml --pipeline unet_weighted data/val/images -o {out} \
             --set postprocess.threshold=0.01 {set}"
        ));
        session.json(out)
    };
    session.succeed("train -c town.yaml --pipeline unet_weighted -o first.safetensors");
    let first = predict("--model first.safetensors", "file.json");
    session.succeed("train -c town.yaml --pipeline unet_weighted --set training.seed=7");
    assert_eq!(predict("", "first.json"), first);
    assert_ne!(predict("--set training.seed=7", "second.json"), first);
    session.fail(
        "predict -c town.yaml --pipeline unet_weighted data/val/images -o none.json \
         --set training.seed=8",
        1,
        &[
            "no trained network of `unet_weighted` with this configuration",
            "training.seed",
            "--model FILE",
        ],
    );

    // The second level of a network is its own, whether it was evaluated before or not.
    let scored = |out: &str| {
        session.succeed(&format!(
            "predict -c town.yaml --pipeline unet_weighted_scoring_model data/val/images \
             --model first.safetensors -o {out}"
        ));
        session.json(out)
    };
    session
        .succeed("train -c town.yaml --pipeline unet_weighted_scoring_model --set training.seed=7");
    let before = scored("before.json");
    assert_ne!(before.as_array().unwrap().len(), 0);
    session.succeed(
        "evaluate -c town.yaml --pipeline unet_weighted_scoring_model --model first.safetensors",
    );
    assert_eq!(scored("after.json"), before);

    let told = session.succeed(
        "predict -c town.yaml --pipeline unet_weighted_scoring_model data/val/images \
         -o file.json --model first.safetensors --set unet.decoder_filters=9",
    );
    let says = "first.safetensors: the network has unet.decoder_filters=";
    assert_eq!(told.stderr.matches(says).count(), 1, "{told:?}");
    assert!(
        told.stderr.contains("configuration's 9 is passed over"),
        "{told:?}"
    );
}

#[test]
fn predictions_are_scored_by_file_name_whatever_the_number() {
    let session = Session::with_suburb();
    let truth = session.json("data/val/annotation.json");
    let last = truth["images"].as_array().unwrap().len() as u64 - 1;
    let score = |number: fn(u64, u64) -> u64, name: fn(&str) -> Option<String>| {
        let record = |annotation: &serde_json::Value| {
            let id = annotation["image_id"].as_u64().unwrap();
            let images = truth["images"].as_array().unwrap();
            let image = images.iter().find(|image| image["id"] == id).unwrap();
            serde_json::json!({
                "image_id": number(id, last), "category_id": 100, "score": 1.0,
                "segmentation": annotation["segmentation"],
                "file_name": name(image["file_name"].as_str().unwrap()),
            })
        };
        let annotations = truth["annotations"].as_array().unwrap();
        let found: Vec<_> = annotations.iter().map(record).collect();
        session.write("found.json", &serde_json::json!(found).to_string());
        session.succeed("score data/val/annotation.json found.json --json score.json");
        session.json("score.json")["ap50"].as_f64().unwrap()
    };
    let (same, turned) = (|id, _| id, |id, last| last - id);
    assert_eq!(score(same, |_| None), 1.0);
    assert!(score(turned, |_| None) < 0.9);
    assert_eq!(score(turned, |name| Some(name.to_owned())), 1.0);
    // By number where the truth has no such name.
    assert_eq!(score(same, |name| Some(format!("{name}.tif"))), 1.0);
}

#[test]
fn a_second_level_learnt_beside_a_broken_image_is_found_again() {
    let session = Session::with_suburb();
    session.write("data/val/images/000000000001.jpg", "no image");
    let trained = session.succeed("train -c town.yaml --pipeline unet_weighted_scoring_model");
    // Two tiles teach nothing, and that is said.
    assert!(
        trained.stderr.contains("no better than their mean"),
        "{trained:?}"
    );
    let predicted = session.succeed(
        "predict -c town.yaml --pipeline unet_weighted_scoring_model data/val/images -o found.json",
    );
    assert!(
        predicted.stdout.contains("1 of them unreadable"),
        "{predicted:?}"
    );
}

#[test]
fn no_predictions_are_scored_and_said() {
    let session = Session::with_suburb();
    session.write("none.json", "[]");
    let scored = session.succeed("score data/val/annotation.json none.json --json");
    let metrics: serde_json::Value = serde_json::from_str(&scored.stdout).unwrap();
    assert_eq!(
        (&metrics["ap50"], &metrics["detections"]),
        (&0.0.into(), &0.into())
    );
    assert!(scored.stderr.contains("no prediction"), "{scored:?}");
    session.write("other.json", r#"{"ap50": [0.5]}"#);
    session.fail(
        "score data/val/annotation.json other.json",
        1,
        &["other.json holds no list of records", "`annotations`"],
    );
}
