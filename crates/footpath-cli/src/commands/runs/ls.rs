//! `footpath runs ls`

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use footpath_track::access::{Access, Search, find_scope};
use footpath_track::search::{Attribute, Field, Goal, OrderBy, Page, Scope, Statistic};
use footpath_track::transfer::export::state_name;
use footpath_track::{ExperimentId, ObservedState, Run, Tags, View};
use serde_json::{Map, Value, json};

use super::rows::{Table, duration, number, plain, time};
use crate::output::{result_line, say};

/// So many metrics are shown where no columns are asked for.
const METRICS: usize = 4;
/// The machine's load is no result.
const LOAD: &str = "system/";
/// So many of the last characters of an id are shown; they stand for it in every command.
pub(super) const ID_CHARS: usize = 8;

/// `footpath runs ls`
#[derive(Debug, Args)]
pub(super) struct LsArgs {
    /// The runs of this project or experiment alone [default: all]
    #[arg(value_name = "PROJECT[/EXPERIMENT]")]
    of: Option<String>,

    /// Which runs: MLflow's grammar with OR, NOT and brackets, e.g.
    /// "best(metrics.`validation/ap50`) > 0.4 AND (params.unet.encoder = 'resnet34' OR tags.kind IS NULL)"
    #[arg(short, long, value_name = "FILTER", default_value = "")]
    filter: String,

    /// In which order, e.g. "best(metrics.`validation/ap50`) DESC"; also first(…), last(…), min(…),
    /// max(…), params.…, tags.…, `start_time` (may be repeated) [default: latest first]
    #[arg(short, long, value_name = "FIELD [DESC]")]
    sort: Vec<String>,

    /// What to show besides id, name, state and times, by commas, e.g.
    /// "best(metrics.`validation/ap50`),params.unet.encoder" [default: what is sorted by, and a few
    /// metrics' best]
    #[arg(short, long, value_name = "FIELDS", value_delimiter = ',')]
    columns: Vec<String>,

    /// At most how many; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: usize,

    /// Deleted runs instead of those in use
    #[arg(long)]
    deleted: bool,

    /// Print all of each run as a JSON array
    #[arg(long)]
    json: bool,
}

pub(super) fn run(access: &dyn Access, args: &LsArgs) -> Result<()> {
    let search = Search {
        filter: args.filter.clone(),
        order: args.sort.clone(),
        view: if args.deleted {
            View::Deleted
        } else {
            View::Active
        },
        ..find_scope(access, args.of.as_deref())?
    };
    let columns = args
        .columns
        .iter()
        .map(|column| Ok((column.trim().to_owned(), field(column)?)))
        .collect::<Result<Vec<_>>>()?;
    let (runs, more) = first_runs(access, search, args.limit)?;
    let goals = goals(access, &runs)?;
    if args.json {
        let told: Vec<Value> = runs
            .iter()
            .map(|run| run_json(run, &goals[&run.info.experiment]))
            .collect();
        result_line(&serde_json::to_string_pretty(&told)?)?;
    } else if runs.is_empty() {
        say("no runs match");
    } else {
        let columns = if columns.is_empty() {
            usual_columns(&runs, &args.sort)?
        } else {
            columns
        };
        result_line(&table(&runs, &columns, &goals).text())?;
    }
    if more {
        say(&format!("… and more (--limit {} now)", args.limit));
    }
    Ok(())
}

/// The field that a column names; the grammar is the order's.
fn field(column: &str) -> Result<Field> {
    Ok(OrderBy::parse(column.trim(), Scope::Runs)?.field)
}

/// The first runs of a search, and whether there are more.
fn first_runs(access: &dyn Access, mut search: Search, limit: usize) -> Result<(Vec<Run>, bool)> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut runs = Vec::new();
    loop {
        search.limit = (limit - runs.len()).min(1000);
        let Page { items, next } = access.search(&search)?;
        runs.extend(items);
        if next.is_none() || runs.len() >= limit {
            return Ok((runs, next.is_some()));
        }
        search.page_token = next;
    }
}

fn goals(access: &dyn Access, runs: &[Run]) -> Result<BTreeMap<ExperimentId, Tags>> {
    let mut goals = BTreeMap::new();
    for run in runs {
        let id = run.info.experiment;
        if let std::collections::btree_map::Entry::Vacant(place) = goals.entry(id) {
            place.insert(access.experiment(id)?.tags);
        }
    }
    Ok(goals)
}

/// What is sorted by, then the best of the first metrics.
fn usual_columns(runs: &[Run], sort: &[String]) -> Result<Vec<(String, Field)>> {
    let mut columns: Vec<(String, Field)> = Vec::new();
    let mut add = |name: String, field: Field| {
        let plain = matches!(field, Field::Metric(..) | Field::Param(_) | Field::Tag(_));
        if plain && !columns.iter().any(|(_, known)| *known == field) {
            columns.push((name, field));
        }
    };
    for order in sort {
        let words = order.trim();
        let name = ["DESC", "desc", "ASC", "asc"]
            .iter()
            .find_map(|word| words.strip_suffix(word))
            .unwrap_or(words);
        add(name.trim().to_owned(), field(order)?);
    }
    let keys: std::collections::BTreeSet<&String> = runs
        .iter()
        .flat_map(|run| run.metrics.keys())
        .filter(|key| !key.starts_with(LOAD))
        .collect();
    for key in keys.into_iter().take(METRICS) {
        let name = format!("best {key}");
        add(name, Field::Metric(Statistic::Best, key.clone()));
    }
    Ok(columns)
}

