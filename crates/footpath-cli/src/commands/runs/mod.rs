//! `footpath runs`: the tracked runs of a folder or of PostgreSQL.

mod publish;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use footpath_server::{Config, LocalSource, open_store};

/// `footpath runs`
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    #[arg(
        long,
        global = true,
        value_name = "DIR|URL",
        help = "Where the runs are: a folder, or postgres://… [default: .footpath/track]"
    )]
    store: Option<String>,

    #[arg(
        long,
        global = true,
        value_name = "DIR|URL",
        help = "Where a folder's or database's files are: a folder or s3://BUCKET/PREFIX with AWS_… \
                set [default: in the store's folder]"
    )]
    artifacts: Option<String>,

    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// `footpath runs …`
#[derive(Debug, Subcommand)]
enum Command {
    /// Write a project as a page with its data, which any file server shows without footpath
    Publish(publish::PublishArgs),
}

pub(crate) fn run(args: &RunsArgs) -> Result<()> {
    match &args.command {
        Command::Publish(publish) => publish::run(&source(args)?, publish),
    }
}

fn source(args: &RunsArgs) -> Result<LocalSource> {
    let place = args.store.as_deref().unwrap_or(".footpath/track");
    let mut config = Config::local(PathBuf::from(place));
    config.artifacts.clone_from(&args.artifacts);
    let (store, artifacts) = open_store(&config)?;
    LocalSource::new(store, artifacts).context("cannot read the store")
}
