//! What the tracker costs, on SQLite. Goals: a client's call under 1 µs, 300,000 durable
//! points a second from one writer, a plot of a million points at 2,000 pixels in under 20 ms,
//! the first page of 100,000 runs with 20 metrics and 20 parameters each, filtered and sorted,
//! in under 100 ms.
//!
//! Run with `cargo bench -p footpath-track`. `FOOTPATH_BENCH_RUNS` sets the number of runs.

use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use footpath_track::client::{Run, RunOptions, Target};
use footpath_track::search::{Filter, OrderBy, RunQuery, Scope};
use footpath_track::series::{PointRange, Zoom};
use footpath_track::{
    Batch, ExperimentId, NewRun, Point, Points, RunId, SqliteOptions, Store, WriterPosition,
    open_sqlite,
};

fn main() {
    divan::main();
}

/// Noise that is the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as f64 / u64::MAX as f64
    }
}

/// A noisy loss curve, logged every 250 ms with some jitter.
fn curve(from: i64, count: i64) -> Vec<Point> {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15 ^ from as u64);
    (from..from + count)
        .map(|step| {
            let time_ms = 1_700_000_000_000 + step * 250 + (noise.next() * 20.0) as i64;
            Point::new(
                step,
                time_ms,
                1.0 / (1.0 + step as f64 * 1e-4) + 0.1 * noise.next(),
            )
        })
        .collect()
}

fn batch(key: &str, points: Vec<Point>) -> Batch {
    Batch {
        metrics: [(key.to_owned(), Points(points))].into(),
        ..Batch::default()
    }
}

struct Bed {
    store: Box<dyn Store>,
    /// Removed with the bed.
    _folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = open_sqlite(folder.path(), SqliteOptions::default()).expect("a store");
        Self {
            store: Box::new(store),
            _folder: folder,
        }
    }

    fn run(&self) -> RunId {
        self.store
            .create_run(&NewRun::new(ExperimentId::DEFAULT, 0))
            .expect("a run")
            .id
    }
}

#[divan::bench]
fn client_call(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = RunOptions {
        system_metrics_every: None,
        ..RunOptions::new(Target::Folder(folder.path().into()))
    };
    let run = Run::start_with("bench", "client", options);
    let mut step = 0;
    bencher.bench_local(|| {
        step += 1;
        run.metric(black_box("train/loss"), step, 0.5);
    });
}

/// From the first call to all points on the disk of the store.
#[divan::bench(args = [1_000_000], sample_count = 3)]
fn client_to_store(bencher: Bencher, points: i64) {
    bencher.counter(ItemsCount::new(points as u64)).bench(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = RunOptions {
            system_metrics_every: None,
            queue_limit: 2_000_000,
            ..RunOptions::new(Target::Folder(folder.path().into()))
        };
        let run = Run::start_with("bench", "client", options);
        for step in 0..points {
            run.metric("train/loss", step, step as f64);
        }
        run.finish();
    });
}

/// Batches of one writer, each durable before the next.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn durable_points(bencher: Bencher, points: i64) {
    let bed = Bed::new();
    let run = bed.run();
    let mut sequence = 0;
    bencher
        .counter(ItemsCount::new(points as u64))
        .with_inputs(|| {
            sequence += 1;
            (
                WriterPosition {
                    writer: "bench".into(),
                    sequence,
                },
                batch("loss", curve(sequence as i64 * points, points)),
            )
        })
        .bench_local_values(|(position, batch)| {
            bed.store
                .append(&run, Some(&position), batch)
                .expect("an append")
        });
}

/// Eight writers of one point a batch share commits.
#[divan::bench(sample_count = 5)]
fn single_points_of_8_writers(bencher: Bencher) {
    let bed = Bed::new();
    let runs: Vec<RunId> = (0..8).map(|_| bed.run()).collect();
    bencher.counter(ItemsCount::new(800_u64)).bench_local(|| {
        std::thread::scope(|scope| {
            for run in &runs {
                scope.spawn(|| {
                    for point in curve(0, 100) {
                        bed.store
                            .append(run, None, batch("loss", vec![point]))
                            .expect("an append");
                    }
                });
            }
        });
    });
}

static MILLION: LazyLock<(Bed, RunId)> = LazyLock::new(|| {
    let bed = Bed::new();
    let run = bed.run();
    for piece in curve(0, 1_000_000).chunks(50_000) {
        bed.store
            .append(&run, None, batch("loss", piece.to_vec()))
            .expect("an append");
    }
    bed.store.seal(&run).expect("a seal");
    (bed, run)
});

#[divan::bench(args = [500, 2_000, 8_000])]
fn plot_of_a_million_points(bencher: Bencher, width_px: u32) {
    let (bed, run) = &*MILLION;
    bencher.bench_local(|| {
        bed.store
            .envelope(run, "loss", &Zoom::whole(width_px))
            .expect("a plot")
    });
}

/// Twenty thousand points, as a client pages through a history.
#[divan::bench]
fn history_of_20_000_points(bencher: Bencher) {
    let (bed, run) = &*MILLION;
    let range = PointRange {
        limit: 20_000,
        ..PointRange::default()
    };
    bencher
        .counter(ItemsCount::new(20_000_u64))
        .bench_local(|| bed.store.points(run, "loss", &range).expect("points"));
}

static MANY_RUNS: LazyLock<Bed> = LazyLock::new(|| {
    let runs = std::env::var("FOOTPATH_BENCH_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(100_000);
    let bed = Bed::new();
    let mut noise = Noise(7);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let store = &bed.store;
            let seed = (noise.next() * 1e9) as u64 | 1;
            scope.spawn(move || {
                let mut noise = Noise(seed);
                for at in 0..runs / 4 {
                    let run = store
                        .create_run(&NewRun::new(ExperimentId::DEFAULT, at))
                        .expect("a run")
                        .id;
                    let point = |noise: &mut Noise| Points(vec![Point::new(1, 1, noise.next())]);
                    let metrics = (0..20)
                        .map(|key| (format!("metric/{key}"), point(&mut noise)))
                        .collect();
                    let params = (0..20)
                        .map(|key| (format!("param/{key}"), format!("{:.1}", noise.next())))
                        .collect();
                    store
                        .append(
                            &run,
                            None,
                            Batch {
                                metrics,
                                params,
                                ..Batch::default()
                            },
                        )
                        .expect("an append");
                }
            });
        }
    });
    bed
});

/// Filters that most, some and no runs pass, and orders by each kind of field.
#[divan::bench(args = [
    "metrics.`metric/3` > 0.5 | metrics.`metric/7` DESC",
    "metrics.`metric/3` > 0.5 AND params.`param/4` = '0.3' | min(metrics.`metric/7`)",
    "params.`param/4` = '0.3' OR NOT metrics.`metric/1` < 0.9 | params.`param/2`",
    "metrics.`metric/3` > 2 | metrics.`metric/7`",
    " | start_time DESC",
    " | best(metrics.`metric/7`) DESC",
], sample_count = 10)]
fn first_page_of_many_runs(bencher: Bencher, search: &str) {
    let (filter, order) = search.split_once('|').expect("a filter and an order");
    let query = RunQuery {
        experiments: vec![ExperimentId::DEFAULT],
        filter: Filter::parse(filter, Scope::Runs).expect("a filter"),
        order: vec![OrderBy::parse(order, Scope::Runs).expect("an order")],
        limit: 100,
        ..RunQuery::default()
    };
    bencher.bench_local(|| MANY_RUNS.store.search_runs(&query).expect("a page"));
}
