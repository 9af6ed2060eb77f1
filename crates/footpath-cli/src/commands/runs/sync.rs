//! `footpath runs sync`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use footpath_track::access::Place;
use footpath_track::client::sync;

use crate::output::{result_line, say};

/// `footpath runs sync`
#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// The folder of the spools [default: `spool` in the store's folder, or .footpath/track/spool
    /// for a server]
    #[arg(value_name = "DIR")]
    spool: Option<PathBuf>,
}

pub(super) fn run(place: &Place, args: &SyncArgs) -> Result<()> {
    let spool = args.spool.clone().unwrap_or_else(|| place.spool());
    let access = super::change(place)?;
    let report = sync(&spool, access.destination())
        .with_context(|| format!("cannot deliver {}", spool.display()))?;
    for run in &report.delivered {
        result_line(run.as_str())?;
    }
    for run in &report.running {
        say(&format!("run {run} is still being recorded: left alone"));
    }
    for (run, bytes) in &report.cut_off {
        say(&format!(
            "run {run}: its program or machine went down within a record: {bytes} bytes are lost"
        ));
    }
    for (place, why) in &report.failed {
        say(&format!("{place} stays: {why}"));
    }
    say(&format!(
        "{} runs delivered, {} pieces were new, {} were there",
        report.delivered.len(),
        report.applied,
        report.known
    ));
    if report.failed.is_empty() {
        Ok(())
    } else {
        bail!(
            "{} runs could not be delivered and stay in {}",
            report.failed.len(),
            spool.display()
        )
    }
}
