//! What steppy's users rely on, by steppy's names, and how it is done here.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and its floats are exact"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use footpath_steps::*;
use serde::{Deserialize, Serialize};

/// Counts how often something ran.
type Counter = Arc<AtomicU64>;

fn count(counter: &Counter) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Learns the mean of its data, times a factor.
#[derive(Serialize)]
struct MeanEstimator {
    factor: f64,
    #[serde(skip)]
    fits: Counter,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Mean(f64);

impl Record for Mean {
    const TYPE: &'static str = "mean";
    const VERSION: u32 = 1;
}

impl Estimator for MeanEstimator {
    type Input = Vec<f64>;
    type Model = Mean;
    const NAME: &'static str = "mean";
    const VERSION: u32 = 1;

    fn fit(&self, data: &Vec<f64>, _: &Context) -> Result<Mean, BoxError> {
        self.fits.fetch_add(1, Ordering::Relaxed);
        Ok(Mean(
            self.factor * data.iter().sum::<f64>() / data.len() as f64,
        ))
    }
}

impl Transformer for Mean {
    type Input = Vec<f64>;
    type Output = Vec<f64>;
    const NAME: &'static str = "subtract mean";
    const VERSION: u32 = 1;

    fn transform(&self, data: &Vec<f64>, _: &Context) -> Result<Vec<f64>, BoxError> {
        Ok(data.iter().map(|value| value - self.0).collect())
    }
}

/// Adds a number, and counts.
#[derive(Serialize)]
struct Add {
    number: f64,
    #[serde(skip)]
    runs: Counter,
}

impl Transformer for Add {
    type Input = Vec<f64>;
    type Output = Vec<f64>;
    const NAME: &'static str = "add";
    const VERSION: u32 = 1;

    fn transform(&self, data: &Vec<f64>, _: &Context) -> Result<Vec<f64>, BoxError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        Ok(data.iter().map(|value| value + self.number).collect())
    }
}

/// Data, a fitted mean, the data without it.
struct Centre {
    p: Pipeline,
    data: Handle<Vec<f64>>,
    model: Handle<Mean>,
    centred: Handle<Vec<f64>>,
    fits: Counter,
}

fn centre(factor: f64) -> Centre {
    let fits = Counter::default();
    let p = Pipeline::new("centre");
    let data = p.input::<Vec<f64>>("data");
    let model = p.fit(
        "mean",
        MeanEstimator {
            factor,
            fits: Arc::clone(&fits),
        },
        &data,
    );
    let centred = p.apply("centred", &model, &data);
    Centre {
        p,
        data,
        model,
        centred,
        fits,
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join(".footpath")).unwrap();
    (folder, store)
}

#[test]
fn fit_transform_fits_and_transforms() {
    let Centre {
        p, data, centred, ..
    } = centre(1.0);
    let run = p
        .run(
            &centred,
            Inputs::new().with(&data, vec![1.0, 3.0]),
            &Store::in_memory(),
        )
        .unwrap();
    assert_eq!(*run.output, [-1.0, 1.0]);
}

#[test]
fn transform_uses_the_fitted_model_on_new_data() {
    let (_folder, store) = store();
    let training = centre(1.0);
    training
        .p
        .run(
            &training.model,
            Inputs::new().with(&training.data, vec![1.0, 3.0]),
            &store,
        )
        .unwrap();

    let inference = Pipeline::new("inference");
    let model = inference.input::<Mean>("model");
    let data = inference.input::<Vec<f64>>("data");
    let centred = inference.apply("centred", &model, &data);
    let kept = store.latest("centre", "mean").unwrap();
    let inputs = Inputs::new()
        .with_kept(&model, kept)
        .with(&data, vec![10.0]);
    assert_eq!(
        *inference.run(&centred, inputs, &store).unwrap().output,
        [8.0]
    );
    assert_eq!(count(&training.fits), 1);
}

#[test]
fn modes_are_pipelines_and_transforming_without_a_model_is_an_error() {
    let (_folder, store) = store();
    let error = store.latest::<Mean>("centre", "mean").unwrap_err();
    assert_eq!(
        error.to_string(),
        "pipeline `centre` keeps no output of step `mean` in this store; run it first"
    );
}

#[test]
fn is_fittable_is_a_matter_of_type() {
    let Centre { p, .. } = centre(1.0);
    let kinds: Vec<Kind> = p
        .diagram()
        .unwrap()
        .nodes
        .iter()
        .map(|node| node.kind)
        .collect();
    assert_eq!(kinds, [Kind::Input, Kind::Fit, Kind::Apply]);
}

