//! `footpath runs export`

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use footpath_track::access::{Access, Search, find_run, find_scope};
use footpath_track::transfer::export::{RunColumns, point_columns, points, runs};
use footpath_track::transfer::table::{Format, begin};

use super::ls::now_ms;
use crate::commands::WrongUsage;
use crate::output::{new_file_in, say};

/// `footpath runs export`
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// These runs [default: all of --of]
    #[arg(value_name = "RUN")]
    runs: Vec<String>,

    /// The runs of this project or experiment alone
    #[arg(long, value_name = "PROJECT[/EXPERIMENT]")]
    of: Option<String>,

    /// Which runs, as in `footpath runs ls`
    #[arg(short, long, value_name = "FILTER", default_value = "")]
    filter: String,

    /// A row a point of every metric, instead of a row a run
    #[arg(long)]
    points: bool,

    /// The points of this metric alone (may be repeated)
    #[arg(long, value_name = "KEY", requires = "points")]
    metric: Vec<String>,

    /// The file to write [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Its format [default: as the file's name ends, or csv]
    #[arg(long, value_enum)]
    format: Option<FormatName>,
}

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// Comma separated values
    Csv,
    /// One array of objects
    Json,
    /// Apache Parquet
    Parquet,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Json => Self::Json,
            FormatName::Parquet => Self::Parquet,
        }
    }
}

pub(super) fn run(access: &dyn Access, args: &ExportArgs) -> Result<()> {
    let named = args.out.as_deref().and_then(Format::of);
    let format = args.format.map(Format::from).or(named);
    let format = match (format, &args.out) {
        (Some(format), _) => format,
        (None, None) => Format::Csv,
        (None, Some(path)) => {
            let told = format!(
                "{} does not end in .csv, .json or .parquet: say --format",
                path.display()
            );
            return Err(WrongUsage(told).into());
        }
    };
    let search = search(access, args)?;
    let count = match &args.out {
        None => {
            let out = BufWriter::new(std::io::stdout());
            match write(access, args, &search, format, out) {
                // Whoever reads has enough (`| head`).
                Err(error) if is_broken_pipe(&error) => return Ok(()),
                written => written?,
            }
        }
        Some(path) => {
            // The old file stays until the new one is whole.
            let folder = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let file = new_file_in(folder)
                .with_context(|| format!("cannot write into {}", folder.display()))?;
            let count = write(
                access,
                args,
                &search,
                format,
                BufWriter::new(file.as_file()),
            )?;
            file.persist(path)
                .with_context(|| format!("cannot write {}", path.display()))?;
            count
        }
    };
    let what = if args.points { "points" } else { "runs" };
    say(&format!("{count} {what} written"));
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<footpath_track::Error>(),
        Some(footpath_track::Error::File { cause, .. })
            if cause.kind() == std::io::ErrorKind::BrokenPipe
    )
}

fn search(access: &dyn Access, args: &ExportArgs) -> Result<Search> {
    let mut search = find_scope(access, args.of.as_deref())?;
    search.filter.clone_from(&args.filter);
    if !args.runs.is_empty() {
        let ids = args
            .runs
            .iter()
            .map(|name| Ok(format!("'{}'", find_run(access, name)?.info.id)))
            .collect::<Result<Vec<_>>>()?;
        let chosen = format!("run_id IN ({})", ids.join(", "));
        search.view = footpath_track::View::All;
        search.filter = match search.filter.trim() {
            "" => chosen,
            filter => format!("({filter}) AND {chosen}"),
        };
    }
    Ok(search)
}

fn write(
    access: &dyn Access,
    args: &ExportArgs,
    search: &Search,
    format: Format,
    out: impl Write + Send,
) -> Result<u64> {
    if args.points {
        let mut rows = begin(format, point_columns(), out)?;
        let count = points(access, search, &args.metric, &mut *rows)?;
        rows.finish()?;
        return Ok(count);
    }
    let columns = RunColumns::of(access, search)?;
    let mut rows = begin(format, columns.columns(), out)?;
    let count = runs(access, search, &columns, now_ms(), &mut *rows)?;
    rows.finish()?;
    Ok(count)
}
