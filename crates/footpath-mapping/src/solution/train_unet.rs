//! Fitting the network.

use super::objects::TruthBuilder;
use super::pixel_loss::PixelLoss;
use super::ranks::{Ranks, run_other};
use super::run_folder::{DataFingerprint, RunFolder, RunReports};
use super::stages::Stage;
use super::tiles::{TileBuildings, TileImage};
use crate::evaluation::{Evaluator, Metrics, Prediction};
use crate::inference::{Look, PaddingOptions};
use crate::postprocess::{Postprocess, PostprocessOptions};
use crate::rle::Rle;
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
use footpath_vision::state_dict::StateDict;
use footpath_vision::train::{BEST, Outcome, TrainEvent, Training, Validation};
use footpath_vision::train_config::TrainConfig;
use footpath_vision::weights::Weights;
use image::RgbImage;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Whoever wants to know how training goes, and where it belongs.
pub type TrainObserver = Arc<dyn Fn(&TrainPlace<'_>, &TrainEvent<'_>) + Send + Sync>;

/// Which training an event belongs to.
#[derive(Debug, Clone, Copy)]
pub struct TrainPlace<'a> {
    /// The stage.
    pub stage: &'a Stage,
    /// Where its metrics and curves are, if they are kept.
    pub folder: Option<&'a Path>,
}

/// How and where networks are trained, besides their settings. None of it changes what is learnt.
#[derive(Clone, Default)]
pub struct TrainOptions {
    /// Told how training goes.
    pub observer: Option<TrainObserver>,
    /// The devices of the ranks that are threads of this process, over again where there are
    /// fewer; where empty, all train on the device that networks run on.
    pub devices: Vec<Device>,
    /// How ranks come to be.
    pub ranks: Ranks,
    /// Starts anew instead of going on with a training that was interrupted.
    pub restart: bool,
    /// Where metrics and curves are kept, if they are.
    pub reports: Option<RunReports>,
}

impl std::fmt::Debug for TrainOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainOptions")
            .field("ranks", &self.ranks)
            .field("restart", &self.restart)
            .finish_non_exhaustive()
    }
}

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

/// Trains a U-Net and keeps the checkpoint that validates best: one stage of a training.
#[derive(Serialize)]
pub struct TrainUnet {
    network: UnetConfig,
    training: TrainConfig,
    /// By how much validation grows what it finds back, since the targets were eroded, px.
    #[serde(skip_serializing_if = "is_zero")]
    eroded_radius_px: u32,
    /// With what changes nothing that is learnt, and so is no part of the key.
    #[serde(skip)]
    stage: Stage,
    #[serde(skip)]
    device: Device,
    #[serde(skip)]
    options: TrainOptions,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(radius_px: &u32) -> bool {
    *radius_px == 0
}

impl std::fmt::Debug for TrainUnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainUnet")
            .field("network", &self.network)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl TrainUnet {
    /// Trains `network` as `stage` says, on `device`.
    ///
    /// What changes nothing that is learnt ([`TrainConfig::essence`]) and the path of the first
    /// weights (whose content is an input) do not enter the key.
    #[must_use]
    pub fn new(network: &UnetConfig, stage: Stage, device: Device, options: TrainOptions) -> Self {
        Self {
            network: UnetConfig {
                weights_except: network.weights_except.clone(),
                unit_activations: network.unit_activations,
                ..network.without_files()
            },
            eroded_radius_px: 0,
            training: stage.training.essence(),
            stage,
            device,
            options,
        }
    }

    /// Lets validation grow what it finds by this radius, px: that by which its targets were eroded.
    #[must_use]
    pub fn on_eroded_targets(mut self, radius_px: u32) -> Self {
        self.eroded_radius_px = radius_px;
        self
    }

    /// The folder of this training's metrics and curves, with a fingerprint of its data.
    fn open_folder(
        &self,
        data: &TrainingData,
        context: &Context,
    ) -> Result<Option<RunFolder>, BoxError> {
        let (Some(reports), Some(key)) = (&self.options.reports, context.key()) else {
            return Ok(None);
        };
        let (images, targets, val_images, val_buildings, pretrained, _) = data;
        let data = DataFingerprint {
            training_tiles: images.len(),
            training_images: images.digest(),
            training_targets: targets.digest(),
            validation_tiles: val_images.len(),
            validation_images: val_images.digest(),
            validation_buildings: val_buildings.digest(),
            pretrained_weights: pretrained.digest,
        };
        reports.open(&self.stage, &key, &data).map(Some)
    }

    fn tell(&self, folder: Option<&RunFolder>, event: &TrainEvent<'_>) {
        if let Some(observer) = &self.options.observer {
            let place = TrainPlace {
                stage: &self.stage,
                folder: folder.map(RunFolder::path),
            };
            observer(&place, event);
        }
    }
}

/// Images and targets of the training tiles, then images and buildings of the validation tiles,
/// then the pretrained encoder, then the network of the stage before if there is one.
type TrainingData = (
    Arc<Items<TileImage>>,
    Arc<Items<TargetMasks>>,
    Arc<Items<TileImage>>,
    Arc<Items<TileBuildings>>,
    Arc<PretrainedFile>,
    Arc<Vec<Arc<TrainedUnet>>>,
);

impl Estimator for TrainUnet {
    type Input = TrainingData;
    type Model = TrainedUnet;
    const NAME: &'static str = "train-unet";
    const VERSION: u32 = 3;