#[test]
fn force_fitting_refits_and_reruns_what_depends_on_it() {
    let (_folder, store) = store();
    let run = |force: bool| {
        let Centre {
            p,
            data,
            model,
            fits,
            ..
        } = centre(1.0);
        let model = if force { model.always_run() } else { model };
        let centred = p.apply("after", &model, &data).keep_output();
        let run = p
            .run(&centred, Inputs::new().with(&data, vec![1.0]), &store)
            .unwrap();
        (count(&fits), run.report.step("after").unwrap().outcome)
    };
    assert_eq!(run(false), (1, Outcome::Computed));
    assert_eq!(run(false), (0, Outcome::Hit));
    assert_eq!(run(true), (1, Outcome::Computed));
}

#[test]
fn persist_output_and_load_persisted_output() {
    let (_folder, store) = store();
    let runs = Counter::default();
    let run = |value: f64| {
        let p = Pipeline::new("persist");
        let data = p.input::<Vec<f64>>("data");
        let sum = p
            .step(
                "add",
                Add {
                    number: 1.0,
                    runs: Arc::clone(&runs),
                },
                &data,
            )
            .keep_output();
        p.run(&sum, Inputs::new().with(&data, vec![value]), &store)
            .unwrap()
            .output
    };
    assert_eq!(*run(1.0), [2.0]);
    assert_eq!(*run(1.0), [2.0]);
    assert_eq!(count(&runs), 1);
    // steppy would serve the old output for new data; here the data is in the key.
    assert_eq!(*run(5.0), [6.0]);
    assert_eq!(count(&runs), 2);
}

#[test]
fn cache_output_and_clean_cache() {
    let store = Store::in_memory();
    let runs = Counter::default();
    let p = Pipeline::new("cache");
    let data = p.input::<Vec<f64>>("data");
    let sum = p
        .step(
            "add",
            Add {
                number: 1.0,
                runs: Arc::clone(&runs),
            },
            &data,
        )
        .cache_output();
    let run = || {
        p.run(&sum, Inputs::new().with(&data, vec![1.0]), &store)
            .unwrap()
    };
    run();
    run();
    assert_eq!(count(&runs), 1);
    store.clear_memory();
    run();
    assert_eq!(count(&runs), 2);
}

#[test]
fn get_step_by_name_and_run_just_that_far() {
    let Centre { p, data, fits, .. } = centre(1.0);
    let model = p.handle::<Mean>("mean").unwrap();
    let run = p
        .run(
            &model,
            Inputs::new().with(&data, vec![2.0]),
            &Store::in_memory(),
        )
        .unwrap();
    assert_eq!(*run.output, Mean(2.0));
    assert_eq!(run.report.step("centred"), None);
    assert_eq!(count(&fits), 1);

    let missing = p.handle::<Mean>("maen").unwrap_err().to_string();
    assert_eq!(
        missing,
        "pipeline `centre` has no step `maen`; did you mean `mean`?"
    );
    let wrong = p.handle::<String>("mean").unwrap_err().to_string();
    assert_eq!(
        wrong,
        "step `mean` gives `steppy::Mean`, but `alloc::string::String` was asked for"
    );
}

#[test]
fn set_parameters_upstream_is_building_with_other_parameters() {
    let (_folder, store) = store();
    let run = |factor: f64| {
        let Centre {
            p,
            data,
            centred,
            fits,
            ..
        } = centre(factor);
        let inputs = Inputs::new().with(&data, vec![2.0]);
        let plan = p
            .plan(&centred, Inputs::new().with(&data, vec![2.0]), &store)
            .unwrap();
        let why: Vec<String> = plan
            .step("mean")
            .unwrap()
            .reasons
            .iter()
            .map(ToString::to_string)
            .collect();
        p.run(&centred, inputs, &store).unwrap();
        (count(&fits), why)
    };
    assert_eq!(run(1.0), (1, vec!["never run before".to_owned()]));
    assert_eq!(run(1.0), (0, vec![]));
    assert_eq!(run(0.5), (1, vec!["`factor` 1.0 → 0.5".to_owned()]));
    assert_eq!(run(1.0).0, 0, "the first model is still kept");
}

#[test]
fn reset_is_collecting_garbage() {
    let (_folder, store) = store();
    let run = |factor: f64| {
        let Centre { p, data, model, .. } = centre(factor);
        p.run(&model, Inputs::new().with(&data, vec![2.0]), &store)
            .unwrap()
            .report
            .step("mean")
            .unwrap()
            .outcome
    };
    run(1.0);
    run(2.0);
    let dry = store
        .gc(GcOptions {
            dry_run: true,
            ..GcOptions::default()
        })
        .unwrap();
    assert_eq!(dry.outputs, 1);
    assert!(dry.bytes_freed > 0);
    let wet = store.gc(GcOptions::default()).unwrap();
    assert_eq!(wet, dry);
    assert_eq!(run(2.0), Outcome::Hit, "the newest state stays");
    assert_eq!(run(1.0), Outcome::Computed, "what no run reaches is gone");
}

