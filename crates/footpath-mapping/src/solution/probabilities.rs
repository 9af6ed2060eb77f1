//! From images to probabilities: the network at work.

use super::tiles::TileImage;
use super::train_unet::TrainedUnet;
use crate::inference::{Look, WeightPrecision};
use crate::plane::Plane;
use footpath_steps::{Artifact, BoxError, Context, Transformer};
use footpath_vision::device::Device;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;

/// The probability of building in each pixel of the network's input, and the image's size.
///
/// Probabilities are held in steps of 1/65535: far below what any threshold can tell apart, and
/// kept they are a 16-bit PNG, which any viewer opens.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbabilityMap {
    /// Probability × 65535, at the network's size.
    levels: Plane<u16>,
    /// Width of the image, px.
    pub image_width: u32,
    /// Height of the image, px.
    pub image_height: u32,
}

const TOP: f32 = 65535.0;

impl ProbabilityMap {
    /// The map of an image of `image_width` x `image_height` px; probabilities in 0..1.
    #[must_use]
    pub fn new(probabilities: &Plane<f32>, image_width: u32, image_height: u32) -> Self {
        Self {
            levels: probabilities.map(|p| (p * TOP).round() as u16),
            image_width,
            image_height,
        }
    }

    /// The probabilities in 0..1, at the network's size.
    #[must_use]
    pub fn probabilities(&self) -> Plane<f32> {
        self.levels.map(|level| f32::from(level) / TOP)
    }
}

impl Artifact for ProbabilityMap {
    fn type_tag() -> Cow<'static, str> {
        "probability-png16@1".into()
    }

    /// The image's width and height (little-endian `u32`), then the PNG.
    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
        let mut bytes = Vec::new();
        bytes.extend(self.image_width.to_le_bytes());
        bytes.extend(self.image_height.to_le_bytes());
        let samples: Vec<u8> = self
            .levels
            .values()
            .iter()
            .flat_map(|level| level.to_ne_bytes())
            .collect();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Up)
            .write_image(
                &samples,
                self.levels.width(),
                self.levels.height(),
                ExtendedColorType::L16,
            )?;
        Ok(Cow::Owned(bytes))
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> {
        let (head, png) = bytes
            .split_at_checked(8)
            .ok_or("a probability map of fewer than 8 bytes")?;
        let [image_width, image_height] = [0, 4]
            .map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let image = image::load_from_memory_with_format(png, ImageFormat::Png)?.into_luma16();
        let levels = Plane::new((image.width(), image.height()), image.into_raw());
        Ok(Self {
            levels,
            image_width,
            image_height,
        })
    }
}

/// Runs the trained network over an image.
#[derive(Debug, Serialize)]
pub struct PredictProbabilities {
    /// How it looks at an image.
    pub look: Look,
    /// How precisely the network multiplies.
    pub precision: WeightPrecision,
    /// Where the network runs.
    #[serde(skip)]
    pub device: Device,
}

impl Transformer for PredictProbabilities {
    type Input = (Arc<TrainedUnet>, Arc<TileImage>);
    type Output = ProbabilityMap;
    const NAME: &'static str = "predict-probabilities";
    const VERSION: u32 = 2;

    fn transform(
        &self,
        (model, tile): &Self::Input,
        _: &Context,
    ) -> Result<ProbabilityMap, BoxError> {
        let image = tile.read()?;
        let (width, height) = image.dimensions();
        let predictor = model.predictor(&self.device, self.precision.into())?;
        let plane = self.look.predict(predictor, &image)?;
        Ok(ProbabilityMap::new(&plane, width, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_map_comes_back_exactly() {
        let plane = Plane::new((3, 2), vec![0.0, 0.1, 0.5, 0.75, 0.999, 1.0]);
        let map = ProbabilityMap::new(&plane, 300, 200);
        let again = ProbabilityMap::decode(map.encode().unwrap().into_owned()).unwrap();
        assert_eq!(again, map);
        for (kept, given) in again.probabilities().values().iter().zip(plane.values()) {
            assert!((kept - given).abs() <= 0.5 / TOP, "{kept} for {given}");
        }
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        assert!(ProbabilityMap::decode(vec![1, 2, 3]).is_err());
        assert!(ProbabilityMap::decode(vec![0; 40]).is_err());
    }
}
