//! `footpath runs publish`: a project as files that open in a browser without a server.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use footpath_server::publish;
use footpath_track::access::Access;

use crate::output::{result_line, say};

/// `footpath runs publish`
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The project
    project: String,

    /// The folder to write: new, empty, or published before
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Leave the runs' files out; pictures stay
    #[arg(long)]
    no_files: bool,

    /// Print a JSON summary to stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(source: &dyn Access, args: &PublishArgs) -> Result<()> {
    let mut progress = |done: usize, all: usize| {
        if done.is_multiple_of(100) && done < all {
            say(&format!("{done} of {all} runs"));
        }
    };
    let published = publish(
        source,
        &args.project,
        &args.out,
        !args.no_files,
        &mut progress,
    )?;
    if args.json {
        return result_line(&serde_json::to_string(&published)?);
    }
    let out = args.out.display();
    say(&format!(
        "{} runs of {} in {out} ({:.1} MB): any file server shows them, such as `python3 -m http.server -d {out}`",
        published.runs,
        args.project,
        published.bytes as f64 / 1e6,
    ));
    Ok(())
}
