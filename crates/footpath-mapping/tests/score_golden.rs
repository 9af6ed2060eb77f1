//! `footpath score` gives pycocotools' numbers; `golden/score/make.py` made them.

use std::path::{Path, PathBuf};

use footpath_mapping::evaluation::{Metrics, score};
use footpath_mapping::problem::Strictness;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/score")
        .join(name)
}

fn expected() -> Value {
    let text = std::fs::read_to_string(golden("expected.json")).expect("golden file");
    serde_json::from_str(&text).expect("JSON")
}

fn assert_equal(metrics: &Metrics, expected: &Value) {
    let metrics = serde_json::to_value(metrics).expect("plain data");
    let expected = expected.as_object().expect("numbers");
    assert_eq!(metrics.as_object().expect("flat").len(), expected.len());
    for (key, value) in expected {
        let (ours, theirs) = (
            metrics[key].as_f64().expect(key),
            value.as_f64().expect(key),
        );
        assert!(
            (ours - theirs).abs() <= 1e-9,
            "{key}: {ours}, pycocotools {theirs}"
        );
    }
}

#[test]
fn all_forms_of_results_score_as_in_pycocotools() {
    for form in ["challenge", "masks", "polygons"] {
        let results = golden(&format!("{form}.json"));
        let (metrics, _) = score(&golden("truth.json"), &results, Strictness::SkipBad).expect(form);
        assert_equal(&metrics, &expected()[form]);
    }
}

#[test]
fn no_prediction_at_all_scores_as_in_pycocotools() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let results = folder.path().join("empty.json");
    std::fs::write(&results, "[]").expect("writable");
    let (metrics, report) =
        score(&golden("truth.json"), &results, Strictness::SkipBad).expect("scored");
    assert_equal(&metrics, &expected()["empty"]);
    assert!(
        report
            .to_string()
            .contains("empty.json: there is no prediction (kept)"),
        "{report}"
    );
}
