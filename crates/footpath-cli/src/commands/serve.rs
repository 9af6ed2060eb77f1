//! `footpath serve` and `footpath ui`: the tracker over HTTP, for a team or for this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use footpath_server::{Auth, Config, ServeError, Server, serve};

use super::WrongUsage;
use crate::output::{result_line, say};

/// Where the runs are.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[arg(
        long,
        value_name = "DIR|URL",
        default_value = ".footpath/track",
        help = "Where runs are kept: a folder, or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    store: String,

    #[arg(
        long,
        value_name = "DIR|URL",
        help = "Where files are kept: a folder, or s3://BUCKET/PREFIX with AWS_… set \
                [default: in the store's folder]"
    )]
    artifacts: Option<String>,
}

/// `footpath serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,

    /// Ask for a token on loopback addresses too; on others it is always asked for
    #[arg(long)]
    auth: bool,

    /// What stands before every address, for a server behind a proxy
    #[arg(long, value_name = "/PATH", default_value = "")]
    prefix: String,
}

/// `footpath ui`
#[derive(Debug, Args)]
pub(crate) struct UiArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// The port; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 5000)]
    port: u16,

    /// Do not open the browser
    #[arg(long)]
    no_open: bool,
}

pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    if !(args.prefix.is_empty() || args.prefix.starts_with('/')) {
        let told = format!("--prefix {} does not begin with `/`", args.prefix);
        return Err(WrongUsage(told).into());
    }
    let mut config = config(&args.store, args.listen);
    config.prefix.clone_from(&args.prefix);
    if args.auth {
        config.auth = Auth::Everyone;
    }
    let prefix = args.prefix.clone();
    start(config, move |server| {
        tell(&format!("listening on http://{}{prefix}", server.address()));
        if let Some(token) = server.first_token() {
            tell(&format!(
                "token of the user `admin`, told only now: {token}"
            ));
        }
    })
}

pub(crate) fn run_ui(args: &UiArgs) -> Result<()> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let quiet = args.no_open;
    start(config(&args.store, listen), move |server| {
        let url = format!("http://{}", server.address());
        tell(&format!("listening on {url} (Ctrl-C ends)"));
        if !quiet && let Err(error) = open::that_detached(&url) {
            say(&format!(
                "no browser could be opened ({error}): open {url} yourself"
            ));
        }
    })
}

fn config(store: &StoreArgs, listen: SocketAddr) -> Config {
    let mut config = Config::local(PathBuf::from(&store.store));
    config.listen = listen;
    config.artifacts.clone_from(&store.artifacts);
    config
}

fn start(config: Config, ready: impl FnOnce(&Server)) -> Result<()> {
    serve(config, ready).map_err(|error| match error {
        ServeError::NoArtifacts => WrongUsage(format!("{error} (--artifacts)")).into(),
        other => anyhow!(other),
    })
}

/// A line on stdout; a server goes on where no one reads it.
fn tell(text: &str) {
    if let Err(error) = result_line(text) {
        tracing::warn!("{error:#}");
    }
}
