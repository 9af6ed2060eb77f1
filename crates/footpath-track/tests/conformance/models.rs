use std::collections::BTreeMap;

use footpath_track::search::{Filter, Query, Scope};
use footpath_track::{
    Error, ExperimentId, ForeignRegistration, Lifecycle, LoggedModel, LoggedModelChange,
    ModelMetric, ModelStatus, ModelVersion, ModelVersionChange, Point, Points, RegisteredModel,
    RegisteredModelChange, Store,
};

fn logged(id: &str, name: &str, created_ms: i64) -> LoggedModel {
    LoggedModel {
        id: id.into(),
        experiment: ExperimentId::DEFAULT,
        name: name.into(),
        model_type: String::new(),
        source_run: None,
        status: ModelStatus::Pending,
        status_message: None,
        lifecycle: Lifecycle::Active,
        created_ms,
        updated_ms: created_ms,
        tags: BTreeMap::default(),
        params: BTreeMap::default(),
        metrics: Vec::new(),
    }
}

pub(crate) fn logged_models_change_and_are_found(store: &dyn Store) {
    store.create_logged_model(&logged("m-1", "net", 1)).unwrap();
    store
        .create_logged_model(&logged("m-2", "tree", 2))
        .unwrap();
    assert!(matches!(
        store.create_logged_model(&logged("m-1", "x", 1)),
        Err(Error::Exists { .. })
    ));
    let run = super::new_run(store);
    let metric = |step, value| ModelMetric {
        key: "ap".into(),
        points: Points(vec![Point::new(step, 0, value)]),
        run: run.clone(),
        dataset: None,
    };
    let change = LoggedModelChange {
        status: Some(ModelStatus::Ready),
        set_tags: [("t".into(), "v".into())].into(),
        set_metrics: vec![metric(2, 0.5), metric(1, 0.9)],
        ..Default::default()
    };
    let changed = store.update_logged_model("m-1", &change).unwrap();
    assert_eq!(
        (changed.status, changed.metrics.len()),
        (ModelStatus::Ready, 1)
    );
    assert_eq!(store.logged_model("m-1").unwrap(), changed);
    let ids = |filter: &str| {
        let filter = Filter::parse(filter, Scope::LoggedModels).unwrap();
        let page = store
            .search_logged_models(
                &[ExperimentId::DEFAULT],
                &Query {
                    filter,
                    limit: 10,
                    ..Query::default()
                },
            )
            .unwrap();
        page.items
            .into_iter()
            .map(|model| model.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(""), ["m-2", "m-1"]);
    assert_eq!(
        ids("metrics.ap = 0.5 AND tags.t = 'v' AND status = 'LOGGED_MODEL_READY'"),
        ["m-1"]
    );
    store
        .update_logged_model(
            "m-2",
            &LoggedModelChange {
                lifecycle: Some(Lifecycle::Deleted),
                ..Default::default()
            },
        )
        .unwrap();
    assert_eq!(ids(""), ["m-1"]);
    let absent = LoggedModelChange {
        delete_tags: vec!["none".into()],
        ..Default::default()
    };
    assert!(matches!(
        store.update_logged_model("m-1", &absent),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        store.logged_model("m-3"),
        Err(Error::NotFound { .. })
    ));
}

pub(crate) fn registered_models_have_versions_and_aliases(store: &dyn Store) {
    let named = |name: &str| RegisteredModel {
        name: name.into(),
        ..Default::default()
    };
    store.create_registered_model(&named("net")).unwrap();
    assert!(matches!(
        store.create_registered_model(&named("net")),
        Err(Error::Exists { .. })
    ));
    assert!(matches!(
        store.create_registered_model(&named("a/b")),
        Err(Error::Invalid { .. })
    ));
    let version = || ModelVersion {
        name: "net".into(),
        source: "models:/m-1".into(),
        ..Default::default()
    };
    assert_eq!(store.create_model_version(&version()).unwrap().version, 1);
    assert_eq!(store.create_model_version(&version()).unwrap().version, 2);
    store.delete_model_version("net", 2).unwrap();
    assert_eq!(
        store.create_model_version(&version()).unwrap().version,
        3,
        "numbers are never used again"
    );

    let alias = |name: &str, version| RegisteredModelChange {
        set_aliases: [(name.into(), version)].into(),
        ..Default::default()
    };
    assert_eq!(
        store
            .update_registered_model("net", &alias("champion", 3))
            .unwrap()
            .aliases["champion"],
        3
    );
    for bad in ["latest", "v2", "a b", ""] {
        assert!(
            matches!(
                store.update_registered_model("net", &alias(bad, 3)),
                Err(Error::Invalid { .. })
            ),
            "{bad}"
        );
    }
    assert!(matches!(
        store.update_registered_model("net", &alias("x", 2)),
        Err(Error::NotFound { .. })
    ));

    let stage = |archive_others| ModelVersionChange {
        stage: Some("Production".into()),
        archive_others,
        ..Default::default()
    };
    store.update_model_version("net", 1, &stage(false)).unwrap();
    store.update_model_version("net", 3, &stage(true)).unwrap();
    assert_eq!(store.model_version("net", 1).unwrap().stage, "Archived");

    store
        .update_registered_model(
            "net",
            &RegisteredModelChange {
                name: Some("unet".into()),
                ..Default::default()
            },
        )
        .unwrap();
    assert!(matches!(
        store.registered_model("net"),
        Err(Error::NotFound { .. })
    ));
    let versions: Vec<(String, u64)> = store
        .model_versions("unet")
        .unwrap()
        .into_iter()
        .map(|v| (v.name, v.version))
        .collect();
    assert_eq!(versions, [("unet".to_owned(), 1), ("unet".to_owned(), 3)]);
    let filter =
        Filter::parse("name = 'unet' AND version_number > 1", Scope::ModelVersions).unwrap();
    let page = store
        .search_model_versions(&Query {
            filter,
            limit: 5,
            ..Query::default()
        })
        .unwrap();
    assert_eq!(
        page.items.iter().map(|v| v.version).collect::<Vec<_>>(),
        [3]
    );
    store.delete_model_version("unet", 3).unwrap();
    assert!(store.registered_model("unet").unwrap().aliases.is_empty());
    store.delete_registered_model("unet").unwrap();
    assert!(
        store
            .search_registered_models(&Query {
                limit: 5,
                ..Query::default()
            })
            .unwrap()
            .items
            .is_empty()
    );
    assert!(matches!(
        store.model_version("unet", 1),
        Err(Error::NotFound { .. })
    ));
}

pub(crate) fn models_from_elsewhere_keep_their_numbers_and_times(store: &dyn Store) {
    let version = |version, source: &str| ModelVersion {
        name: "houses".into(),
        version,
        created_ms: 10 * version as i64,
        updated_ms: 10 * version as i64 + 1,
        stage: "Production".into(),
        source: source.into(),
        tags: [("ok".into(), "yes".into())].into(),
        ..Default::default()
    };
    let mut from = ForeignRegistration {
        model: RegisteredModel {
            name: "houses".into(),
            created_ms: 5,
            updated_ms: 6,
            description: "finds houses".into(),
            aliases: [("champion".into(), 1)].into(),
            last_version: 3,
            ..Default::default()
        },
        versions: vec![version(1, "models:/m-1"), version(3, "runs:/a/model")],
    };
    assert!(store.keep_registration(&from).unwrap());
    assert!(!store.keep_registration(&from).unwrap(), "twice is once");
    assert_eq!(store.registered_model("houses").unwrap(), from.model);
    assert_eq!(store.model_versions("houses").unwrap(), from.versions);

    // What came to it since is added, on either side.
    let own = store.create_model_version(&version(0, "here")).unwrap();
    assert_eq!(own.version, 4, "numbers are never used again");
    from.versions.push(version(6, "later"));
    from.model.aliases.insert("newest".into(), 6);
    assert!(store.keep_registration(&from).unwrap());
    let kept = store.registered_model("houses").unwrap();
    assert_eq!((kept.last_version, kept.aliases["newest"]), (6, 6));
    assert_eq!(store.model_versions("houses").unwrap().len(), 4);

    // A number that means another version is refused, and with it all of the call.
    from.versions = vec![version(9, "x"), version(4, "there")];
    assert!(matches!(
        store.keep_registration(&from),
        Err(Error::Exists { .. })
    ));
    from.versions = vec![ModelVersion {
        name: "other".into(),
        ..version(9, "x")
    }];
    assert!(matches!(
        store.keep_registration(&from),
        Err(Error::Invalid { .. })
    ));
    assert_eq!(store.model_versions("houses").unwrap().len(), 4);
}

pub(crate) fn documents_are_kept_by_key(store: &dyn Store) {
    store.put_document("users", "b", "1").unwrap();
    store.put_document("users", "a", "{}").unwrap();
    store.put_document("users", "b", "2").unwrap();
    store.put_document("views", "c", "3").unwrap();
    assert_eq!(
        store.documents("users").unwrap(),
        [("a".into(), "{}".into()), ("b".into(), "2".into())]
    );
    assert_eq!(store.document("users", "b").unwrap().as_deref(), Some("2"));
    assert!(store.delete_document("users", "b").unwrap());
    assert!(!store.delete_document("users", "b").unwrap());
    assert_eq!(store.document("users", "b").unwrap(), None);
}
