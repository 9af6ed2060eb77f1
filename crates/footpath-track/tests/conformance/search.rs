use std::collections::BTreeSet;

use footpath_track::search::{Filter, OrderBy, RunQuery, Scope};
use footpath_track::{
    Batch, Columns, Dataset, DatasetInput, ExperimentChange, ExperimentId, LatestRun, Lifecycle,
    ModelOutput, NewExperiment, NewRun, Point, Points, RunChange, RunStatus, Store,
};

use super::metric;

fn query(filter: &str, order: &[&str]) -> RunQuery {
    RunQuery {
        experiments: vec![ExperimentId::DEFAULT],
        filter: Filter::parse(filter, Scope::Runs).unwrap(),
        order: order
            .iter()
            .map(|order| OrderBy::parse(order, Scope::Runs).unwrap())
            .collect(),
        limit: 100,
        ..RunQuery::default()
    }
}

/// The names of the runs found, in order.
fn found(store: &dyn Store, query: &RunQuery) -> Vec<String> {
    store
        .search_runs(query)
        .unwrap()
        .items
        .into_iter()
        .map(|run| run.info.name)
        .collect()
}

/// Makes a run with a name, a metric `loss`, a parameter `lr`, and a tag `kind`, as far as told.
fn run(store: &dyn Store, name: &str, loss: &[f64], lr: Option<&str>, kind: Option<&str>) {
    run_at(store, 100, name, loss, lr, kind);
}

/// [`run`], started at a time.
fn run_at(
    store: &dyn Store,
    start_ms: i64,
    name: &str,
    loss: &[f64],
    lr: Option<&str>,
    kind: Option<&str>,
) {
    let new = NewRun {
        name: Some(name.into()),
        user: "me".into(),
        ..NewRun::new(ExperimentId::DEFAULT, start_ms)
    };
    let id = store.create_run(&new).unwrap().id;
    let points: Vec<(i64, f64)> = (0..).zip(loss.iter().copied()).collect();
    let batch = if points.is_empty() {
        Batch::default()
    } else {
        metric("loss", &points)
    };
    let params = lr.map(|lr| ("lr".into(), lr.into())).into_iter().collect();
    let tags = kind
        .map(|kind| ("kind".into(), kind.into()))
        .into_iter()
        .collect();
    let inputs = kind.map(|kind| DatasetInput {
        dataset: Dataset {
            name: kind.into(),
            digest: "d".into(),
            ..Default::default()
        },
        ..Default::default()
    });
    store
        .append(
            &id,
            None,
            Batch {
                params,
                tags,
                inputs: inputs.into_iter().collect(),
                ..batch
            },
        )
        .unwrap();
}

fn five(store: &dyn Store) {
    run(store, "a", &[3.0, 0.5, 1.0], Some("0.1"), Some("Big"));
    run(store, "b", &[2.0], Some("1e-2"), Some("small"));
    run(store, "c", &[1.0, f64::NAN], Some("auto"), None);
    run(store, "d", &[], Some("0.10"), Some("big_one"));
    run(store, "e", &[-4.0, 7.0], None, None);
}

