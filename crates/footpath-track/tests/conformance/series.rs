use footpath_track::series::{Bucket, PointRange, Zoom};
use footpath_track::{Batch, ImageRecord, MediaPage, Point, Points, Store, TextRecord};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{metric, new_run};

fn all(store: &dyn Store, run: &footpath_track::RunId) -> Vec<Point> {
    store.points(run, "m", &PointRange::default()).unwrap()
}

fn batch(points: Vec<Point>) -> Batch {
    Batch {
        metrics: [("m".to_owned(), Points(points))].into(),
        ..Batch::default()
    }
}

pub(crate) fn statistics_follow_mlflows_rule(store: &dyn Store) {
    let run = new_run(store);
    store
        .append(
            &run,
            None,
            metric("m", &[(3, 0.5), (1, 2.0), (7, f64::NAN)]),
        )
        .unwrap();
    store
        .append(&run, None, metric("m", &[(5, -1.0), (2, f64::INFINITY)]))
        .unwrap();
    let seen = store.run(&run).unwrap().metrics["m"];
    assert_eq!((seen.count, seen.nan_count), (5, 1));
    assert_eq!((seen.first.step, seen.last.step), (1, 7));
    assert!(seen.last.value.is_nan());
    assert_eq!(
        (seen.min.unwrap().step, seen.max.unwrap().value),
        (5, f64::INFINITY)
    );
    // At one step the later time wins, at one time the greater value.
    let tie = vec![
        Point::new(9, 5, 1.0),
        Point::new(9, 6, 0.0),
        Point::new(9, 6, 0.25),
    ];
    store.append(&run, None, batch(tie)).unwrap();
    assert_eq!(store.run(&run).unwrap().metrics["m"].last.value, 0.25);
    store
        .append(&run, None, metric("all nan", &[(0, f64::NAN)]))
        .unwrap();
    assert_eq!(store.run(&run).unwrap().metrics["all nan"].max, None);
}

pub(crate) fn late_and_repeated_points_find_their_places(store: &dyn Store) {
    let run = new_run(store);
    let point = |step: i64| Point::new(step, step, step as f64);
    store
        .append(
            &run,
            None,
            batch((0..10_000).step_by(2).map(point).collect()),
        )
        .unwrap();
    store
        .append(
            &run,
            None,
            batch((1..10_000).step_by(2).map(point).collect()),
        )
        .unwrap();
    store
        .append(&run, None, batch((0..3000).map(point).collect()))
        .unwrap();
    store
        .append(
            &run,
            None,
            batch(vec![point(20_000), point(-5), point(4), point(4)]),
        )
        .unwrap();
    let expected: Vec<Point> = std::iter::once(-5)
        .chain(0..10_000)
        .chain([20_000])
        .map(point)
        .collect();
    assert_eq!(all(store, &run), expected);
    store.seal(&run).unwrap();
    assert_eq!(all(store, &run), expected);
    assert_eq!(store.run(&run).unwrap().metrics["m"].count, 10_002);

    let range = PointRange {
        from_step: 10,
        to_step: 5000,
        limit: 100,
        ..PointRange::default()
    };
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .points(&run, "m", &PointRange { after, ..range })
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        paged.extend(page);
    }
    assert_eq!(paged, (10..=5000).map(point).collect::<Vec<_>>());
    assert_eq!(store.points(&run, "none", &range).unwrap(), []);
}

pub(crate) fn any_order_of_writing_reads_the_same(store: &dyn Store) {
    let pieces = prop::collection::vec(
        (
            0..4000i64,
            0..900i64,
            prop_oneof![Just(f64::NAN), -1.0..1.0f64],
        )
            .prop_map(|(from, count, value)| {
                (from..from + count)
                    .map(|step| Point::new(step, step / 7, value))
                    .collect::<Vec<_>>()
            }),
        1..12,
    );
    let test = |pieces: Vec<Vec<Point>>| {
        let run = new_run(store);
        let mut expected = pieces.concat();
        expected.sort();
        expected.dedup();
        for piece in pieces {
            store.append(&run, None, batch(piece)).unwrap();
        }
        prop_assert_eq!(&all(store, &run), &expected);
        let buckets = store.envelope(&run, "m", &Zoom::whole(50)).unwrap();
        prop_assert_eq!(
            buckets.iter().map(|bucket| bucket.count).sum::<u64>(),
            expected.len() as u64
        );
        store.seal(&run).unwrap();
        prop_assert_eq!(&all(store, &run), &expected);
        if let Some(whole) = Bucket::of_all(&expected) {
            let seen = store.run(&run).unwrap().metrics["m"];
            prop_assert_eq!((seen.count, seen.nan_count), (whole.count, whole.nan_count));
            prop_assert_eq!(
                (seen.first, seen.last, seen.min, seen.max),
                (whole.first, whole.last, whole.min, whole.max)
            );
        }
        Ok(())
    };
    let config = Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::default(),
        ),
    )
    .run(&pieces, test)
    .unwrap();
}

