//! Folders of tiles, joined.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::coco::{AnnotationRecord, BUILDING_CATEGORY, CocoError, CocoFile};
use super::image_file::{is_image_name, read_rgb};
use crate::problem::{Problem, ProblemKind, Record, Refused, Report, Strictness};

/// The annotated part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `DIR/train`: what networks learn from.
    Train,
    /// `DIR/val`: what they are measured on.
    Val,
}

impl Split {
    /// The folder's name.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
        }
    }
}

/// A tile's origin, unique in a joined data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Which of the joined folders, from 0.
    pub folder: u32,
    /// The image's id in that folder's annotation file.
    pub image: u64,
}

/// One image of the data set and where its pixels are.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// Where it comes from.
    pub id: TileId,
    /// The image file.
    pub path: PathBuf,
    /// The file's name, as the annotation file has it.
    pub file_name: String,
    /// Width as annotated, px.
    pub width: u32,
    /// Height as annotated, px.
    pub height: u32,
    /// Its place in the folder's [`CocoFile::images`].
    record: usize,
}

impl Tile {
    /// Decodes the image.
    ///
    /// # Errors
    /// A [`Problem`] if the file is missing, damaged, has more than 8 bits a
    /// channel or another size than annotated: leave the tile out.
    pub fn read_image(&self) -> Result<RgbImage, Problem> {
        let image = read_rgb(&self.path)?;
        let expected = [self.width, self.height];
        let found = [image.width(), image.height()];
        if expected == found {
            Ok(image)
        } else {
            Err(Problem::of_file(
                &self.path,
                ProblemKind::WrongImageSize { expected, found },
            ))
        }
    }
}

/// Why there is no data set at all.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// An annotation file is of no use.
    #[error(transparent)]
    Coco(#[from] CocoError),
    /// A folder cannot be listed.
    #[error("cannot list {}: {source}; the layout is DIR/{{train,val}}/images/*", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The building category is not known.
    #[error(
        "{} has the categories {found:?}, none of which is the building category {expected}; \
         name the category of the buildings in the configuration",
        path.display()
    )]
    NoBuildingCategory {
        /// The annotation file.
        path: PathBuf,
        /// The category asked for.
        expected: u64,
        /// The categories there are.
        found: Vec<u64>,
    },
    /// A further category that the annotation file does not have.
    #[error(
        "{} has the categories {found:?}, none of which is {expected}, which `categories` names",
        path.display()
    )]
    NoCategory {
        /// The annotation file.
        path: PathBuf,
        /// The category asked for.
        expected: u64,
        /// The categories there are.
        found: Vec<u64>,
    },
    /// Nothing is left.
    #[error("there is no usable tile in {}; {report}", folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoTiles {
        /// The folders that were joined.
        folders: Vec<PathBuf>,
        /// What was wrong with their tiles.
        report: Report,
    },
    /// A folder to find buildings in holds no image.
    #[error(
        "there is no image in {}: expected PNG, JPEG or TIFF files in the folder itself, not in folders within",
        folder.display()
    )]
    NoImages {
        /// The folder.
        folder: PathBuf,
    },
    /// Something is wrong and [`Strictness::Strict`] was asked for.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Annotated tiles of one split of one or several folders.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    folders: Vec<PathBuf>,
    files: Vec<CocoFile>,
    tiles: Vec<Tile>,
    building_category: u64,
    /// Annotations of further categories by folder and image record.
    further: Vec<Vec<Vec<AnnotationRecord>>>,
}

/// Which annotations are of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Categories {
    /// The category of buildings: [`BUILDING_CATEGORY`] if `None`; a file with one single category
    /// needs no telling.
    pub building: Option<u64>,
    /// Further categories, which every file must list.
    pub further: Vec<u64>,
}

