//! `footpath synth`

use crate::args::SynthArgs;
use crate::output::{result_line, say, write_json};
use crate::progress::bar;
use anyhow::{Context, Result};
use footpath_mapping::synth::{SynthReport, SynthSettings, generate};
use serde_json::json;
use std::path::Path;

pub(crate) fn run(args: &SynthArgs) -> Result<()> {
    let settings = SynthSettings {
        train: args.train,
        val: args.val,
        size: args.size as usize,
        seed: args.seed,
    };
    let report = make(&settings, &args.out, args.force)?;
    let SynthReport {
        tiles,
        buildings,
        already_complete,
    } = report;
    if args.json {
        let out = &args.out;
        let summary = json!({"out": out, "tiles": tiles, "buildings": buildings, "already_complete": already_complete});
        return write_json(Path::new("-"), &summary);
    }
    if already_complete {
        say("these tiles were made before with the same settings; nothing to do");
    }
    result_line(&format!(
        "{}: {tiles} tiles, {buildings} buildings",
        args.out.display()
    ))
}

/// Makes the tiles, showing a progress bar.
pub(crate) fn make(settings: &SynthSettings, out: &Path, force: bool) -> Result<SynthReport> {
    let bar = bar("tiles", (settings.train + settings.val) as u64);
    let report = generate(settings, out, force, &|progress| {
        bar.set_position(progress.done as u64);
    })
    .with_context(|| format!("cannot make the synthetic suburb in {}", out.display()));
    bar.finish_and_clear();
    report
}
