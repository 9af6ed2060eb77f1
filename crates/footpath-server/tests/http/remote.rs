//! A server looked at through `footpath_track::access`, as `footpath runs` does.

use crate::serve::Served;
use footpath_track::access::{Access, RemoteAccess, Search, every_run, find_run};
use footpath_track::client::{Destination, HttpDestination};
use footpath_track::series::PointRange;
use footpath_track::{
    Batch, Digest, Error, Lifecycle, Point, Points, RunId, TextRecord, View, WriterPosition,
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
