//! Writes synthetic tiles as a data set in the `CrowdAI` layout.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    random::Split,
    tile::{Footprint, Tile, render_tile},
};

/// Raised when the same settings give other bytes than before.
const RENDERER_VERSION: u32 = 1;

/// What a folder was generated from; written first, so an interrupted run is recognised.
const SETTINGS_FILE: &str = "synth.json";

const JPEG_QUALITY: u8 = 92;

/// `CrowdAI`'s category of buildings.
const BUILDING_CATEGORY: u32 = 100;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynthSettings {
    /// Tiles to train on.
    pub train: usize,
    /// Tiles held out; they share no ground with the others.
    pub val: usize,
    /// Side of a tile, pixels of 0.3 m; 32 to 2048.
    pub size: usize,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for SynthSettings {
    fn default() -> Self {
        Self {
            train: 240,
            val: 60,
            size: 300,
            seed: 1,
        }
    }
}

/// How far [`generate`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynthProgress {
    /// Tiles written.
    pub done: usize,
    /// Tiles in all.
    pub total: usize,
}

/// What [`generate`] left in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthReport {
    /// Tiles, both splits together.
    pub tiles: usize,
    /// Annotated buildings, both splits together.
    pub buildings: usize,
    /// Whether the folder already held this data set and nothing was written.
    pub already_complete: bool,
}

/// Why a data set could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The tile size is outside 32–2048.
    #[error("the tile size is {size} px; it must lie between 32 and 2048")]
    Size {
        /// The size asked for, pixels.
        size: usize,
    },
    /// The folder holds something else.
    #[error("{} is not empty and holds no synthetic data set of these settings; choose another folder, or force overwriting", .path.display())]
    Occupied {
        /// The output folder.
        path: PathBuf,
    },
    /// The folder holds a synthetic data set of other settings.
    #[error("{} holds a synthetic data set of other settings ({found}; asked for: {asked}); choose another folder, or force overwriting", .path.display())]
    OtherSettings {
        /// The output folder.
        path: PathBuf,
        /// The settings it was made with.
        found: String,
        /// The settings asked for.
        asked: String,
    },
    /// A file or folder could not be read or written (missing rights, full disk).
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried: "write", "read", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A tile could not be encoded.
    #[error("cannot encode {} as JPEG", .path.display())]
    Encode {
        /// The image file.
        path: PathBuf,
        /// The encoder's reason.
        source: image::ImageError,
    },
    /// Annotations could not be put into JSON.
    #[error("cannot encode {} as JSON", .path.display())]
    Json {
        /// The JSON file.
        path: PathBuf,
        /// The encoder's reason.
        source: serde_json::Error,
    },
}

/// The settings file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stamp {
    renderer: u32,
    settings: SynthSettings,
}

#[derive(Serialize, Deserialize)]
struct Coco {
    info: Info,
    images: Vec<ImageRecord>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Serialize, Deserialize)]
struct Info {
    description: String,
}

#[derive(Serialize, Deserialize)]
struct ImageRecord {
    id: usize,
    file_name: String,
    width: usize,
    height: usize,
}

#[derive(Serialize, Deserialize)]
struct Annotation {
    id: usize,
    image_id: usize,
    category_id: u32,
    segmentation: Vec<Vec<f64>>,
    area: f64,
    bbox: [f64; 4],
    iscrowd: u8,
}

#[derive(Serialize, Deserialize)]
struct Category {
    id: u32,
    name: String,
    supercategory: String,
}

