//! Fitting the network.

use super::objects::TruthBuilder;
use super::tiles::{TileBuildings, TileImage};
use crate::evaluation::{Evaluator, Metrics, Prediction};
use crate::inference::{Look, PaddingOptions};
use crate::postprocess::{Postprocess, PostprocessOptions};
use crate::targets::TargetMasks;
use footpath_steps::{
    Artifact, BoxError, Cancelled, Context, Digest, Digester, Estimator, Fingerprint, Items,
};
use footpath_vision::device::Device;
use footpath_vision::loader::Loader;
use footpath_vision::network::UnetConfig;
use footpath_vision::predictor::{Precision, Predictor};
use footpath_vision::progress::EpochRecord;
use footpath_vision::sample::{Sample, SampleSource};
use footpath_vision::train::{BEST, Outcome, TrainEvent, Training, Validation};
use footpath_vision::train_config::TrainConfig;
use footpath_vision::weights::Weights;
use image::RgbImage;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Whoever wants to know how training goes.
pub type TrainObserver = Arc<dyn Fn(&TrainEvent<'_>) + Send + Sync>;

/// The file with the first weights of an encoder or of a whole network, if there is one; known by
/// its content.
#[derive(Debug, Clone)]
pub struct PretrainedFile {
    /// The file.
    pub path: Option<PathBuf>,
    /// Whether it holds a whole network.
    whole: bool,
    digest: Option<Digest>,
}

impl PretrainedFile {
    /// The file that `network` starts from, read once for its digest.
    ///
    /// # Errors
    /// When it cannot be read; the message names the file and its key.
    pub fn of(network: &UnetConfig) -> Result<Self, BoxError> {
        let (path, key) = match (&network.weights, &network.pretrained) {
            (Some(path), _) => (Some(path), "unet.weights"),
            (None, path) => (path.as_ref(), "unet.pretrained"),
        };
        let digest = path.map(|path| match std::fs::read(path) {
            Ok(bytes) => Ok(Digest::of_bytes(&bytes)),
            Err(cause) => {
                let path = path.display();
                Err(format!("cannot read the weights {path} ({key}): {cause}"))
            }
        });
        Ok(Self {
            path: path.cloned(),
            whole: network.weights.is_some(),
            digest: digest.transpose()?,
        })
    }
}

impl Fingerprint for PretrainedFile {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        match &self.digest {
            Some(digest) => digester.digest(digest),
            None => digester.none(),
        };
        if self.whole {
            digester.str("whole network");
        }
        Ok(())
    }
}

/// Trains a U-Net and keeps the checkpoint that validates best.
#[derive(Serialize)]
pub struct TrainUnet {
    network: UnetConfig,
    training: TrainConfig,
    /// By how much validation grows what it finds back, since the targets were eroded, px.
    #[serde(skip_serializing_if = "is_zero")]
    eroded_radius_px: u32,
    /// With what changes nothing that is learnt, and so is no part of the key.
    #[serde(skip)]
    as_told: TrainConfig,
    #[serde(skip)]
    device: Device,
    #[serde(skip)]
    observer: Option<TrainObserver>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(radius_px: &u32) -> bool {
    *radius_px == 0
}

impl std::fmt::Debug for TrainUnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainUnet")
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

impl TrainUnet {
    /// Trains `network` as `training` says, on `device`.
    ///
    /// What changes nothing that is learnt ([`TrainConfig::essence`]) and the path of the first
    /// weights (whose content is an input) do not enter the key.
    #[must_use]
    pub fn new(network: &UnetConfig, training: &TrainConfig, device: Device) -> Self {
        Self {
            network: UnetConfig {
                weights_except: network.weights_except.clone(),
                ..network.without_files()
            },
            eroded_radius_px: 0,
            training: training.essence(),
            as_told: training.clone(),
            device,
            observer: None,
        }
    }

    /// Lets validation grow what it finds by this radius, px: that by which its targets were eroded.
    #[must_use]
    pub fn on_eroded_targets(mut self, radius_px: u32) -> Self {
        self.eroded_radius_px = radius_px;
        self
    }

    /// Tells `observer` how it goes.
    #[must_use]
    pub fn observed_by(mut self, observer: Option<TrainObserver>) -> Self {
        self.observer = observer;
        self
    }
}

/// Images and targets of the training tiles, then images and buildings of the validation tiles,
/// then the pretrained encoder.
type TrainingData = (
    Arc<Items<TileImage>>,
    Arc<Items<TargetMasks>>,
    Arc<Items<TileImage>>,
    Arc<Items<TileBuildings>>,
    Arc<PretrainedFile>,
);

impl Estimator for TrainUnet {
    type Input = TrainingData;
    type Model = TrainedUnet;
    const NAME: &'static str = "train-unet";
    const VERSION: u32 = 2;

