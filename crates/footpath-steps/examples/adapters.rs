//! Several inputs, and adapters between steps: tuples, lists, closures, constants.
//!
//! Run with `cargo run -p footpath-steps --example adapters`.
#![allow(
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "an example shows and checks its result"
)]

use footpath_steps::{Error, Inputs, Pipeline, Store, Version, whole};

/// Runs the example.
#[allow(clippy::missing_errors_doc, reason = "it says what went wrong itself")]
pub fn main() -> Result<(), Error> {
    let p = Pipeline::new("adapters");
    let prices = p.input::<Vec<f64>>("prices");
    let amounts = p.input::<Vec<f64>>("amounts");
    let tax = p.constant("tax", 0.19);

    // Two collections side by side, and one value beside every pair.
    let costs = p.map_each(
        "cost",
        Version(1),
        (&prices, &amounts, whole(&tax)),
        |(price, amount, tax)| **price * **amount * (1.0 + **tax),
    );
    // A tuple of handles feeds a closure that takes a tuple.
    let bill = p.map("bill", Version(1), (&costs, &tax), |(costs, tax)| {
        let total: f64 = costs.iter().flatten().map(|cost| *cost).sum();
        format!("{total:.2}, tax {:.0} % included", **tax * 100.0)
    });

    let inputs = Inputs::new()
        .with(&prices, vec![2.0, 0.5])
        .with(&amounts, vec![3.0, 8.0]);
    let run = p.run(&bill, inputs, &Store::in_memory())?;
    println!("{}", run.output);
    assert_eq!(*run.output, "11.90, tax 19 % included");
    Ok(())
}
