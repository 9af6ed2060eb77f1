//! What the tracker knows of commands that ran.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

#[path = "session/running.rs"]
mod running;
mod session;

use footpath_track::series::PointRange;
use footpath_track::{
    Entry, ExperimentId, MediaPage, ObservedState, Owner, Run, RunStatus, SqliteOptions,
    StepOutcome, Store, View, open_sqlite, search::RunQuery,
};
use running::run_folder;
use session::Session;

/// The store in the folder `seen`, and the runs of its experiment `unet`, the oldest first.
fn runs(session: &Session) -> (impl Store + use<>, Vec<Run>) {
    let store = open_sqlite(&session.path("seen"), SqliteOptions::default()).unwrap();
    let experiment: ExperimentId = store.experiment_named("towns", "unet").unwrap().id;
    let query = RunQuery {
        experiments: vec![experiment],
        view: View::Active,
        limit: 100,
        ..RunQuery::default()
    };
    let mut runs = store.search_runs(&query).unwrap().items;
    runs.reverse();
    (store, runs)
}

#[test]
fn train_evaluate_and_predict_tell_the_tracker_all() {
    let session = Session::with_suburb();
    let track = "-c town.yaml --pipeline unet --track seen --project towns";
    session.succeed(&format!("train {track} --run-name first"));
    session.succeed(&format!("evaluate {track}"));
    session.succeed(&format!("predict {track} data/val/images -o found.json"));
    let (store, runs) = runs(&session);
    assert_eq!(runs.len(), 3);
    for run in &runs {
        assert_eq!(run.info.status, RunStatus::Finished, "{run:?}");
        assert_eq!(run.params["unet.encoder"], "resnet18");
        assert_eq!(run.params["training.epochs"], "2");
    }
    let files = |run: &Run, folder: &str| -> Vec<String> {
        let entries = store
            .artifacts(&Owner::Run(run.info.id.clone()), folder)
            .unwrap();
        let path = |entry| match entry {
            Entry::Folder(path) => path,
            Entry::File(artifact) => artifact.path,
        };
        entries.into_iter().map(path).collect()
    };

    let trained = &runs[0];
    assert_eq!(trained.info.name, "first");
    let count = |key: &str| trained.metrics[key].count;
    // 6 tiles in batches of 4, twice.
    assert_eq!((count("batch/loss"), count("epoch/loss")), (4, 2));
    assert_eq!(count("validation/ap50"), 2);
    let contexts: Vec<_> = trained
        .inputs
        .iter()
        .filter_map(|input| input.context())
        .collect();
    assert_eq!(contexts, ["training", "validation"]);
    let pictures = store
        .images(&trained.info.id, "validation", &MediaPage::default())
        .unwrap();
    assert_eq!(pictures.items.len(), 3 * 2);
    let roles: Vec<_> = pictures.items[0]
        .layers
        .iter()
        .map(|layer| &*layer.role)
        .collect();
    assert_eq!(roles, ["input", "truth", "prediction"]);
    let steps = store.steps(&trained.info.id).unwrap();
    let unet = steps.iter().find(|step| step.step == "unet").unwrap();
    assert_eq!(unet.outcome, StepOutcome::Computed);
    assert!(unet.inputs.contains(&"targets".to_owned()), "{unet:?}");
    assert!(files(trained, "").contains(&"config.yaml".to_owned()));
    assert_eq!(files(trained, "model"), ["model/best.safetensors"]);

    let evaluated = &runs[1];
    assert!(
        evaluated.metrics.contains_key("evaluation/ap50"),
        "{evaluated:?}"
    );
    let steps = store.steps(&evaluated.info.id).unwrap();
    let unet = steps.iter().find(|step| step.step == "unet").unwrap();
    assert_eq!(unet.outcome, StepOutcome::Hit);
    assert!(files(evaluated, "").contains(&"metrics.json".to_owned()));
    assert_eq!(runs[2].metrics["prediction/images"].last.value, 3.0);
}