    fn fit(&self, data: &TrainingData, context: &Context) -> Result<TrainedUnet, BoxError> {
        let (images, targets, val_images, val_buildings, pretrained) = data;
        let folder = context.scratch()?;
        let mut network = self.network.clone();
        if pretrained.whole {
            network.weights.clone_from(&pretrained.path);
        } else {
            network.pretrained.clone_from(&pretrained.path);
        }
        let config = &self.as_told;
        let samples = PreparedTiles { images, targets };
        let validator = Validator::new(
            val_images,
            val_buildings,
            look(config.loader),
            self.eroded_radius_px,
            config.strict,
        )?;
        let cancel = context.cancel_token().flag();
        let training = Training::new(&network, config, &samples, &self.device, &folder, cancel);
        let report = training.run(
            |predictor| validator.validate(predictor, context),
            |event| {
                if let TrainEvent::EpochEnd { record, .. } = event {
                    context.progress(record.epoch as u64 + 1, config.epochs as u64);
                }
                if let Some(observer) = &self.observer {
                    observer(event);
                }
            },
        )?;
        if report.outcome == Outcome::Interrupted {
            return Err(Cancelled.into());
        }
        let best = folder.join(BEST);
        let weights = std::fs::read(&best).map_err(|cause| {
            format!(
                "cannot read the best checkpoint {}: {cause}",
                best.display()
            )
        })?;
        Ok(TrainedUnet::new(weights, report.progress.history))
    }
}

/// Training tiles with their targets, loaded when asked for.
struct PreparedTiles<'a> {
    images: &'a Items<TileImage>,
    targets: &'a Items<TargetMasks>,
}

impl SampleSource for PreparedTiles<'_> {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn load(&self, index: usize) -> Result<Sample, BoxError> {
        let tile = self.images.get(index)?;
        let targets = self.targets.get(index)?.planes();
        let image = tile.read()?;
        let sizes = targets.building_sizes();
        let (labels, distances) = (targets.labels, targets.distances);
        Ok(Sample::new(tile.name(), image, labels, distances, sizes)?)
    }
}

/// Scores a network on the validation tiles.
///
/// Thresholds at one half, grows back what the targets were eroded by, and nothing else: the
/// inference pipeline's post-processing may change without a training having to be repeated.
struct Validator<'a> {
    images: &'a Items<TileImage>,
    /// Images come to the network as they do in training.
    look: Look,
    /// Positions of the tiles whose images can be used.
    usable: Vec<usize>,
    evaluator: Evaluator,
    chain: Postprocess,
}

/// How a network that is trained with `loader` looks at whole images.
pub(super) fn look(loader: Loader) -> Look {
    match loader {
        Loader::Resize => Look::Resized,
        Loader::CropAndPad { pad, .. } => Look::Padded(PaddingOptions {
            mode: pad,
            ..PaddingOptions::default()
        }),
    }
}

/// Images validated at once: enough to keep every core busy, few enough to stay small.
const BATCH: usize = 8;

impl<'a> Validator<'a> {
    fn new(
        images: &'a Items<TileImage>,
        buildings: &Items<TileBuildings>,
        look: Look,
        eroded_radius_px: u32,
        strict: bool,
    ) -> Result<Self, BoxError> {
        let mut truth = TruthBuilder::default();
        let mut usable = Vec::new();
        for (index, (image, buildings)) in images.iter().zip(buildings.iter()).enumerate() {
            match image?.read() {
                Ok(_) => {
                    truth.add(index as u64, buildings?.as_ref())?;
                    usable.push(index);
                }
                Err(problem) if strict => return Err(problem.into()),
                Err(problem) => tracing::warn!("{problem}; validated without it"),
            }
        }
        if usable.is_empty() {
            return Err("none of the validation tiles can be used".into());
        }
        let chain = PostprocessOptions {
            dilate_side_px: match eroded_radius_px {
                0 => 0,
                radius => 2 * radius + 1,
            },
            ..PostprocessOptions::default()
        };
        Ok(Self {
            images,
            look,
            usable,
            evaluator: truth.finish()?,
            chain: Postprocess::new(chain)?,
        })
    }

