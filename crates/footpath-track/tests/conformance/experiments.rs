use footpath_track::search::{Filter, OrderBy, Query, Scope};
use footpath_track::{
    Error, ExperimentChange, ExperimentId, Lifecycle, NewExperiment, NewRun, Store, View,
};

pub(crate) fn names_are_unique_in_a_project(store: &dyn Store) {
    assert_eq!(
        store.experiment(ExperimentId::DEFAULT).unwrap().name,
        "Default"
    );
    let first = store
        .create_experiment(&NewExperiment::new("maps", "unet"))
        .unwrap();
    store
        .create_experiment(&NewExperiment::new("other", "unet"))
        .unwrap();
    let taken = store
        .create_experiment(&NewExperiment::new("maps", "unet"))
        .unwrap_err();
    assert_eq!(taken.to_string(), "experiment `unet` exists already");
    let delete = ExperimentChange {
        lifecycle: Some(Lifecycle::Deleted),
        ..Default::default()
    };
    store.update_experiment(first.id, &delete).unwrap();
    let taken = store
        .create_experiment(&NewExperiment::new("maps", "unet"))
        .unwrap_err();
    assert!(matches!(taken, Error::Exists { deleted: true, .. }));
    assert_eq!(
        store.experiment_named("maps", "unet").unwrap().lifecycle,
        Lifecycle::Deleted
    );
    let rename = ExperimentChange {
        name: Some("net".into()),
        ..Default::default()
    };
    assert!(matches!(
        store.update_experiment(first.id, &rename),
        Err(Error::Deleted { .. })
    ));
    assert!(matches!(
        store.experiment(ExperimentId(999)),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        store.create_experiment(&NewExperiment::new("maps", " ")),
        Err(Error::Invalid { .. })
    ));
    let projects: Vec<String> = store
        .projects()
        .unwrap()
        .into_iter()
        .map(|project| project.name)
        .collect();
    assert_eq!(projects, ["default", "other"]);
}

pub(crate) fn deletion_takes_the_runs_along_and_brings_them_back(store: &dyn Store) {
    let experiment = store
        .create_experiment(&NewExperiment::new("maps", "unet"))
        .unwrap()
        .id;
    let kept = store.create_run(&NewRun::new(experiment, 1)).unwrap().id;
    let gone = store.create_run(&NewRun::new(experiment, 2)).unwrap().id;
    let lifecycle = |lifecycle| footpath_track::RunChange {
        lifecycle: Some(lifecycle),
        ..Default::default()
    };
    store
        .update_run(&gone, &lifecycle(Lifecycle::Deleted))
        .unwrap();
    let change = |lifecycle| ExperimentChange {
        lifecycle: Some(lifecycle),
        ..Default::default()
    };
    store
        .update_experiment(experiment, &change(Lifecycle::Deleted))
        .unwrap();
    assert_eq!(store.run_info(&kept).unwrap().lifecycle, Lifecycle::Deleted);
    assert!(matches!(
        store.create_run(&NewRun::new(experiment, 1)),
        Err(Error::Deleted { .. })
    ));
    store
        .update_experiment(experiment, &change(Lifecycle::Active))
        .unwrap();
    assert_eq!(store.run_info(&kept).unwrap().lifecycle, Lifecycle::Active);
    assert_eq!(store.run_info(&gone).unwrap().lifecycle, Lifecycle::Deleted);
    assert_eq!(store.purge_experiment(experiment).unwrap().runs, 2);
    assert!(matches!(store.run_info(&kept), Err(Error::NotFound { .. })));
    assert!(matches!(
        store.experiment(experiment),
        Err(Error::NotFound { .. })
    ));
}

pub(crate) fn searches_filter_order_and_page(store: &dyn Store) {
    for at in 0..5 {
        let mut new = NewExperiment::new("maps", format!("e{at}"));
        new.tags.insert(
            "parity".into(),
            if at % 2 == 0 { "even" } else { "odd" }.into(),
        );
        store.create_experiment(&new).unwrap();
    }
    let query = Query {
        filter: Filter::parse(
            "tags.parity = 'even' AND name LIKE 'e%'",
            Scope::Experiments,
        )
        .unwrap(),
        order: vec![OrderBy::parse("name DESC", Scope::Experiments).unwrap()],
        limit: 2,
        ..Query::default()
    };
    let names = |query: &Query| {
        let page = store.search_experiments(Some("maps"), query).unwrap();
        (
            page.items
                .into_iter()
                .map(|experiment| experiment.name)
                .collect::<Vec<_>>(),
            page.next,
        )
    };
    let (first, next) = names(&query);
    assert_eq!(first, ["e4", "e2"]);
    assert_eq!(
        names(&Query {
            page_token: next.clone(),
            ..query.clone()
        }),
        (vec!["e0".to_owned()], None)
    );
    let other = Query {
        page_token: next,
        view: View::All,
        ..query
    };
    assert!(matches!(
        store.search_experiments(None, &other),
        Err(Error::PageToken)
    ));

    let id = store.experiment_named("maps", "e1").unwrap().id;
    let change = ExperimentChange {
        name: Some("renamed".into()),
        set_tags: [("a".into(), "1".into())].into(),
        delete_tags: vec!["parity".into()],
        ..Default::default()
    };
    let changed = store.update_experiment(id, &change).unwrap();
    assert_eq!((changed.name.as_str(), changed.tags.len()), ("renamed", 1));
    let absent = ExperimentChange {
        delete_tags: vec!["parity".into()],
        ..Default::default()
    };
    assert!(matches!(
        store.update_experiment(id, &absent),
        Err(Error::NotFound { .. })
    ));
}