/// Writes `settings.train + settings.val` tiles into `out`.
///
/// Layout: `out/{train,val}/images/000000000000.jpg …` and `out/{train,val}/annotation.json`
/// (COCO; image ids count from 0 in each split, annotation ids from 0, category 100). Tiles are
/// rendered in parallel on rayon's current pool; the bytes do not depend on its size. Every file
/// is written beside its place and renamed, each `annotation.json` after all images of its split:
/// after an interruption the same call starts over and ends in the same bytes. A folder that
/// already holds this data set is left alone. `progress` is called from the workers after each
/// tile.
///
/// With `force`, `out` may hold anything: images and annotations of an earlier data set are
/// removed, other files stay.
///
/// # Errors
/// [`SynthError::Occupied`] and [`SynthError::OtherSettings`] if `out` holds something else and
/// `force` is false; [`SynthError::Io`] with the path if a file cannot be written, as on a full
/// disk.
pub fn generate(
    settings: &SynthSettings,
    out: &Path,
    force: bool,
    progress: &(dyn Fn(SynthProgress) + Sync),
) -> Result<SynthReport, SynthError> {
    if !(32..=2048).contains(&settings.size) {
        return Err(SynthError::Size {
            size: settings.size,
        });
    }
    if let Some(report) = prepare_folder(settings, out, force)? {
        return Ok(report);
    }
    let total = settings.train + settings.val;
    let done = AtomicUsize::new(0);
    let mut buildings = 0;
    for (split, count) in splits(settings) {
        let images = out.join(split.folder()).join("images");
        let footprints: Vec<Vec<Footprint>> = (0..count)
            .into_par_iter()
            .map(|index| {
                let Tile { image, footprints } =
                    render_tile(settings.seed, split, index, settings.size);
                let path = images.join(file_name(index));
                let mut jpeg = Vec::new();
                JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
                    .write_image(
                        &image,
                        image.width(),
                        image.height(),
                        ExtendedColorType::Rgb8,
                    )
                    .map_err(|source| SynthError::Encode {
                        path: path.clone(),
                        source,
                    })?;
                write_in_place(&path, &jpeg)?;
                progress(SynthProgress {
                    done: done.fetch_add(1, Ordering::Relaxed) + 1,
                    total,
                });
                Ok(footprints)
            })
            .collect::<Result<_, SynthError>>()?;
        let coco = annotations(&footprints, settings.size);
        buildings += coco.annotations.len();
        write_json(&annotation_path(out, split), &coco)?;
    }
    Ok(SynthReport {
        tiles: total,
        buildings,
        already_complete: false,
    })
}

fn splits(settings: &SynthSettings) -> [(Split, usize); 2] {
    [(Split::Train, settings.train), (Split::Val, settings.val)]
}

fn file_name(index: usize) -> String {
    format!("{index:012}.jpg")
}

fn annotation_path(out: &Path, split: Split) -> PathBuf {
    out.join(split.folder()).join("annotation.json")
}

fn annotations(footprints: &[Vec<Footprint>], size: usize) -> Coco {
    let images = (0..footprints.len())
        .map(|id| ImageRecord {
            id,
            file_name: file_name(id),
            width: size,
            height: size,
        })
        .collect();
    let annotations = footprints
        .iter()
        .enumerate()
        .flat_map(|(image_id, tile)| tile.iter().map(move |footprint| (image_id, footprint)))
        .enumerate()
        .map(|(id, (image_id, footprint))| {
            let hundredths = |v: f64| (v * 100.0).round() / 100.0;
            let [x0, y0, x1, y1] = footprint.bounds();
            Annotation {
                id,
                image_id,
                category_id: BUILDING_CATEGORY,
                segmentation: footprint
                    .parts
                    .iter()
                    .map(|part| part.as_flattened().to_vec())
                    .collect(),
                area: hundredths(footprint.area()),
                bbox: [x0, y0, hundredths(x1 - x0), hundredths(y1 - y0)],
                iscrowd: 0,
            }
        })
        .collect();
    Coco {
        info: Info {
            description: "Synthetic aerial suburb, 0.3 m a pixel".to_owned(),
        },
        images,
        annotations,
        categories: vec![Category {
            id: BUILDING_CATEGORY,
            name: "building".to_owned(),
            supercategory: "building".to_owned(),
        }],
    }
}

