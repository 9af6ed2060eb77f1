//! `footpath runs show`

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use footpath_track::access::{Access, find_run};
use footpath_track::compare::Side;
use footpath_track::search::Goal;
use footpath_track::transfer::export::state_name;
use footpath_track::{Lifecycle, ObservedState, Point, StepOutcome};
use serde_json::json;

use super::ls::{now_ms, run_json};
use super::rows::{Table, bytes, duration, number, plain, time};
use crate::output::result_line;

/// `footpath runs show`
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The run: its id, the beginning or end of its id, or its name
    #[arg(value_name = "RUN")]
    run: String,

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(access: &dyn Access, args: &ShowArgs) -> Result<()> {
    let run = find_run(access, &args.run)?;
    let side = Side::read(access, run)?;
    let media = access.media(&side.run.info.id)?;
    let experiment = access.experiment(side.run.info.experiment)?;
    if args.json {
        let mut told = run_json(&side.run, &side.experiment_tags);
        told["project"] = experiment.project.into();
        told["experiment_name"] = experiment.name.into();
        told["steps"] = json!(side.steps);
        told["files"] = json!(side.files);
        told["media"] = json!(media);
        return result_line(&serde_json::to_string_pretty(&told)?);
    }
    let info = &side.run.info;
    let state = info.observed_state(now_ms());
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{name:<11} {value}");
    };
    line("run", info.id.as_str());
    line("name", &plain(&info.name));
    let place = format!("{}/{}", plain(&experiment.project), plain(&experiment.name));
    line("experiment", &place);
    line("user", &plain(&info.user));
    let reason = match (&info.status_reason, state) {
        (Some(reason), _) => format!(": {}", plain(reason)),
        (None, ObservedState::Crashed) => {
            ": its lease lapsed; it died without a word, or cannot reach the tracker".to_owned()
        }
        (None, ObservedState::Stalled) => ": it has told nothing for 30 minutes".to_owned(),
        _ => String::new(),
    };
    let deleted = match info.lifecycle {
        Lifecycle::Active => "",
        Lifecycle::Deleted => " (deleted)",
    };
    line("state", &format!("{}{deleted}{reason}", state_name(state)));
    line("started", &time(info.start_ms));
    if let Some(end_ms) = info.end_ms {
        let took = duration(end_ms - info.start_ms);
        line("ended", &format!("{} (after {took})", time(end_ms)));
    }
    if info.dropped > 0 {
        let told = format!("{} points or records that had no room", info.dropped);
        line("dropped", &told);
    }
    for input in &side.run.inputs {
        let context = input.context().unwrap_or("input");
        let (name, digest) = (plain(&input.dataset.name), plain(&input.dataset.digest));
        line("data", &format!("{name} ({}) {digest}", plain(context)));
    }
    sections(&mut text, &side);
    for series in media {
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "\n{} series {}: {} at steps {} to {}",
            match series.kind {
                footpath_track::MediaKind::Text => "text",
                footpath_track::MediaKind::Image => "image",
            },
            plain(&series.key),
            series.count,
            series.first_step,
            series.last_step
        );
    }
    result_line(text.trim_end())
}

fn sections(text: &mut String, side: &Side) {
    let texts = |name: &str, texts: &std::collections::BTreeMap<String, String>| {
        let mut table = Table::new([(name.to_owned(), false), (String::new(), false)]);
        for (key, value) in texts {
            table.row(vec![plain(key), plain(value)]);
        }
        (!texts.is_empty()).then(|| table.text())
    };
    let mut metrics = Table::new(
        [
            ("METRICS", false),
            ("LAST", true),
            ("BEST", true),
            ("AT STEP", true),
            ("MIN", true),
            ("MAX", true),
            ("POINTS", true),
        ]
        .map(|(name, right)| (name.to_owned(), right)),
    );
    let value =
        |point: Option<Point>| point.map_or_else(|| "NaN".to_owned(), |point| number(point.value));
    for (key, series) in &side.run.metrics {
        let best = match Goal::of(key, &side.experiment_tags) {
            Goal::Minimize => series.min,
            Goal::Maximize => series.max,
        };
        metrics.row(vec![
            plain(key),
            number(series.last.value),
            value(best),
            best.map_or_else(String::new, |best| best.step.to_string()),
            value(series.min),
            value(series.max),
            series.count.to_string(),
        ]);
    }
    let mut steps = Table::new(
        [
            ("STEPS", false),
            ("OUTCOME", false),
            ("TOOK", true),
            ("KEY", false),
            ("WHY", false),
        ]
        .map(|(name, right)| (name.to_owned(), right)),
    );
    for step in &side.steps {
        let outcome = match step.outcome {
            StepOutcome::Hit => "hit",
            StepOutcome::Computed => "computed",
            StepOutcome::Failed => "failed",
        };
        steps.row(vec![
            format!("{}/{}", plain(&step.pipeline), plain(&step.step)),
            outcome.to_owned(),
            duration((step.seconds * 1000.0) as i64),
            step.key.chars().take(12).collect(),
            plain(step.reason.as_deref().unwrap_or_default()),
        ]);
    }
    let mut files = Table::new([("FILES".to_owned(), false), (String::new(), true)]);
    for file in &side.files {
        files.row(vec![plain(&file.path), bytes(file.blob.size)]);
    }
    let sections = [
        texts("PARAMETERS", &side.run.params),
        (!side.run.metrics.is_empty()).then(|| metrics.text()),
        texts("TAGS", &side.run.tags),
        (!side.steps.is_empty()).then(|| steps.text()),
        (!side.files.is_empty()).then(|| files.text()),
    ];
    for section in sections.into_iter().flatten() {
        text.push('\n');
        text.push_str(&section);
        text.push('\n');
    }
}
