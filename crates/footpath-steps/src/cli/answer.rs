//! How answers are written: JSON for programs, tables for people.

use std::io::Write;

use serde::Serialize;

use super::CliError;
use crate::store::{Manifest, Output};
use crate::text::{bytes_text, seconds_text, table};

pub(super) fn write_or_json<T: Serialize>(
    value: &T,
    json: bool,
    out: &mut dyn Write,
    write: impl FnOnce(&T, &mut dyn Write) -> std::io::Result<()>,
) -> Result<(), CliError> {
    if json {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)?;
    } else {
        write(value, out)?;
    }
    Ok(())
}

pub(super) fn write_table(
    out: &mut dyn Write,
    titles: &[&str],
    rows: &[Vec<String>],
) -> std::io::Result<()> {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = table(&mut text, titles, rows);
    out.write_all(text.as_bytes())
}

pub(super) fn list(kept: &[Manifest], out: &mut dyn Write) -> std::io::Result<()> {
    let row = |manifest: &Manifest| {
        let what = match &manifest.output {
            Output::Value { type_tag, .. } => type_tag.clone(),
            Output::Items { len, type_tag, .. } => format!("{len} × {type_tag}"),
        };
        let size = bytes_text(manifest.output.bytes());
        vec![
            manifest.pipeline.clone(),
            manifest.step.clone(),
            manifest.key.short(),
            size,
            what,
        ]
    };
    let rows: Vec<_> = kept.iter().map(row).collect();
    write_table(out, &["pipeline", "step", "key", "size", "what"], &rows)
}

pub(super) fn show(manifest: &Manifest, out: &mut dyn Write) -> std::io::Result<()> {
    let parts = &manifest.parts;
    writeln!(
        out,
        "step      {} (pipeline {})",
        manifest.step, manifest.pipeline
    )?;
    writeln!(out, "key       {}", manifest.key)?;
    writeln!(
        out,
        "code      {} {}, version {}",
        parts.kind.name(),
        parts.code,
        parts.code_version
    )?;
    if !parts.config.is_null() {
        writeln!(out, "config    {}", parts.config)?;
    }
    if let Some(seed) = parts.seed {
        writeln!(out, "seed      {seed}")?;
    }
    for input in &parts.inputs {
        writeln!(out, "input     {} {}", input.name, input.key.short())?;
    }
    match &manifest.output {
        Output::Value { object, type_tag } => {
            writeln!(
                out,
                "output    {type_tag}, {}, object {}",
                bytes_text(object.bytes),
                object.digest.short()
            )?;
        }
        Output::Items {
            len,
            bytes,
            failed,
            type_tag,
            ..
        } => {
            writeln!(
                out,
                "output    {len} × {type_tag}, {}, {} failed",
                bytes_text(*bytes),
                failed.len()
            )?;
        }
    }
    let origin = &manifest.origin;
    let who = origin.user.as_deref().unwrap_or("unknown user");
    let host = origin.host.as_deref().unwrap_or("unknown host");
    writeln!(
        out,
        "computed  in {} by {who} on {host}, footpath-steps {}",
        seconds_text(manifest.elapsed_secs),
        origin.version
    )
}
