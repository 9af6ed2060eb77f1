//! Files as inputs: item by item, in parallel, with a broken one left out and reported.
//!
//! Run with `cargo run -p footpath-steps --example files`.
#![allow(
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "an example shows and checks its result"
)]

use footpath_steps::{BoxError, Context, DataFile, Inputs, Pipeline, Store, Transformer, Version};

/// Parses a file that holds one number.
#[derive(serde::Serialize)]
struct ReadNumber;

impl Transformer for ReadNumber {
    type Input = DataFile;
    type Output = f64;
    const NAME: &'static str = "read number";
    const VERSION: u32 = 1;

    fn transform(&self, file: &DataFile, _: &Context) -> Result<f64, BoxError> {
        let text = std::fs::read_to_string(&file.path)?;
        text.trim()
            .parse()
            .map_err(|error| format!("{}: {error}", file.name).into())
    }
}

/// Runs the example.
#[allow(clippy::missing_errors_doc, reason = "it says what went wrong itself")]
pub fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    for (name, text) in [("a.txt", "1.5"), ("b.txt", "oops"), ("c.txt", "2.5")] {
        std::fs::write(data.join(name), text)?;
    }
    let store = Store::open(folder.path().join(".footpath"))?;

    let p = Pipeline::new("files");
    let files = p.input::<Vec<DataFile>>("files");
    let numbers = p
        .each("numbers", ReadNumber, &files)
        .keep_output()
        .skip_failures();
    let sum = p.map("sum", Version(1), &numbers, |numbers| {
        numbers.iter().flatten().map(|n| *n).sum::<f64>()
    });
    let run = p.run(
        &sum,
        Inputs::new().with(&files, store.data_files(&data, &["txt"])?),
        &store,
    )?;

    println!("{}", run.report);
    assert_eq!(*run.output, 4.0);
    let failures = run
        .report
        .step("numbers")
        .map(|step| step.failures.clone())
        .unwrap_or_default();
    assert_eq!(failures[0].item, 1);
    assert_eq!(failures[0].cause, "b.txt: invalid float literal");
    Ok(())
}
