//! A project as files: the page with its data beside it, which any file server can serve.
//!
//! ```text
//! index.html, assets/      the page, told by a `meta` that its data are published
//! data/project.json        the project, its experiments, its runs with all but their points; written last
//! data/runs/N/run.json     texts, pictures, steps and files of the N-th run, and where its points are
//! data/runs/N/points-M.json    points by metric
//! data/blobs/DIGEST.KIND   contents of pictures and files
//! ```
//!
//! `web/src/data/published.ts` reads these. Archived runs are left out.

mod contents;
mod folder;
mod points;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use footpath_track::access::{Access, Search, every_run};
use footpath_track::{
    Artifact, ExperimentId, ImageRecord, MediaKind, Run, StepRecord, Tags, TextRecord, View,
};
use serde::Serialize;

use self::contents::{Contents, file_kind, picture_kind};
use self::folder::Folder;
use self::points::Packs;
use crate::api::RunOut;
use crate::clock::now_ms;

/// What was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Runs.
    pub runs: u64,
    /// Points, after long series were thinned.
    pub points: u64,
    /// Contents of pictures and files.
    pub contents: u64,
    /// Bytes of all files written.
    pub bytes: u64,
}

/// Why a project was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// There is no such project.
    #[error("there is no project `{0}` with experiments in use; there are {1}")]
    NoProject(String, String),
    /// This program has no page.
    #[error(
        "the page was not built into this program: run `npm ci && npm run build` in web/ and build it again"
    )]
    NotBuilt,
    /// The folder holds something else.
    #[error(
        "{0} holds files that are no published project: name a new or empty folder, or one published before"
    )]
    Occupied(PathBuf),
    /// A file could not be written.
    #[error("cannot write {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] footpath_track::Error),
}

/// `data/project.json`.
#[derive(Serialize)]
struct ProjectOut<'a> {
    name: &'a str,
    published_ms: i64,
    artifact_bytes: u64,
    experiments: &'a [footpath_track::Experiment],
    runs: Vec<RunOut<'a>>,
}

/// `data/runs/N/run.json`.
#[derive(Serialize)]
struct RecordsOut {
    media: Vec<footpath_track::MediaSeries>,
    images: BTreeMap<String, Vec<ImageRecord>>,
    texts: BTreeMap<String, Vec<TextRecord>>,
    steps: Vec<StepRecord>,
    files: Vec<Artifact>,
    packs: BTreeMap<String, usize>,
}

/// Writes a project's runs in use, with the page, into a new or empty folder, or over what was
/// published there before; from a folder, a database or a server alike. Files of runs are left out unless `with_files`; pictures never are.
/// `progress` is called after each run with how many are done, and how many there are.
///
/// # Errors
/// [`PublishError`]. What was written until then stays, without `data/project.json`.
pub fn publish(
    source: &dyn Access,
    project: &str,
    out: &Path,
    with_files: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Published, PublishError> {
    let experiments = source.experiments(Some(project), View::Active)?;
    if experiments.is_empty() {
        return Err(PublishError::NoProject(project.to_owned(), names(source)?));
    }
    let search = Search {
        project: Some(project.to_owned()),
        ..Search::default()
    };
    let runs = every_run(source, &search)?;
    let mut folder = Folder::open(out)?;
    folder.put_page()?;
    let mut published = Published::default();
    let mut contents = Contents::default();
    for (number, run) in runs.iter().enumerate() {
        let records = records(source, run, number, with_files, &mut folder, &mut published)?;
        for layer in records
            .images
            .values()
            .flatten()
            .flat_map(|image| &image.layers)
        {
            contents.add(layer.digest, picture_kind(&layer.media_type));
        }
        for file in &records.files {
            contents.add(file.blob.digest, file_kind(&file.path));
        }
        folder.put_json(&format!("data/runs/{number}/run.json"), &records)?;
        contents.write(source, &mut folder)?;
        progress(number + 1, runs.len());
    }
    let goals: BTreeMap<ExperimentId, &Tags> = experiments
        .iter()
        .map(|experiment| (experiment.id, &experiment.tags))
        .collect();
    let (none, now_ms) = (Tags::new(), now_ms());
    let told = runs.iter().map(|run| {
        let tags = goals.get(&run.info.experiment).copied().unwrap_or(&none);
        RunOut::new(run, tags, None, now_ms)
    });
    let project = ProjectOut {
        name: project,
        published_ms: now_ms,
        artifact_bytes: contents.bytes(),
        experiments: &experiments,
        runs: told.collect(),
    };
    // Last, so that what was interrupted is not taken for whole.
    folder.put_json("data/project.json", &project)?;
    published.runs = runs.len() as u64;
    published.contents = contents.count();
    published.bytes = folder.bytes();
    Ok(published)
}

/// The projects there are, as a message lists them.
fn names(source: &dyn Access) -> Result<String, PublishError> {
    let projects = source.projects()?;
    let names: Vec<String> = projects.into_iter().map(|project| project.name).collect();
    Ok(if names.is_empty() {
        "none yet".to_owned()
    } else {
        names.join(", ")
    })
}

fn records(
    source: &dyn Access,
    run: &Run,
    number: usize,
    with_files: bool,
    folder: &mut Folder,
    published: &mut Published,
) -> Result<RecordsOut, PublishError> {
    let id = &run.info.id;
    let media = source.media(id)?;
    let keys = |kind: MediaKind| -> BTreeSet<&String> {
        let of_kind = media.iter().filter(|series| series.kind == kind);
        of_kind.map(|series| &series.key).collect()
    };
    let mut images = BTreeMap::new();
    for key in keys(MediaKind::Image) {
        images.insert(key.clone(), source.images(id, key)?);
    }
    let mut texts = BTreeMap::new();
    for key in keys(MediaKind::Text) {
        texts.insert(key.clone(), source.texts(id, key)?);
    }
    let mut packs = Packs::new(number);
    for (key, series) in &run.metrics {
        let points = points::thinned(source, id, key, series)?;
        published.points += points.len() as u64;
        packs.add(key, &points, folder)?;
    }
    Ok(RecordsOut {
        steps: source.steps(id)?,
        files: if with_files {
            source.files(id)?
        } else {
            Vec::new()
        },
        packs: packs.finish(folder)?,
        media,
        images,
        texts,
    })
}
