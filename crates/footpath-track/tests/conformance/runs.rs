use footpath_track::{
    Batch, Dataset, DatasetInput, Digest, Error, ExperimentId, ImageLayer, ImageRecord, Lifecycle,
    MediaKind, MediaPage, ModelOutput, NewExperiment, NewRun, RunChange, RunStatus, StateChange,
    StepOutcome, StepRecord, Store, TextRecord, WriterPosition,
};

use super::{metric, new_run, params};

pub(crate) fn making_a_run_twice_is_making_it_once(store: &dyn Store) {
    let mut new = NewRun::new(ExperimentId::DEFAULT, 5);
    new.tags.insert("mlflow.runName".into(), "first".into());
    let info = store.create_run(&new).unwrap();
    assert_eq!(
        (info.name.as_str(), info.status, info.start_ms),
        ("first", RunStatus::Running, 5)
    );
    assert_eq!(store.create_run(&new).unwrap().id, info.id);
    let other = store
        .create_experiment(&NewExperiment::new("default", "other"))
        .unwrap()
        .id;
    assert!(matches!(
        store.create_run(&NewRun {
            experiment: other,
            ..new.clone()
        }),
        Err(Error::Exists { .. })
    ));
    let named = NewRun {
        name: Some("second".into()),
        id: footpath_track::RunId::random(),
        ..new
    };
    assert!(matches!(
        store.create_run(&named),
        Err(Error::Invalid { .. })
    ));
    let unnamed = store
        .create_run(&NewRun::new(ExperimentId::DEFAULT, 5))
        .unwrap();
    assert_eq!(
        store.run(&unnamed.id).unwrap().tags["mlflow.runName"],
        unnamed.name
    );
}

pub(crate) fn parameters_never_change(store: &dyn Store) {
    let run = new_run(store);
    store
        .append(&run, None, params(&[("lr", "0.1"), ("net", "unet")]))
        .unwrap();
    store.append(&run, None, params(&[("lr", "0.1")])).unwrap();
    let error = store
        .append(
            &run,
            None,
            params(&[("new", "1"), ("net", "x"), ("lr", "0.2")]),
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "parameter `net` of run `{run}` is `unet` and cannot become `x`: a run's parameters do not change (and 1 more)"
        )
    );
    assert!(
        store
            .append(&run, None, params(&[("a", "1"), ("a", "2")]))
            .is_err()
    );
    let kept = store.run(&run).unwrap().params;
    assert_eq!(
        kept.into_iter().collect::<Vec<_>>(),
        [("lr".into(), "0.1".into()), ("net".into(), "unet".into())]
    );
}

