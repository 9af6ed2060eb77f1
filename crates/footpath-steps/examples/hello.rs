//! Hello, pipeline: one input, one step.
//!
//! Run with `cargo run -p footpath-steps --example hello`.
#![allow(
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "an example shows and checks its result"
)]

use footpath_steps::{Error, Inputs, Pipeline, Store, Version};

/// Runs the example.
#[allow(clippy::missing_errors_doc, reason = "it says what went wrong itself")]
pub fn main() -> Result<(), Error> {
    let p = Pipeline::new("hello");
    let name = p.input::<String>("name");
    let greeting = p.map("greet", Version(1), &name, |name| format!("Hello, {name}!"));

    let inputs = Inputs::new().with(&name, "world".to_owned());
    let run = p.run(&greeting, inputs, &Store::in_memory())?;
    println!("{}", run.output);
    assert_eq!(*run.output, "Hello, world!");
    Ok(())
}
