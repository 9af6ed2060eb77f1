use footpath_track::search::{Filter, OrderBy, RunQuery, Scope};
use footpath_track::{
    ArtifactLink, Batch, Blob, Digest, Entry, Error, ExperimentId, ImageLayer, ImageRecord, Owner,
    Store,
};

use super::new_run;

fn blob(store: &dyn Store, content: &str) -> Digest {
    let blob = Blob {
        digest: Digest::of(content.as_bytes()),
        size: content.len() as u64,
    };
    store.add_blob(&blob).unwrap();
    blob.digest
}

pub(crate) fn contents_are_shared_and_counted(store: &dyn Store) {
    let (run, other) = (Owner::Run(new_run(store)), Owner::Run(new_run(store)));
    let digest = blob(store, "weights");
    store.link_artifact(&run, "model/w.bin", digest).unwrap();
    store.link_artifact(&run, "model/w.bin", digest).unwrap();
    store.link_artifact(&other, "w.bin", digest).unwrap();
    assert_eq!(
        store.artifact(&run, "model/w.bin").unwrap().blob,
        Blob { digest, size: 7 }
    );
    assert_eq!(
        store.unlink_artifact(&run, "model").unwrap().artifact_bytes,
        0
    );
    assert_eq!(store.take_unreferenced(i64::MAX).unwrap(), []);
    assert_eq!(
        store
            .unlink_artifact(&other, "w.bin")
            .unwrap()
            .artifact_bytes,
        7
    );
    assert_eq!(store.take_unreferenced(0).unwrap(), []);
    assert_eq!(
        store.take_unreferenced(i64::MAX).unwrap(),
        [Blob { digest, size: 7 }]
    );
    assert!(matches!(
        store.link_artifact(&run, "x", digest),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        store.unlink_artifact(&run, "model"),
        Err(Error::NotFound { .. })
    ));
    for path in ["../x", "/x", "a\\b", "%2e%2e/x", "a\0"] {
        assert!(
            matches!(
                store.link_artifact(&run, path, digest),
                Err(Error::Invalid { .. })
            ),
            "{path:?}"
        );
    }
}

pub(crate) fn folders_are_listed(store: &dyn Store) {
    let run = Owner::Run(new_run(store));
    let digest = blob(store, "x");
    for path in ["b.txt", "a/one", "a/deep/two", "a-b", "a0", "ä/三"] {
        store.link_artifact(&run, path, digest).unwrap();
    }
    let names = |folder: &str| {
        let entries = store.artifacts(&run, folder).unwrap();
        entries
            .into_iter()
            .map(|entry| match entry {
                Entry::Folder(path) => format!("{path}/"),
                Entry::File(file) => file.path,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["a/", "a-b", "a0", "b.txt", "ä/"]);
    assert_eq!(names("a"), ["a/deep/", "a/one"]);
    assert_eq!(names("a/one"), Vec::<String>::new());
    assert_eq!(names("none"), Vec::<String>::new());
    assert!(matches!(
        store.link_artifact(&run, "a", digest),
        Err(Error::Invalid { .. })
    ));
    assert!(matches!(
        store.link_artifact(&run, "b.txt/c", digest),
        Err(Error::Invalid { .. })
    ));
    assert!(store.artifacts(&run, "..").is_err());
    assert_eq!(store.unlink_artifact(&run, "a").unwrap().artifact_bytes, 0);
    assert_eq!(names(""), ["a-b", "a0", "b.txt", "ä/"]);
}

pub(crate) fn purging_a_run_frees_its_contents(store: &dyn Store) {
    let run = new_run(store);
    let digest = blob(store, "12345");
    let links = vec![
        ArtifactLink {
            path: "a".into(),
            digest,
        },
        ArtifactLink {
            path: "b".into(),
            digest,
        },
    ];
    store
        .append(
            &run,
            None,
            Batch {
                artifacts: links,
                ..super::metric("m", &[(0, 1.0), (1, 2.0)])
            },
        )
        .unwrap();
    let freed = store.purge_run(&run).unwrap();
    assert_eq!((freed.runs, freed.points, freed.artifact_bytes), (1, 2, 5));
    assert!(freed.database_bytes > 0);
    assert_eq!(store.take_unreferenced(i64::MAX).unwrap().len(), 1);
    assert!(matches!(store.run(&run), Err(Error::NotFound { .. })));
    assert!(matches!(store.purge_run(&run), Err(Error::NotFound { .. })));
}

pub(crate) fn projects_tell_their_activity_and_size(store: &dyn Store) {
    let told = |store: &dyn Store| store.projects().unwrap().remove(0);
    assert_eq!(
        (told(store).active_ms, told(store).artifact_bytes),
        (None, 0)
    );
    let (run, other) = (new_run(store), new_run(store));
    let (weights, picture) = (blob(store, "weights"), blob(store, "pixels!!"));
    for owner in [&run, &other] {
        let owner = Owner::Run(owner.clone());
        store.link_artifact(&owner, "w.bin", weights).unwrap();
        store.link_artifact(&owner, "again.bin", weights).unwrap();
    }
    let layer = ImageLayer {
        role: "input".into(),
        digest: picture,
        media_type: "image/png".into(),
        width_px: 1,
        height_px: 1,
    };
    let image = ImageRecord {
        key: "seen".into(),
        step: 0,
        time_ms: 0,
        sample: String::new(),
        score: None,
        caption: String::new(),
        layers: vec![layer],
    };
    let batch = Batch {
        images: vec![image],
        ..Batch::default()
    };
    store.append(&run, None, batch).unwrap();
    let project = told(store);
    assert_eq!((project.runs, project.artifact_bytes), (2, 7 + 8));
    let bytes = [&run, &other].map(|run| store.run(run).unwrap().artifact_bytes);
    assert_eq!(bytes, [7 + 8, 7]);
    let largest = RunQuery {
        experiments: vec![ExperimentId::DEFAULT],
        filter: Filter::parse("artifact_bytes > 6", Scope::Runs).unwrap(),
        order: vec![OrderBy::parse("artifact_bytes DESC", Scope::Runs).unwrap()],
        limit: 10,
        ..RunQuery::default()
    };
    let found = store.search_runs(&largest).unwrap().items;
    let bytes: Vec<u64> = found.iter().map(|run| run.artifact_bytes).collect();
    assert_eq!(bytes, [7 + 8, 7]);
    let latest = [run, other].map(|run| store.run_info(&run).unwrap().active_ms);
    assert_eq!(project.active_ms, latest.into_iter().max());
}
