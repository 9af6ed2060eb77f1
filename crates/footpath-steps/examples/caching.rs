//! Caching and persistence: what is kept, what runs again, and why.
//!
//! Run with `cargo run -p footpath-steps --example caching`.
#![allow(
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "an example shows and checks its result"
)]

use footpath_steps::{
    BoxError, Context, Handle, Inputs, Outcome, Pipeline, Store, Transformer, Version,
};

#[derive(serde::Serialize)]
struct Power {
    exponent: i32,
}

impl Transformer for Power {
    type Input = f64;
    type Output = f64;
    const NAME: &'static str = "power";
    const VERSION: u32 = 1;

    fn transform(&self, base: &f64, _: &Context) -> Result<f64, BoxError> {
        Ok(base.powi(self.exponent))
    }
}

fn pipeline(exponent: i32) -> (Pipeline, Handle<Vec<f64>>, Handle<f64>) {
    let p = Pipeline::new("caching");
    let numbers = p.input::<Vec<f64>>("numbers");
    let powers = p.each("power", Power { exponent }, &numbers).keep_output();
    let total = p.map("total", Version(1), &powers, |items| {
        items.iter().flatten().map(|power| *power).sum()
    });
    (p, numbers, total.keep_output())
}

/// Runs the example.
#[allow(clippy::missing_errors_doc, reason = "it says what went wrong itself")]
pub fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join(".footpath"))?;
    let run = |exponent, values: Vec<f64>| {
        let (p, numbers, total) = pipeline(exponent);
        let run = p.run(&total, Inputs::new().with(&numbers, values), &store)?;
        println!("total {}\n{}", run.output, run.report);
        Ok::<_, BoxError>(run)
    };
    run(2, vec![1.0, 2.0, 3.0])?;
    let again = run(2, vec![1.0, 2.0, 3.0])?;
    assert_eq!(again.report.with_outcome(Outcome::Hit), ["total"]);
    // One more number: one item is computed, three are found.
    let more = run(2, vec![1.0, 2.0, 3.0, 4.0])?;
    assert_eq!(
        more.report
            .step("power")
            .and_then(|step| step.items)
            .map(|items| items.reused),
        Some(3)
    );
    // Another parameter: the report says which.
    run(3, vec![1.0, 2.0, 3.0, 4.0])?;
    Ok(())
}
