//! How a trained network looks at an image: as it is, padded, or in several poses.

mod aggregate;
mod ensemble;
mod padding;
mod precision;
mod symmetry;
mod tta;

pub use aggregate::Aggregate;
pub use ensemble::join_networks;
pub use padding::{PadMode, PaddingOptions};
pub use precision::WeightPrecision;
pub use symmetry::Symmetry;
pub use tta::{TtaCompat, TtaOptions};

use crate::plane::{Plane, Size};
use footpath_vision::predictor::Predictor;
use image::RgbImage;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How trained networks look at images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InferenceOptions {
    /// Files of networks (safetensors, as `footpath train` writes them) that answer beside the
    /// pipeline's own; none unless told.
    pub ensemble: Vec<PathBuf>,
    /// How the networks' answers are joined; `gmean` unless told.
    pub ensemble_aggregate: Aggregate,
    /// Pipelines `unet_tta…`: test-time augmentation.
    pub tta: TtaOptions,
    /// Pipelines `unet_padded…`: images are padded instead of resized.
    pub padding: PaddingOptions,
    /// How precisely the network multiplies. `f32` unless told.
    pub precision: WeightPrecision,
}

impl Default for InferenceOptions {
    fn default() -> Self {
        Self {
            ensemble: Vec::new(),
            ensemble_aggregate: Aggregate::Gmean,
            tta: TtaOptions::default(),
            padding: PaddingOptions::default(),
            precision: WeightPrecision::default(),
        }
    }
}

/// What a network cannot do to an image.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InferenceError {
    /// Quarter turns of an oblong.
    #[error(
        "inference.tta.symmetries has {symmetry:?}, which turns a {size} px input on its side: set \
         training.size to a square, or leave identity, half_turn, flip_columns and flip_rows"
    )]
    Oblong {
        /// The pose.
        symmetry: Symmetry,
        /// The network's size.
        size: Size,
    },
    /// No pose at all.
    #[error(
        "inference.tta: symmetries, gains and hues_deg need at least one entry each, for example \
         identity, 1.0 and 0.0"
    )]
    NoPass,
    /// A gain that is no positive number.
    #[error("inference.tta.gains has {gain}, expected numbers above 0, for example 0.9")]
    Gain {
        /// The gain.
        gain: f32,
    },
    /// An angle that is no number.
    #[error("inference.tta.hues_deg has {hue_deg}, expected degrees, for example 30.0")]
    Hue {
        /// The angle.
        hue_deg: f32,
    },
}

/// How an image becomes the probabilities of its pixels.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Look {
    /// Resized to the network.
    #[default]
    Resized,
    /// At its own scale, with a margin around it.
    Padded(PaddingOptions),
    /// Resized, in several poses.
    Tta(TtaOptions),
}

impl Look {
    /// The probability of building, in 0..1, at the network's size, or the image's where padded.
    ///
    /// # Errors
    /// [`InferenceError`] if the settings do not fit the network.
    pub fn predict(
        &self,
        predictor: &Predictor,
        image: &RgbImage,
    ) -> Result<Plane<f32>, InferenceError> {
        match self {
            Self::Resized => Ok(single(predictor, image)),
            Self::Padded(options) => {
                let padded = options.pad(image);
                let predictor = predictor.resized(Size::of(&padded));
                Ok(options.crop(&single(&predictor, &padded), Size::of(image)))
            }
            Self::Tta(options) => {
                options.check_for(predictor.size())?;
                Ok(options.predict(image, |poses| predictor.predict_at_network_size(poses)))
            }
        }
    }
}

/// One image, one map.
fn single(predictor: &Predictor, image: &RgbImage) -> Plane<f32> {
    match predictor
        .predict_at_network_size(std::slice::from_ref(image))
        .pop()
    {
        Some(plane) => plane,
        None => unreachable!("a predictor gives a map for each image"),
    }
}
