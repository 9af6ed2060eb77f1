//! A server looked at through `footpath_track::access`, as `footpath runs` does.

use crate::serve::Served;
use footpath_track::access::{Access, RemoteAccess, Search, every_run, find_run};
use footpath_track::client::{Destination, HttpDestination};
use footpath_track::series::PointRange;
use footpath_track::{
    ArtifactLink, Batch, Digest, Error, ForeignModel, ForeignRegistration, Lifecycle, LoggedModel,
    ModelMetric, ModelStatus, ModelVersion, Point, Points, RegisteredModel, RunId, TextRecord,
    View, WriterPosition,
};

fn access(server: &Served) -> RemoteAccess {
    RemoteAccess::new(&server.url(""), server.token.clone())
}

fn append(server: &Served, run: &str, batch: &Batch) {
    let position = WriterPosition {
        writer: "w".into(),
        sequence: 1,
    };
    HttpDestination::new(&server.url(""), server.token.clone())
        .append(&run.parse().unwrap(), &position, batch)
        .unwrap();
}

#[test]
fn every_bit_of_a_point_arrives_page_after_page() {
    let server = Served::guarded();
    let id: RunId = server.begin("maps", "m1").parse().unwrap();
    let odd = [
        f64::NAN,
        -0.0,
        f64::MIN_POSITIVE / 3.0,
        0.1 + 0.2,
        f64::INFINITY,
    ];
    let points: Vec<Point> = odd
        .iter()
        .enumerate()
        .map(|(step, value)| Point::new(step as i64 - 2, 7, *value))
        .collect();
    let batch = Batch {
        metrics: [("a b/ü".to_owned(), Points(points.clone()))].into(),
        ..Batch::default()
    };
    append(&server, "m1", &batch);
    let access = access(&server);
    let mut range = PointRange {
        limit: 2,
        ..PointRange::default()
    };
    let mut found = Vec::new();
    loop {
        let page = access.points(&id, "a b/ü", &range).unwrap();
        let Some(last) = page.last() else { break };
        range.after = Some(*last);
        found.extend(page);
    }
    assert_eq!(found, points);
    let run = access.run(&id).unwrap();
    assert_eq!(run.metrics["a b/ü"].last, points[4]);
    // SQLite keeps no sign of a zero in a column; the points have it.
    assert_eq!(run.metrics["a b/ü"].min.map(|least| least.step), Some(-1));
    assert_eq!(access.points(&id, "none", &range).unwrap(), []);
    let absent = access.points(&"absent".parse().unwrap(), "x", &range);
    assert!(matches!(absent, Err(Error::NotFound { .. })));
}

#[test]
fn runs_files_and_texts_are_found() {
    let server = Served::open();
    for number in 0..5 {
        server.begin("maps", &format!("run-{number}"));
    }
    let content = vec![7; 3_000_000];
    let put = |path: &str| {
        let answer = server.send(None, "PUT", path, "", Some(content.clone()));
        assert_eq!(answer.status(), 200);
    };
    put("/api/v1/runs/run-1/files/deep/er/w%20b.bin");
    put("/api/v1/runs/run-1/files/a.bin");
    let text = |step| TextRecord {
        key: "log".into(),
        step,
        time_ms: 1,
        text: format!("line {step}"),
    };
    let texts: Vec<TextRecord> = (0..250).map(text).collect();
    let batch = Batch {
        texts: texts.clone(),
        ..Batch::default()
    };
    append(&server, "run-1", &batch);

    let access = access(&server);
    let id: RunId = "run-1".parse().unwrap();
    let paths: Vec<String> = access
        .files(&id)
        .unwrap()
        .into_iter()
        .map(|file| file.path)
        .collect();
    assert_eq!(paths, ["a.bin", "deep/er/w b.bin"]);
    let mut copied = Vec::new();
    assert_eq!(
        access.copy_blob(Digest::of(&content), &mut copied).unwrap(),
        3_000_000
    );
    assert!(copied == content);
    let absent = access.copy_blob(Digest::of(b"absent"), &mut copied);
    assert!(matches!(absent, Err(Error::NotFound { .. })));
    assert_eq!(
        access.texts(&id, "log").unwrap(),
        texts,
        "over several pages"
    );
    assert_eq!(access.media(&id).unwrap()[0].count, 250);

    let search = Search {
        project: Some("maps".into()),
        order: vec!["run_id DESC".into()],
        ..Search::default()
    };
    let found = every_run(&access, &search).unwrap();
    let ids: Vec<&str> = found.iter().map(|run| run.info.id.as_str()).collect();
    assert_eq!(ids, ["run-4", "run-3", "run-2", "run-1", "run-0"]);
    access.set_lifecycle(&id, Lifecycle::Deleted).unwrap();
    let deleted = Search {
        view: View::Deleted,
        ..Search::default()
    };
    assert_eq!(every_run(&access, &deleted).unwrap().len(), 1);
    assert_eq!(
        find_run(&access, "run-1").unwrap().info.lifecycle,
        Lifecycle::Deleted
    );
    let freed = access.purge(&id).unwrap();
    assert_eq!((freed.runs, freed.artifact_bytes), (1, 3_000_000));
    assert!(matches!(access.run(&id), Err(Error::NotFound { .. })));
    access.collect().unwrap();
    assert_eq!(access.projects().unwrap()[1].name, "maps");
    let wrong = Search {
        filter: "params.x >".into(),
        ..Search::default()
    };
    let told = access.search(&wrong).unwrap_err();
    assert!(
        matches!(told, Error::Invalid { .. }) && told.to_string().contains("character"),
        "{told}"
    );
}

