//! The pipelines, wired.

use super::objects::{FindObjects, Measure, TileObjects};
use super::probabilities::{PredictProbabilities, ProbabilityMap};
use super::settings::SolutionConfig;
use super::targets::PrepareTargets;
use super::tiles::{Imagery, TileBuildings, TileImage};
use super::train_unet::{PretrainedFile, TrainObserver, TrainUnet, TrainedUnet};
use crate::evaluation::Metrics;
use crate::targets::TargetMasks;
use footpath_steps::{BoxError, Handle, Inputs, Items, Pipeline, whole};
use footpath_vision::device::Device;
use footpath_vision::train_config::TrainConfig;

/// Name of the step that fits the network.
pub const UNET_STEP: &str = "unet";

/// The pipelines of the solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipelineName {
    /// Plain cross entropy and dice.
    Unet,
    /// The cross entropy weighs pixels by distance to and size of buildings.
    UnetWeighted,
}

impl PipelineName {
    /// The name, as on the command line and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unet => "unet",
            Self::UnetWeighted => "unet_weighted",
        }
    }

    fn training(self, config: &TrainConfig) -> TrainConfig {
        match self {
            Self::UnetWeighted => config.clone(),
            Self::Unet => TrainConfig {
                loss: config.loss.clone().unweighted(),
                ..config.clone()
            },
        }
    }
}

/// From annotated tiles to a trained network and its metrics.
#[derive(Debug)]
pub struct TrainingGraph {
    /// The pipeline.
    pub pipeline: Pipeline,
    train_images: Handle<Items<TileImage>>,
    train_buildings: Handle<Items<TileBuildings>>,
    val_images: Handle<Items<TileImage>>,
    val_buildings: Handle<Items<TileBuildings>>,
    pretrained: Handle<PretrainedFile>,
    /// Targets of the training tiles, kept tile by tile.
    pub targets: Handle<Items<TargetMasks>>,
    /// The trained network.
    pub model: Handle<TrainedUnet>,
    /// Probabilities of the validation tiles, kept tile by tile.
    pub probabilities: Handle<Items<ProbabilityMap>>,
    /// Buildings found on the validation tiles.
    pub objects: Handle<Items<TileObjects>>,
    /// How good they are.
    pub metrics: Handle<Metrics>,
}

/// What a graph of steps is built for.
#[derive(Clone)]
pub struct Setup<'a> {
    /// Which pipeline.
    pub name: PipelineName,
    /// The configuration.
    pub config: &'a SolutionConfig,
    /// Where networks run.
    pub device: Device,
    /// Ends at the first tile that cannot be used.
    pub strict: bool,
    /// Told how training goes.
    pub observer: Option<TrainObserver>,
}

impl TrainingGraph {
    /// Wires the pipeline. Nothing runs yet.
    #[must_use]
    pub fn new(setup: &Setup<'_>) -> Self {
        let config = setup.config;
        let p = Pipeline::new(setup.name.as_str());
        let train_images = p.input("train_images");
        let train_buildings = p.input("train_buildings");
        let val_images = p.input("val_images");
        let val_buildings = p.input("val_buildings");
        let pretrained = p.input("pretrained");

        let targets = PrepareTargets::new(config.targets.clone());
        let targets = p.each("targets", targets, &train_buildings).keep_output();
        let targets = lenient(targets, setup.strict);

        let training = TrainConfig {
            strict: setup.strict,
            ..setup.name.training(&config.training)
        };
        let unet = TrainUnet::new(&config.unet, &training, setup.device.clone());
        let unet = unet.observed_by(setup.observer.clone());
        let learnt_from = (
            &train_images,
            &targets,
            &val_images,
            &val_buildings,
            &pretrained,
        );
        let model = p.fit(UNET_STEP, unet, learnt_from);

        let (probabilities, objects) = find_buildings(&p, &model, &val_images, setup);
        let metrics = p
            .step("metrics", Measure, (&val_buildings, &objects))
            .keep_output();
        Self {
            pipeline: p,
            train_images,
            train_buildings,
            val_images,
            val_buildings,
            pretrained,
            targets,
            model,
            probabilities,
            objects,
            metrics,
        }
    }

    /// The pipeline's inputs.
    ///
    /// # Errors
    /// When the file of pretrained weights cannot be read.
    pub fn inputs(
        &self,
        config: &SolutionConfig,
        train: &Imagery,
        val: &Imagery,
    ) -> Result<Inputs, BoxError> {
        let pretrained = config.unet.pretrained.as_deref();
        let file = PretrainedFile::new(pretrained).map_err(|cause| {
            let path = pretrained.unwrap_or("".as_ref()).display();
            format!("cannot read the pretrained weights {path} (unet.pretrained): {cause}")
        })?;
        Ok(Inputs::new()
            .with(&self.train_images, train.images.clone())
            .with(&self.train_buildings, train.buildings.clone())
            .with(&self.val_images, val.images.clone())
            .with(&self.val_buildings, val.buildings.clone())
            .with(&self.pretrained, file))
    }
}

/// From images and a trained network to buildings, for images without annotations.
#[derive(Debug)]
pub struct PredictionGraph {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The trained network.
    pub model: Handle<TrainedUnet>,
    /// The images.
    pub images: Handle<Items<TileImage>>,
    /// The buildings found on them.
    pub objects: Handle<Items<TileObjects>>,
}

impl PredictionGraph {
    /// Wires the pipeline. Nothing runs yet.
    #[must_use]
    pub fn new(setup: &Setup<'_>) -> Self {
        let p = Pipeline::new(format!("{}/predict", setup.name.as_str()));
        let model = p.input("model");
        let images = p.input("images");
        let (_, objects) = find_buildings(&p, &model, &images, setup);
        Self {
            pipeline: p,
            model,
            images,
            objects,
        }
    }

    /// Adds the metrics of images that have annotations.
    #[must_use]
    pub fn measure(&self) -> Measured {
        let buildings = self.pipeline.input("buildings");
        let metrics = self
            .pipeline
            .step("metrics", Measure, (&buildings, &self.objects));
        Measured { buildings, metrics }
    }
}

/// The end of a [`PredictionGraph`] whose images have annotations.
#[derive(Debug)]
pub struct Measured {
    /// The buildings annotated.
    pub buildings: Handle<Items<TileBuildings>>,
    /// How good the found ones are.
    pub metrics: Handle<Metrics>,
}

/// The inference chain, the same for validation tiles and new images.
fn find_buildings(
    p: &Pipeline,
    model: &Handle<TrainedUnet>,
    images: &Handle<Items<TileImage>>,
    setup: &Setup<'_>,
) -> (Handle<Items<ProbabilityMap>>, Handle<Items<TileObjects>>) {
    let network = PredictProbabilities {
        device: setup.device.clone(),
    };
    let probabilities = p
        .each("probabilities", network, (whole(model), images))
        .keep_output();
    let probabilities = lenient(probabilities, setup.strict);
    let objects = FindObjects {
        options: setup.config.postprocess.clone(),
    };
    let objects = lenient(p.each("objects", objects, &probabilities), setup.strict);
    (probabilities, objects)
}

/// One bad tile does not stop the others, unless asked to.
fn lenient<T>(items: Handle<Items<T>>, strict: bool) -> Handle<Items<T>> {
    if strict { items } else { items.skip_failures() }
}