    fn fit(&self, data: &TrainingData, context: &Context) -> Result<TrainedUnet, BoxError> {
        let (images, targets, val_images, val_buildings, pretrained, before) = data;
        let scratch = context.scratch()?;
        if self.options.restart {
            empty(&scratch)?;
        }
        let mut network = self.network.clone();
        if pretrained.whole {
            network.weights.clone_from(&pretrained.path);
        } else {
            network.pretrained.clone_from(&pretrained.path);
        }
        let config = &self.stage.training;
        let samples = PreparedTiles { images, targets };
        let validator = Validator::new(
            val_images,
            val_buildings,
            look(config.loader),
            self.eroded_radius_px,
            config.strict,
        )?;
        let start_from = before.first().map(|model| model.state()).transpose()?;
        let mut folder = self.open_folder(data, context)?;
        let cancel = context.cancel_token().flag();
        let device = &self.device;
        let training = Training {
            start_from: start_from.as_ref(),
            ..Training::new(&network, config, &samples, device, &scratch, cancel)
        };

        self.options.ranks.call(self.stage.index, &samples)?;
        let first = |training: &Training| {
            training.run(
                |predictor| validator.validate(predictor, context),
                |event| {
                    if let TrainEvent::EpochEnd { record, .. } = event {
                        context.progress(record.epoch as u64 + 1, config.epochs as u64);
                    }
                    if let Some(folder) = &mut folder {
                        folder.on_event(event);
                    }
                    self.tell(folder.as_ref(), event);
                },
            )
        };
        let devices = &self.options.devices;
        let trained = self
            .options
            .ranks
            .train(&training, devices, first, run_other);
        if let (true, Err(error)) = (context.is_cancelled(), &trained) {
            // The run only says that it was cancelled.
            tracing::error!("{error}");
        }
        let report = trained?;
        if report.outcome == Outcome::Interrupted {
            return Err(Cancelled.into());
        }
        let best = scratch.join(BEST);
        let weights = std::fs::read(&best).map_err(|cause| {
            format!(
                "cannot read the best checkpoint {}: {cause}",
                best.display()
            )
        })?;
        if let (true, Some(folder)) = (config.checkpoint.keep_finished, &folder) {
            folder.keep_checkpoint(&scratch)?;
        }
        Ok(TrainedUnet::new(weights, report.progress.history))
    }
}

/// Removes what an interrupted training left.
fn empty(folder: &Path) -> Result<(), BoxError> {
    let remove = || -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    };
    remove().map_err(|cause| {
        let folder = folder.display();
        format!("cannot remove the interrupted training in {folder}: {cause}").into()
    })
}

/// Training tiles with their targets, loaded when asked for.
pub(super) struct PreparedTiles<'a> {
    pub(super) images: &'a Items<TileImage>,
    pub(super) targets: &'a Items<TargetMasks>,
}

impl PreparedTiles<'_> {
    /// Digest of all that a network can learn from them.
    pub(super) fn digest(&self) -> String {
        let mut digester = Digester::new("prepared tiles");
        digester.digest(&self.images.digest());
        digester.digest(&self.targets.digest());
        digester.finish().to_string()
    }
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
    /// Positions of the tiles whose images can be used, and where their buildings are.
    usable: Vec<(usize, Rle)>,
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
                    let buildings = buildings?;
                    truth.add(index as u64, &buildings)?;
                    usable.push((index, buildings.union()?));
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
        let mut loss = PixelLoss::default();
        for batch in self.usable.chunks(BATCH) {
            context.check()?;
            let images = batch
                .iter()
                .map(|(index, _)| Ok(self.images.get(*index)?.read()?))
                .collect::<Result<Vec<RgbImage>, BoxError>>()?;
            let maps = match &self.look {
                Look::Resized => predictor.predict_at_network_size(&images),
                look => images
                    .iter()
                    .map(|image| look.predict(predictor, image))
                    .collect::<Result<_, _>>()?,
            };
            for (((index, truth), image), map) in batch.iter().zip(&images).zip(maps) {
                loss.add(&map, truth);
                let found = self.chain.run(&map, image.width(), image.height());
                predictions.extend(
                    found
                        .into_iter()
                        .map(|d| Prediction::building(*index as u64, d.mask, d.score)),
                );
            }
        }
        let metrics = self.evaluator.evaluate(&predictions)?;
        Ok(validation(&metrics, loss.mean()))
    }
}

/// The score is the challenge's AP50; without any building to find, the `IoU` has to do.
fn validation(metrics: &Metrics, cross_entropy: f64) -> Validation {
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
            ("cross_entropy".to_owned(), cross_entropy),
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

    /// Its tensors, to train on from.
    fn state(&self) -> Result<StateDict, BoxError> {
        let weights = Weights::from_bytes(&self.weights, Path::new("the stage before"))?;
        Ok(weights.state)
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
