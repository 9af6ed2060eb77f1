//! The client from call to store, through absences and deaths.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![expect(clippy::print_stderr, reason = "the child process tells its parent")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use footpath_track::client::{
    Destination, Layer, Picture, Resume, Run, RunOptions, StoreDestination, SyncReport, Target,
    sync,
};
use footpath_track::search::RunQuery;
use footpath_track::series::PointRange;
use footpath_track::{
    Appended, Batch, Blobs, Dataset, DatasetInput, Digest, Error, ForeignModel,
    ForeignRegistration, MediaPage, Owner, RunId, RunStart, RunStatus, SqliteOptions, Store,
    WriterPosition, open_sqlite,
};

const WAIT: Duration = Duration::from_mins(1);

fn options(target: Target) -> RunOptions {
    RunOptions {
        system_metrics_every: None,
        record_signals: false,
        finish_timeout: WAIT,
        ..RunOptions::new(target)
    }
}

fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(open_sqlite(folder, SqliteOptions::default()).unwrap())
}

fn destination(store: &Arc<dyn Store>, folder: &Path) -> StoreDestination {
    StoreDestination::new(
        Arc::clone(store),
        Blobs::open(folder.join("artifacts").to_str().unwrap()).unwrap(),
    )
    .unwrap()
}

fn only_run(store: &dyn Store) -> footpath_track::Run {
    let experiment = store.experiment_named("maps", "unet").unwrap().id;
    let mut runs = store
        .search_runs(&RunQuery {
            experiments: vec![experiment],
            limit: 10,
            ..RunQuery::default()
        })
        .unwrap()
        .items;
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// Tells of everything a run can tell of.
fn tell(run: &Run, files: &Path) {
    std::fs::create_dir_all(files.join("deep")).unwrap();
    std::fs::write(files.join("a.txt"), "a").unwrap();
    std::fs::write(files.join("deep/b.txt"), "b").unwrap();
    #[cfg(unix)]
    for (to, link) in [("/etc/passwd", "link"), ("/etc", "deep/folder")] {
        std::os::unix::fs::symlink(to, files.join(link)).unwrap();
    }
    run.params(&serde_json::json!({"net": {"depth": 34}, "lr": 0.5}));
    run.param("lr", 0.5);
    run.param("lr", 0.25);
    run.metric("", 0, 1.0);
    for step in 0..5000 {
        run.metric("loss", step, 1.0 / (step + 1) as f64);
    }
    run.tag("kind", "test");
    run.note("# A note");
    run.text("log", 1, "hello");
    let layer = |role: &str, bytes: &[u8]| Layer {
        role: role.into(),
        media_type: "image/png".into(),
        width_px: 1,
        height_px: 1,
        bytes: bytes.to_vec(),
    };
    let layers = vec![layer("input", b"in"), layer("prediction", b"out")];
    run.picture(
        "valid",
        3,
        Picture {
            sample: "a.png".into(),
            score: Some(0.5),
            caption: String::new(),
            layers,
        },
    );
    run.folder("files", files);
    run.bytes("bytes.bin", vec![7; 100]);
    run.bytes("../escape", vec![7]);
    run.input(DatasetInput {
        dataset: Dataset {
            name: "tiles".into(),
            digest: "d".into(),
            ..Default::default()
        },
        ..Default::default()
    });
}

fn check_told(store: &dyn Store, folder: &Path) {
    let run = only_run(store);
    assert_eq!(run.info.status, RunStatus::Finished);
    assert!(run.info.end_ms.is_some());
    assert_eq!(
        run.params
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>(),
        ["lr=0.5", "net.depth=34"]
    );
    assert_eq!(
        (
            run.tags["kind"].as_str(),
            run.tags["mlflow.note.content"].as_str()
        ),
        ("test", "# A note")
    );
    assert_eq!(
        store
            .points(&run.info.id, "loss", &PointRange::default())
            .unwrap()
            .len(),
        5000
    );
    assert_eq!(
        run.info.dropped, 3,
        "a changed parameter, a metric without name, a path out of bounds"
    );
    assert_eq!(run.inputs.len(), 1);
    let images = store
        .images(&run.info.id, "valid", &MediaPage::default())
        .unwrap()
        .items;
    assert_eq!(images[0].layers[1].digest, Digest::of(b"out"));
    let owner = Owner::Run(run.info.id);
    assert_eq!(
        store
            .artifact(&owner, "files/deep/b.txt")
            .unwrap()
            .blob
            .size,
        1
    );
    let files = store.artifacts(&owner, "files").unwrap();
    assert_eq!(files.len(), 2, "links are not followed: {files:?}");
    assert_eq!(store.artifacts(&owner, "files/deep").unwrap().len(), 1);
    let digest = store
        .artifact(&owner, "bytes.bin")
        .unwrap()
        .blob
        .digest
        .to_string();
    assert_eq!(
        std::fs::read(
            folder
                .join("artifacts/blobs")
                .join(&digest[..2])
                .join(&digest)
        )
        .unwrap(),
        [7; 100]
    );
}

#[test]
fn all_that_is_told_reaches_the_folder_and_the_spool_goes() {
    let folder = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let run = Run::start_with(
        "maps",
        "unet",
        options(Target::Folder(folder.path().into())),
    );
    tell(&run, files.path());
    run.finish();
    assert_eq!(
        std::fs::read_dir(folder.path().join("spool"))
            .unwrap()
            .count(),
        0
    );
    check_told(&*open(folder.path()), folder.path());
}

#[test]
fn a_run_without_target_is_synced_later_and_twice_is_once() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, copy) = (folder.path().join("spool"), folder.path().join("copy"));
    let run = Run::start_with(
        "maps",
        "unet",
        RunOptions {
            spool: Some(spool.clone()),
            ..options(Target::Spool)
        },
    );
    tell(&run, &folder.path().join("files"));
    let (store, id) = (open(folder.path()), run.id().clone());
    let destination = destination(&store, folder.path());
    assert_eq!(
        sync(&spool, &destination).unwrap().running,
        std::slice::from_ref(&id)
    );
    run.finish();
    assert!(
        Command::new("cp")
            .arg("-r")
            .args([&spool, &copy])
            .status()
            .unwrap()
            .success()
    );

    let report = sync(&spool, &destination).unwrap();
    assert_eq!(
        (report.delivered, report.failed, report.cut_off),
        (vec![id.clone()], vec![], vec![])
    );
    assert!(report.applied > 0);
    check_told(&*store, folder.path());
    let again = sync(&copy, &destination).unwrap();
    assert_eq!((again.delivered, again.applied), (vec![id], 0));
    assert_eq!(again.known, report.applied);
    check_told(&*store, folder.path());
    assert_eq!(sync(&copy, &destination).unwrap(), SyncReport::default());
}