#[test]
fn a_command_that_fails_says_why() {
    let session = Session::with_suburb();
    let line = "train -c town.yaml --pipeline unet --track seen --project towns --set data=nowhere";
    session.fail(line, 1, &["nowhere"]);
    let (_, runs) = runs(&session);
    assert_eq!(runs[0].info.status, RunStatus::Failed);
    let reason = runs[0].info.status_reason.clone().unwrap_or_default();
    assert!(reason.contains("nowhere"), "{reason}");
}

#[test]
fn a_command_that_is_not_tracked_leaves_nothing() {
    let session = Session::with_suburb();
    session.succeed("train -c town.yaml --pipeline unet --track off --set work=store");
    assert!(!session.path(".footpath").exists());
}

/// A training of 2 epochs of 3 batches that says what happens.
const TRAIN: &str = "train -c town.yaml --pipeline unet --track seen --project towns --json \
                     --set training.batch_size=2";

/// What is to be seen of a training that was stopped in mid-epoch, however often: one run, whole.
fn check_whole(session: &Session, id: &footpath_track::RunId) {
    let (store, runs) = runs(session);
    assert_eq!(runs.len(), 1, "{runs:?}");
    let run = &runs[0];
    assert_eq!((&run.info.id, run.info.status), (id, RunStatus::Finished));
    assert_eq!(run.info.status_reason, None);
    let steps = |key: &str| -> Vec<i64> {
        let points = store.points(id, key, &PointRange::default()).unwrap();
        points.iter().map(|point| point.step).collect()
    };
    assert_eq!(steps("batch/loss"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(steps("epoch/loss"), [1, 2]);
    assert_eq!(steps("validation/ap50"), [1, 2]);
    let pictures = store.images(id, "validation", &MediaPage::default());
    assert_eq!(pictures.unwrap().items.len(), 3 * 2);
    let told = store.texts(id, "messages", &MediaPage::default()).unwrap();
    let told: Vec<_> = told.items.iter().map(|text| &*text.text).collect();
    assert!(
        told.iter().any(|text| text.contains("goes on from")),
        "{told:?}"
    );
    let folder = run_folder(session, ".footpath");
    assert!(!folder.join("tracked.json").exists());
}

#[test]
fn a_training_killed_at_once_has_crashed_and_goes_on_as_the_same_run() {
    let session = Session::with_suburb();
    let mut running = session.start(TRAIN);
    running.until("saved", 1);
    running.until("batch", 1);
    running.kill();
    let first = {
        let (_, runs) = runs(&session);
        runs.into_iter().next().unwrap().info
    };
    // Whatever was delivered of it, it never said that it ended.
    assert_eq!(first.status, RunStatus::Running);
    let lapsed = first.lease_until_ms.unwrap() + 1;
    assert!(lapsed - first.active_ms <= 60_001, "{first:?}");
    assert_eq!(first.observed_state(lapsed), ObservedState::Crashed);
    session.succeed("runs sync --store seen");
    {
        let (_, runs) = runs(&session);
        let info = &runs[0].info;
        assert_eq!(info.status, RunStatus::Killed);
        let reason = info.status_reason.clone().unwrap_or_default();
        assert!(reason.starts_with("killed without a word"), "{reason}");
    }
    session.succeed(TRAIN);
    check_whole(&session, &first.id);
    // The training is done: who gives the command again makes a run of its own.
    session.succeed(TRAIN);
    assert_eq!(runs(&session).1.len(), 2);
}

#[test]
fn a_training_that_is_terminated_says_so_and_goes_on_as_the_same_run() {
    let session = Session::with_suburb();
    let mut running = session.start(TRAIN);
    running.until("saved", 1);
    running.until("batch", 1);
    running.terminate();
    let (status, _) = running.end();
    assert_eq!(status.code(), Some(130));
    let first = {
        let (_, runs) = runs(&session);
        runs.into_iter().next().unwrap().info
    };
    assert_eq!(first.status, RunStatus::Killed);
    assert_eq!(
        first.status_reason.as_deref(),
        Some("stopped by Ctrl-C or SIGTERM")
    );
    // Another configuration of the same training is another run, which names the one before.
    session.succeed(&format!("{TRAIN} --set postprocess.threshold=0.4"));
    let (_, all) = runs(&session);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].tags["footpath.continues"], first.id.to_string());
}

