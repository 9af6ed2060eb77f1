//! An ensemble: several models fitted to the same data, their predictions averaged.
//!
//! Run with `cargo run -p footpath-steps --example ensemble`.
#![allow(
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "an example shows and checks its result"
)]

use std::sync::Arc;

use footpath_steps::{
    BoxError, Context, Error, Estimator, Inputs, Pipeline, Record, Store, Transformer, Version,
};
use serde::{Deserialize, Serialize};

/// Fits y = slope · x, pulled towards 0 by `ridge`.
#[derive(Serialize)]
struct Slope {
    ridge: f64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    slope: f64,
}

impl Record for Line {
    const TYPE: &'static str = "line";
    const VERSION: u32 = 1;
}

impl Estimator for Slope {
    type Input = Vec<(f64, f64)>;
    type Model = Line;
    const NAME: &'static str = "slope";
    const VERSION: u32 = 1;

    fn fit(&self, points: &Vec<(f64, f64)>, _: &Context) -> Result<Line, BoxError> {
        let xy: f64 = points.iter().map(|(x, y)| x * y).sum();
        let xx: f64 = points.iter().map(|(x, _)| x * x).sum();
        Ok(Line {
            slope: xy / (xx + self.ridge),
        })
    }
}

impl Transformer for Line {
    type Input = f64;
    type Output = f64;
    const NAME: &'static str = "line";
    const VERSION: u32 = 1;

    fn transform(&self, x: &f64, _: &Context) -> Result<f64, BoxError> {
        Ok(self.slope * x)
    }
}

/// Runs the example.
#[allow(clippy::missing_errors_doc, reason = "it says what went wrong itself")]
pub fn main() -> Result<(), Error> {
    let p = Pipeline::new("ensemble");
    let points = p.input::<Vec<(f64, f64)>>("points");
    let x = p.input::<f64>("x");
    // Independent branches: they are fitted in parallel.
    let predictions: Vec<_> = [0.0, 1.0, 10.0]
        .into_iter()
        .enumerate()
        .map(|(index, ridge)| {
            let scope = p.scope(&format!("member {index}"));
            let model = scope.fit("fit", Slope { ridge }, &points);
            scope.apply("predict", &model, &x)
        })
        .collect();
    let mean = p.map(
        "average",
        Version(1),
        predictions,
        |predictions: &Vec<Arc<f64>>| {
            predictions
                .iter()
                .map(|prediction| **prediction)
                .sum::<f64>()
                / predictions.len() as f64
        },
    );
    let inputs = Inputs::new()
        .with(&points, vec![(1.0, 2.0), (3.0, 6.0)])
        .with(&x, 11.0);
    let run = p.run(&mean, inputs, &Store::in_memory())?;
    println!("{:.3}", run.output);
    assert!((*run.output - 17.666_666).abs() < 1e-3);
    Ok(())
}
