//! The server alone, for tests and benches that should not build the whole product:
//!
//! ```text
//! footpath-server --listen 127.0.0.1:0 --store DIR [--artifacts DIR] [--auth] [--prefix /p]
//! ```
//!
//! Prints `listening on http://ADDRESS` once it answers, and the first user's token if it made one.

use std::io::Write;
use std::process::ExitCode;

use footpath_server::{Auth, Config, serve};

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter("warn")
        .init();
    let config = match config(std::env::args().skip(1)) {
        Ok(config) => config,
        Err(problem) => return complain(&problem),
    };
    let served = serve(config, |server| {
        let mut out = std::io::stdout();
        // A closed pipe is no reason not to serve.
        let _told = writeln!(out, "listening on http://{}", server.address());
        if let Some(token) = server.first_token() {
            let _told = writeln!(out, "token of the user `admin`: {token}");
        }
        let _told = out.flush();
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

fn complain(problem: &str) -> ExitCode {
    let _told = writeln!(std::io::stderr(), "footpath-server: {problem}");
    ExitCode::FAILURE
}

fn config(mut arguments: impl Iterator<Item = String>) -> Result<Config, String> {
    let mut config = Config::local(".footpath/track");
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--listen" => {
                config.listen = value()?
                    .parse()
                    .map_err(|error| format!("--listen: {error}"))?;
            }
            "--store" => config.store = value()?,
            "--artifacts" => config.artifacts = Some(value()?),
            "--prefix" => config.prefix = value()?,
            "--auth" => config.auth = Auth::Everyone,
            _ => return Err(format!("unknown argument `{argument}`")),
        }
    }
    Ok(config)
}
