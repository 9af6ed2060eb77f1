use std::io::Cursor;

use footpath_track::access::find_run;
use footpath_track::client::{Run, RunOptions, Target};
use footpath_track::series::PointRange;
use footpath_track::transfer::bundle::{Placement, read, write};
use footpath_track::{Error, Tags};

use super::{open, runs, track};

#[test]
fn a_run_goes_through_a_bundle_unchanged_and_twice_is_once() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let id = track(&from, "first", 0.5, 1);
    let from = open(&from);
    let mut bundle = Vec::new();
    let run = find_run(&*from, "first").unwrap();
    let written = write(&*from, run, &mut bundle).unwrap();
    assert_eq!((written.points, written.contents), (3001, 4));
    assert_eq!(written.content_bytes, 2 + 5 + 100_000 + 10);

    let to = open(&to);
    for _ in 0..2 {
        let read = read(
            Cursor::new(&bundle),
            &Placement::default(),
            to.destination(),
        )
        .unwrap();
        assert_eq!(read, written);
        let (mut old, mut new) = (from.run(&id).unwrap(), to.run(&id).unwrap());
        assert_eq!(
            from.experiment(old.info.experiment).unwrap().name,
            to.experiment(new.info.experiment).unwrap().name
        );
        // What belongs to the store, not to the run.
        for run in [&mut old, &mut new] {
            run.info.active_ms = 0;
            run.info.lease_until_ms = None;
            run.info.experiment = footpath_track::ExperimentId(0);
        }
        assert_eq!(old.metrics.len(), 2);
        for (key, series) in &old.metrics {
            let points = |access: &dyn footpath_track::access::Access| {
                access.points(&id, key, &PointRange::default()).unwrap()
            };
            assert_eq!(points(&*from), points(&*to));
            assert_eq!(new.metrics[key].count, series.count);
        }
        old.metrics.clear();
        new.metrics.clear();
        assert_eq!(old, new);
        assert_eq!(from.steps(&id).unwrap(), to.steps(&id).unwrap());
        assert_eq!(from.media(&id).unwrap(), to.media(&id).unwrap());
        assert_eq!(
            from.texts(&id, "log").unwrap(),
            to.texts(&id, "log").unwrap()
        );
        let images = to.images(&id, "valid").unwrap();
        assert_eq!(from.images(&id, "valid").unwrap(), images);
        let mut bytes = Vec::new();
        to.copy_blob(images[0].layers[1].digest, &mut bytes)
            .unwrap();
        assert_eq!(bytes, b"first");
        let paths: Vec<String> = to
            .files(&id)
            .unwrap()
            .into_iter()
            .map(|file| file.path)
            .collect();
        assert_eq!(paths, ["model/w.bin", "source/dirty.diff"]);
    }

    let elsewhere = open(&folder.path().join("elsewhere"));
    let into = Placement {
        project: Some("other".into()),
        experiment: Some("kept".into()),
    };
    read(Cursor::new(&bundle), &into, elsewhere.destination()).unwrap();
    let run = elsewhere.run(&id).unwrap();
    let experiment = elsewhere.experiment(run.info.experiment).unwrap();
    assert_eq!(
        (experiment.project, experiment.name),
        ("other".into(), "kept".into())
    );
}

/// The archive within a bundle.
fn unpacked(bundle: &[u8]) -> Vec<u8> {
    zstd::decode_all(bundle).unwrap()
}

fn taken_in(archive: &[u8]) -> Result<(), Error> {
    let bundle = zstd::encode_all(archive, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    read(
        Cursor::new(&bundle),
        &Placement::default(),
        open(folder.path()).destination(),
    )
    .map(drop)
}

#[test]
fn what_is_no_whole_bundle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    track(folder.path(), "first", 0.5, 1);
    let access = open(folder.path());
    let mut bundle = Vec::new();
    write(&*access, find_run(&*access, "first").unwrap(), &mut bundle).unwrap();
    let archive = unpacked(&bundle);
    taken_in(&archive).unwrap();
    // Cut behind any file, and in its midst.
    for cut in (512..archive.len() - 2000).step_by(15_872) {
        let error = taken_in(&archive[..cut]).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{cut}: {error}");
    }
    // A flipped bit of the points is a wrong zstd checksum; of a content, a wrong digest.
    let other = tempfile::tempdir().unwrap();
    let destination = open(other.path());
    for at in (0..bundle.len()).step_by(97) {
        let mut flipped = bundle.clone();
        flipped[at] ^= 1;
        let error = read(
            Cursor::new(&flipped),
            &Placement::default(),
            destination.destination(),
        );
        assert!(
            matches!(error, Err(Error::Damaged { .. })),
            "{at}: {error:?}"
        );
    }
    assert!(runs(&*destination).is_empty(), "nothing of them is kept");
    let at = archive
        .windows(9)
        .position(|bytes| bytes == [7; 9])
        .unwrap();
    let mut changed = archive.clone();
    changed[at + 50] = 8;
    let error = taken_in(&changed).unwrap_err().to_string();
    assert!(error.contains("has the digest"), "{error}");
    // Files that a bundle has no place for, and links.
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder
        .append_link(&mut header, "bundle.json", "/etc/passwd")
        .unwrap();
    let error = taken_in(&builder.into_inner().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("something that is no file"), "{error}");
    for (name, told) in [
        ("x", "does not begin with"),
        ("bundle.json", "key must be a string"),
    ] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_cksum();
        builder.append_data(&mut header, name, &b"{]"[..]).unwrap();
        let error = taken_in(&builder.into_inner().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{error}");
    }
    assert!(
        read(
            Cursor::new(b"no zstd"),
            &Placement::default(),
            destination.destination()
        )
        .is_err()
    );
}

#[test]
fn a_run_that_still_runs_can_be_bundled() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let options = RunOptions {
        system_metrics_every: None,
        record_signals: false,
        tags: Tags::from([("a".into(), "b".into())]),
        ..RunOptions::new(Target::Folder(store.clone()))
    };
    let run = Run::start_with("maps", "unet", options);
    run.metric("loss", 0, 1.0);
    let place = footpath_track::access::Place::new(store.display().to_string());
    // The store is there once the delivery opened it, and the run once it delivered.
    let found = loop {
        if let Ok(access) = place.open_to_read()
            && let Ok(found) = find_run(&*access, run.id().as_str())
            && found.metrics.contains_key("loss")
        {
            break (access, found);
        }
        std::thread::yield_now();
    };
    let mut bundle = Vec::new();
    assert_eq!(write(&*found.0, found.1, &mut bundle).unwrap().points, 1);
    run.finish();
}
