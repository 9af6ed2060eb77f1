//! The validation pictures of a training: input, truth and prediction of a few tiles.

use footpath_mapping::plane::Plane;
use footpath_mapping::rle::{to_plane, union};
use footpath_mapping::solution::Imagery;
use footpath_track::client::{Layer, Picture};
use footpath_vision::predictor::Predictor;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

/// Tiles shown an epoch.
const SHOWN: usize = 16;
/// Tiles predicted at once.
const BATCH: usize = 8;

/// Tiles that are shown after each epoch, spread over the validation tiles.
#[derive(Default)]
pub(crate) struct Pictures {
    names: Vec<String>,
    images: Vec<RgbImage>,
    truths: Vec<Plane<u8>>,
    /// Input and truth, encoded once: they are the same in each epoch.
    layers: Vec<[Layer; 2]>,
}

impl Pictures {
    /// Up to 16 of the tiles; those that cannot be read are left out.
    pub(crate) fn new(tiles: &Imagery) -> Self {
        let count = tiles.tiles.len();
        let shown = count.min(SHOWN);
        let mut pictures = Self::default();
        for place in (0..shown).map(|number| number * count / shown) {
            let (Ok(image), Ok(buildings)) = (tiles.images.get(place), tiles.buildings.get(place))
            else {
                continue;
            };
            // What is wrong with a tile is told by those who have to use it.
            let Ok(image) = image.read() else { continue };
            let (width, height) = image.dimensions();
            let masks = buildings.buildings.iter();
            let masks: Vec<_> = masks
                .filter_map(|building| building.shape.to_rle(width, height).ok())
                .collect();
            let truth = to_plane(&union(&masks, width, height)).map(|value| u8::from(value != 0));
            let (Some(input), Some(mask)) = (
                layer(
                    "input",
                    image.as_raw(),
                    (width, height),
                    ExtendedColorType::Rgb8,
                ),
                grey("truth", &truth.map(|value| value * 255)),
            ) else {
                continue;
            };
            pictures.names.push(tiles.tiles[place].file_name.clone());
            pictures.images.push(image);
            pictures.truths.push(truth);
            pictures.layers.push([input, mask]);
        }
        pictures
    }

    /// The tiles as a network sees them, each with its pixels' `IoU` at a threshold of one half.
    pub(super) fn of(&self, predictor: &Predictor) -> Vec<Picture> {
        let probabilities = self
            .images
            .chunks(BATCH)
            .flat_map(|images| predictor.predict(images));
        let mut pictures = Vec::new();
        for (place, probability) in probabilities.enumerate() {
            let truth = &self.truths[place];
            let bytes = probability
                .values()
                .iter()
                .map(|p| (p * 255.0).round() as u8);
            let bytes = Plane::new((truth.width(), truth.height()), bytes.collect());
            let layers = self.layers[place].iter().cloned();
            pictures.push(Picture {
                sample: self.names[place].clone(),
                score: intersection_over_union(truth.values(), probability.values()),
                caption: String::new(),
                layers: layers.chain(grey("prediction", &bytes)).collect(),
            });
        }
        pictures
    }
}

/// Pixels that both call building over those that either does; 1 where neither has any.
fn intersection_over_union(truth: &[u8], probabilities: &[f32]) -> Option<f64> {
    let (mut both, mut either) = (0_u32, 0_u32);
    for (&truth, &probability) in truth.iter().zip(probabilities) {
        let (truth, found) = (truth != 0, probability > 0.5);
        both += u32::from(truth && found);
        either += u32::from(truth || found);
    }
    Some(if either == 0 {
        1.0
    } else {
        f64::from(both) / f64::from(either)
    })
}

fn grey(role: &str, plane: &Plane<u8>) -> Option<Layer> {
    let size = (plane.width(), plane.height());
    layer(role, plane.values(), size, ExtendedColorType::L8)
}

fn layer(
    role: &str,
    pixels: &[u8],
    (width, height): (u32, u32),
    colour: ExtendedColorType,
) -> Option<Layer> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    // Into memory, of the size that it is: this cannot fail.
    encoder.write_image(pixels, width, height, colour).ok()?;
    Some(Layer {
        role: role.to_owned(),
        media_type: "image/png".to_owned(),
        width_px: width,
        height_px: height,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::intersection_over_union;

    #[test]
    fn the_score_of_a_picture_counts_pixels() {
        let score = intersection_over_union(&[1, 1, 0, 0], &[0.9, 0.5, 0.6, 0.1]);
        assert_eq!(score, Some(1.0 / 3.0));
        assert_eq!(intersection_over_union(&[0], &[0.2]), Some(1.0));
    }
}