/// A store that is away for its first calls, and whose answers get lost.
struct Flaky {
    inner: StoreDestination,
    calls: AtomicU64,
}

impl Flaky {
    fn fails(&self, every: u64) -> Result<(), Error> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if call < 5 || call.is_multiple_of(every) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }
}

impl Destination for Flaky {
    fn begin(&self, start: &RunStart) -> Result<(), Error> {
        self.fails(2)?;
        self.inner.begin(start)
    }

    fn put_blob(&self, digest: Digest, file: &Path) -> Result<(), Error> {
        self.fails(7)?;
        self.inner.put_blob(digest, file)
    }

    fn append(
        &self,
        run: &RunId,
        position: &WriterPosition,
        batch: &Batch,
    ) -> Result<Appended, Error> {
        let appended = self.inner.append(run, position, batch)?;
        self.fails(3)?;
        Ok(appended)
    }

    fn keep_model(&self, from: &ForeignModel) -> Result<bool, Error> {
        self.inner.keep_model(from)
    }

    fn keep_registration(&self, from: &ForeignRegistration) -> Result<bool, Error> {
        self.inner.keep_registration(from)
    }
}

#[test]
fn answers_that_get_lost_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let run = Run::start_with(
        "maps",
        "unet",
        RunOptions {
            spool: Some(spool.clone()),
            ..options(Target::Spool)
        },
    );
    tell(&run, &folder.path().join("files"));
    run.finish();
    let store = open(folder.path());
    let flaky = Flaky {
        inner: destination(&store, folder.path()),
        calls: AtomicU64::new(0),
    };
    for _ in 0..100 {
        if sync(&spool, &flaky).unwrap().failed.is_empty() {
            break;
        }
    }
    check_told(&*store, folder.path());
}

