//! `footpath score`

use crate::args::ScoreArgs;
use crate::output::{report_problems, write_json};
use crate::table::metrics_table;
use anyhow::{Context, Result, bail};
use footpath_mapping::evaluation::score;
use footpath_mapping::problem::{Outcome, Strictness};
use std::path::Path;

pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    let strictness = strictness(args.strict);
    let (metrics, report) =
        score(&args.truth, &args.predictions, strictness).with_context(|| {
            let (truth, predictions) = (args.truth.display(), args.predictions.display());
            format!("cannot score {predictions} against {truth}")
        })?;
    report_problems(&report);
    let mut problems = report.problems().iter();
    let skipped = problems.any(|problem| problem.kind.outcome() == Outcome::Skipped);
    if metrics.detections == 0 && skipped {
        bail!(
            "none of the predictions of {} fits {}: are they of another data set?",
            args.predictions.display(),
            args.truth.display()
        );
    }
    if let Some(out) = &args.json {
        // Only what pycocotools has a counterpart of: `iou` belongs to `evaluate`.
        write_json(out, &metrics)?;
    }
    if args.json.as_deref() != Some(Path::new("-")) {
        crate::output::result_line(&metrics_table(&metrics))?;
    }
    Ok(())
}

/// What a `--strict` flag asks for.
pub(crate) fn strictness(strict: bool) -> Strictness {
    if strict {
        Strictness::Strict
    } else {
        Strictness::SkipBad
    }
}