pub(crate) fn every_filter_means_what_the_plain_evaluator_says(store: &dyn Store) {
    five(store);
    let means = |filter: &str, names: &str| {
        let found: BTreeSet<String> = found(store, &query(filter, &[])).into_iter().collect();
        assert_eq!(found.into_iter().collect::<String>(), names, "{filter}");
    };
    means("", "abcde");
    means("metrics.loss < 3", "ab");
    means("metrics.loss != 1", "bce");
    means("NOT metrics.loss = 1", "bcde");
    means("min(metrics.loss) < 1", "ae");
    means("max(metrics.loss) >= 3", "ae");
    means("first(metrics.loss) = 1", "c");
    means("best(metrics.loss) <= 0.5", "ae");
    means("metrics.loss IS NULL", "d");
    means("metrics.loss IS NOT NULL", "abce");
    means("metrics.none IS NULL", "abcde");
    means("metrics.none < 1 OR metrics.none > 0", "");
    means("params.lr = '0.1'", "a");
    means("params.lr = 0.1", "ad");
    means("params.lr < 0.05", "b");
    means("params.lr != '0.1'", "bcd");
    means("number(params.lr) = 0.1", "ad");
    means("number(params.lr) IS NULL", "ce");
    means(
        "number(params.lr) IS NOT NULL AND NOT number(params.lr) > 0.05",
        "b",
    );
    means("params.lr LIKE '0.1%'", "ad");
    means("params.lr IN ('auto', '1e-2')", "bc");
    means("params.lr NOT IN ('auto')", "abd");
    means("tags.kind LIKE 'big%'", "d");
    means("tags.kind ILIKE 'BIG%'", "ad");
    means("tags.kind ILIKE 'b_g'", "a");
    means("tags.kind NOT LIKE '%b%'", "ab");
    means(
        "tags.kind IS NULL AND (metrics.loss > 5 OR params.lr = 'auto')",
        "ce",
    );
    means("dataset.name = 'small'", "b");
    means("dataset.context IS NULL", "abcde");
    means(
        "attributes.run_name IN ('a', 'e') OR run_name LIKE 'b'",
        "abe",
    );
    means(
        "user_id = 'me' AND status = 'RUNNING' AND start_time <= 100",
        "abcde",
    );
    means("NOT (start_time < 100.5)", "");
    means("duration_ms > 1000", "abcde");
    means("artifact_bytes = 0", "abcde");
    means("artifact_bytes > 0 OR duration_ms < 0", "");
    means("end_time > 0", "");
    means("NOT end_time > 0", "abcde");
    means(
        "artifact_uri LIKE 'mlflow-artifacts:/0/%/artifacts'",
        "abcde",
    );
    means("tags.`mlflow.runName` = 'a'", "a");
    means("name = 'it''s' OR name = '%'", "");
}

pub(crate) fn orders_put_nan_and_absence_last(store: &dyn Store) {
    five(store);
    let ordered = |order: &[&str]| found(store, &query("", order)).concat();
    assert_eq!(ordered(&["metrics.loss", "run_name"]), "abecd");
    assert_eq!(ordered(&["metrics.loss DESC", "run_name"]), "ebacd");
    assert_eq!(ordered(&["params.lr", "run_name"]), "adbce");
    assert_eq!(ordered(&["number(params.lr)", "run_name"]), "badce");
    assert_eq!(
        ordered(&["number(params.lr) DESC", "run_name DESC"]),
        "dabec"
    );
    assert_eq!(ordered(&["tags.kind DESC", "run_name DESC"]), "bdaec");
    assert_eq!(ordered(&["min(metrics.loss)", "run_name"]), "eacbd");
    assert_eq!(ordered(&["end_time", "run_name DESC"]), "edcba");
    let by_id = store.search_runs(&query("", &[])).unwrap().items;
    assert!(
        by_id.is_sorted_by_key(|run| run.info.id.clone()),
        "equal starts are ordered by id"
    );
}

