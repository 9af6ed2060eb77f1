//! The server alone, for tests and benches that should not build the whole product:
//!
//! ```text
//! footpath-server --listen 127.0.0.1:0 --store DIR [--artifacts DIR] [--auth] [--prefix /p]
//! ```
//!
//! Prints `listening on http://ADDRESS` once it answers, and the first user's token if it made one.
//! With `--publish PROJECT --out DIR` it writes a project as files instead, as `footpath runs publish` does.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use footpath_server::{Auth, Config, publish, serve};
use footpath_track::access::Place;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter("warn")
        .init();
    let (config, project, out) = match config(std::env::args().skip(1)) {
        Ok(read) => read,
        Err(problem) => return complain(&problem),
    };
    if let (Some(project), Some(out)) = (project, out) {
        return match write_project(&config, &project, &out) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error.to_string()),
        };
    }
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

fn write_project(config: &Config, project: &str, out: &str) -> Result<(), Box<dyn Error>> {
    let place = Place {
        artifacts: config.artifacts.clone(),
        ..Place::new(config.store.as_str())
    };
    publish(
        &*place.open_to_read()?,
        project,
        out.as_ref(),
        true,
        &mut |_, _| {},
    )?;
    Ok(())
}

fn complain(problem: &str) -> ExitCode {
    let _told = writeln!(std::io::stderr(), "footpath-server: {problem}");
    ExitCode::FAILURE
}

/// The configuration; the project to publish, and where to, if asked.
type Read = (Config, Option<String>, Option<String>);

fn config(mut arguments: impl Iterator<Item = String>) -> Result<Read, String> {
    let mut config = Config::local(".footpath/track");
    let (mut project, mut out) = (None, None);
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
            "--publish" => project = Some(value()?),
            "--out" => out = Some(value()?),
            _ => return Err(format!("unknown argument `{argument}`")),
        }
    }
    Ok((config, project, out))
}
