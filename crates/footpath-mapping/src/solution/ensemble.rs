//! Several networks at work on one image.

use super::probabilities::ProbabilityMap;
use super::tiles::TileImage;
use super::train_unet::TrainedUnet;
use crate::inference::{Aggregate, Look, WeightPrecision, join_networks};
use footpath_steps::{BoxError, Context, Digester, Fingerprint, Transformer};
use footpath_vision::device::Device;
use footpath_vision::weights::Weights;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Networks that answer beside the pipeline's own; known by their content.
#[derive(Debug)]
pub struct Ensemble {
    networks: Vec<TrainedUnet>,
}

impl Ensemble {
    /// The networks of safetensors files.
    ///
    /// # Errors
    /// When a file cannot be read or holds no network; names it.
    pub fn read(paths: &[PathBuf]) -> Result<Self, BoxError> {
        let read = |path: &PathBuf| {
            let bytes = std::fs::read(path).map_err(|cause| {
                format!(
                    "cannot read the network {} (inference.ensemble): {cause}",
                    path.display()
                )
            })?;
            Weights::from_bytes(&bytes, path).map_err(|cause| {
                format!("{cause} (inference.ensemble; `footpath train` writes such files)")
            })?;
            Ok(TrainedUnet::new(bytes, Vec::new()))
        };
        let networks = paths.iter().map(read).collect::<Result<_, BoxError>>()?;
        Ok(Self { networks })
    }
}

impl Fingerprint for Ensemble {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        self.networks.fingerprint(digester)
    }
}

/// Runs the trained network and others over an image, and joins their answers.
#[derive(Debug, Serialize)]
pub struct PredictTogether {
    /// How each looks at an image.
    pub look: Look,
    /// How precisely each multiplies.
    pub precision: WeightPrecision,
    /// How answers are joined.
    pub aggregate: Aggregate,
    /// Where the networks run.
    #[serde(skip)]
    pub device: Device,
}

impl Transformer for PredictTogether {
    type Input = (Arc<TrainedUnet>, Arc<Ensemble>, Arc<TileImage>);
    type Output = ProbabilityMap;
    const NAME: &'static str = "predict-together";
    const VERSION: u32 = 2;

    fn transform(
        &self,
        (model, ensemble, tile): &Self::Input,
        context: &Context,
    ) -> Result<ProbabilityMap, BoxError> {
        let image = tile.read()?;
        let (width, height) = image.dimensions();
        let mut answers = Vec::new();
        for network in std::iter::once(model.as_ref()).chain(&ensemble.networks) {
            context.check()?;
            answers.push(self.look.predict(
                network.predictor(&self.device, self.precision.into())?,
                &image,
            )?);
        }
        let joined = join_networks(&answers, self.aggregate);
        Ok(ProbabilityMap::new(&joined, width, height))
    }
}
