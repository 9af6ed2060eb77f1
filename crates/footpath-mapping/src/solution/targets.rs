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
}

impl PrepareTargets {
    /// Prepares targets as `options` say.
    #[must_use]
    pub fn new(options: TargetOptions) -> Self {
        Self { options }
    }
}

impl Transformer for PrepareTargets {
    type Input = TileBuildings;
    type Output = TargetMasks;
    const NAME: &'static str = "prepare-targets";
    const VERSION: u32 = 1;

    fn transform(&self, tile: &TileBuildings, _: &Context) -> Result<TargetMasks, BoxError> {
        Ok(prepare(
            &tile.buildings,
            tile.width,
            tile.height,
            &self.options,
        )?)
    }
}

impl Artifact for TargetMasks {
    fn type_tag() -> Cow<'static, str> {
        "target-masks@1".into()
    }

    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
        Ok(Cow::Owned(self.to_bytes()))
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> {
        Ok(Self::from_bytes(&bytes)?)
    }
}
