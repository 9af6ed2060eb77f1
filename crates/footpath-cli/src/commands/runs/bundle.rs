//! `footpath runs bundle` and `unbundle`

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use footpath_track::access::{Access, find_run};
use footpath_track::transfer::bundle::{BundleReport, Placement, read, write};

use super::rows::bytes;
use crate::output::{new_file_in, result_line, say};

/// `footpath runs bundle`
#[derive(Debug, Args)]
pub(super) struct BundleArgs {
    /// The run: its id, the beginning or end of its id, or its name
    #[arg(value_name = "RUN")]
    run: String,

    /// The file to write [default: ID.run.tar.zst]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `footpath runs unbundle`
#[derive(Debug, Args)]
pub(super) struct UnbundleArgs {
    /// The bundle
    #[arg(value_name = "FILE")]
    bundle: PathBuf,

    /// Put the run into this project [default: where it came from]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Put the run into this experiment [default: where it came from]
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
}

pub(super) fn run(access: &dyn Access, args: &BundleArgs) -> Result<()> {
    let run = find_run(access, &args.run)?;
    let path = args
        .out
        .clone()
        .unwrap_or_else(|| format!("{}.run.tar.zst", run.info.id).into());
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file =
        new_file_in(folder).with_context(|| format!("cannot write into {}", folder.display()))?;
    let report = write(access, run, BufWriter::new(file.as_file()))?;
    file.persist(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    tell(&report);
    result_line(&path.display().to_string())
}

pub(super) fn take_in(access: &dyn Access, args: &UnbundleArgs) -> Result<()> {
    let path = args.bundle.display();
    let file = File::open(&args.bundle).with_context(|| format!("cannot read {path}"))?;
    let into = Placement {
        project: args.project.clone(),
        experiment: args.experiment.clone(),
    };
    let report = read(BufReader::new(file), &into, access.destination())
        .with_context(|| format!("cannot take in {path}"))?;
    tell(&report);
    result_line(report.run.as_str())
}

fn tell(report: &BundleReport) {
    say(&format!(
        "{} points, {} files and images of {}",
        report.points,
        report.contents,
        bytes(report.content_bytes)
    ));
}
