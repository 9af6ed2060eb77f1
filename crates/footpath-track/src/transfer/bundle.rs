//! One run as one file, to be sent, kept or published: everything that is known of it.
//!
//! A bundle is a tar archive compressed with zstd:
//!
//! ```text
//! bundle.json            what the run is: everything but points and contents
//! points/<n>.bin         the points of the n-th metric of `bundle.json`, 24 bytes a point: step i64,
//!                        time in Unix milliseconds i64, the value's bits u64, little endian
//! blobs/<digest>         contents that files and images refer to, by BLAKE3 digest
//! ```
//!
//! What is read is checked: numbers of points, digests of contents, and zstd's checksum.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom, Write};
use std::str::FromStr as _;

use serde::{Deserialize, Serialize};

use super::export::each_page;
use crate::access::Access;
use crate::client::Destination;
use crate::error::Error;
use crate::model::{
    ArtifactLink, Batch, Digest, ImageRecord, MediaKind, Point, Points, Run, RunId, RunStart,
    StateChange, StepRecord, TextRecord, WriterPosition,
};

/// The format's version; a newer one is refused.
const FORMAT: u32 = 1;
const COMPRESSION: i32 = 6;
/// What is sent at once when a bundle is taken in.
const BATCH_POINTS: usize = 50_000;
const BATCH_RECORDS: usize = 500;

#[derive(Serialize, Deserialize)]
struct About {
    format: u32,
    project: String,
    experiment: String,
    run: Run,
    steps: Vec<StepRecord>,
    texts: Vec<TextRecord>,
    images: Vec<ImageRecord>,
    files: Vec<ArtifactLink>,
    metrics: Vec<Metric>,
}

#[derive(Serialize, Deserialize)]
struct Metric {
    key: String,
    points: u64,
}

impl About {
    fn digests(&self) -> BTreeSet<Digest> {
        let layers = self
            .images
            .iter()
            .flat_map(|image| image.layers.iter().map(|layer| layer.digest));
        self.files
            .iter()
            .map(|file| file.digest)
            .chain(layers)
            .collect()
    }
}

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleReport {
    /// The run.
    pub run: RunId,
    /// Its points.
    pub points: u64,
    /// Its contents: files and images, equal ones once.
    pub contents: u64,
    /// The contents' bytes.
    pub content_bytes: u64,
}

fn unwritten(cause: std::io::Error) -> Error {
    Error::file("the bundle")(cause)
}

fn damaged(detail: impl Into<String>) -> Error {
    Error::Damaged {
        place: "the bundle".into(),
        detail: detail.into(),
    }
}

/// Writes a run as a bundle.
///
/// # Errors
/// As [`Access`]; [`Error::File`] when it cannot be written.
pub fn write(access: &dyn Access, run: Run, out: impl Write) -> Result<BundleReport, Error> {
    let id = run.info.id.clone();
    let experiment = access.experiment(run.info.experiment)?;
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for series in access.media(&id)? {
        match series.kind {
            MediaKind::Text => texts.extend(access.texts(&id, &series.key)?),
            MediaKind::Image => images.extend(access.images(&id, &series.key)?),
        }
    }
    let files = access
        .files(&id)?
        .into_iter()
        .map(|file| ArtifactLink {
            path: file.path,
            digest: file.blob.digest,
        })
        .collect();
    let mut about = About {
        format: FORMAT,
        project: experiment.project,
        experiment: experiment.name,
        steps: access.steps(&id)?,
        texts,
        images,
        files,
        metrics: Vec::new(),
        run,
    };
    // Points are read first: their numbers are exact only then.
    let mut points = Vec::new();
    for key in about.run.metrics.keys() {
        let mut file = tempfile::tempfile().map_err(unwritten)?;
        let mut count = 0;
        each_page(access, &about.run, key, |page| {
            let bytes: Vec<u8> = page.iter().flat_map(|point| point.to_bytes()).collect();
            count += page.len() as u64;
            file.write_all(&bytes).map_err(unwritten)
        })?;
        file.seek(SeekFrom::Start(0)).map_err(unwritten)?;
        points.push(file);
        about.metrics.push(Metric {
            key: key.clone(),
            points: count,
        });
    }
    let mut encoder = zstd::Encoder::new(out, COMPRESSION).map_err(unwritten)?;
    encoder.include_checksum(true).map_err(unwritten)?;
    let mut archive = tar::Builder::new(encoder);
    let json = serde_json::to_vec_pretty(&about).map_err(Error::database)?;
    add(&mut archive, "bundle.json", json.len() as u64, &json[..])?;
    for (at, (metric, file)) in about.metrics.iter().zip(points).enumerate() {
        add(
            &mut archive,
            &format!("points/{at}.bin"),
            metric.points * 24,
            file,
        )?;
    }
    let digests = about.digests();
    let mut content_bytes = 0;
    for digest in &digests {
        let mut file = tempfile::tempfile().map_err(unwritten)?;
        let size = access.copy_blob(*digest, &mut file)?;
        file.seek(SeekFrom::Start(0)).map_err(unwritten)?;
        add(&mut archive, &format!("blobs/{digest}"), size, file)?;
        content_bytes += size;
    }
    archive
        .into_inner()
        .and_then(zstd::Encoder::finish)
        .and_then(|mut out| out.flush())
        .map_err(unwritten)?;
    Ok(BundleReport {
        run: id,
        points: about.metrics.iter().map(|metric| metric.points).sum(),
        contents: digests.len() as u64,
        content_bytes,
    })
}

