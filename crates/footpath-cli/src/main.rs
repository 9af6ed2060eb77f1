//! The `footpath` command: parse, dispatch, report.

mod args;
mod commands;
mod environment;
mod interrupt;
mod output;
mod processes;
mod progress;
mod session;
mod table;
mod tracking;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    output::start_logging();
    if let Some(threads) = cli.threads
        && let Err(error) = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
    {
        tracing::warn!("--threads {threads} has no effect: {error}");
    }
    let done = match cli.command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Synth(args) => commands::synth::run(&args),
        Command::Prepare(args) => commands::prepare::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::LrRange(args) => commands::lr_range::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Ablate(args) => commands::ablate::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Score(args) => commands::score::run(&args),
        Command::Steps(args) => commands::steps::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Runs(args) => commands::runs::run(&args),
        Command::Ui(args) => commands::serve::run_ui(&args),
        Command::Serve(args) => commands::serve::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::report_failure(&error),
    }
}