/// Whether a pixel's middle is inside one of these polygons (x, y, x, y, …); `None` near a border,
/// where rasterizers differ.
fn inside(polygons: &[Vec<f64>], x: u32, y: u32) -> Option<bool> {
    let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
    let mut is_inside = false;
    for polygon in polygons {
        let corners: Vec<(f64, f64)> = polygon.chunks(2).map(|xy| (xy[0], xy[1])).collect();
        let mut crossings = 0;
        for (i, &(x0, y0)) in corners.iter().enumerate() {
            let (x1, y1) = corners[(i + 1) % corners.len()];
            let (dx, dy) = (x1 - x0, y1 - y0);
            let along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy).max(1e-12);
            let along = along.clamp(0.0, 1.0);
            if (x - x0 - along * dx).hypot(y - y0 - along * dy) < 1.5 {
                return None;
            }
            if (y0 > y) != (y1 > y) && x < x0 + (y - y0) / dy * dx {
                crossings += 1;
            }
        }
        is_inside |= crossings % 2 == 1;
    }
    Some(is_inside)
}

#[test]
fn pictures_show_the_tile_its_buildings_and_what_was_found() {
    let session = Session::with_suburb();
    session.succeed(TRAIN);
    let (store, runs) = runs(&session);
    let pictures = store.images(&runs[0].info.id, "validation", &MediaPage::default());
    let annotations = session.json("data/val/annotation.json");
    let (mut compared, mut buildings) = (0, 0);
    for picture in pictures.unwrap().items {
        let layer = |role: &str| {
            let layer = picture.layers.iter().find(|layer| layer.role == role);
            let digest = layer.unwrap().digest.to_string();
            let blobs = session.path("seen/artifacts/blobs");
            let bytes = std::fs::read(blobs.join(&digest[..2]).join(&digest)).unwrap();
            image::load_from_memory(&bytes).unwrap()
        };
        let tile = session.path("data/val/images").join(&picture.sample);
        assert_eq!(
            layer("input").into_rgb8(),
            image::open(tile).unwrap().into_rgb8()
        );
        let images = annotations["images"].as_array().unwrap();
        let image = images
            .iter()
            .find(|image| image["file_name"] == *picture.sample)
            .unwrap();
        let polygons: Vec<Vec<f64>> = annotations["annotations"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|annotation| annotation["image_id"] == image["id"])
            .flat_map(|annotation| {
                serde_json::from_value::<Vec<Vec<f64>>>(annotation["segmentation"].clone()).unwrap()
            })
            .collect();
        let (truth, found) = (
            layer("truth").into_luma8(),
            layer("prediction").into_luma8(),
        );
        assert_eq!(truth.dimensions(), (64, 64));
        assert_eq!(found.dimensions(), (64, 64));
        let (mut both, mut either) = (0_u32, 0_u32);
        for (x, y, pixel) in truth.enumerate_pixels() {
            if let Some(is_building) = inside(&polygons, x, y) {
                let value = if is_building { 255 } else { 0 };
                assert_eq!(pixel.0, [value], "{} at {x}, {y}", picture.sample);
                compared += 1;
                buildings += u32::from(is_building);
            }
            // A probability of more than one half rounds to 128 or more.
            let (is_there, is_found) = (pixel.0 == [255], found.get_pixel(x, y).0[0] >= 128);
            both += u32::from(is_there && is_found);
            either += u32::from(is_there || is_found);
        }
        let score = f64::from(both) / f64::from(either);
        assert!(
            (picture.score.unwrap() - score).abs() < 1e-12,
            "{picture:?}"
        );
    }
    assert!(
        compared > 6 * 1000 && buildings > 100,
        "{compared} {buildings}"
    );
}