pub(crate) fn pages_give_each_run_once(store: &dyn Store) {
    for at in 0..60 {
        let loss = [f64::NAN, 1.0, 2.0, f64::from(at)];
        let loss = if at % 5 == 4 {
            &[][..]
        } else {
            &loss[at as usize % 4..=at as usize % 4]
        };
        // Neither in the order of making nor against it.
        run_at(
            store,
            100 + i64::from(at) * 7 % 60,
            &format!("r{at:02}"),
            loss,
            (at % 3 > 0).then_some("x"),
            None,
        );
    }
    let best_first = &["metrics.loss DESC"][..];
    for (filter, order) in [
        ("", best_first),
        ("params.lr = 'x' AND NOT metrics.loss < 3", best_first),
        ("", &["metrics.loss", "params.lr"]),
        ("", &["params.lr DESC", "max(metrics.loss)"]),
        ("", &["end_time"]),
        ("", &["start_time DESC"]),
        ("", &[]),
    ] {
        let whole = found(store, &query(filter, order));
        // By loss downwards, 24 runs are twelve of losses of their own and the twelve of loss 2; 14 ends among them.
        for limit in [7, 14, 24] {
            let mut page = RunQuery {
                limit,
                ..query(filter, order)
            };
            let mut paged = Vec::new();
            loop {
                let answer = store.search_runs(&page).unwrap();
                paged.extend(answer.items.into_iter().map(|run| run.info.name));
                page.page_token = answer.next;
                if page.page_token.is_none() {
                    break;
                }
            }
            assert_eq!(paged, whole, "{filter} {order:?}");
        }
        let runs = whole.iter().collect::<BTreeSet<_>>().len();
        assert!(
            if filter.is_empty() {
                runs == 60
            } else {
                (8..60).contains(&runs)
            },
            "{runs}"
        );
    }
    let token = store
        .search_runs(&RunQuery {
            limit: 7,
            ..query("", &[])
        })
        .unwrap()
        .next;
    let other = RunQuery {
        page_token: token,
        ..query("metrics.loss > 0", &[])
    };
    assert!(matches!(
        store.search_runs(&other),
        Err(footpath_track::Error::PageToken)
    ));
    assert!(
        store
            .search_runs(&RunQuery {
                experiments: Vec::new(),
                ..query("", &[])
            })
            .unwrap()
            .items
            .is_empty()
    );

    let best = RunQuery {
        limit: 1,
        ..query("", best_first)
    };
    let deleted = store.search_runs(&best).unwrap().items.remove(0).info;
    let change = RunChange {
        lifecycle: Some(Lifecycle::Deleted),
        ..Default::default()
    };
    store.update_run(&deleted.id, &change).unwrap();
    let next = found(store, &best);
    assert_ne!(next, [deleted.name]);
    assert_eq!(next, found(store, &query("", best_first))[..1]);
    let change = RunChange {
        lifecycle: Some(Lifecycle::Active),
        ..Default::default()
    };
    store.update_run(&deleted.id, &change).unwrap();

    let id = store
        .search_runs(&query("run_name = 'r00'", &[]))
        .unwrap()
        .items
        .remove(0)
        .info
        .id;
    store
        .update_run(
            &id,
            &RunChange {
                lifecycle: Some(Lifecycle::Deleted),
                ..Default::default()
            },
        )
        .unwrap();
    assert_eq!(found(store, &query("", &[])).len(), 59);
    let bin = RunQuery {
        view: footpath_track::View::Deleted,
        ..query("", &[])
    };
    assert_eq!(found(store, &bin), ["r00"]);
}

pub(crate) fn best_follows_the_experiments_goal(store: &dyn Store) {
    five(store);
    let tags = [("footpath.goal.loss".into(), "max".into())].into();
    store
        .update_experiment(
            ExperimentId::DEFAULT,
            &ExperimentChange {
                set_tags: tags,
                ..Default::default()
            },
        )
        .unwrap();
    assert_eq!(
        found(
            store,
            &query("best(metrics.loss) >= 3", &["best(metrics.loss) DESC"])
        ),
        ["e", "a"]
    );
    let other = store
        .create_experiment(&NewExperiment::new("default", "other"))
        .unwrap()
        .id;
    let run = store
        .create_run(&NewRun {
            name: Some("o".into()),
            ..NewRun::new(other, 1)
        })
        .unwrap()
        .id;
    store
        .append(&run, None, metric("loss", &[(0, 9.0), (1, 2.5)]))
        .unwrap();
    store
        .update_run(
            &run,
            &RunChange {
                status: Some(RunStatus::Finished),
                ..Default::default()
            },
        )
        .unwrap();
    let both = RunQuery {
        experiments: vec![other, ExperimentId::DEFAULT, ExperimentId(77)],
        ..query("best(metrics.loss) > 2.1", &["best(metrics.loss)"])
    };
    assert_eq!(found(store, &both), ["o", "a", "e"]);
}

