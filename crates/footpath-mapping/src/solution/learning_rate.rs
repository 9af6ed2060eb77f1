//! Looking for a learning rate before a training.

use super::graph::Setup;
use super::stages::stages;
use super::tiles::TileImage;
use super::train_unet::PreparedTiles;
use crate::targets::TargetMasks;
use footpath_steps::{BoxError, CancelToken, Items};
use footpath_vision::lr_range::{LrRange, LrRangeConfig};
use footpath_vision::train::{TrainEvent, Training};
use footpath_vision::train_config::TrainConfig;
use std::path::Path;

/// Takes steps at rising learning rates on the training tiles, with the settings of the first
/// stage on one device, from the network's first weights. Nothing is kept.
///
/// # Errors
/// When a setting is out of its range, the pretrained weights cannot be used, or no tile can.
pub fn try_learning_rates(
    setup: &Setup<'_>,
    images: &Items<TileImage>,
    targets: &Items<TargetMasks>,
    range: &LrRangeConfig,
    cancel: &CancelToken,
    observe: impl FnMut(&TrainEvent<'_>),
) -> Result<LrRange, BoxError> {
    let stages = stages(&setup.config.training)?;
    let first = stages.first().ok_or("a training has a stage")?;
    let config = TrainConfig {
        ranks: 1,
        ..setup.training(&first.training)
    };
    let samples = PreparedTiles { images, targets };
    let training = Training::new(
        &setup.config.unet,
        &config,
        &samples,
        &setup.device,
        Path::new(""),
        cancel.flag(),
    );
    Ok(training.lr_range_test(range, observe)?)
}
