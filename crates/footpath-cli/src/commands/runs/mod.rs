//! `footpath runs`: the tracked runs of a folder, of PostgreSQL or of a server.

mod bundle;
mod clean;
mod diff;
mod export;
mod import;
mod ls;
mod publish;
mod rows;
mod series;
mod show;
mod sync;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use footpath_track::access::{Access, Place};

/// `footpath runs`
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    #[arg(
        long,
        global = true,
        value_name = "DIR|URL",
        help = "Where the runs are: a folder, postgres://…, or a server such as \
                http://127.0.0.1:5000 [default: $FOOTPATH_TRACK or .footpath/track]",
        long_help = "Where the runs are: a folder, postgres://USER:PASSWORD@HOST/DATABASE, or a server such \
                     as http://127.0.0.1:5000, whose token is read from $FOOTPATH_TOKEN. Every command \
                     works on all three. A folder is looked into while runs are tracked there; to change it \
                     (rm, restore, gc, import, unbundle, sync) no other process may have it open: \
                     while one does, name the server that has. [default: $FOOTPATH_TRACK, or .footpath/track]"
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
    /// List runs, filtered and sorted
    Ls(ls::LsArgs),
    /// Tell all of one run
    Show(show::ShowArgs),
    /// Tell what differs between two runs, by likely cause
    Diff(diff::DiffArgs),
    /// Print the last points of a metric, and those to come
    Log(series::LogArgs),
    /// Write runs, or their points, as CSV, JSON or Parquet
    Export(export::ExportArgs),
    /// Delete runs; they can be restored until `gc`
    Rm(clean::RmArgs),
    /// Bring deleted runs back
    Restore(clean::RestoreArgs),
    /// Remove what is deleted for good, and tell how much that freed
    Gc(clean::GcArgs),
    /// Take in runs of MLflow (mlflow.db), TensorBoard (event files) or Neptune (neptune-exporter)
    Import(import::ImportArgs),
    /// Write a project as a page with its data, which any file server shows without footpath
    Publish(publish::PublishArgs),
    /// Write one run with all its files as one file
    Bundle(bundle::BundleArgs),
    /// Take in a run that was bundled
    Unbundle(bundle::UnbundleArgs),
    /// Deliver runs that wait in a spool: of killed programs, or whose server was away
    Sync(sync::SyncArgs),
}

pub(crate) fn run(args: &RunsArgs) -> Result<()> {
    let place = place(args);
    match &args.command {
        Command::Ls(args) => ls::run(&*read(&place)?, args),
        Command::Show(args) => show::run(&*read(&place)?, args),
        Command::Diff(args) => diff::run(&*read(&place)?, args),
        Command::Log(args) => series::run(&*read(&place)?, args),
        Command::Export(args) => export::run(&*read(&place)?, args),
        Command::Bundle(args) => bundle::run(&*read(&place)?, args),
        Command::Rm(args) => clean::remove(&*change(&place)?, args),
        Command::Restore(args) => clean::restore(&*change(&place)?, args),
        Command::Gc(args) => clean::collect(&*change(&place)?, args),
        Command::Import(args) => import::run(&*change(&place)?, args),
        Command::Unbundle(args) => bundle::take_in(&*change(&place)?, args),
        Command::Sync(args) => sync::run(&place, args),
        Command::Publish(args) => publish::run(&*read(&place)?, args),
    }
}

fn place(args: &RunsArgs) -> Place {
    let told = std::env::var("FOOTPATH_TRACK").ok();
    let told = told.filter(|told| !matches!(told.as_str(), "" | "off" | "spool"));
    let address = args.store.clone().or(told);
    Place {
        address: address.unwrap_or_else(|| ".footpath/track".to_owned()),
        artifacts: args.artifacts.clone(),
        token: std::env::var("FOOTPATH_TOKEN").ok(),
    }
}

fn read(place: &Place) -> Result<Box<dyn Access>> {
    place
        .open_to_read()
        .with_context(|| format!("cannot look into {}", without_password(&place.address)))
}

fn change(place: &Place) -> Result<Box<dyn Access>> {
    place
        .open()
        .with_context(|| format!("cannot open {}", without_password(&place.address)))
}

/// An address as it may be shown.
fn without_password(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, place)) => format!("{scheme}://{place}"),
            None => address.to_owned(),
        },
        None => address.to_owned(),
    }
}
