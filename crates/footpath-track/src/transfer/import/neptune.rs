//! The Parquet files of `neptune-exporter` (its `model.py` has the schema): a row an attribute, or
//! a point of a series; `<run>_part_<n>.parquet` below a folder a project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::sender::Sender;
use super::{ImportReport, Options, files_below, is_part};
use crate::client::Destination;
use crate::error::Error;
use crate::model::{
    Digest, Point, RunId, RunStart, RunStatus, StateChange, Tags, TextRecord, check_text,
};

pub(super) fn import(
    path: &Path,
    options: &Options,
    destination: &dyn Destination,
    report: &mut ImportReport,
) -> Result<(), Error> {
    let mut runs: BTreeMap<String, Vec<(u32, PathBuf)>> = BTreeMap::new();
    for file in files_below(path).into_iter().filter(|file| is_part(file)) {
        let text = file.display().to_string();
        if let Some((run, number)) = text.trim_end_matches(".parquet").rsplit_once("_part_") {
            let number = number.parse().unwrap_or(0);
            runs.entry(run.to_owned()).or_default().push((number, file));
        }
    }
    if runs.is_empty() {
        return Err(Error::Damaged {
            place: path.display().to_string(),
            detail: "there are no files of neptune-exporter (…_part_0.parquet) in it".into(),
        });
    }
    let beside = path.parent().unwrap_or(path).join("files");
    let files = options.files.clone().unwrap_or(beside);
    for (name, mut parts) in runs {
        parts.sort();
        let parts: Vec<PathBuf> = parts.into_iter().map(|(_, file)| file).collect();
        match import_run(&parts, &files, options, destination, report) {
            Err(error) if error.is_transient() && !matches!(error, Error::File { .. }) => {
                return Err(error);
            }
            Err(error) => report.left_out.push((name, error.to_string())),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// What an attribute or a point of it is.
#[derive(Debug, Default)]
struct Attribute {
    project: String,
    run: String,
    path: String,
    kind: String,
    /// The step as a decimal: its digits, and how many of them are behind the point.
    step: Option<(i128, u32)>,
    time_ms: Option<i64>,
    integer: Option<i64>,
    number: Option<f64>,
    text: Option<String>,
    truth: Option<bool>,
    date_ms: Option<i64>,
    set: Option<Vec<String>>,
    file: Option<String>,
}

impl Attribute {
    fn of(row: Row) -> Self {
        let mut attribute = Self::default();
        for (name, field) in row.into_columns() {
            match (name.as_str(), field) {
                ("project_id", Field::Str(text)) => attribute.project = text,
                ("run_id", Field::Str(text)) => attribute.run = text,
                ("attribute_path", Field::Str(text)) => attribute.path = text,
                ("attribute_type", Field::Str(text)) => attribute.kind = text,
                ("step", Field::Decimal(step)) => {
                    let scale = u32::try_from(step.scale()).unwrap_or(0);
                    attribute.step = Some((big_endian(step.data()), scale));
                }
                ("timestamp", Field::TimestampMillis(time)) => attribute.time_ms = Some(time),
                ("timestamp", Field::TimestampMicros(time)) => {
                    attribute.time_ms = Some(time / 1000);
                }
                ("int_value", Field::Long(value)) => attribute.integer = Some(value),
                ("float_value", Field::Double(value)) => attribute.number = Some(value),
                ("string_value", Field::Str(text)) => attribute.text = Some(text),
                ("bool_value", Field::Bool(value)) => attribute.truth = Some(value),
                ("datetime_value", Field::TimestampMillis(time)) => attribute.date_ms = Some(time),
                ("datetime_value", Field::TimestampMicros(time)) => {
                    attribute.date_ms = Some(time / 1000);
                }
                ("string_set_value", Field::ListInternal(list)) => {
                    let texts = list.elements().iter().filter_map(|element| match element {
                        Field::Str(text) => Some(text.clone()),
                        _ => None,
                    });
                    attribute.set = Some(texts.collect());
                }
                ("file_value", Field::Group(group)) => {
                    attribute.file =
                        group
                            .into_columns()
                            .into_iter()
                            .find_map(|(name, field)| match field {
                                Field::Str(text) if name == "path" => Some(text),
                                _ => None,
                            });
                }
                _ => {}
            }
        }
        attribute
    }

    /// The plain value as a text.
    fn value(&self) -> Option<String> {
        match self.kind.as_str() {
            "int" => self.integer.map(|value| value.to_string()),
            "float" => self.number.map(|value| value.to_string()),
            "string" => self.text.clone(),
            "bool" => self.truth.map(|value| value.to_string()),
            "datetime" => self.date_ms.map(|value| value.to_string()),
            "string_set" => self.set.as_ref().map(|set| set.join(", ")),
            _ => None,
        }
    }

    /// The step times a number, rounded down, and whether it was whole.
    fn whole_step(&self, multiplier: i64) -> (i64, bool) {
        let (digits, scale) = self.step.unwrap_or((0, 0));
        let unit = 10_i128.checked_pow(scale).unwrap_or(1);
        let times = digits.saturating_mul(i128::from(multiplier.max(1)));
        let step = times.div_euclid(unit);
        let bounded = step.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        (bounded as i64, times.rem_euclid(unit) == 0)
    }
}

/// A number in two's complement, the greatest byte first.
fn big_endian(bytes: &[u8]) -> i128 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    bytes.iter().fold(start, |number: i128, byte| {
        (number << 8) | i128::from(*byte)
    })
}

/// Calls with every attribute of a file.
fn each(file: &Path, mut each: impl FnMut(Attribute) -> Result<(), Error>) -> Result<(), Error> {
    let damaged = |error: parquet::errors::ParquetError| Error::Damaged {
        place: file.display().to_string(),
        detail: error.to_string(),
    };
    let opened = std::fs::File::open(file).map_err(Error::file(file))?;
    let reader = SerializedFileReader::new(opened).map_err(damaged)?;
    for row in reader.get_row_iter(None).map_err(damaged)? {
        each(Attribute::of(row.map_err(damaged)?))?;
    }
    Ok(())
}

/// What Neptune itself says of a run.
#[derive(Default)]
struct About {
    project: String,
    run: String,
    sys: BTreeMap<String, String>,
}

fn import_run(
    parts: &[PathBuf],
    files: &Path,
    options: &Options,
    destination: &dyn Destination,
    report: &mut ImportReport,
) -> Result<(), Error> {
    let mut about = About::default();
    for part in parts {
        each(part, |attribute| {
            if let (Some(name), Some(value)) =
                (attribute.path.strip_prefix("sys/"), attribute.value())
            {
                about.sys.insert(name.to_owned(), value);
            }
            about.project = attribute.project;
            about.run = attribute.run;
            Ok(())
        })?;
    }
    let said = |name: &str| {
        about
            .sys
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let time = |name: &str| said(name).and_then(|value| value.parse::<i64>().ok());
    let start = RunStart {
        project: options
            .project
            .clone()
            .unwrap_or_else(|| about.project.clone()),
        experiment: options
            .experiment
            .clone()
            .or_else(|| said("experiment/name"))
            .unwrap_or_else(|| "neptune".into()),
        id: identity(&about.project, &about.run)?,
        name: said("name").or_else(|| Some(about.run.clone())),
        user: said("owner").unwrap_or_default(),
        start_ms: time("creation_time").unwrap_or(0),
        lease_ms: None,
        tags: Tags::new(),
    };
    let mut sender = Sender::begin(destination, &start, report)?;
    sender.tag("neptune.project", &about.project);
    sender.tag("neptune.run", &about.run);
    for (name, value) in &about.sys {
        sender.tag(&format!("neptune.sys/{name}"), value);
    }
    sender.send()?;
    let mut rounded = 0;
    let mut unread: BTreeMap<String, u64> = BTreeMap::new();
    for part in parts {
        each(part, |attribute| {
            add(
                &attribute,
                files,
                options,
                &mut sender,
                &mut rounded,
                &mut unread,
            )?;
            sender.send_if_full()
        })?;
    }
    if rounded > 0 {
        let why = "their steps are fractions, rounded down: see --step-multiplier";
        sender.leave_out(&format!("the exact steps of {rounded} points"), why);
    }
    for (kind, count) in unread {
        sender.leave_out(&format!("{count} of `{kind}`"), "such are not imported");
    }
    let failed = said("failed").is_some_and(|failed| failed == "true");
    sender.batch().state = Some(StateChange {
        status: if failed {
            RunStatus::Failed
        } else {
            RunStatus::Finished
        },
        reason: None,
        end_ms: time("ping_time").or_else(|| time("modification_time")),
    });
    sender.send()
}

fn add(
    attribute: &Attribute,
    files: &Path,
    options: &Options,
    sender: &mut Sender<'_>,
    rounded: &mut u64,
    unread: &mut BTreeMap<String, u64>,
) -> Result<(), Error> {
    let path = attribute.path.as_str();
    let (step, exact) = attribute.whole_step(options.step_multiplier);
    let time_ms = attribute.time_ms.unwrap_or(0);
    match attribute.kind.as_str() {
        _ if path.starts_with("sys/") => {}
        "int" | "float" | "string" | "bool" | "datetime" | "string_set" => {
            if let Some(value) = attribute.value() {
                sender.param(path, &value);
            }
        }
        "float_series" => {
            *rounded += u64::from(!exact);
            if let Some(value) = attribute.number {
                sender.point(path, Point::new(step, time_ms, value));
            }
        }
        "string_series" => {
            let text = attribute.text.clone().unwrap_or_default();
            match check_text("text series", path, &text) {
                Ok(()) => sender.batch().texts.push(TextRecord {
                    key: path.to_owned(),
                    step,
                    time_ms,
                    text,
                }),
                Err(error) => sender.leave_out("a text", error),
            }
        }
        "file" | "artifact" | "file_series" | "file_set" => {
            let Some(below) = &attribute.file else {
                return Ok(());
            };
            let plain = Path::new(below)
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            let file = files.join(below);
            if plain && file.is_dir() {
                sender.folder(path, &file)?;
            } else if plain && file.is_file() {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let place = match attribute.kind.as_str() {
                    "file_series" => format!("{path}/step_{step}/{name}"),
                    _ => format!("{path}/{name}"),
                };
                sender.file(&place, &file)?;
            } else {
                let why = format!(
                    "there is no {}: name its folder with --files",
                    file.display()
                );
                sender.leave_out(&format!("the file {path}"), why);
            }
        }
        other => *unread.entry(other.to_owned()).or_default() += 1,
    }
    Ok(())
}

/// A run's identity: Neptune's, which is unique in its project alone, and the project's digest.
fn identity(project: &str, run: &str) -> Result<RunId, Error> {
    let plain: String = run
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(64)
        .collect();
    let digest = Digest::of(format!("{project}\0{run}").as_bytes()).to_string();
    format!("{}-{}", plain.trim_matches('-'), &digest[..12])
        .trim_start_matches('-')
        .parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_whole_steps() {
        assert_eq!(big_endian(&[0xff, 0xfe]), -2);
        assert_eq!(big_endian(&[0, 0, 1, 0]), 256);
        let of = |digits, multiplier| {
            Attribute {
                step: Some((digits, 6)),
                ..Attribute::default()
            }
            .whole_step(multiplier)
        };
        assert_eq!(of(3_000_000, 0), (3, true));
        assert_eq!(of(2_500_000, 1), (2, false));
        assert_eq!(of(2_500_000, 10), (25, true));
        assert_eq!(of(-500_000, 1), (-1, false));
    }

    #[test]
    fn identities_tell_projects_apart() {
        let one = identity("org/a", "RUN-1").unwrap();
        assert!(one.as_str().starts_with("RUN-1-"));
        assert_ne!(one, identity("org/b", "RUN-1").unwrap());
        assert!(identity("org/a", "!!é").is_ok());
    }
}
