//! Properties of keys and caching, over random graphs.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and its floats are exact"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use footpath_steps::*;
use proptest::prelude::*;
use serde::Serialize;

/// Mixes its inputs with a parameter, and counts how often it runs.
#[derive(Serialize)]
struct Mix {
    parameter: u64,
    #[serde(skip)]
    runs: Arc<AtomicU64>,
}

impl Transformer for Mix {
    type Input = Vec<Arc<u64>>;
    type Output = u64;
    const NAME: &'static str = "mix";
    const VERSION: u32 = 1;

    fn transform(&self, inputs: &Vec<Arc<u64>>, _: &Context) -> Result<u64, BoxError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mix =
            |sum: u64, value: u64| (sum.rotate_left(7) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Ok(inputs
            .iter()
            .fold(self.parameter, |sum, value| mix(sum, **value)))
    }
}

/// A step of a random graph: what feeds it, its parameter, whether it is kept.
#[derive(Debug, Clone)]
struct Spec {
    inputs: BTreeSet<usize>,
    parameter: u64,
    kept: bool,
}

/// Graphs of 2 to 12 steps; position 0 is the input, step `i` is at position `i + 1`.
fn graphs() -> impl Strategy<Value = Vec<Spec>> {
    let spec = |position: usize| {
        (
            prop::collection::btree_set(0..=position, 1..=3),
            0..1000_u64,
            any::<bool>(),
        )
            .prop_map(|(inputs, parameter, kept)| Spec {
                inputs,
                parameter,
                kept,
            })
    };
    (2..=12_usize).prop_flat_map(move |steps| (0..steps).map(spec).collect::<Vec<_>>())
}

struct Built {
    pipeline: Pipeline,
    input: Handle<u64>,
    steps: Vec<Handle<u64>>,
    runs: Vec<Arc<AtomicU64>>,
}

fn build(specs: &[Spec]) -> Built {
    let pipeline = Pipeline::new("random");
    let input = pipeline.input::<u64>("input");
    let mut handles = vec![input.clone()];
    let mut runs = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let counter = Arc::<AtomicU64>::default();
        let inputs: Vec<Handle<u64>> = spec
            .inputs
            .iter()
            .map(|input| handles[*input].clone())
            .collect();
        let mix = Mix {
            parameter: spec.parameter,
            runs: Arc::clone(&counter),
        };
        let mut handle = pipeline.step(&format!("step {index}"), mix, inputs);
        if spec.kept {
            handle = handle.keep_output();
        }
        handles.push(handle);
        runs.push(counter);
    }
    Built {
        pipeline,
        input,
        steps: handles.split_off(1),
        runs,
    }
}

impl Built {
    fn run(&self, value: u64, store: &Store) -> Vec<u64> {
        let inputs = Inputs::new().with(&self.input, value);
        let run = self
            .pipeline
            .run(self.steps.clone(), inputs, store)
            .unwrap();
        run.output.into_iter().map(|value| *value).collect()
    }

    fn counts(&self) -> Vec<u64> {
        self.runs
            .iter()
            .map(|runs| runs.load(Ordering::Relaxed))
            .collect()
    }
}

fn descendants(specs: &[Spec], of: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([of]);
    for (index, spec) in specs.iter().enumerate() {
        if spec
            .inputs
            .iter()
            .any(|input| *input > 0 && found.contains(&(input - 1)))
        {
            found.insert(index);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cached_run_equals_a_fresh_run(specs in graphs(), values in prop::collection::vec(0..3_u64, 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for value in values {
            let fresh = build(&specs).run(value, &Store::in_memory());
            prop_assert_eq!(build(&specs).run(value, &store), fresh);
        }
    }

    #[test]
    fn every_step_runs_once_in_a_run(specs in graphs()) {
        let built = build(&specs);
        built.run(1, &Store::in_memory());
        prop_assert_eq!(built.counts(), vec![1; specs.len()]);
    }

    #[test]
    fn changing_one_parameter_reruns_exactly_its_descendants(specs in graphs(), which in any::<prop::sample::Index>()) {
        let specs: Vec<Spec> = specs.into_iter().map(|spec| Spec { kept: true, ..spec }).collect();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        build(&specs).run(1, &store);
        let changed = which.index(specs.len());
        let mut other = specs.clone();
        other[changed].parameter += 1;
        let built = build(&other);
        let output = built.run(1, &store);
        let expected = descendants(&specs, changed);
        let counts: Vec<u64> = (0..specs.len()).map(|step| u64::from(expected.contains(&step))).collect();
        prop_assert_eq!(built.counts(), counts);
        prop_assert_eq!(output, build(&other).run(1, &Store::in_memory()));
    }

    #[test]
    fn unrelated_steps_do_not_change_keys(specs in graphs(), more in graphs()) {
        let keys = |specs: &[Spec], count: usize| {
            let built = build(specs);
            let inputs = Inputs::new().with(&built.input, 1);
            let plan = built.pipeline.plan(built.steps[..count].to_vec(), inputs, &Store::in_memory()).unwrap();
            plan.steps.iter().map(|step| (step.name.clone(), step.key)).collect::<BTreeMap<_, _>>()
        };
        let longer: Vec<Spec> = specs.iter().cloned().chain(more).collect();
        prop_assert_eq!(keys(&specs, specs.len()), keys(&longer, specs.len()));
    }

    #[test]
    fn the_order_of_config_keys_does_not_matter(
        pairs in prop::collection::btree_map("[a-z]{1,6}", any::<i32>(), 0..6),
        shuffle in any::<prop::sample::Index>(),
    ) {
        /// A map that serialises its pairs in the order it holds them.
        struct InOrder(Vec<(String, i32)>);
        impl Serialize for InOrder {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
            }
        }
        let sorted: Vec<(String, i32)> = pairs.into_iter().collect();
        let mut rotated = sorted.clone();
        if !rotated.is_empty() {
            let by = shuffle.index(rotated.len());
            rotated.rotate_left(by);
        }
        let digest = |pairs| Config::of(&InOrder(pairs)).unwrap().digest();
        prop_assert_eq!(digest(sorted), digest(rotated));
    }
}
