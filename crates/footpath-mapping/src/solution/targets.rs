//! From annotations to targets, as a step.

use super::tiles::TileBuildings;
use crate::targets::{TargetMasks, TargetOptions, prepare};
use footpath_steps::{Artifact, BoxError, Context, Transformer};
use serde::Serialize;
use std::borrow::Cow;

/// Prepares a tile's targets.
#[derive(Debug, Serialize)]
pub struct PrepareTargets {
    options: TargetOptions,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<u64>,
}

impl PrepareTargets {
    /// Prepares targets as `options` say, with further `categories` besides buildings.
    #[must_use]
    pub fn new(options: TargetOptions, categories: Vec<u64>) -> Self {
        Self {
            options,
            categories,
        }
    }
}

impl Transformer for PrepareTargets {
    type Input = TileBuildings;
    type Output = TargetMasks;
    const NAME: &'static str = "prepare-targets";
    const VERSION: u32 = 2;

    fn transform(&self, tile: &TileBuildings, _: &Context) -> Result<TargetMasks, BoxError> {
        let (width, height) = (tile.width, tile.height);
        let masks = prepare(&tile.buildings, width, height, &self.options)?;
        Ok(masks.with_further(&tile.further, &self.categories)?)
    }
}

impl Artifact for TargetMasks {
    fn type_tag() -> Cow<'static, str> {
        "target-masks@2".into()
    }

    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
        Ok(Cow::Owned(self.to_bytes()))
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> {
        Ok(Self::from_bytes(&bytes)?)
    }
}
