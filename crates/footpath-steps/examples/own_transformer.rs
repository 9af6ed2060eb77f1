//! A transformer of one's own, with parameters, chance and errors that help.
//!
//! Run with `cargo run -p footpath-steps --example own_transformer`.
#![allow(
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "an example shows and checks its result"
)]

use footpath_steps::{BoxError, Context, Inputs, Pipeline, Store, Transformer};

/// Keeps about a share of the rows, chosen by the step's seed.
///
/// Its fields are its parameters and are part of the key.
#[derive(serde::Serialize)]
struct Sample {
    share: f64,
}

impl Transformer for Sample {
    type Input = Vec<f64>;
    type Output = Vec<f64>;
    const NAME: &'static str = "sample";
    /// Raise it when the same rows, share and seed would give other rows.
    const VERSION: u32 = 1;

    fn transform(&self, rows: &Vec<f64>, context: &Context) -> Result<Vec<f64>, BoxError> {
        if !(0.0..=1.0).contains(&self.share) {
            return Err(format!("share is {}, expected 0 to 1", self.share).into());
        }
        let mut state = context.seed()?;
        let mut sampled = Vec::new();
        for (done, row) in rows.iter().enumerate() {
            context.check()?; // stop soon when the run is cancelled
            context.progress(done as u64, rows.len() as u64);
            // Knuth's linear congruential generator; the high bits are the good ones.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            if ((state >> 32) as f64) < self.share * f64::from(u32::MAX) {
                sampled.push(*row);
            }
        }
        Ok(sampled)
    }
}

/// Runs the example.
#[allow(clippy::missing_errors_doc, reason = "it says what went wrong itself")]
pub fn main() -> Result<(), BoxError> {
    let p = Pipeline::new("own transformer");
    let rows = p.input::<Vec<f64>>("rows");
    let sample = p
        .step("sample", Sample { share: 0.5 }, &rows)
        .seed(7)
        .keep_output();
    let inputs = || Inputs::new().with(&rows, (0..1000).map(f64::from).collect());
    let sampled = p.run(&sample, inputs(), &Store::in_memory())?.output;
    println!("{} of 1000 rows", sampled.len());
    assert_eq!(
        sampled,
        p.run(&sample, inputs(), &Store::in_memory())?.output
    );

    let p = Pipeline::new("wrong share");
    let rows = p.input::<Vec<f64>>("rows");
    let sample = p.step("sample", Sample { share: 2.0 }, &rows).seed(7);
    let error = p
        .run(
            &sample,
            Inputs::new().with(&rows, vec![1.0]),
            &Store::in_memory(),
        )
        .map(|_| ());
    assert_eq!(
        error.err().map(|error| error.to_string()).as_deref(),
        Some("step `sample` failed: share is 2, expected 0 to 1")
    );
    Ok(())
}