    fn validate(&self, predictor: &Predictor, context: &Context) -> Result<Validation, BoxError> {
        let mut predictions = Vec::new();
        for batch in self.usable.chunks(BATCH) {
            context.check()?;
            let images = batch
                .iter()
                .map(|&index| Ok(self.images.get(index)?.read()?))
                .collect::<Result<Vec<RgbImage>, BoxError>>()?;
            let maps = match &self.look {
                Look::Resized => predictor.predict_at_network_size(&images),
                look => images
                    .iter()
                    .map(|image| look.predict(predictor, image))
                    .collect::<Result<_, _>>()?,
            };
            for ((&index, image), map) in batch.iter().zip(&images).zip(maps) {
                let found = self.chain.run(&map, image.width(), image.height());
                predictions.extend(
                    found
                        .into_iter()
                        .map(|d| Prediction::building(index as u64, d.mask, d.score)),
                );
            }
        }
        let metrics = self.evaluator.evaluate(&predictions)?;
        Ok(validation(&metrics))
    }
}

/// The score is the challenge's AP50; without any building to find, the `IoU` has to do.
fn validation(metrics: &Metrics) -> Validation {
    let score = if metrics.truths == 0 {
        metrics.iou
    } else {
        metrics.ap50
    };
    Validation {
        score,
        metrics: BTreeMap::from([
            ("ap50".to_owned(), metrics.ap50),
            ("ar50".to_owned(), metrics.ar50),
            ("ap".to_owned(), metrics.ap),
            ("iou".to_owned(), metrics.iou),
        ]),
    }
}

/// A trained network: its weights as safetensors, and how it came to be.
#[derive(Debug)]
pub struct TrainedUnet {
    weights: Vec<u8>,
    /// The epochs of its training; empty where it was brought as a file.
    pub history: Vec<EpochRecord>,
    predictor: OnceLock<Predictor>,
    loading: Mutex<()>,
}

impl TrainedUnet {
    /// The network of these weights (safetensors bytes).
    #[must_use]
    pub fn new(weights: Vec<u8>, history: Vec<EpochRecord>) -> Self {
        Self {
            weights,
            history,
            predictor: OnceLock::new(),
            loading: Mutex::new(()),
        }
    }

    /// The weights as a safetensors file, which Python reads as a state dict.
    #[must_use]
    pub fn weights(&self) -> &[u8] {
        &self.weights
    }

    /// The network ready to infer; loaded once, on the first device and in the first precision
    /// asked for.
    ///
    /// # Errors
    /// When the weights are not a network's, or the device cannot compute in that precision.
    pub fn predictor(&self, device: &Device, precision: Precision) -> Result<&Predictor, BoxError> {
        // Only the first thread loads; a failed load is tried again by the next.
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(predictor) = self.predictor.get() {
            return Ok(predictor);
        }
        let predictor = Weights::from_bytes(&self.weights, Path::new("the trained network"))?
            .into_predictor(device)?
            .with_precision(precision)?;
        Ok(self.predictor.get_or_init(|| predictor))
    }
}

impl Fingerprint for TrainedUnet {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.digest(&Digest::of_bytes(&self.weights));
        Ok(())
    }
}

impl Artifact for TrainedUnet {
    fn type_tag() -> Cow<'static, str> {
        "trained-unet@1".into()
    }

    /// Length of the history (little-endian `u64`), the history as JSON, the safetensors.
    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
        let history = serde_json::to_vec(&self.history)?;
        let mut bytes = Vec::with_capacity(8 + history.len() + self.weights.len());
        bytes.extend((history.len() as u64).to_le_bytes());
        bytes.extend(&history);
        bytes.extend(&self.weights);
        Ok(Cow::Owned(bytes))
    }

    fn decode(mut bytes: Vec<u8>) -> Result<Self, BoxError> {
        let short = "a trained network cut short";
        let length: [u8; 8] = bytes.first_chunk().copied().ok_or(short)?;
        let end = usize::try_from(u64::from_le_bytes(length))?
            .checked_add(8)
            .ok_or(short)?;
        let history = serde_json::from_slice(bytes.get(8..end).ok_or(short)?)?;
        bytes.drain(..end);
        Ok(Self::new(bytes, history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_vision::progress::Losses;

    #[test]
    fn a_kept_network_comes_back_with_its_history() {
        let history = vec![EpochRecord {
            epoch: 0,
            learning_rate: 0.1,
            losses: Losses::default(),
            score: 0.5,
            metrics: BTreeMap::new(),
        }];
        let model = TrainedUnet::new(vec![1, 2, 3], history.clone());
        let again = TrainedUnet::decode(model.encode().unwrap().into_owned()).unwrap();
        assert_eq!(again.weights(), [1, 2, 3]);
        assert_eq!(again.history, history);
    }

    #[test]
    fn a_cut_network_is_an_error() {
        assert!(TrainedUnet::decode(vec![9, 0, 0, 0, 0, 0, 0, 0, b'[']).is_err());
        assert!(TrainedUnet::decode(vec![1]).is_err());
    }
}
