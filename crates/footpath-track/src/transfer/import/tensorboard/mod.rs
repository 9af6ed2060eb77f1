//! TensorBoard event files.

mod message;
mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prost::Message as _;

use super::sender::Sender;
use super::{ImportReport, Options, files_below};
use crate::client::Destination;
use crate::error::Error;
use crate::model::{
    DEFAULT_PROJECT, Digest, ImageLayer, ImageRecord, Point, RunId, RunStart, RunStatus,
    StateChange, Tags, TextRecord,
};
use message::{Event, HparamsData, Summary, SummaryValue};
use record::Records;

/// So many events are sent together.
const BATCH_EVENTS: u64 = 5_000;

/// Whether a file is named as event files are.
pub(super) fn is_event_file(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.contains(".tfevents."))
}

pub(super) fn import(
    path: &Path,
    options: &Options,
    destination: &dyn Destination,
    report: &mut ImportReport,
) -> Result<(), Error> {
    let root = if path.is_file() {
        path.parent().unwrap_or(path)
    } else {
        path
    };
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in files_below(path) {
        if is_event_file(&file) {
            let folder = file.parent().unwrap_or(root).to_owned();
            folders.entry(folder).or_default().push(file);
        }
    }
    if folders.is_empty() {
        return Err(Error::Damaged {
            place: path.display().to_string(),
            detail: "there are no event files (….tfevents.…) in it".into(),
        });
    }
    for (folder, files) in folders {
        let below = folder.strip_prefix(root).unwrap_or(&folder);
        let name = if below.as_os_str().is_empty() {
            folder.canonicalize().ok().and_then(|folder| {
                folder
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
            })
        } else {
            Some(below.display().to_string())
        };
        import_run(&files, name, options, destination, report)?;
    }
    Ok(())
}

/// The identity of a run: the name and the first event of its first file, which hold the time, the
/// machine and the process that wrote it, wherever the file lies now.
fn identity(file: &Path, first: &[u8]) -> Result<RunId, Error> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(first);
    Digest::of(&bytes).to_string()[..32].parse()
}

fn import_run(
    files: &[PathBuf],
    name: Option<String>,
    options: &Options,
    destination: &dyn Destination,
    report: &mut ImportReport,
) -> Result<(), Error> {
    let Some(first_file) = files.first() else {
        return Ok(());
    };
    let place = first_file.display().to_string();
    let first = match Records::open(first_file).and_then(|mut records| records.next()) {
        Ok(Some(first)) => first,
        Ok(None) => {
            report.left_out.push((place, "it holds no event".into()));
            return Ok(());
        }
        Err(error) => {
            report.left_out.push((place, error.to_string()));
            return Ok(());
        }
    };
    let began = Event::decode(&first[..]).map_or(0, |event| event.time_ms());
    let start = RunStart {
        project: options
            .project
            .clone()
            .unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
        experiment: options
            .experiment
            .clone()
            .unwrap_or_else(|| "tensorboard".to_owned()),
        id: identity(first_file, &first)?,
        name,
        user: String::new(),
        start_ms: began,
        lease_ms: None,
        tags: Tags::new(),
    };
    let mut sender = Sender::begin(destination, &start, report)?;
    let mut last_ms = began;
    let mut unread = BTreeMap::new();
    for file in files {
        let writer = file.file_name().unwrap_or_default().to_string_lossy();
        let writer: String = writer.chars().take(250).collect();
        last_ms = last_ms.max(import_file(file, &writer, &mut sender, &mut unread)?);
    }
    for (kind, count) in unread {
        sender.leave_out(&format!("{count} of `{kind}`"), "such are not imported");
    }
    sender.batch().state = Some(StateChange {
        status: RunStatus::Finished,
        reason: None,
        end_ms: Some(last_ms),
    });
    sender.send()
}

/// Imports the events of a file that were not yet; gives the time of its last.
fn import_file(
    file: &Path,
    writer: &str,
    sender: &mut Sender<'_>,
    unread: &mut BTreeMap<String, u64>,
) -> Result<i64, Error> {
    let known = sender.last_sequence(writer)?;
    let mut records = Records::open(file)?;
    let (mut count, mut last_ms) = (0, i64::MIN);
    loop {
        let record = match records.next() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(error) => {
                sender.leave_out(&format!("the rest of {}", file.display()), error);
                break;
            }
        };
        count += 1;
        let event = match Event::decode(&record[..]) {
            Ok(event) => event,
            Err(error) => {
                sender.leave_out(&format!("event {count} of {}", file.display()), error);
                continue;
            }
        };
        last_ms = last_ms.max(event.time_ms());
        if count <= known {
            continue;
        }
        let (step, time_ms) = (event.step, event.time_ms());
        for value in event
            .summary
            .map(|Summary { value }| value)
            .unwrap_or_default()
        {
            add(&value, step, time_ms, sender, unread)?;
        }
        if count.is_multiple_of(BATCH_EVENTS) {
            sender.send_numbered(writer, count)?;
        }
    }
    if count > known && !count.is_multiple_of(BATCH_EVENTS) {
        sender.send_numbered(writer, count)?;
    }
    Ok(last_ms)
}

fn add(
    value: &SummaryValue,
    step: i64,
    time_ms: i64,
    sender: &mut Sender<'_>,
    unread: &mut BTreeMap<String, u64>,
) -> Result<(), Error> {
    let plugin = value.plugin();
    if let Some(content) = value.plugin_content("hparams") {
        if let Ok(data) = HparamsData::decode(content) {
            for (key, value) in data.parameters() {
                sender.param(&key, &value);
            }
        }
        return Ok(());
    }
    if let Some(number) = value.scalar() {
        sender.point(&value.tag, Point::new(step, time_ms, number));
        return Ok(());
    }
    if plugin == "text" {
        for text in value.texts() {
            let record = TextRecord {
                key: value.tag.clone(),
                step,
                time_ms,
                text,
            };
            if let Err(error) = crate::model::check_text("text series", &record.key, &record.text) {
                sender.leave_out("a text", error);
            } else {
                sender.batch().texts.push(record);
            }
        }
        return Ok(());
    }
    if let Some(histogram) = value.histogram() {
        histogram.send(&value.tag, step, time_ms, sender);
        return Ok(());
    }
    let images = value.images();
    if images.is_empty() {
        let kind = if plugin.is_empty() {
            "other values"
        } else {
            plugin
        };
        *unread.entry(kind.to_owned()).or_default() += 1;
    }
    for (width_px, height_px, bytes) in images {
        let layer = ImageLayer {
            role: "image".into(),
            digest: sender.content(bytes)?,
            media_type: media_type(bytes).into(),
            width_px,
            height_px,
        };
        sender.batch().images.push(ImageRecord {
            key: value.tag.clone(),
            step,
            time_ms,
            sample: String::new(),
            score: None,
            caption: String::new(),
            layers: vec![layer],
        });
    }
    Ok(())
}

fn media_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, ..] => "image/jpeg",
        [b'G', b'I', b'F', ..] => "image/gif",
        _ => "image/png",
    }
}
