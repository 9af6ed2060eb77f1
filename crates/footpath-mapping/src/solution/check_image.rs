//! Whether an image can be decoded, as a step: asked before a training comes upon it.

use super::tiles::TileImage;
use footpath_steps::{BoxError, Context, Record, Transformer};
use serde::{Deserialize, Serialize};

/// Decodes an image and keeps its size only.
#[derive(Debug, Serialize)]
pub struct CheckImage;

/// The size of an image that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodedSize {
    /// Columns, px.
    pub width: u32,
    /// Rows, px.
    pub height: u32,
}

impl Record for DecodedSize {
    const TYPE: &'static str = "decoded-size";
    const VERSION: u32 = 1;
}

impl Transformer for CheckImage {
    type Input = TileImage;
    type Output = DecodedSize;
    const NAME: &'static str = "check-image";
    const VERSION: u32 = 1;

    fn transform(&self, image: &TileImage, _: &Context) -> Result<DecodedSize, BoxError> {
        let (width, height) = image.read()?.dimensions();
        Ok(DecodedSize { width, height })
    }
}