pub(crate) fn shown_keys_alone_are_read_and_matches_are_counted(store: &dyn Store) {
    five(store);
    let columns = |metrics: &[&str], params: &[&str]| {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Columns {
            metrics: keys(metrics),
            params: keys(params),
            tags: Vec::new(),
        }
    };
    let whole = store.search_runs(&query("", &[])).unwrap().items;
    let shown = |columns| {
        let query = RunQuery {
            shown: Some(columns),
            ..query("", &[])
        };
        store.search_runs(&query).unwrap().items
    };
    for (whole, part) in whole.iter().zip(shown(columns(&["loss", "never"], &[]))) {
        assert_eq!((&part.info, &part.metrics), (&whole.info, &whole.metrics));
        assert!(part.params.is_empty() && part.tags.is_empty() && part.inputs.is_empty());
    }
    for (whole, part) in whole.iter().zip(shown(columns(&[], &["lr"]))) {
        assert_eq!((&part.params, part.metrics.len()), (&whole.params, 0));
    }
    for (filter, limit) in [
        ("", 1),
        ("metrics.loss > 0", 100),
        ("params.none = 'x'", 100),
    ] {
        let mut query = query(filter, &["metrics.loss"]);
        let expected = found(store, &query).len() as u64;
        query.limit = limit;
        assert_eq!(store.count_runs(&query).unwrap(), expected, "{filter}");
    }
}

/// Few are looked up one by one, many of one experiment in one go, and very many in pieces: either
/// way each is as it is alone.
pub(crate) fn many_runs_at_once_are_what_each_is_alone(store: &dyn Store) {
    let experiments: Vec<ExperimentId> = ["one", "two"]
        .iter()
        .map(|name| {
            let new = NewExperiment::new("many", *name);
            store.create_experiment(&new).unwrap().id
        })
        .collect();
    // Keys whose numbers do not sort as their names do.
    let keys = ["m/9", "m/10", "a", "ü", "B"];
    for number in 0..520_i64 {
        let experiment = experiments[usize::from(number >= 140)];
        let run = store.create_run(&NewRun::new(experiment, number)).unwrap();
        let own = &keys[(number % 3) as usize..];
        let point = |key: usize| {
            let value = if key == 1 { f64::NAN } else { number as f64 };
            Points(vec![Point::new(1, 2, 0.5), Point::new(2, 1, value)])
        };
        let input = DatasetInput {
            dataset: Dataset {
                name: format!("d{}", number % 2),
                ..Default::default()
            },
            ..Default::default()
        };
        let batch = Batch {
            metrics: own
                .iter()
                .enumerate()
                .map(|(place, key)| ((*key).to_owned(), point(place)))
                .collect(),
            params: own
                .iter()
                .map(|key| ((*key).to_owned(), number.to_string()))
                .collect(),
            tags: [("t".to_owned(), number.to_string())].into(),
            inputs: vec![input],
            model_outputs: vec![ModelOutput {
                model_id: "m-1".into(),
                step: number,
            }],
            ..Batch::default()
        };
        store.append(&run.id, None, batch).unwrap();
    }
    for (experiments, limit, expected) in [
        (&experiments[..1], 3, 3),
        (&experiments[..1], 1000, 140),
        (&experiments[1..], 110, 110),
        (&experiments[..], 1000, 520),
    ] {
        let query = RunQuery {
            experiments: experiments.to_vec(),
            limit,
            ..RunQuery::default()
        };
        let found = store.search_runs(&query).unwrap();
        let latest = store.search_latest(&query).unwrap();
        assert_eq!(
            (found.items.len(), latest.items.len()),
            (expected, expected)
        );
        assert_eq!(found.next, latest.next);
        for (found, latest) in found.items.into_iter().zip(latest.items) {
            let alone = store.run(&found.info.id).unwrap();
            // A NaN is told by its text, since it equals nothing.
            assert_eq!(format!("{found:?}"), format!("{alone:?}"));
            let told = LatestRun::from(alone);
            assert_eq!(format!("{latest:?}"), format!("{told:?}"));
        }
    }
}
