//! Where words go: results to stdout, talk to stderr, failures with their causes and a hint.

use anyhow::{Context, Result};
use footpath_mapping::problem::Report;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The exit code after Ctrl-C or SIGTERM, as shells have it (128 + SIGINT).
pub(crate) const INTERRUPTED: u8 = 130;

/// Sends log lines to stderr: `RUST_LOG` decides which, warnings and ours by default.
pub(crate) fn start_logging() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,footpath=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// Prints a line of the result to stdout; a closed pipe (`| head`) is no failure.
pub(crate) fn result_line(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}

/// Writes JSON to a file, atomically, or to stdout where `path` is `-`.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot write the result as JSON")?;
    if path == Path::new("-") {
        return result_line(&text);
    }
    write_file(path, format!("{text}\n").as_bytes())
}

/// Writes a file so that a reader finds the old content or the new, never a half.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let write = || -> std::io::Result<()> {
        let mut file = new_file_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| {
        format!(
            "cannot write {} ({} bytes); what stood there before is unchanged",
            path.display(),
            bytes.len()
        )
    })
}

/// A file without a name yet, which others may read as far as the umask lets them.
pub(crate) fn new_file_in(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Tells stderr what failed and why, and gives the exit code.
pub(crate) fn report_failure(error: &anyhow::Error) -> ExitCode {
    if crate::interrupt::was_asked() {
        let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
        if !causes.any(|cause| matches!(cause, footpath_steps::Error::Cancelled(_))) {
            say(&with_causes(error));
        }
        say("interrupted: what was finished is kept, the same command goes on from there");
        return ExitCode::from(INTERRUPTED);
    }
    say(&with_causes(error));
    let wrong_usage = error.chain().any(|cause| {
        cause.is::<footpath_mapping::config::ConfigError>()
            || cause.is::<crate::commands::WrongUsage>()
    });
    ExitCode::from(if wrong_usage { 2 } else { 1 })
}

fn with_causes(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // A library may repeat its source in its own message.
        if !last.contains(&cause) {
            text.push_str("\n  because: ");
            text.push_str(&cause);
        }
        last = cause;
    }
    text
}

/// A line for people, on stderr.
pub(crate) fn say(text: &str) {
    // Nothing can be done where even stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Tells what was wrong with the data: the first problems, and how many there are.
pub(crate) fn report_problems(report: &Report) {
    const SHOWN: usize = 20;
    for problem in report.problems().iter().take(SHOWN) {
        tracing::warn!("{problem}");
    }
    let more = report.len().saturating_sub(SHOWN);
    if more > 0 {
        let problems = if more == 1 { "problem" } else { "problems" };
        tracing::warn!(
            "… and {more} more {problems} in the data (RUST_LOG=debug tells them, --strict stops at the first)"
        );
    }
    for problem in report.problems().iter().skip(SHOWN) {
        tracing::debug!("{problem}");
    }
}
