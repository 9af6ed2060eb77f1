//! A pipeline with the whole `steps` command line, in a few lines.
//!
//! Run with `cargo run -p footpath-steps --features cli --example command_line -- explain`.

use footpath_steps::cli::App;
use footpath_steps::{Inputs, Pipeline, Version};

fn main() -> std::process::ExitCode {
    app().main()
}

/// The pipeline and its inputs.
#[must_use]
pub fn app() -> App {
    let p = Pipeline::new("words");
    let text = p.input::<String>("text");
    let words = p.map("words", Version(1), &text, |text| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<String>>()
    });
    let lengths = p
        .map_each("length", Version(1), &words, |word| word.len() as u64)
        .keep_output();
    let longest = p.map("longest", Version(1), &lengths, |lengths| {
        lengths.iter().flatten().map(|l| *l).max()
    });
    let longest = longest.keep_output();
    App::new(&p, &longest, move || {
        Ok(Inputs::new().with(&text, "a stitch in time saves nine".to_owned()))
    })
}
