//! Data sets in the layout of the Mapping Challenge (CrowdAI):
//! `DIR/{train,val}/images/*` with `DIR/{train,val}/annotation.json` (COCO),
//! and `DIR/test/images/*`.
//!
//! Several folders may be joined into one [`Dataset`]. Ids are those of each
//! file and may repeat between folders; a [`Tile`] therefore carries the
//! folder it came from, and everything that needs one number per tile uses
//! the tile's place in [`Dataset::tiles`] (by folder, then by image id).
//!
//! Dirty data: see [`crate::problem`]. A bad record or tile is left out and
//! reported, the others go on.

mod coco;
mod crossing;
mod image_file;
pub(crate) mod json_records;
mod layout;
pub(crate) mod parse;
mod shape;

pub use coco::{
    AnnotationRecord, BUILDING_CATEGORY, CategoryRecord, CocoError, CocoFile, ImageRecord,
};
pub use image_file::{EXTENSIONS, is_image_name, read_rgb, read_size};
pub use json_records::JsonError;
pub use layout::{Categories, Dataset, DatasetError, ImageFile, Split, Tile, TileId, list_images};
pub use shape::{Parts, Shape};