pub(crate) fn a_batch_is_applied_whole_or_not_at_all(store: &dyn Store) {
    let run = new_run(store);
    store.append(&run, None, params(&[("a", "1")])).unwrap();
    let mut batch = metric("loss", &[(0, 1.0)]);
    batch.tags.insert("t".into(), "v".into());
    batch.params = vec![("a".into(), "2".into())];
    store.append(&run, None, batch).unwrap_err();
    let seen = store.run(&run).unwrap();
    assert!(seen.metrics.is_empty() && !seen.tags.contains_key("t"));
    store
        .update_run(
            &run,
            &RunChange {
                lifecycle: Some(Lifecycle::Deleted),
                ..Default::default()
            },
        )
        .unwrap();
    let error = store
        .append(&run, None, metric("loss", &[(0, 1.0)]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("run `{run}` is deleted: restore it before writing to it")
    );
}

pub(crate) fn batches_of_a_writer_are_applied_once(store: &dyn Store) {
    let run = new_run(store);
    let at = |writer: &str, sequence| WriterPosition {
        writer: writer.into(),
        sequence,
    };
    let batch = || Batch {
        dropped: 1,
        ..metric("loss", &[(0, 1.0)])
    };
    assert!(
        store
            .append(&run, Some(&at("a", 1)), batch())
            .unwrap()
            .applied
    );
    let again = store.append(&run, Some(&at("a", 1)), batch()).unwrap();
    assert_eq!((again.applied, again.last_sequence), (false, 1));
    assert!(
        store
            .append(&run, Some(&at("b", 1)), batch())
            .unwrap()
            .applied
    );
    assert!(
        store
            .append(&run, Some(&at("a", 3)), batch())
            .unwrap()
            .applied
    );
    assert!(
        !store
            .append(&run, Some(&at("a", 2)), batch())
            .unwrap()
            .applied
    );
    assert_eq!(store.run_info(&run).unwrap().dropped, 3);
    // What was refused was not taken for applied.
    let bad = Batch {
        params: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        ..Batch::default()
    };
    store.append(&run, Some(&at("a", 4)), bad).unwrap_err();
    assert_eq!(store.last_sequence(&run, "a").unwrap(), 3);
    assert_eq!(store.last_sequence(&run, "new").unwrap(), 0);
}

pub(crate) fn states_ends_and_names_follow_the_rules(store: &dyn Store) {
    let run = new_run(store);
    let end = StateChange {
        status: RunStatus::Failed,
        reason: Some("out of memory".into()),
        end_ms: Some(9),
    };
    store
        .append(
            &run,
            None,
            Batch {
                state: Some(end),
                lease_ms: Some(7),
                ..Batch::default()
            },
        )
        .unwrap();
    let info = store.run_info(&run).unwrap();
    assert_eq!(
        (info.status, info.status_reason.as_deref(), info.end_ms),
        (RunStatus::Failed, Some("out of memory"), Some(9))
    );
    assert_eq!(info.lease_until_ms, Some(info.active_ms + 7));
    let resumed = store
        .update_run(
            &run,
            &RunChange {
                status: Some(RunStatus::Running),
                ..Default::default()
            },
        )
        .unwrap();
    assert_eq!(
        (resumed.status, resumed.status_reason, resumed.end_ms),
        (RunStatus::Running, None, Some(9))
    );
    store
        .update_run(
            &run,
            &RunChange {
                name: Some("better".into()),
                ..Default::default()
            },
        )
        .unwrap();
    assert_eq!(store.run(&run).unwrap().tags["mlflow.runName"], "better");
    store
        .append(
            &run,
            None,
            Batch {
                tags: [("mlflow.runName".into(), "best".into())].into(),
                ..Batch::default()
            },
        )
        .unwrap();
    assert_eq!(store.run_info(&run).unwrap().name, "best");

    store
        .update_run(
            &run,
            &RunChange {
                lifecycle: Some(Lifecycle::Deleted),
                ..Default::default()
            },
        )
        .unwrap();
    let ended = RunChange {
        status: Some(RunStatus::Finished),
        ..Default::default()
    };
    assert!(matches!(
        store.update_run(&run, &ended),
        Err(Error::Deleted { .. })
    ));
    store
        .update_run(
            &run,
            &RunChange {
                lifecycle: Some(Lifecycle::Active),
                ..ended
            },
        )
        .unwrap();
    let absent = RunChange {
        delete_tags: vec!["none".into()],
        ..Default::default()
    };
    assert!(matches!(
        store.update_run(&run, &absent),
        Err(Error::NotFound { .. })
    ));
}

pub(crate) fn inputs_outputs_steps_and_media_come_back(store: &dyn Store) {
    let run = new_run(store);
    let image = Digest::of(b"png");
    store
        .add_blob(&footpath_track::Blob {
            digest: image,
            size: 3,
        })
        .unwrap();
    let dataset = Dataset {
        name: "tiles".into(),
        digest: "d1".into(),
        source_type: "local".into(),
        ..Default::default()
    };
    let input = DatasetInput {
        dataset,
        tags: [("mlflow.data.context".into(), "training".into())].into(),
    };
    let step = StepRecord {
        pipeline: "unet".into(),
        step: "loader".into(),
        key: "ab".into(),
        outcome: StepOutcome::Hit,
        reason: None,
        inputs: vec!["tiles".into()],
        time_ms: 3,
        seconds: 0.5,
        bytes: Some(10),
    };
    let layer = ImageLayer {
        role: "prediction".into(),
        digest: image,
        media_type: "image/png".into(),
        width_px: 2,
        height_px: 1,
    };
    let picture = |step| ImageRecord {
        key: "valid".into(),
        step,
        time_ms: step,
        sample: "a.png".into(),
        score: Some(0.25),
        caption: String::new(),
        layers: vec![layer.clone()],
    };
    let batch = Batch {
        inputs: vec![input.clone(), input.clone()],
        model_inputs: vec!["m-1".into()],
        model_outputs: vec![ModelOutput {
            model_id: "m-2".into(),
            step: 4,
        }],
        steps: vec![step.clone()],
        images: (0..5).rev().map(picture).collect(),
        texts: vec![TextRecord {
            key: "log".into(),
            step: 1,
            time_ms: 1,
            text: "größe\n".into(),
        }],
        ..Batch::default()
    };
    store.append(&run, None, batch.clone()).unwrap();
    store
        .append(
            &run,
            None,
            Batch {
                images: Vec::new(),
                texts: Vec::new(),
                ..batch.clone()
            },
        )
        .unwrap();
    let seen = store.run(&run).unwrap();
    assert_eq!(seen.inputs, [input]);
    assert_eq!(
        (seen.model_inputs, seen.model_outputs),
        (batch.model_inputs.clone(), batch.model_outputs.clone())
    );
    assert_eq!(store.steps(&run).unwrap(), [step.clone(), step]);
    let summary = store.datasets(&[ExperimentId::DEFAULT]).unwrap();
    assert_eq!(
        (summary.len(), summary[0].context.as_deref()),
        (1, Some("training"))
    );

    let series = store.media(&run).unwrap();
    assert_eq!(
        series
            .iter()
            .map(|series| (series.key.as_str(), series.kind, series.count))
            .collect::<Vec<_>>(),
        [("log", MediaKind::Text, 1), ("valid", MediaKind::Image, 5)]
    );
    let mut page = MediaPage {
        from_step: 1,
        limit: 2,
        ..MediaPage::default()
    };
    let first = store.images(&run, "valid", &page).unwrap();
    assert_eq!(first.items, [picture(1), picture(2)]);
    page.page_token = first.next;
    let second = store.images(&run, "valid", &page).unwrap();
    assert_eq!(
        (second.items, second.next),
        (vec![picture(3), picture(4)], None)
    );
    assert_eq!(
        store
            .texts(&run, "log", &MediaPage::default())
            .unwrap()
            .items,
        batch.texts
    );
    let missing = ImageRecord {
        layers: vec![ImageLayer {
            digest: Digest::of(b"none"),
            ..layer.clone()
        }],
        ..picture(9)
    };
    let missing = Batch {
        images: vec![missing],
        ..Batch::default()
    };
    assert!(matches!(
        store.append(&run, None, missing),
        Err(Error::NotFound { .. })
    ));
}

pub(crate) fn bad_names_are_refused(store: &dyn Store) {
    let run = new_run(store);
    for name in ["", " ", "a\nb", "\u{0}", &"x".repeat(251)] {
        assert!(
            matches!(
                store.append(&run, None, metric(name, &[(0, 1.0)])),
                Err(Error::Invalid { .. })
            ),
            "{name:?}"
        );
        assert!(
            matches!(
                store.append(&run, None, params(&[(name, "v")])),
                Err(Error::Invalid { .. })
            ),
            "{name:?}"
        );
    }
    assert!(matches!(
        store.append(&run, None, params(&[("k", "a\0b")])),
        Err(Error::Invalid { .. })
    ));
    store
        .append(&run, None, metric("größe/日本 🛰", &[(0, 1.0)]))
        .unwrap();
    assert!(
        store
            .run(&run)
            .unwrap()
            .metrics
            .contains_key("größe/日本 🛰")
    );
}
