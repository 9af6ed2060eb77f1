//! Probabilities that lean on the image.

use super::probabilities::ProbabilityMap;
use super::tiles::TileImage;
use crate::postprocess::CrfOptions;
use footpath_steps::{BoxError, Context, Transformer};
use footpath_vision::resample::resize_image;
use serde::Serialize;
use std::sync::Arc;

/// Leans probabilities on the image's colours.
#[derive(Debug, Serialize)]
pub struct RefineProbabilities {
    /// How.
    pub options: CrfOptions,
}

impl Transformer for RefineProbabilities {
    type Input = (Arc<ProbabilityMap>, Arc<TileImage>);
    type Output = ProbabilityMap;
    const NAME: &'static str = "refine-probabilities";
    const VERSION: u32 = 1;

    fn transform(
        &self,
        (map, tile): &Self::Input,
        _: &Context,
    ) -> Result<ProbabilityMap, BoxError> {
        self.options.check()?;
        let probabilities = map.probabilities();
        let image = resize_image(&tile.read()?, probabilities.size());
        let refined = self.options.refine(&probabilities, &image);
        Ok(ProbabilityMap::new(
            &refined,
            map.image_width,
            map.image_height,
        ))
    }
}
