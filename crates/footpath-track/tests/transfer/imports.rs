use std::path::{Path, PathBuf};

use footpath_track::access::Access;
use footpath_track::series::PointRange;
use footpath_track::transfer::import::{ImportReport, Options, Source, import};
use footpath_track::{Digest, ModelStatus, Owner, RunStatus, SqliteOptions, Store, open_sqlite};

use super::{open, runs};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/import")
        .join(name)
}

/// Imports twice: the second time, all is there.
fn import_twice(
    access: &dyn Access,
    source: Source,
    path: &Path,
    options: &Options,
) -> ImportReport {
    assert_eq!(Source::detect(path), Some(source));
    let first = import(source, path, options, access.destination()).unwrap();
    let found = runs(access);
    let again = import(source, path, options, access.destination()).unwrap();
    assert!(first.applied > 0 && first.known == 0, "{first:?}");
    assert!(again.applied == 0 && again.known > 0, "{again:?}");
    let without_time = |runs: Vec<footpath_track::Run>| {
        runs.into_iter()
            .map(|mut run| {
                run.info.active_ms = 0;
                run
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(without_time(runs(access)), without_time(found));
    first
}

fn values(access: &dyn Access, run: &footpath_track::Run, key: &str) -> Vec<(i64, f64)> {
    access
        .points(&run.info.id, key, &PointRange::default())
        .unwrap()
        .into_iter()
        .map(|point| (point.step, point.value))
        .collect()
}

#[test]
fn mlflows_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch(&std::fs::read_to_string(golden("mlflow.sql")).unwrap())
        .unwrap();
    drop(database);
    let artifacts = folder
        .path()
        .join("mlartifacts/tiles/first/artifacts/model");
    std::fs::create_dir_all(&artifacts).unwrap();
    std::fs::write(artifacts.join("w.bin"), "weights").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", artifacts.join("link")).unwrap();

    let models = folder
        .path()
        .join("mlartifacts/tiles/models/m-unet/artifacts");
    std::fs::create_dir_all(models.join("data")).unwrap();
    std::fs::write(models.join("MLmodel"), "flavors: {}").unwrap();
    std::fs::write(models.join("data/w.bin"), "weights").unwrap();

    let access = open(&folder.path().join("store"));
    let report = import_twice(&*access, Source::Mlflow, &path, &Options::default());
    assert_eq!((report.runs.len(), report.points, report.files), (2, 57, 3));
    assert_eq!(report.models, 2);
    let left_out: Vec<&str> = report.left_out.iter().map(|(what, _)| &**what).collect();
    let expected = [
        "1 deleted runs",
        "1 deleted logged models",
        "1 deleted versions of registered model houses",
    ];
    assert_eq!(left_out, expected);
    let found = runs(&*access);
    let run = &found[0];
    assert_eq!(
        (run.info.id.as_str(), run.info.name.as_str()),
        ("first", "first")
    );
    assert_eq!(
        (run.info.status, run.info.end_ms),
        (RunStatus::Failed, Some(1_700_000_060_000))
    );
    assert_eq!(found[1].info.status, RunStatus::Running, "it never ended");
    assert_eq!(
        (run.params["lr"].as_str(), run.params["net.depth"].as_str()),
        ("0.01", "34")
    );
    assert_eq!(run.tags["kind"], "größe");
    let experiment = access.experiment(run.info.experiment).unwrap();
    assert_eq!(
        (experiment.project.as_str(), experiment.name.as_str()),
        ("default", "tiles")
    );
    assert_eq!(run.metrics["loss"].count, 50);
    let odd = values(&*access, run, "odd");
    assert_eq!(odd[0], (-3, 2.5));
    assert!(odd[1].1.is_nan());
    assert_eq!(odd[2..], [(1, f64::INFINITY), (2, f64::NEG_INFINITY)]);
    let input = &run.inputs[0];
    assert_eq!(
        (input.dataset.name.as_str(), input.context()),
        ("town", Some("training"))
    );
    let files = access.files(&run.info.id).unwrap();
    assert_eq!(files.len(), 1, "links are not followed");
    assert_eq!(files[0].path, "model/w.bin");
    assert_eq!(run.model_outputs[0].model_id, "m-unet");
    assert_eq!(run.model_outputs[0].step, 3);
    assert_eq!(found[1].model_inputs, ["m-unet"]);
    drop(access);

    let store = open_sqlite(&folder.path().join("store"), SqliteOptions::default()).unwrap();
    let model = store.logged_model("m-unet").unwrap();
    assert_eq!(
        (model.name.as_str(), model.model_type.as_str(), model.status),
        ("unet", "torch", ModelStatus::Ready)
    );
    assert_eq!(model.experiment, run.info.experiment);
    assert_eq!(model.source_run.as_ref(), Some(&run.info.id));
    assert_eq!(model.tags["kind"], "best");
    assert_eq!(model.params["depth"], "34");
    let [metric] = &model.metrics[..] else {
        panic!("{:?}", model.metrics)
    };
    assert_eq!(
        (metric.key.as_str(), metric.points.0[0].value),
        ("iou", 0.7)
    );
    assert_eq!(metric.dataset, Some(("town".into(), "d1".into())));
    let owner = Owner::Model("m-unet".into());
    let file = store.artifact(&owner, "data/w.bin").unwrap();
    assert_eq!(file.blob.digest, Digest::of(b"weights"));
    assert_eq!(store.artifacts(&owner, "").unwrap().len(), 2);

    let houses = store.registered_model("houses").unwrap();
    assert_eq!(
        (houses.description.as_str(), houses.tags["team"].as_str()),
        ("finds houses", "maps")
    );
    assert_eq!((houses.aliases["champion"], houses.last_version), (1, 3));
    let versions = store.model_versions("houses").unwrap();
    let told: Vec<_> = versions
        .iter()
        .map(|version| (version.version, &*version.stage, &*version.source))
        .collect();
    let expected = [
        (1, "None", "models:/m-unet"),
        (3, "Production", "runs:/first/model"),
    ];
    assert_eq!(told, expected, "the second was deleted");
    assert_eq!(versions[0].model_id.as_deref(), Some("m-unet"));
    assert_eq!(versions[0].run.as_ref(), Some(&run.info.id));
    assert_eq!(
        (
            versions[0].tags["ok"].as_str(),
            versions[0].description.as_str()
        ),
        ("yes", "the first")
    );
}

#[test]
fn event_files_of_tensorboard() {
    let folder = tempfile::tempdir().unwrap();
    let access = open(folder.path());
    let options = Options {
        project: Some("maps".into()),
        ..Options::default()
    };
    let report = import_twice(
        &*access,
        Source::Tensorboard,
        &golden("tensorboard"),
        &options,
    );
    // 21 + 3 numbers, and 4 of each of 3 histograms.
    assert_eq!((report.runs.len(), report.points), (2, 24 + 12));
    let left_out: Vec<&str> = report
        .left_out
        .iter()
        .map(|(what, _)| what.split(": ").last().unwrap())
        .collect();
    assert_eq!(left_out, ["1 of `audio`"]);
    let found = runs(&*access);
    let named = |name: &str| found.iter().find(|run| run.info.name == name).unwrap();
    let (x, tf2) = (named("x"), named("tf2"));
    let loss = values(&*access, x, "train/loss");
    assert_eq!((loss.len(), loss[1]), (21, (1, 0.5)));
    assert!(loss[20].1.is_nan());
    assert_eq!(x.metrics["train/loss"].last.time_ms, 1_700_000_020_500);
    assert_eq!(
        access.texts(&x.info.id, "notes/text_summary").unwrap()[0].text,
        "hello"
    );
    let image = &access.images(&x.info.id, "picture").unwrap()[0];
    assert_eq!(
        (image.layers[0].width_px, image.layers[0].height_px),
        (4, 2)
    );
    let mut bytes = Vec::new();
    access
        .copy_blob(image.layers[0].digest, &mut bytes)
        .unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    assert_eq!(
        values(&*access, tf2, "accuracy"),
        [(1, 0.25), (2, 0.5), (3, 0.1)]
    );
    assert_eq!(access.images(&tf2.info.id, "pictures").unwrap().len(), 2);
    // The numbers from 0 to 9, as numpy has them.
    let one = |run, key| values(&*access, run, key)[0].1;
    assert_eq!((one(x, "weights/min"), one(x, "weights/max")), (0.0, 9.0));
    assert_eq!(one(x, "weights/mean"), 4.5);
    assert!((one(x, "weights/deviation") - 8.25_f64.sqrt()).abs() < 1e-12);
    let text = &access.texts(&x.info.id, "weights").unwrap()[0];
    let told: serde_json::Value = serde_json::from_str(&text.text).unwrap();
    let bins: Vec<[f64; 3]> = serde_json::from_value(told["bins"].clone()).unwrap();
    assert_eq!(bins.iter().map(|bin| bin[2]).sum::<f64>(), 10.0);
    assert_eq!((bins[0][0], bins[bins.len() - 1][1]), (0.0, 9.0));
    assert!(
        bins.windows(2).all(|two| two[0][1] == two[1][0]),
        "{bins:?}"
    );
    assert_eq!(values(&*access, tf2, "layer/mean"), [(5, 2.5), (6, 2.5)]);
    let texts = access.texts(&tf2.info.id, "layer").unwrap();
    assert_eq!(texts[0].text, r#"{"bins":[[0.0,2.0,1.0],[2.0,4.0,3.0]]}"#);
    assert_eq!(texts[1].text, texts[0].text);
    let params: Vec<_> = tf2
        .params
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(params, ["flip=true", "lr=0.01", "net=unet"]);
    assert_eq!(tf2.info.status, RunStatus::Finished);
}

#[test]
fn an_event_file_that_grew_is_imported_from_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs/x");
    std::fs::create_dir_all(&logs).unwrap();
    let whole = golden("tensorboard/x");
    let file = std::fs::read_dir(whole).unwrap().next().unwrap().unwrap();
    let bytes = std::fs::read(file.path()).unwrap();
    let access = open(&folder.path().join("store"));
    let mut points = 0;
    for part in [bytes.len() / 3, bytes.len() - 20, bytes.len()] {
        std::fs::write(logs.join(file.file_name()), &bytes[..part]).unwrap();
        let report = import(
            Source::Tensorboard,
            &folder.path().join("logs"),
            &Options::default(),
            access.destination(),
        )
        .unwrap();
        points += report.points;
    }
    assert_eq!(points, 21 + 4, "each point is read once");
    let found = runs(&*access);
    assert_eq!((found.len(), found[0].metrics["train/loss"].count), (1, 21));
    let id = &found[0].info.id;
    assert_eq!(access.texts(id, "notes/text_summary").unwrap().len(), 1);
    assert_eq!(access.images(id, "picture").unwrap().len(), 1);

    let mut damaged = bytes;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(logs.join(file.file_name()), damaged).unwrap();
    let other = open(&folder.path().join("other"));
    let report = import(
        Source::Tensorboard,
        &logs,
        &Options::default(),
        other.destination(),
    )
    .unwrap();
    assert!(
        report.points > 0 && report.left_out[0].1.contains("checksum"),
        "{report:?}"
    );
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_files_of_neptune_exporter() {
    let folder = tempfile::tempdir().unwrap();
    let access = open(folder.path());
    let report = import_twice(
        &*access,
        Source::Neptune,
        &golden("neptune/data"),
        &Options::default(),
    );
    assert_eq!(
        (report.runs.len(), report.points, report.files),
        (1, 102, 1)
    );
    let left_out: Vec<&str> = report
        .left_out
        .iter()
        .map(|(what, _)| what.split(": ").last().unwrap())
        .collect();
    assert_eq!(
        left_out,
        [
            "the file lost",
            "the exact steps of 2 points",
            "1 of `histogram_series`"
        ]
    );
    let found = runs(&*access);
    let run = &found[0];
    assert!(run.info.id.as_str().starts_with("MAP-1-"));
    assert_eq!(
        (run.info.name.as_str(), run.info.user.as_str()),
        ("brisk", "ann")
    );
    assert_eq!(run.info.status, RunStatus::Failed);
    assert_eq!(
        (run.info.start_ms, run.info.end_ms),
        (1_700_000_000_000, Some(1_700_000_060_000))
    );
    let params: Vec<_> = run
        .params
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(
        params,
        [
            "config/depth=34",
            "config/flip=true",
            "config/lr=0.01",
            "config/net=unet"
        ]
    );
    assert_eq!(run.tags["neptune.sys/tags"], "a, b");
    assert_eq!(run.metrics["train/loss"].count, 100);
    assert_eq!(values(&*access, run, "half"), [(0, 1.0), (1, 2.0)]);
    assert_eq!(access.texts(&run.info.id, "log").unwrap()[0].text, "hello");
    let files = access.files(&run.info.id).unwrap();
    assert_eq!(files[0].path, "model/model.txt");
    let experiment = access.experiment(run.info.experiment).unwrap();
    assert_eq!(
        (experiment.project.as_str(), experiment.name.as_str()),
        ("org/maps", "neptune")
    );

    let finer = open(&folder.path().join("finer"));
    let options = Options {
        step_multiplier: 2,
        ..Options::default()
    };
    import(
        Source::Neptune,
        &golden("neptune/data"),
        &options,
        finer.destination(),
    )
    .unwrap();
    assert_eq!(
        values(&*finer, &runs(&*finer)[0], "half"),
        [(1, 1.0), (3, 2.0)]
    );
}

#[test]
fn what_is_nothing_of_all_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Source::detect(folder.path()), None);
    let store = tempfile::tempdir().unwrap();
    let access = open(store.path());
    for source in [Source::Tensorboard, Source::Neptune, Source::Mlflow] {
        assert!(
            import(
                source,
                folder.path(),
                &Options::default(),
                access.destination()
            )
            .is_err()
        );
    }
    let path = folder.path().join("other.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE experiments (a)")
        .unwrap();
    let error = import(
        Source::Mlflow,
        &path,
        &Options::default(),
        access.destination(),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("the tables of MLflow")
    );
    let part = folder.path().join("x_part_0.parquet");
    std::fs::write(&part, "no parquet").unwrap();
    assert_eq!(Source::detect(folder.path()), Some(Source::Neptune));
    let report = import(
        Source::Neptune,
        folder.path(),
        &Options::default(),
        access.destination(),
    );
    #[cfg(feature = "parquet")]
    assert_eq!(report.unwrap().left_out.len(), 1);
    #[cfg(not(feature = "parquet"))]
    assert!(
        report
            .unwrap_err()
            .to_string()
            .contains("the feature `parquet`")
    );
}
