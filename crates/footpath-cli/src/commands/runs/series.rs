//! `footpath runs log`

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use footpath_track::access::{Access, find_run};
use footpath_track::series::PointRange;
use footpath_track::{Point, RunId};
use serde_json::json;

use super::ls::{finite, now_ms};
use super::rows::{plain, time};
use crate::commands::WrongUsage;
use crate::output::{result_line, say};

/// How often new points are asked for.
const EVERY: Duration = Duration::from_secs(1);
/// How many points are read at once.
const PAGE: usize = 50_000;

/// `footpath runs log`
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The run: its id, the beginning or end of its id, or its name
    #[arg(value_name = "RUN")]
    run: String,

    /// The metric; without it, the metrics that there are
    #[arg(value_name = "METRIC")]
    metric: Option<String>,

    /// How many of the last points; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    last: usize,

    /// Go on with new points until the run ends
    #[arg(short, long)]
    follow: bool,

    /// Print a JSON object a line instead of step, time and value
    #[arg(long)]
    json: bool,
}

pub(super) fn run(access: &dyn Access, args: &LogArgs) -> Result<()> {
    let run = find_run(access, &args.run)?;
    let Some(metric) = &args.metric else {
        for key in run.metrics.keys() {
            result_line(&plain(key))?;
        }
        return Ok(());
    };
    if !run.metrics.contains_key(metric) && !args.follow {
        let told = format!(
            "run {} has no metric `{}` (`footpath runs log {}` names those that it has)",
            run.info.id,
            plain(metric),
            run.info.id
        );
        return Err(WrongUsage(told).into());
    }
    let id = &run.info.id;
    let mut range = PointRange {
        limit: PAGE,
        ..PointRange::default()
    };
    let mut kept: Vec<Point> = Vec::new();
    read(access, id, metric, &mut range, |points| {
        kept.extend_from_slice(points);
        let most = if args.last == 0 {
            usize::MAX
        } else {
            args.last
        };
        let surplus = kept.len().saturating_sub(most);
        kept.drain(..surplus);
        Ok(())
    })?;
    kept.iter().try_for_each(|point| print(*point, args.json))?;
    while args.follow {
        // What came before the run was seen to have ended is read after it was.
        let ended = access.run(id)?.info;
        read(access, id, metric, &mut range, |points| {
            points.iter().try_for_each(|point| print(*point, args.json))
        })?;
        let state = ended.observed_state(now_ms());
        if !matches!(
            state,
            footpath_track::ObservedState::Running
                | footpath_track::ObservedState::Scheduled
                | footpath_track::ObservedState::Stalled
        ) {
            say(&format!(
                "the run is {}",
                footpath_track::transfer::export::state_name(state)
            ));
            break;
        }
        std::thread::sleep(EVERY);
    }
    Ok(())
}

/// Reads the points behind those read before.
fn read(
    access: &dyn Access,
    run: &RunId,
    metric: &str,
    range: &mut PointRange,
    mut each: impl FnMut(&[Point]) -> Result<()>,
) -> Result<()> {
    loop {
        let points = access.points(run, metric, range)?;
        each(&points)?;
        match points.last() {
            Some(last) => range.after = Some(*last),
            None => return Ok(()),
        }
        if points.len() < PAGE {
            return Ok(());
        }
    }
}

fn print(point: Point, as_json: bool) -> Result<()> {
    if as_json {
        let told =
            json!({ "step": point.step, "time_ms": point.time_ms, "value": finite(point.value) });
        return result_line(&told.to_string());
    }
    result_line(&format!(
        "{}\t{}\t{}",
        point.step,
        time(point.time_ms),
        point.value
    ))
}