#[test]
fn persisted_structure_is_the_diagram_as_json() {
    let structure = centre(1.0).p.diagram().unwrap();
    let json = serde_json::to_string(&structure).unwrap();
    assert_eq!(serde_json::from_str::<Diagram>(&json).unwrap(), structure);
    let names: Vec<&str> = structure
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["data", "mean", "centred"]);
    assert_eq!(structure.edges, [(0, 1), (0, 2), (1, 2)]);
}

#[test]
fn diagram_shows_hits_and_misses_in_three_formats() {
    let (_folder, store) = store();
    let Centre {
        p, data, centred, ..
    } = centre(1.0);
    let run = || {
        p.run(&centred, Inputs::new().with(&data, vec![2.0]), &store)
            .unwrap()
    };
    run();
    let diagram = p.diagram().unwrap().with_report(&run().report);
    for text in [diagram.mermaid(), diagram.dot(), diagram.svg()] {
        for word in ["mean", "hit", "computed", "given"] {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
    assert!(diagram.mermaid().contains("n1 --> n2"));
    assert!(diagram.dot().contains("n1 -> n2;"));
}

#[test]
fn adapters_rename_list_tuple_dict_and_constant() {
    let p = Pipeline::new("adapters");
    let a = p.input::<f64>("a");
    let b = p.input::<f64>("b");
    // Rename: a closure takes what it needs of a value.
    let renamed = p.map("renamed", Version(1), (&a, &b), |(x, y)| {
        BTreeMap::from([("x", **x), ("y", **y)])["y"]
    });
    let list = p.map("list", Version(1), vec![&a, &b], |list| {
        list.iter().map(|value| **value).collect::<Vec<f64>>()
    });
    let tuple = p.map("tuple", Version(1), (&a, &b), |(a, b)| (**b, **a));
    let dict = BTreeMap::from([("first".to_owned(), &a), ("second".to_owned(), &b)]);
    let dict = p.map("dict", Version(1), dict, |dict| {
        dict.keys().cloned().collect::<Vec<String>>()
    });
    let constant = p.constant("constant", 7_u8);
    let inputs = Inputs::new().with(&a, 1.0).with(&b, 2.0);
    let run = p
        .run(
            ((&renamed, &list), (&tuple, &dict), &constant),
            inputs,
            &Store::in_memory(),
        )
        .unwrap();
    let ((renamed, list), (tuple, dict), constant) = run.output;
    assert_eq!(
        (*renamed, list.as_slice(), *tuple, *constant),
        (2.0, [1.0, 2.0].as_slice(), (2.0, 1.0), 7)
    );
    assert_eq!(*dict, ["first", "second"]);
}

#[test]
fn a_step_shares_another_steps_transformer() {
    let Centre {
        p,
        data,
        model,
        centred,
        fits,
    } = centre(1.0);
    let validation = p.input::<Vec<f64>>("validation");
    let centred_validation = p.apply("centred validation", &model, &validation);
    let inputs = Inputs::new()
        .with(&data, vec![1.0, 3.0])
        .with(&validation, vec![7.0]);
    let run = p
        .run((&centred, &centred_validation), inputs, &Store::in_memory())
        .unwrap();
    assert_eq!(
        (run.output.0.as_slice(), run.output.1.as_slice()),
        ([-1.0, 1.0].as_slice(), [5.0].as_slice())
    );
    assert_eq!(count(&fits), 1);
}

#[test]
fn names_are_unique_and_handles_stay_at_home() {
    let p = Pipeline::new("mistakes");
    let a = p.input::<f64>("a");
    p.map("twice", Version(1), &a, |a| *a);
    let twice = p.map("twice", Version(1), &a, |a| *a);
    let error = p
        .run(&twice, Inputs::new(), &Store::in_memory())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "pipeline `mistakes` has two steps named `twice`; give each step its own name"
    );

    let other = Pipeline::new("other");
    let stolen = other.map("stolen", Version(1), &a, |a| *a);
    let error = other
        .run(&stolen, Inputs::new(), &Store::in_memory())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a` belongs to pipeline `mistakes` and cannot be used in pipeline `other` (as an input of step `stolen`)"
    );
}

#[test]
fn a_missing_input_is_named() {
    let Centre { p, centred, .. } = centre(1.0);
    let error = p
        .run(&centred, Inputs::new(), &Store::in_memory())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "input `data` has no value: add `.with(&data, …)` to the `Inputs` (step `mean` needs it)"
    );
}