fn add(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    content: impl Read,
) -> Result<(), Error> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    archive
        .append_data(&mut header, name, content)
        .map_err(unwritten)
}

/// Where a bundle's run goes to, if not where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The project.
    pub project: Option<String>,
    /// The experiment.
    pub experiment: Option<String>,
}

/// Puts a bundle's run, with its identity, into a store or server; twice is the same as once.
///
/// # Errors
/// [`Error::Damaged`] for what is no whole bundle; the destination's. What came before an error
/// stays, and the same call again goes on.
pub fn read(
    mut bundle: impl Read + Seek,
    into: &Placement,
    destination: &dyn Destination,
) -> Result<BundleReport, Error> {
    // The checksum stands at the end: it is read before anything is believed.
    let broken = |error: std::io::Error| damaged(error.to_string());
    zstd::Decoder::new(&mut bundle)
        .and_then(|mut decoder| std::io::copy(&mut decoder, &mut std::io::sink()))
        .map_err(broken)?;
    bundle.seek(SeekFrom::Start(0)).map_err(broken)?;
    let decoder = zstd::Decoder::new(bundle).map_err(broken)?;
    let mut archive = tar::Archive::new(decoder);
    let mut entries = archive
        .entries()
        .map_err(|error| damaged(error.to_string()))?;
    let mut next = || -> Result<Option<_>, Error> {
        let entry = entries.next().transpose();
        let Some(entry) = entry.map_err(|error| damaged(error.to_string()))? else {
            return Ok(None);
        };
        if !entry.header().entry_type().is_file() {
            return Err(damaged("it holds something that is no file"));
        }
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8(name).map_err(|error| damaged(error.to_string()))?;
        Ok(Some((name, entry)))
    };
    let about: About = match next()? {
        Some((name, entry)) if name == "bundle.json" => {
            let reader = std::io::BufReader::new(entry);
            serde_json::from_reader(reader).map_err(|error| damaged(error.to_string()))?
        }
        _ => return Err(damaged("it does not begin with `bundle.json`")),
    };
    if about.format > FORMAT {
        let detail = format!(
            "its format is {}, this program knows up to {FORMAT}: use a newer one",
            about.format
        );
        return Err(damaged(detail));
    }
    let mut taker = Taker {
        destination,
        run: about.run.info.id.clone(),
        sequence: 0,
    };
    destination.begin(&start(&about, into))?;
    let (mut points, mut contents, mut content_bytes) = (0, BTreeSet::new(), 0);
    let mut metrics = about.metrics.iter().enumerate();
    let wanted = about.digests();
    while let Some((name, mut entry)) = next()? {
        if let Some(digest) = name.strip_prefix("blobs/") {
            let digest = Digest::from_str(digest)?;
            let mut file = tempfile::NamedTempFile::new().map_err(unwritten)?;
            content_bytes +=
                std::io::copy(&mut entry, &mut file).map_err(|error| damaged(error.to_string()))?;
            let told = digest_of(file.path())?;
            if told != digest || !wanted.contains(&digest) {
                return Err(damaged(format!(
                    "its content {digest} has the digest {told}"
                )));
            }
            destination.put_blob(digest, file.path())?;
            contents.insert(digest);
        } else {
            let Some((at, metric)) = metrics.next() else {
                return Err(damaged(format!("it holds `{}`", name.escape_debug())));
            };
            if name != format!("points/{at}.bin") || entry.size() != metric.points * 24 {
                return Err(damaged(format!(
                    "the points of `{}` are not whole",
                    metric.key
                )));
            }
            points += metric.points;
            taker.points(&metric.key, entry)?;
        }
    }
    if metrics.next().is_some() || contents != wanted {
        return Err(damaged("it ends early"));
    }
    taker.records(about)?;
    Ok(BundleReport {
        run: taker.run,
        points,
        contents: contents.len() as u64,
        content_bytes,
    })
}

