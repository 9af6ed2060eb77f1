//! The behaviours every pipeline relies on, end to end.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and its floats are exact"
)]

use footpath_steps::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Scale {
    by: f64,
}

impl Transformer for Scale {
    type Input = f64;
    type Output = f64;
    const NAME: &'static str = "scale";
    const VERSION: u32 = 1;

    fn transform(&self, input: &f64, _: &Context) -> Result<f64, BoxError> {
        if *input < 0.0 {
            return Err(format!("{input} is negative").into());
        }
        Ok(input * self.by)
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Mean {
    value: f64,
}

impl Record for Mean {
    const TYPE: &'static str = "mean";
    const VERSION: u32 = 1;
}

impl Transformer for Mean {
    type Input = f64;
    type Output = f64;
    const NAME: &'static str = "subtract mean";
    const VERSION: u32 = 1;

    fn transform(&self, input: &f64, _: &Context) -> Result<f64, BoxError> {
        Ok(input - self.value)
    }
}

#[derive(Serialize)]
struct FitMean;

impl Estimator for FitMean {
    type Input = Items<f64>;
    type Model = Mean;
    const NAME: &'static str = "mean";
    const VERSION: u32 = 1;

    fn fit(&self, input: &Items<f64>, _: &Context) -> Result<Mean, BoxError> {
        let mut sum = 0.0;
        for value in input {
            sum += *value?;
        }
        Ok(Mean {
            value: sum / input.len() as f64,
        })
    }
}

#[test]
fn a_pipeline_runs_once_and_then_hits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let build = |by: f64| {
        let p = Pipeline::new("means");
        let x = p.input::<Vec<f64>>("x");
        let scaled = p.each("scaled", Scale { by }, &x).keep_output();
        let model = p.fit("mean", FitMean, &scaled);
        let centred = p.apply_each("centred", &model, &scaled);
        let total = p.map("total", Version(1), &centred, |items| {
            items.iter().map(|item| *item.unwrap()).sum::<f64>()
        });
        (p, x, total, model)
    };
    let (p, x, total, model) = build(2.0);
    let inputs = || Inputs::new().with(&x, vec![1.0, 2.0, 3.0]);
    let run = p.run((&total, &model), inputs(), &store).unwrap();
    assert_eq!(*run.output.0, 0.0);
    assert_eq!(run.output.1.value, 4.0);
    assert_eq!(
        run.report.with_outcome(Outcome::Computed),
        ["scaled", "mean", "centred", "total"]
    );
    let run = p.run((&total, &model), inputs(), &store).unwrap();
    assert_eq!(run.report.with_outcome(Outcome::Hit), ["scaled", "mean"]);
    assert_eq!(
        run.report.with_outcome(Outcome::Computed),
        ["centred", "total"]
    );
    let run = p
        .run(
            &total,
            Inputs::new().with(&x, vec![1.0, 2.0, 3.0, 6.0]),
            &store,
        )
        .unwrap();
    let items = run.report.step("scaled").unwrap().items.unwrap();
    assert_eq!((items.total, items.computed, items.reused), (4, 1, 3));
    let kept = store.latest::<Mean>("means", "mean").unwrap();
    assert_eq!(kept.value.value, 6.0);
}

#[test]
fn a_failing_item_is_reported_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let p = Pipeline::new("failures");
    let x = p.input::<Vec<f64>>("x");
    let scaled = p
        .each("scaled", Scale { by: 2.0 }, &x)
        .keep_output()
        .skip_failures();
    let total = p
        .map("total", Version(1), &scaled, |items| {
            items.iter().flatten().map(|v| *v).sum::<f64>()
        })
        .keep_output();
    let inputs = || Inputs::new().with(&x, vec![1.0, -2.0, 3.0]);
    let run = p.run(&total, inputs(), &store).unwrap();
    assert_eq!(*run.output, 8.0);
    let step = run.report.step("scaled").unwrap();
    assert_eq!(
        step.failures,
        [ItemReport {
            item: 1,
            cause: "-2 is negative".into()
        }]
    );
    let run = p.run(&total, inputs(), &store).unwrap();
    assert_eq!(run.report.with_outcome(Outcome::Hit), ["total"]);
    assert_eq!(run.report.step("scaled").unwrap().items.unwrap().reused, 2);

    let q = Pipeline::new("stops");
    let x = q.input::<Vec<f64>>("x");
    let scaled = q.each("scaled", Scale { by: 2.0 }, &x);
    let error = q
        .run(
            &scaled,
            Inputs::new().with(&x, vec![1.0, -2.0, 3.0]),
            &store,
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `scaled` failed at item 1: -2 is negative"
    );
}

#[test]
fn adapters_nest() {
    let p = Pipeline::new("adapters");
    let a = p.input::<f64>("a");
    let b = p.constant("b", "text".to_owned());
    let nested = p.map(
        "nested",
        Version(1),
        ((&a, &b), vec![&a, &a]),
        |(pair, list)| format!("{} {} {}", pair.0, pair.1, list.len()),
    );
    let run = p
        .run(&nested, Inputs::new().with(&a, 1.5), &Store::in_memory())
        .unwrap();
    assert_eq!(*run.output, "1.5 text 2");
}
