//! What the tracker knows of commands that ran.

mod session;

use footpath_track::{
    Entry, ExperimentId, MediaPage, Owner, Run, RunStatus, SqliteOptions, StepOutcome, Store, View,
    open_sqlite, search::RunQuery,
};
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