fn table(runs: &[Run], columns: &[(String, Field)], goals: &BTreeMap<ExperimentId, Tags>) -> Table {
    let now = now_ms();
    let fixed = ["ID", "NAME", "STATE", "STARTED", "TOOK"].map(|name| (name.to_owned(), false));
    let asked = columns
        .iter()
        .map(|(name, field)| (name.clone(), matches!(field, Field::Metric(..))));
    let mut table = Table::new(fixed.into_iter().chain(asked));
    for run in runs {
        let info = &run.info;
        let state = info.observed_state(now);
        let end = match state {
            ObservedState::Running | ObservedState::Stalled => Some(now),
            ObservedState::Crashed => Some(info.active_ms),
            _ => info.end_ms,
        };
        let id = info.id.as_str();
        let mut cells = vec![
            id[id.len().saturating_sub(ID_CHARS)..].to_owned(),
            plain(&info.name),
            state_name(state).to_owned(),
            time(info.start_ms),
            end.map_or_else(String::new, |end| duration(end - info.start_ms)),
        ];
        let tags = &goals[&info.experiment];
        cells.extend(columns.iter().map(|(_, field)| cell(run, field, tags)));
        table.row(cells);
    }
    table
}

/// A field's value; empty where a run has none.
fn cell(run: &Run, field: &Field, experiment_tags: &Tags) -> String {
    let info = &run.info;
    let text = |text: Option<&String>| text.map_or_else(String::new, |text| plain(text));
    match field {
        Field::Metric(statistic, key) => {
            let Some(series) = run.metrics.get(key) else {
                return String::new();
            };
            let point = match (statistic, Goal::of(key, experiment_tags)) {
                (Statistic::Last, _) => Some(series.last),
                (Statistic::First, _) => Some(series.first),
                (Statistic::Min, _) | (Statistic::Best, Goal::Minimize) => series.min,
                (Statistic::Max, _) | (Statistic::Best, Goal::Maximize) => series.max,
            };
            point.map_or_else(|| "NaN".to_owned(), |point| number(point.value))
        }
        Field::Param(key) | Field::ParamNumber(key) => text(run.params.get(key)),
        Field::Tag(key) => text(run.tags.get(key)),
        Field::Dataset(_) => {
            let names = run.inputs.iter().map(|input| plain(&input.dataset.name));
            names.collect::<Vec<_>>().join(" ")
        }
        Field::Attribute(attribute) => match attribute {
            Attribute::RunId => info.id.to_string(),
            Attribute::Name => plain(&info.name),
            Attribute::User => plain(&info.user),
            Attribute::Status => info.status.name().to_owned(),
            Attribute::StartTime => time(info.start_ms),
            Attribute::EndTime => info.end_ms.map_or_else(String::new, time),
            Attribute::DurationMs => {
                (info.end_ms.unwrap_or(info.active_ms) - info.start_ms).to_string()
            }
            Attribute::ArtifactBytes => run.artifact_bytes.to_string(),
            Attribute::ExperimentId => info.experiment.to_string(),
            _ => String::new(),
        },
    }
}

/// All of a run but its points.
pub(super) fn run_json(run: &Run, experiment_tags: &Tags) -> Value {
    let point = |point: footpath_track::Point| json!({ "step": point.step, "time_ms": point.time_ms, "value": finite(point.value) });
    let metrics: Map<String, Value> = run
        .metrics
        .iter()
        .map(|(key, series)| {
            let best = match Goal::of(key, experiment_tags) {
                Goal::Minimize => series.min,
                Goal::Maximize => series.max,
            };
            let told = json!({
                "count": series.count,
                "nan_count": series.nan_count,
                "first": point(series.first),
                "last": point(series.last),
                "min": series.min.map(point),
                "max": series.max.map(point),
                "best": best.map(point),
            });
            (key.clone(), told)
        })
        .collect();
    let info = &run.info;
    json!({
        "id": info.id,
        "name": info.name,
        "experiment": info.experiment,
        "user": info.user,
        "state": state_name(info.observed_state(now_ms())),
        "reason": info.status_reason,
        "start_ms": info.start_ms,
        "end_ms": info.end_ms,
        "lifecycle": info.lifecycle,
        "dropped": info.dropped,
        "params": run.params,
        "tags": run.tags,
        "metrics": metrics,
        "artifact_bytes": run.artifact_bytes,
        "inputs": run.inputs,
        "model_inputs": run.model_inputs,
        "model_outputs": run.model_outputs,
    })
}

/// A number as JSON, which has no words of its own for those that are not finite.
pub(super) fn finite(value: f64) -> Value {
    match value {
        value if value.is_finite() => value.into(),
        value if value.is_nan() => "NaN".into(),
        value if value > 0.0 => "Infinity".into(),
        _ => "-Infinity".into(),
    }
}

/// Unix milliseconds.
pub(super) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