#[test]
fn a_folder_that_another_process_owns_leaves_the_run_in_its_spool() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let run = Run::start_with(
        "maps",
        "unet",
        options(Target::Folder(folder.path().into())),
    );
    tell(&run, &folder.path().join("files"));
    let begun = Instant::now();
    run.finish();
    assert!(
        begun.elapsed() < WAIT / 2,
        "nobody waits for a store that does not come"
    );
    sync(
        &folder.path().join("spool"),
        &destination(&store, folder.path()),
    )
    .unwrap();
    check_told(&*store, folder.path());
}

#[test]
fn a_refused_batch_loses_its_records_but_not_its_points() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let run = Run::start_with(
        "maps",
        "unet",
        RunOptions {
            spool: Some(spool.clone()),
            ..options(Target::Spool)
        },
    );
    let id = run.id().clone();
    run.metric("loss", 0, 1.0);
    run.param("lr", 2);
    run.finish();
    let store = open(folder.path());
    let destination = destination(&store, folder.path());
    let start =
        serde_json::from_slice(&std::fs::read(spool.join(id.as_str()).join("start.json")).unwrap())
            .unwrap();
    destination.begin(&start).unwrap();
    store
        .append(
            &id,
            None,
            Batch {
                params: vec![("lr".into(), "1".into())],
                ..Batch::default()
            },
        )
        .unwrap();
    assert_eq!(sync(&spool, &destination).unwrap().failed, []);
    let run = only_run(&*store);
    assert_eq!(
        (
            run.metrics["loss"].count,
            run.params["lr"].as_str(),
            run.info.dropped
        ),
        (1, "1", 1)
    );
    assert_eq!(run.info.status, RunStatus::Finished);
}

#[test]
fn errors_panics_and_early_exits_are_failures() {
    let ended = |end: &dyn Fn(Run)| {
        let folder = tempfile::tempdir().unwrap();
        end(Run::start_with(
            "maps",
            "unet",
            options(Target::Folder(folder.path().into())),
        ));
        let info = only_run(&*open(folder.path())).info;
        (info.status, info.status_reason.unwrap_or_default())
    };
    assert_eq!(
        ended(&|run| run.fail(&std::io::Error::other("disk full"))),
        (RunStatus::Failed, "disk full".into())
    );
    assert_eq!(
        ended(&|run| run.kill("SIGINT")),
        (RunStatus::Killed, "SIGINT".into())
    );
    assert_eq!(
        ended(&drop),
        (
            RunStatus::Failed,
            "the program left the run before it finished".into()
        )
    );
    let (status, reason) = ended(&|run| {
        let thread = std::thread::spawn(move || {
            let _run = run;
            panic!("no more tiles");
        });
        thread.join().unwrap_err();
    });
    assert!(
        status == RunStatus::Failed && reason.contains("no more tiles"),
        "{reason}"
    );
}

#[test]
fn a_run_that_is_off_does_nothing() {
    let run = Run::start_with("maps", "unet", RunOptions::new(Target::Off));
    run.metric("loss", 0, 1.0);
    assert!(!run.is_recording() && run.flush(Duration::ZERO));
    let unwritable = RunOptions {
        spool: Some("/proc/none".into()),
        ..RunOptions::new(Target::Spool)
    };
    let run = Run::start_with("maps", "unet", unwritable);
    run.metric("loss", 0, 1.0);
    assert!(!run.is_recording());
    run.finish();
}

