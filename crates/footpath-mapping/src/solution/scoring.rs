//! The second level as steps.

use super::objects::TileObjects;
use super::probabilities::ProbabilityMap;
use super::tiles::TileBuildings;
use crate::postprocess::{Postprocess, PostprocessOptions};
use crate::rle::Rle;
use crate::second_level::{
    LabelledTile, ScoringOptions, SecondLevel, TileCandidates, find_candidates,
};
use footpath_steps::{BoxError, Context, Estimator, Items, Transformer};
use serde::Serialize;
use std::sync::Arc;

/// Finds the candidates of each layer.
#[derive(Debug, Serialize)]
pub struct FindCandidates {
    /// How objects are found in a layer.
    pub postprocess: PostprocessOptions,
    /// Which layers.
    pub scoring: ScoringOptions,
}

impl Transformer for FindCandidates {
    type Input = ProbabilityMap;
    type Output = TileCandidates;
    const NAME: &'static str = "find-candidates";
    const VERSION: u32 = 1;

    fn transform(&self, map: &ProbabilityMap, _: &Context) -> Result<TileCandidates, BoxError> {
        self.scoring.check()?;
        let chain = Postprocess::new(self.postprocess.clone())?;
        Ok(find_candidates(
            &map.probabilities(),
            map.image_width,
            map.image_height,
            &chain,
            &self.scoring,
        ))
    }
}

/// Learns to score candidates.
#[derive(Debug, Serialize)]
pub struct FitSecondLevel {
    /// How.
    pub options: ScoringOptions,
}

impl Estimator for FitSecondLevel {
    type Input = (Arc<Items<TileCandidates>>, Arc<Items<TileBuildings>>);
    type Model = SecondLevel;
    const NAME: &'static str = "fit-second-level";
    const VERSION: u32 = 2;

    fn fit(
        &self,
        (candidates, buildings): &Self::Input,
        context: &Context,
    ) -> Result<SecondLevel, BoxError> {
        self.options.check()?;
        let mut tiles = Vec::new();
        for (candidates, buildings) in candidates.iter().zip(buildings.iter()) {
            context.check()?;
            // A tile that could not be used was reported where it failed.
            let Ok(candidates) = candidates else { continue };
            let TileBuildings {
                width,
                height,
                buildings,
                ..
            } = buildings?.as_ref().clone();
            let truth = buildings
                .iter()
                .filter(|building| !building.crowd)
                .map(|building| building.shape.to_rle(width, height))
                .collect::<Result<Vec<Rle>, _>>()?;
            tiles.push((candidates, truth));
        }
        let labelled: Vec<LabelledTile<'_>> = tiles
            .iter()
            .map(|(tile, truth)| LabelledTile { tile, truth })
            .collect();
        SecondLevel::fit(&labelled, &self.options)
    }
}

/// Scores candidates and keeps the best of those that overlap.
#[derive(Debug, Serialize)]
pub struct ChooseCandidates {
    /// How.
    pub options: ScoringOptions,
}

impl Transformer for ChooseCandidates {
    type Input = (Arc<SecondLevel>, Arc<TileCandidates>);
    type Output = TileObjects;
    const NAME: &'static str = "choose-candidates";
    const VERSION: u32 = 2;

    fn transform(&self, (model, tile): &Self::Input, _: &Context) -> Result<TileObjects, BoxError> {
        let found = model.choose(tile, &self.options)?;
        Ok(TileObjects::new(tile.width, tile.height, found))
    }
}