pub(crate) fn plots_show_every_spike(store: &dyn Store) {
    let run = new_run(store);
    let value = |step: i64| {
        if step % 7919 == 13 {
            100.0 + step as f64
        } else {
            (step % 10) as f64
        }
    };
    let points: Vec<Point> = (0..60_000)
        .map(|step| Point::new(step, step, value(step)))
        .collect();
    for piece in points.chunks(9000) {
        store.append(&run, None, batch(piece.to_vec())).unwrap();
    }
    for (from_step, to_step) in [(i64::MIN, i64::MAX), (10_000, 30_000), (12_345, 12_400)] {
        let zoom = Zoom {
            from_step,
            to_step,
            ..Zoom::whole(300)
        };
        let buckets = store.envelope(&run, "m", &zoom).unwrap();
        assert!(buckets.len() <= 601, "{}", buckets.len());
        let shown: Vec<Point> = points
            .iter()
            .copied()
            .filter(|point| (from_step..=to_step).contains(&point.step))
            .collect();
        let mut rest = &shown[..];
        for bucket in buckets {
            let (within, behind) = rest.split_at(bucket.count as usize);
            assert_eq!(Bucket::of_all(within), Some(bucket));
            rest = behind;
        }
        assert!(rest.is_empty());
    }
}

pub(crate) fn names_by_the_thousand_are_kept(store: &dyn Store) {
    let run = new_run(store);
    let metrics = (0..3000)
        .map(|at| {
            (
                format!("metric/{at}"),
                Points(vec![Point::new(1, 1, f64::from(at))]),
            )
        })
        .collect();
    store
        .append(
            &run,
            None,
            Batch {
                metrics,
                ..Batch::default()
            },
        )
        .unwrap();
    let seen = store.run(&run).unwrap().metrics;
    assert_eq!((seen.len(), seen["metric/2999"].last.value), (3000, 2999.0));
    assert_eq!(
        store
            .columns(&[footpath_track::ExperimentId::DEFAULT])
            .unwrap()
            .metrics
            .len(),
        3000
    );
}

/// What a training tells that was killed after step 4 and goes on from its checkpoint after step 2:
/// the same values at other times.
pub(crate) fn what_is_told_again_after_a_step_back_is_kept_once(store: &dyn Store) {
    let at = |step: i64, time_ms: i64| Point::new(step, time_ms, step as f64);
    let text = |text: &str| TextRecord {
        key: "log".into(),
        step: 3,
        time_ms: 1,
        text: text.into(),
    };
    let image = |sample: &str, time_ms: i64| ImageRecord {
        key: "valid".into(),
        step: 3,
        time_ms,
        sample: sample.into(),
        score: None,
        caption: String::new(),
        layers: Vec::new(),
    };
    for sealed in [false, true] {
        let run = new_run(store);
        let told = Batch {
            texts: vec![text("a")],
            images: vec![image("x.png", 1), image("y.png", 1)],
            ..batch((0..=4).map(|step| at(step, 100 + step)).collect())
        };
        store.append(&run, None, told).unwrap();
        if sealed {
            store.seal(&run).unwrap();
        }
        let again = Batch {
            texts: vec![text("a"), text("b")],
            images: vec![image("y.png", 2), image("z.png", 2)],
            repeats: true,
            ..batch((3..=6).map(|step| at(step, 200 + step)).collect())
        };
        store.append(&run, None, again.clone()).unwrap();
        store.append(&run, None, again).unwrap();
        let seen: Vec<(i64, i64)> = all(store, &run)
            .iter()
            .map(|point| (point.step, point.time_ms))
            .collect();
        let expected = [
            (0, 100),
            (1, 101),
            (2, 102),
            (3, 103),
            (4, 104),
            (5, 205),
            (6, 206),
        ];
        assert_eq!(seen, expected, "sealed: {sealed}");
        let series = store.run(&run).unwrap().metrics["m"];
        assert_eq!((series.count, series.last.step), (7, 6));
        let page = MediaPage::default();
        let images = store.images(&run, "valid", &page).unwrap().items;
        let samples: Vec<&str> = images.iter().map(|image| &*image.sample).collect();
        assert_eq!(samples, ["x.png", "y.png", "z.png"]);
        let texts = store.texts(&run, "log", &page).unwrap().items;
        let texts: Vec<&str> = texts.iter().map(|text| &*text.text).collect();
        assert_eq!(texts, ["a", "b"]);
    }
}