#[test]
fn a_run_goes_on_after_its_process_died_with_what_it_left_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let begin = |target, resume| {
        Run::start_with(
            "maps",
            "unet",
            RunOptions {
                spool: Some(spool.clone()),
                resume,
                ..options(target)
            },
        )
    };
    let first = begin(Target::Spool, None);
    let resume = first.to_resume();
    for step in 0..5 {
        first.metric("loss", step, step as f64);
    }
    // Its end never reached a target.
    first.kill("SIGTERM");
    let text = serde_json::to_string(&resume).unwrap();
    let resume: Resume = serde_json::from_str(&text).unwrap();

    let second = begin(Target::Folder(folder.path().into()), Some(resume.clone()));
    assert_eq!(second.to_resume(), resume);
    let again = begin(Target::Spool, Some(resume.clone()));
    assert!(!again.is_recording(), "two processes record one run");
    drop(again);
    for step in 3..8 {
        second.metric("loss", step, step as f64);
    }
    second.finish();
    let (run, steps) = {
        let store = open(folder.path());
        let run = only_run(&*store);
        let points = store.points(&run.info.id, "loss", &PointRange::default());
        let steps: Vec<i64> = points.unwrap().iter().map(|point| point.step).collect();
        (run, steps)
    };
    assert_eq!(
        (&run.info.id, run.info.start_ms),
        (&resume.id, resume.start_ms)
    );
    assert_eq!(steps, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(
        (run.info.status, run.info.status_reason),
        (RunStatus::Finished, None)
    );
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 0);

    // It may end and go on as often as there is need, also when what it told waits for `sync`.
    let third = begin(Target::Spool, Some(resume));
    third.metric("loss", 8, 8.0);
    third.fail(&std::io::Error::other("disk full"));
    let store = open(folder.path());
    let report = sync(&spool, &destination(&store, folder.path())).unwrap();
    assert_eq!((report.delivered.len(), report.failed.len()), (1, 0));
    let run = only_run(&*store);
    assert_eq!(run.metrics["loss"].count, 9);
    assert_eq!(run.info.status, RunStatus::Failed);
}

/// Not a test by itself: the process that the tests below start and kill.
#[test]
fn child() {
    let Some(spool) = std::env::var_os("FOOTPATH_TRACK_TEST_CHILD") else {
        return;
    };
    let options = RunOptions {
        spool: Some(spool.into()),
        record_signals: true,
        resume: serde_json::from_str(&std::env::var("FOOTPATH_TRACK_TEST_RESUME").unwrap()).ok(),
        ..options(Target::Spool)
    };
    let run = Run::start_with("maps", "unet", options);
    run.metric("loss", 1, 0.5);
    assert!(run.flush(WAIT));
    // The parent waits for this line; the child then waits for its end.
    eprintln!("flushed");
    std::thread::sleep(WAIT);
}

/// Ends a child by a signal; gives its run as synced.
fn killed_by(signal: &str) -> footpath_track::RunInfo {
    let folder = tempfile::tempdir().unwrap();
    killed_in(folder.path(), None, signal)
}

/// Ends a child, which records a new run or goes on with one, by a signal.
fn killed_in(folder: &Path, resume: Option<&Resume>, signal: &str) -> footpath_track::RunInfo {
    let spool = folder.join("spool");
    let resume = resume.map_or_else(String::new, |run| serde_json::to_string(run).unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env("FOOTPATH_TRACK_TEST_CHILD", &spool)
        .env("FOOTPATH_TRACK_TEST_RESUME", resume)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stderr.take().unwrap()),
        &mut line,
    )
    .unwrap();
    assert_eq!(line, "flushed\n");
    assert!(
        Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    assert!(!child.wait().unwrap().success());
    let store = open(folder);
    let report = sync(&spool, &destination(&store, folder)).unwrap();
    assert_eq!((report.delivered.len(), report.failed.len()), (1, 0));
    let run = only_run(&*store);
    assert_eq!(run.metrics["loss"].count, 1);
    run.info
}

#[test]
#[cfg(unix)]
fn a_terminated_process_names_its_signal() {
    let info = killed_by("TERM");
    assert_eq!(
        (info.status, info.status_reason.as_deref()),
        (RunStatus::Killed, Some("SIGTERM"))
    );
}

#[test]
#[cfg(unix)]
fn a_killed_process_loses_nothing_that_was_flushed() {
    let info = killed_by("KILL");
    assert_eq!(info.status, RunStatus::Killed);
    assert!(info.status_reason.unwrap().starts_with("killed"));
}

#[test]
#[cfg(unix)]
fn each_process_of_a_run_that_is_killed_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = killed_in(folder.path(), None, "KILL");
    let resume = Resume {
        id: first.id.clone(),
        start_ms: first.start_ms,
    };
    // Terminated by name, gone on with, and killed without a word again.
    for (signal, reason) in [("TERM", "SIGTERM"), ("KILL", "killed without a word")] {
        let info = killed_in(folder.path(), Some(&resume), signal);
        assert_eq!((&info.id, info.status), (&first.id, RunStatus::Killed));
        let told = info.status_reason.unwrap();
        assert!(told.starts_with(reason), "{signal}: {told}");
    }
}
