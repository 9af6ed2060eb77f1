//! What enters the pipelines: images and annotations, each known by its content.

use crate::dataset::{AnnotationRecord, Dataset, EXTENSIONS, ImageFile, Shape, Tile, read_rgb};
use crate::problem::{Problem, ProblemKind};
use crate::rle::{self, Rle};
use footpath_steps::{BoxError, Digest, Digester, Fingerprint, Items, Store};
use image::RgbImage;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// One image file. Its content is its identity; its name and place are not.
#[derive(Debug, Clone)]
pub struct TileImage {
    /// The file.
    pub path: PathBuf,
    /// Digest of its bytes; none where there is no such file, which [`TileImage::read`] then tells.
    digest: Option<Digest>,
    /// Width and height that its annotations are in, px; unknown for images to predict on.
    pub expected_size: Option<[u32; 2]>,
}

impl TileImage {
    /// The image at `path`, whose bytes have this digest.
    #[must_use]
    pub fn new(path: &Path, digest: Option<Digest>, expected_size: Option<[u32; 2]>) -> Self {
        Self {
            path: path.to_owned(),
            digest,
            expected_size,
        }
    }

    /// Decodes the image.
    ///
    /// # Errors
    /// A [`Problem`] if it is missing, damaged, not 8-bit, or not of the expected size.
    pub fn read(&self) -> Result<RgbImage, Problem> {
        let image = read_rgb(&self.path)?;
        let found = [image.width(), image.height()];
        match self.expected_size {
            Some(expected) if expected != found => Err(Problem::of_file(
                &self.path,
                ProblemKind::WrongImageSize { expected, found },
            )),
            _ => Ok(image),
        }
    }

    /// The file's name, for messages and results.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

impl Fingerprint for TileImage {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        match &self.digest {
            Some(digest) => digester.digest(digest),
            None => digester.none().str(&self.path.to_string_lossy()),
        };
        self.expected_size
            .map(|[width, height]| (width, height))
            .fingerprint(digester)
    }
}

/// The buildings annotated on one tile.
#[derive(Debug, Clone)]
pub struct TileBuildings {
    /// Width of the tile, px.
    pub width: u32,
    /// Height of the tile, px.
    pub height: u32,
    /// The buildings and crowds, in the order of their file.
    pub buildings: Vec<AnnotationRecord>,
    /// Objects of further categories, which a network learns but nobody looks for.
    pub further: Vec<AnnotationRecord>,
}

impl TileBuildings {
    /// The pixels of its buildings and crowds together.
    ///
    /// # Errors
    /// When a shape is none.
    pub(super) fn union(&self) -> Result<Rle, BoxError> {
        let (width, height) = (self.width, self.height);
        let mask = |building: &AnnotationRecord| building.shape.to_rle(width, height);
        let masks: Vec<Rle> = self.buildings.iter().map(mask).collect::<Result<_, _>>()?;
        Ok(rle::union(&masks, width, height))
    }
}

impl Fingerprint for TileBuildings {
    /// Size, shapes, areas and crowd flags: ids and order of the file do not matter to any step,
    /// but the order is kept, since it breaks ties.
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        (self.width, self.height).fingerprint(digester)?;
        digester.list(self.buildings.len() as u64);
        for building in &self.buildings {
            digest(building, digester)?;
        }
        if !self.further.is_empty() {
            digester.list(self.further.len() as u64);
            for object in &self.further {
                object.category_id.fingerprint(digester)?;
                digest(object, digester)?;
            }
        }
        Ok(())
    }
}

fn digest(annotation: &AnnotationRecord, digester: &mut Digester) -> Result<(), BoxError> {
    digester.bool(annotation.crowd);
    annotation.area.fingerprint(digester)?;
    match &annotation.shape {
        Shape::Polygon(parts) => {
            let parts: Vec<&[f64]> = parts.iter().collect();
            digester.str("polygon").list(parts.len() as u64);
            for part in parts {
                part.fingerprint(digester)?;
            }
        }
        Shape::Rle(rle) => {
            digester.str("rle").str(&serde_json::to_string(rle)?);
        }
    }
    Ok(())
}

/// The tiles of one split: images and buildings position by position.
#[derive(Debug, Clone)]
pub struct Imagery {
    /// The images.
    pub images: Items<TileImage>,
    /// The buildings annotated on them.
    pub buildings: Items<TileBuildings>,
    /// Where each tile comes from: its id in its annotation file, its path.
    pub tiles: Vec<ImageFile>,
}

impl Imagery {
    /// The tiles of a data set. Reads each image file once for its digest, which `store`
    /// remembers for as long as the file is not touched.
    ///
    /// # Errors
    /// When a folder of images cannot be read.
    pub fn of_dataset(dataset: &Dataset, store: &Store) -> Result<Self, BoxError> {
        let tiles = dataset.tiles();
        let digests = digests(tiles.iter().map(|tile| &*tile.path), store)?;
        let images = tiles.iter().map(|tile| {
            let size = [tile.width, tile.height];
            TileImage::new(&tile.path, digests.get(&tile.path).copied(), Some(size))
        });
        let buildings = tiles.iter().map(|tile| TileBuildings {
            width: tile.width,
            height: tile.height,
            buildings: dataset.buildings(tile).to_vec(),
            further: dataset.further(tile).to_vec(),
        });
        let origin = |tile: &Tile| ImageFile {
            id: tile.id.image,
            path: tile.path.clone(),
            file_name: tile.file_name.clone(),
            data_set: dataset.data_set(tile).map(Path::to_owned),
        };
        Ok(Self {
            images: Items::new(images.collect())?,
            buildings: Items::new(buildings.collect())?,
            tiles: tiles.iter().map(origin).collect(),
        })
    }
}

/// Images to predict on, each read once for its digest.
///
/// # Errors
/// When their folder cannot be read.
pub fn images_of(files: &[ImageFile], store: &Store) -> Result<Items<TileImage>, BoxError> {
    let digests = digests(files.iter().map(|file| &*file.path), store)?;
    let image =
        |file: &ImageFile| TileImage::new(&file.path, digests.get(&file.path).copied(), None);
    Items::new(files.iter().map(image).collect())
}

/// The digests of image files, folder by folder.
fn digests<'a>(
    paths: impl Iterator<Item = &'a Path>,
    store: &Store,
) -> Result<HashMap<PathBuf, Digest>, BoxError> {
    let folders: BTreeSet<&Path> = paths.filter_map(Path::parent).collect();
    let mut digests = HashMap::new();
    for folder in folders {
        for file in store.data_files(folder, &EXTENSIONS)? {
            digests.insert(folder.join(&file.name), file.digest);
        }
    }
    Ok(digests)
}