fn start(about: &About, into: &Placement) -> RunStart {
    let info = &about.run.info;
    let project = into.project.as_ref().unwrap_or(&about.project);
    let experiment = into.experiment.as_ref().unwrap_or(&about.experiment);
    RunStart {
        project: project.clone(),
        experiment: experiment.clone(),
        id: info.id.clone(),
        name: Some(info.name.clone()),
        user: info.user.clone(),
        start_ms: info.start_ms,
        lease_ms: None,
        tags: about.run.tags.clone(),
    }
}

fn digest_of(path: &std::path::Path) -> Result<Digest, Error> {
    let mut hasher = blake3::Hasher::new();
    std::fs::File::open(path)
        .and_then(|mut file| std::io::copy(&mut file, &mut hasher))
        .map_err(unwritten)?;
    Ok(hasher.finalize().into())
}

/// Applies what a bundle holds in its order, so that numbers say what is there already.
struct Taker<'a> {
    destination: &'a dyn Destination,
    run: RunId,
    sequence: u64,
}

impl Taker<'_> {
    fn apply(&mut self, batch: &Batch) -> Result<(), Error> {
        self.sequence += 1;
        let position = WriterPosition {
            writer: "bundle".into(),
            sequence: self.sequence,
        };
        self.destination
            .append(&self.run, &position, batch)
            .map(drop)
    }

    fn points(&mut self, key: &str, mut from: impl Read) -> Result<(), Error> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let most = (BATCH_POINTS * 24) as u64;
            from.by_ref()
                .take(most)
                .read_to_end(&mut bytes)
                .map_err(|error| damaged(error.to_string()))?;
            let (points, rest) = bytes.as_chunks::<24>();
            if !rest.is_empty() {
                return Err(damaged(format!("the points of `{key}` are not whole")));
            }
            if points.is_empty() {
                return Ok(());
            }
            let points = Points(points.iter().map(Point::from_bytes).collect());
            self.apply(&Batch {
                metrics: [(key.to_owned(), points)].into(),
                ..Batch::default()
            })?;
        }
    }

    fn records(&mut self, about: About) -> Result<(), Error> {
        let run = about.run;
        self.apply(&Batch {
            params: run.params.into_iter().collect(),
            tags: run.tags,
            inputs: run.inputs,
            model_inputs: run.model_inputs,
            model_outputs: run.model_outputs,
            steps: about.steps,
            ..Batch::default()
        })?;
        for texts in about.texts.chunks(BATCH_RECORDS) {
            self.apply(&Batch {
                texts: texts.to_vec(),
                ..Batch::default()
            })?;
        }
        for images in about.images.chunks(BATCH_RECORDS) {
            self.apply(&Batch {
                images: images.to_vec(),
                ..Batch::default()
            })?;
        }
        for files in about.files.chunks(BATCH_RECORDS) {
            self.apply(&Batch {
                artifacts: files.to_vec(),
                ..Batch::default()
            })?;
        }
        let info = run.info;
        self.apply(&Batch {
            state: Some(StateChange {
                status: info.status,
                reason: info.status_reason,
                end_ms: info.end_ms,
            }),
            dropped: info.dropped,
            ..Batch::default()
        })
    }
}
