//! `footpath runs rm`, `restore` and `gc`

use anyhow::Result;
use clap::Args;
use footpath_track::access::{Access, Search, every_run, find_run};
use footpath_track::{ExperimentId, Freed, Lifecycle, View};
use serde_json::json;

use super::rows::{bytes, plain};
use crate::output::{result_line, say};

/// `footpath runs rm`
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    /// The runs: ids, their beginnings or ends, or names
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
}

/// `footpath runs restore`
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The runs: ids, their beginnings or ends, or names
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
}

/// `footpath runs gc`
#[derive(Debug, Args)]
pub(super) struct GcArgs {
    /// Only tell which runs would go
    #[arg(long)]
    dry_run: bool,

    /// Print what was freed as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn remove(access: &dyn Access, args: &RmArgs) -> Result<()> {
    set_all(access, &args.runs, Lifecycle::Deleted)?;
    say("deleted: `footpath runs restore` brings them back until `footpath runs gc`");
    Ok(())
}

pub(super) fn restore(access: &dyn Access, args: &RestoreArgs) -> Result<()> {
    set_all(access, &args.runs, Lifecycle::Active)
}

/// Finds all runs before the first is changed.
fn set_all(access: &dyn Access, names: &[String], lifecycle: Lifecycle) -> Result<()> {
    let runs = names
        .iter()
        .map(|name| Ok(find_run(access, name)?.info))
        .collect::<Result<Vec<_>>>()?;
    for info in runs {
        access.set_lifecycle(&info.id, lifecycle)?;
        result_line(&format!("{} {}", info.id, plain(&info.name)))?;
    }
    Ok(())
}

pub(super) fn collect(access: &dyn Access, args: &GcArgs) -> Result<()> {
    let gone: Vec<_> = access
        .experiments(None, View::Deleted)?
        .into_iter()
        .filter(|experiment| experiment.id != ExperimentId::DEFAULT)
        .collect();
    let kept = access.experiments(None, View::Active)?;
    let search = Search {
        experiments: kept.iter().chain(&gone).map(|found| found.id).collect(),
        view: View::Deleted,
        ..Search::default()
    };
    let runs = every_run(access, &search)?;
    if args.dry_run {
        for run in &runs {
            result_line(&format!("{} {}", run.info.id, plain(&run.info.name)))?;
        }
        say(&format!("{} runs would go", runs.len()));
        return Ok(());
    }
    let mut purged = Freed::default();
    for run in &runs {
        purged += access.purge(&run.info.id)?;
    }
    for experiment in &gone {
        purged += access.purge_experiment(experiment.id)?;
    }
    let freed = access.collect()?;
    if args.json {
        let told = json!({
            "runs": purged.runs,
            "points": purged.points,
            "database_bytes": freed.database_bytes,
            "artifact_bytes": freed.artifact_bytes,
        });
        return result_line(&told.to_string());
    }
    result_line(&format!(
        "{} runs with {} points removed; {} freed: {} of files, {} of the database",
        purged.runs,
        purged.points,
        bytes(freed.database_bytes + freed.artifact_bytes),
        bytes(freed.artifact_bytes),
        bytes(freed.database_bytes),
    ))
}