impl Dataset {
    /// Reads `split` of each of `folders` and joins them.
    ///
    /// Buildings are the annotations of `building_category`
    /// ([`BUILDING_CATEGORY`] if `None`; a file with one single category needs
    /// no telling). Other categories are passed over. Image files are looked
    /// for but not opened: damage shows in [`Tile::read_image`].
    ///
    /// # Errors
    /// [`DatasetError`] when a folder or annotation file cannot be read at
    /// all, when no tile is left, or, under [`Strictness::Strict`], when
    /// anything is wrong. Otherwise the second value tells what was left out.
    pub fn read(
        folders: &[PathBuf],
        split: Split,
        building_category: Option<u64>,
        strictness: Strictness,
    ) -> Result<(Self, Report), DatasetError> {
        let categories = Categories {
            building: building_category,
            further: Vec::new(),
        };
        Self::read_categories(folders, split, &categories, strictness)
    }

    /// [`read`](Self::read) with further categories.
    ///
    /// # Errors
    /// As there, and when a file lacks a category that is asked for.
    pub fn read_categories(
        folders: &[PathBuf],
        split: Split,
        categories: &Categories,
        strictness: Strictness,
    ) -> Result<(Self, Report), DatasetError> {
        let mut report = Report::default();
        let mut dataset = Self {
            folders: folders.to_vec(),
            files: Vec::new(),
            tiles: Vec::new(),
            building_category: categories.building.unwrap_or(BUILDING_CATEGORY),
            further: Vec::new(),
        };
        for folder in folders {
            dataset.add(&folder.join(split.folder()), categories, &mut report)?;
        }
        report.enforce(strictness)?;
        if dataset.tiles.is_empty() {
            return Err(DatasetError::NoTiles {
                folders: dataset.folders,
                report,
            });
        }
        Ok((dataset, report))
    }

    fn add(
        &mut self,
        folder: &Path,
        categories: &Categories,
        report: &mut Report,
    ) -> Result<(), DatasetError> {
        let images = folder.join("images");
        let files = image_names(&images)?;
        if files.is_empty() {
            report.push(Problem::of_file(&images, ProblemKind::EmptyFolder));
        }
        let annotation = folder.join("annotation.json");
        let mut coco = CocoFile::read(&annotation, report)?;
        let further = take_further(&coco, &categories.further)?;
        choose_buildings(&mut coco, categories.building, self.building_category)?;

        let present: HashSet<&str> = files.iter().map(String::as_str).collect();
        for (at, record) in coco.images.iter().enumerate() {
            let path = images.join(&record.file_name);
            if !present.contains(record.file_name.as_str()) && !path.is_file() {
                report.push(Problem {
                    file: annotation.clone(),
                    record: Record::Image {
                        index: at,
                        id: Some(record.id),
                    },
                    kind: ProblemKind::MissingImageFile { path },
                });
                continue;
            }
            self.tiles.push(Tile {
                id: TileId {
                    folder: self.files.len() as u32,
                    image: record.id,
                },
                path,
                file_name: record.file_name.clone(),
                width: record.width,
                height: record.height,
                record: at,
            });
        }
        let listed: HashSet<&str> = coco.images.iter().map(|i| i.file_name.as_str()).collect();
        for name in files.iter().filter(|name| !listed.contains(name.as_str())) {
            let kind = ProblemKind::ImageWithoutAnnotation {
                annotation: annotation.clone(),
            };
            report.push(Problem::of_file(&images.join(name), kind));
        }
        self.files.push(coco);
        self.further.push(further);
        Ok(())
    }

    /// The tiles, by folder, then by image id.
    #[must_use]
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// The folders that were joined; [`TileId::folder`] counts them.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The buildings of a tile, in the order of their file.
    #[must_use]
    pub fn buildings<'a>(&'a self, tile: &Tile) -> &'a [AnnotationRecord] {
        self.files[tile.id.folder as usize].annotations(tile.record)
    }

    /// The objects of further categories of a tile, in the order of their file.
    #[must_use]
    pub fn further<'a>(&'a self, tile: &Tile) -> &'a [AnnotationRecord] {
        let of_folder = &self.further[tile.id.folder as usize];
        of_folder.get(tile.record).map_or(&[], Vec::as_slice)
    }

    /// The data set that a tile is of, as it was asked for; `None` where there is only one.
    #[must_use]
    pub fn data_set(&self, tile: &Tile) -> Option<&Path> {
        let several = self.folders.len() > 1;
        several.then(|| &*self.folders[tile.id.folder as usize])
    }

    /// Number of buildings on all tiles.
    #[must_use]
    pub fn building_count(&self) -> usize {
        self.tiles
            .iter()
            .map(|tile| self.buildings(tile).len())
            .sum()
    }
}