#[test]
fn a_wrong_token_is_told_and_is_no_fault_of_the_spool() {
    let server = Served::guarded();
    let access = RemoteAccess::new(&server.url(""), Some("fpt_wrong_token".into()));
    let error = access.projects().unwrap_err();
    assert!(error.is_transient(), "what waits for the server stays");
    assert!(
        error
            .to_string()
            .contains("the user, password or token is wrong"),
        "{error}"
    );
}

/// What an import of another tracker's models sends; then clients of MLflow find them.
#[test]
fn models_from_elsewhere_are_kept_as_they_are() {
    let server = Served::guarded();
    server.begin("maps", "m1");
    let sender = HttpDestination::new(&server.url(""), server.token.clone());
    let content = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(content.path(), "weights").unwrap();
    let digest = Digest::of(b"weights");
    sender.put_blob(digest, content.path()).unwrap();
    let model = LoggedModel {
        id: "m-1".into(),
        experiment: footpath_track::ExperimentId::DEFAULT,
        name: "unet".into(),
        model_type: "torch".into(),
        source_run: Some("m1".parse().unwrap()),
        status: ModelStatus::Ready,
        status_message: None,
        lifecycle: Lifecycle::Active,
        created_ms: 7,
        updated_ms: 8,
        tags: [("kind".to_owned(), "best".to_owned())].into(),
        params: [("depth".to_owned(), "34".to_owned())].into(),
        metrics: vec![ModelMetric {
            key: "iou".into(),
            points: Points(vec![Point::new(2, 3, f64::NAN)]),
            run: "m1".parse().unwrap(),
            dataset: None,
        }],
    };
    let from = |path: &str| ForeignModel {
        project: "maps".into(),
        experiment: "e".into(),
        model: model.clone(),
        files: vec![ArtifactLink {
            path: path.into(),
            digest,
        }],
    };
    assert!(sender.keep_model(&from("data/w.bin")).unwrap());
    assert!(!sender.keep_model(&from("data/w.bin")).unwrap());
    let escape = sender.keep_model(&from("../w.bin"));
    assert!(matches!(escape, Err(Error::Invalid { .. })), "{escape:?}");
    let found = server.get("/api/2.0/mlflow/logged-models/m-1");
    let info = &found["model"]["info"];
    assert_eq!(
        (&info["name"], &info["creation_timestamp_ms"]),
        (&"unet".into(), &7.into())
    );
    assert_eq!(found["model"]["data"]["metrics"][0]["value"], "NaN");
    let place = info["artifact_uri"].as_str().unwrap();
    let place = place.strip_prefix("mlflow-artifacts:/").unwrap();
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/{place}/data/w.bin");
    let mut answer = server.send(server.token.as_deref(), "GET", &file, "", None);
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "weights");

    let registration = ForeignRegistration {
        model: RegisteredModel {
            name: "houses".into(),
            aliases: [("champion".to_owned(), 3)].into(),
            last_version: 3,
            ..Default::default()
        },
        versions: vec![ModelVersion {
            name: "houses".into(),
            version: 3,
            stage: "None".into(),
            source: "models:/m-1".into(),
            model_id: Some("m-1".into()),
            ..Default::default()
        }],
    };
    assert!(sender.keep_registration(&registration).unwrap());
    assert!(!sender.keep_registration(&registration).unwrap());
    let path = "/api/2.0/mlflow/registered-models/alias?name=houses&alias=champion";
    assert_eq!(server.get(path)["model_version"]["version"], "3");

    // Whoever may not write in a project keeps no model there.
    let user = serde_json::json!({ "roles": { "maps": "viewer", "roads": "editor" } });
    assert_eq!(server.ask("PUT", "/api/v1/users/ann", Some(&user)).0, 200);
    let token = server.post("/api/v1/tokens", &serde_json::json!({ "user": "ann" }));
    let token = token["token"].as_str().unwrap();
    let body = |from: &ForeignModel| serde_json::to_value(from).unwrap();
    let ask = |path: &str, body| server.ask_as(Some(token), "POST", path, Some(&body)).0;
    assert_eq!(ask("/api/v1/models", body(&from("x"))), 403);
    let elsewhere = ForeignModel {
        project: "roads".into(),
        ..from("x")
    };
    assert_eq!(
        ask("/api/v1/models", body(&elsewhere)),
        403,
        "it is of maps"
    );
    let registration = serde_json::to_value(&registration).unwrap();
    assert_eq!(ask("/api/v1/registered-models", registration), 403);
}
