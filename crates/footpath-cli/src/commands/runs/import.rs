//! `footpath runs import`

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use footpath_track::access::Access;
use footpath_track::transfer::import::{Options, Source, import};

use crate::commands::WrongUsage;
use crate::output::{result_line, say};

/// So many of the things left out are told.
const TOLD: usize = 20;

/// `footpath runs import`
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// What to take in: an `mlflow.db`, a folder of event files, or a folder of neptune-exporter
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// What it is [default: as it looks]
    #[arg(long, value_enum)]
    from: Option<SourceName>,

    /// Put all runs into this project [default: the source's, or `default`]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Put all runs into this experiment [default: the source's, or its kind's name]
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,

    /// Where the source's files are: what `mlflow-artifacts:/` stands for, or neptune-exporter's
    /// --files-path [default: `mlartifacts` or `files` beside PATH]
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,

    /// Multiply Neptune's steps, which may be fractions, by this
    #[arg(long, value_name = "N", default_value_t = 1)]
    step_multiplier: i64,
}

/// What can be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SourceName {
    /// MLflow's SQLite database
    Mlflow,
    /// TensorBoard's event files
    Tensorboard,
    /// neptune-exporter's Parquet files
    Neptune,
}

pub(super) fn run(access: &dyn Access, args: &ImportArgs) -> Result<()> {
    let source = match args.from {
        Some(SourceName::Mlflow) => Source::Mlflow,
        Some(SourceName::Tensorboard) => Source::Tensorboard,
        Some(SourceName::Neptune) => Source::Neptune,
        None => Source::detect(&args.path).ok_or_else(|| {
            WrongUsage(format!(
                "{} is no mlflow.db and holds neither event files nor files of neptune-exporter",
                args.path.display()
            ))
        })?,
    };
    let options = Options {
        project: args.project.clone(),
        experiment: args.experiment.clone(),
        files: args.files.clone(),
        step_multiplier: args.step_multiplier,
    };
    let report = import(source, &args.path, &options, access.destination())
        .with_context(|| format!("cannot take in {}", args.path.display()))?;
    for run in &report.runs {
        result_line(run.as_str())?;
    }
    for (what, why) in report.left_out.iter().take(TOLD) {
        say(&format!("left out: {what}: {why}"));
    }
    if report.left_out.len() > TOLD {
        say(&format!(
            "… and {} more left out",
            report.left_out.len() - TOLD
        ));
    }
    say(&format!(
        "{} runs, {} points, {} files, {} models read; {} pieces were new, {} were there",
        report.runs.len(),
        report.points,
        report.files,
        report.models,
        report.applied,
        report.known
    ));
    Ok(())
}