/// Makes `out` ready, or reports that it is complete already.
fn prepare_folder(
    settings: &SynthSettings,
    out: &Path,
    force: bool,
) -> Result<Option<SynthReport>, SynthError> {
    let stamp = Stamp {
        renderer: RENDERER_VERSION,
        settings: settings.clone(),
    };
    match (read_stamp(out)?, is_empty(out)?) {
        (Some(found), _) if found == stamp => {
            if let Some(report) = complete(settings, out) {
                return Ok(Some(report));
            }
        }
        (_, true) => {}
        _ if force => {}
        (Some(found), _) => {
            let show = |s: &Stamp| {
                format!(
                    "{} train, {} val, {} px, seed {}, renderer {}",
                    s.settings.train, s.settings.val, s.settings.size, s.settings.seed, s.renderer
                )
            };
            return Err(SynthError::OtherSettings {
                path: out.to_owned(),
                found: show(&found),
                asked: show(&stamp),
            });
        }
        (None, false) => {
            return Err(SynthError::Occupied {
                path: out.to_owned(),
            });
        }
    }
    // Annotations go first: from here on, until they are written anew, the folder is incomplete.
    for (split, count) in splits(settings) {
        let annotation = annotation_path(out, split);
        if annotation.exists() {
            fs::remove_file(&annotation).map_err(io_error("remove", &annotation))?;
        }
        let images = out.join(split.folder()).join("images");
        fs::create_dir_all(&images).map_err(io_error("create", &images))?;
        remove_stale_images(&images, count)?;
    }
    write_json(&out.join(SETTINGS_FILE), &stamp)?;
    Ok(None)
}

fn is_empty(out: &Path) -> Result<bool, SynthError> {
    match fs::read_dir(out) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(io_error("read", out)(error)),
    }
}

/// The settings file, or `None` if there is none that can be understood.
fn read_stamp(out: &Path) -> Result<Option<Stamp>, SynthError> {
    let path = out.join(SETTINGS_FILE);
    match fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(io_error("read", &path)(error)),
    }
}

/// Whether every file of the data set is there: annotations are written last, images never empty.
fn complete(settings: &SynthSettings, out: &Path) -> Option<SynthReport> {
    let mut buildings = 0;
    for (split, count) in splits(settings) {
        let coco: Coco =
            serde_json::from_slice(&fs::read(annotation_path(out, split)).ok()?).ok()?;
        let images = out.join(split.folder()).join("images");
        let present = |i| fs::metadata(images.join(file_name(i))).is_ok_and(|file| file.len() > 0);
        if coco.images.len() != count || !(0..count).all(present) {
            return None;
        }
        buildings += coco.annotations.len();
    }
    Some(SynthReport {
        tiles: settings.train + settings.val,
        buildings,
        already_complete: true,
    })
}

/// Removes numbered images of an earlier, larger data set; they would have no annotation.
fn remove_stale_images(images: &Path, count: usize) -> Result<(), SynthError> {
    for entry in fs::read_dir(images).map_err(io_error("read", images))? {
        let path = entry.map_err(io_error("read", images))?.path();
        let index = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".jpg"))
            .filter(|stem| stem.len() == 12)
            .and_then(|stem| stem.parse::<usize>().ok());
        if index.is_some_and(|index| index >= count) {
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
    }
    Ok(())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SynthError> {
    let json = serde_json::to_vec(value).map_err(|source| SynthError::Json {
        path: path.to_owned(),
        source,
    })?;
    write_in_place(path, &json)
}

/// Writes beside `path` and renames, so that `path` never holds half a file.
fn write_in_place(path: &Path, bytes: &[u8]) -> Result<(), SynthError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| {
        // A half-written file on a full disk only makes matters worse; the first error counts.
        let _ = fs::remove_file(&beside);
        io_error("write", path)(source)
    })
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SynthError {
    let path = path.to_owned();
    move |source| SynthError::Io {
        action,
        path,
        source,
    }
}