/// The annotations of further categories by image record; empty where there are none.
fn take_further(
    coco: &CocoFile,
    further: &[u64],
) -> Result<Vec<Vec<AnnotationRecord>>, DatasetError> {
    if further.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<u64> = coco.categories.iter().map(|category| category.id).collect();
    if let Some(&expected) = further.iter().find(|id| !found.contains(id)) {
        let path = coco.path.clone();
        return Err(DatasetError::NoCategory {
            path,
            expected,
            found,
        });
    }
    let of_image = |index| {
        let annotations = coco.annotations(index).iter();
        let wanted = annotations.filter(|a| further.contains(&a.category_id));
        wanted.cloned().collect()
    };
    Ok((0..coco.images.len()).map(of_image).collect())
}

/// Drops the annotations that are no buildings.
fn choose_buildings(
    coco: &mut CocoFile,
    asked: Option<u64>,
    default: u64,
) -> Result<(), DatasetError> {
    let found: Vec<u64> = coco.categories.iter().map(|category| category.id).collect();
    let building = match (asked, found.as_slice()) {
        (None, &[only]) => only,
        _ if found.contains(&default) => default,
        _ => {
            let path = coco.path.clone();
            return Err(DatasetError::NoBuildingCategory {
                path,
                expected: default,
                found,
            });
        }
    };
    if found.len() > 1 {
        coco.retain_category(building);
    }
    Ok(())
}

/// An image without annotations, for prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// The id its results carry.
    pub id: u64,
    /// The file.
    pub path: PathBuf,
    /// Its name in the folder.
    pub file_name: String,
    /// The data set it is of, where there are several: ids and names are unique within one only.
    pub data_set: Option<PathBuf>,
}

/// Lists the images of a folder (not of folders within) by name.
///
/// If every name is a distinct number, as in the challenge's test set
/// (`000000000017.jpg`), that number is the id; otherwise images are numbered
/// from 1. Results carry the file name as well.
///
/// # Errors
/// [`DatasetError::Folder`] if the folder cannot be listed,
/// [`DatasetError::NoImages`] if it holds no image.
pub fn list_images(folder: &Path) -> Result<Vec<ImageFile>, DatasetError> {
    let names = image_names(folder)?;
    if names.is_empty() {
        return Err(DatasetError::NoImages {
            folder: folder.to_owned(),
        });
    }
    let number = |name: &String| Path::new(name).file_stem()?.to_str()?.parse::<u64>().ok();
    let numbers: Option<Vec<u64>> = names.iter().map(number).collect();
    let distinct = |numbers: &Vec<u64>| numbers.iter().collect::<HashSet<_>>().len() == names.len();
    let ids = numbers
        .filter(distinct)
        .unwrap_or_else(|| (1..=names.len() as u64).collect());
    let file = |(id, file_name): (u64, String)| ImageFile {
        id,
        path: folder.join(&file_name),
        file_name,
        data_set: None,
    };
    Ok(ids.into_iter().zip(names).map(file).collect())
}

/// Names of the images in a folder, sorted.
fn image_names(folder: &Path) -> Result<Vec<String>, DatasetError> {
    let error = |source| DatasetError::Folder {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(error)? {
        let name = entry.map_err(error)?.file_name();
        // A name that is not Unicode cannot be listed in a JSON file either.
        if let Some(name) = name.to_str().filter(|name| is_image_name(Path::new(name))) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
