//! The pipelines, wired.

use super::check_image::{CheckImage, DecodedSize};
use super::ensemble::{Ensemble, PredictTogether};
use super::objects::{FindObjects, Measure, TileObjects};
use super::probabilities::{PredictProbabilities, ProbabilityMap};
use super::refine::RefineProbabilities;
use super::scoring::{ChooseCandidates, FindCandidates, FitSecondLevel};
use super::settings::SolutionConfig;
use super::stages::{Stage, stages};
use super::targets::PrepareTargets;
use super::tiles::{Imagery, TileBuildings, TileImage};
use super::train_unet::{self, PretrainedFile, TrainOptions, TrainUnet, TrainedUnet};
use crate::evaluation::Metrics;
use crate::inference::{InferenceError, InferenceOptions, Look};
use crate::second_level::{SecondLevel, TileCandidates};
use crate::targets::TargetMasks;
use footpath_steps::{BoxError, Handle, Inputs, Items, Pipeline, whole};
use footpath_vision::device::Device;
use footpath_vision::loader::Loader;
use footpath_vision::train_config::TrainConfig;

/// Name of the step that fits the second level.
const SCORING_STEP: &str = "second_level";

/// What a pipeline trains and how it looks at images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipelineKind {
    /// Plain cross entropy and dice.
    Unet,
    /// The cross entropy weighs pixels by distance to and size of buildings.
    UnetWeighted,
    /// `UnetWeighted`, whose images are padded instead of resized.
    UnetPadded,
    /// `UnetWeighted`, with test-time augmentation.
    UnetTta,
}

/// A pipeline of the solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipelineName {
    /// The network's part.
    pub kind: PipelineKind,
    /// Whether a second-level model scores the buildings.
    pub scoring: bool,
}

impl PipelineName {
    /// The pipeline that training and looking at targets need no other for.
    pub const UNET_WEIGHTED: Self = Self {
        kind: PipelineKind::UnetWeighted,
        scoring: false,
    };

    /// The weighted network, asked in several poses.
    pub const UNET_TTA: Self = Self {
        kind: PipelineKind::UnetTta,
        scoring: false,
    };

    /// The name, as on the command line and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        use PipelineKind::{Unet, UnetPadded, UnetTta, UnetWeighted};
        match (self.kind, self.scoring) {
            (Unet, false) => "unet",
            (UnetWeighted, false) => "unet_weighted",
            (UnetPadded, false) => "unet_padded",
            (UnetTta, false) => "unet_tta",
            (Unet, true) => "unet_scoring_model",
            (UnetWeighted, true) => "unet_weighted_scoring_model",
            (UnetPadded, true) => "unet_padded_scoring_model",
            (UnetTta, true) => "unet_tta_scoring_model",
        }
    }

    fn training(self, config: &TrainConfig) -> TrainConfig {
        match self.kind {
            PipelineKind::Unet => TrainConfig {
                loss: config.loss.clone().unweighted(),
                ..config.clone()
            },
            _ => config.clone(),
        }
    }

    /// Refuses a configuration whose network this pipeline cannot use, before it is trained.
    ///
    /// # Errors
    /// [`InferenceError`] says what to change.
    pub fn check(self, config: &SolutionConfig) -> Result<(), InferenceError> {
        match self.kind {
            PipelineKind::UnetTta => config.inference.tta.check_for(config.training.size),
            _ => Ok(()),
        }
    }

    fn look(self, options: &InferenceOptions, loader: Loader) -> Look {
        match self.kind {
            PipelineKind::Unet | PipelineKind::UnetWeighted => train_unet::look(loader),
            PipelineKind::UnetPadded => Look::Padded(options.padding.clone()),
            PipelineKind::UnetTta => match train_unet::look(loader) {
                Look::Padded(padding) => Look::PaddedTta {
                    padding,
                    tta: options.tta.clone(),
                },
                _ => Look::Tta(options.tta.clone()),
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
    ensemble: Option<Handle<Ensemble>>,
    /// The sizes of the training tiles' images: of those that can be decoded.
    pub readable: Handle<Items<DecodedSize>>,
    /// Targets of the training tiles, kept tile by tile.
    pub targets: Handle<Items<TargetMasks>>,
    /// The trained network: that of the last stage.
    pub model: Handle<TrainedUnet>,
    /// Probabilities of the validation tiles, kept tile by tile.
    pub probabilities: Handle<Items<ProbabilityMap>>,
    /// The second level, in a pipeline that has one.
    pub second_level: Option<Handle<SecondLevel>>,
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
    /// How networks are trained.
    pub training: TrainOptions,
}

impl Setup<'_> {
    /// The settings of a training of this pipeline, made of those of the configuration.
    #[must_use]
    pub fn training(&self, config: &TrainConfig) -> TrainConfig {
        TrainConfig {
            strict: self.strict,
            ..self.name.training(config)
        }
    }
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

        let readable = p.each("images", CheckImage, &train_images).keep_output();
        let readable = lenient(readable, setup.strict);
        let targets = PrepareTargets::new(config.targets.clone(), config.categories.clone());
        let targets = p.each("targets", targets, &train_buildings).keep_output();
        let targets = lenient(targets, setup.strict);

        // What is wrong with them `inputs` tells, without which nothing runs.
        let stages =
            stages(&config.training).unwrap_or_else(|_| vec![Stage::only(&config.training)]);
        let mut before: Vec<Handle<TrainedUnet>> = Vec::new();
        for stage in stages {
            let stage = Stage {
                training: setup.training(&stage.training),
                ..stage
            };
            let (step, device) = (stage.step.clone(), setup.device.clone());
            let unet = TrainUnet::new(&config.unet, stage, device, setup.training.clone())
                .on_eroded_targets(config.targets.erode_radius_px);
            let learnt_from = (
                &train_images,
                &targets,
                &val_images,
                &val_buildings,
                &pretrained,
                before,
            );
            before = vec![p.fit(&step, unet, learnt_from)];
        }
        // There is at least one stage.
        let model = before.remove(0);

        let networks = Networks::new(&p, &model, setup);
        let probabilities = networks.look(&p, "", &val_images, setup);
        let (second_level, objects) = if setup.name.scoring {
            let candidates = find_candidates(&p, "candidates", &probabilities, setup);
            let second_level = if config.scoring.compat.scoring_leak {
                let leaked = networks.look(&p, "train_", &train_images, setup);
                let leaked = find_candidates(&p, "train_candidates", &leaked, setup);
                fit_scoring(&p, &leaked, &train_buildings, setup)
            } else {
                fit_scoring(&p, &candidates, &val_buildings, setup)
            };
            let objects = choose(&p, &second_level, &candidates, setup);
            (Some(second_level), objects)
        } else {
            (None, find_buildings(&p, &probabilities, setup))
        };
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
            ensemble: networks.ensemble,
            readable,
            targets,
            model,
            probabilities,
            second_level,
            objects,
            metrics,
        }
    }

    /// The pipeline's inputs.
    ///
    /// # Errors
    /// When the stages of the training cannot be used, or the file of the first weights or a
    /// network of the ensemble cannot be read.
    pub fn inputs(
        &self,
        config: &SolutionConfig,
        train: &Imagery,
        val: &Imagery,
    ) -> Result<Inputs, BoxError> {
        stages(&config.training)?;
        let inputs = with_ensemble(Inputs::new(), self.ensemble.as_ref(), config)?;
        Ok(inputs
            .with(&self.train_images, train.images.clone())
            .with(&self.train_buildings, train.buildings.clone())
            .with(&self.val_images, val.images.clone())
            .with(&self.val_buildings, val.buildings.clone())
            .with(&self.pretrained, PretrainedFile::of(&config.unet)?))
    }
}

/// From images and a trained network to buildings, for images without annotations.
#[derive(Debug)]
pub struct PredictionGraph {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The trained network.
    pub model: Handle<TrainedUnet>,
    /// The second level, in a pipeline that has one.
    pub second_level: Option<Handle<SecondLevel>>,
    /// The images.
    pub images: Handle<Items<TileImage>>,
    ensemble: Option<Handle<Ensemble>>,
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
        let networks = Networks::new(&p, &model, setup);
        let probabilities = networks.look(&p, "", &images, setup);
        let (second_level, objects) = if setup.name.scoring {
            let second_level = p.input(SCORING_STEP);
            let candidates = find_candidates(&p, "candidates", &probabilities, setup);
            let objects = choose(&p, &second_level, &candidates, setup);
            (Some(second_level), objects)
        } else {
            (None, find_buildings(&p, &probabilities, setup))
        };
        Self {
            pipeline: p,
            model,
            second_level,
            images,
            ensemble: networks.ensemble,
            objects,
        }
    }

    /// `inputs` with the networks of `inference.ensemble`.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn with_ensemble(
        &self,
        inputs: Inputs,
        config: &SolutionConfig,
    ) -> Result<Inputs, BoxError> {
        with_ensemble(inputs, self.ensemble.as_ref(), config)
    }
}

/// From annotated images and a trained network to metrics.
#[derive(Debug)]
pub struct MeasuredGraph {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The trained network.
    pub model: Handle<TrainedUnet>,
    /// The images.
    pub images: Handle<Items<TileImage>>,
    /// The buildings annotated on them.
    pub buildings: Handle<Items<TileBuildings>>,
    ensemble: Option<Handle<Ensemble>>,
    /// The second level, in a pipeline that has one; it learns from these images, and scores each
    /// by trees that never saw it.
    pub second_level: Option<Handle<SecondLevel>>,
    /// The buildings found on them.
    pub objects: Handle<Items<TileObjects>>,
    /// How good they are.
    pub metrics: Handle<Metrics>,
}

impl MeasuredGraph {
    /// Wires the pipeline. Nothing runs yet.
    #[must_use]
    pub fn new(setup: &Setup<'_>) -> Self {
        let p = Pipeline::new(format!("{}/evaluate", setup.name.as_str()));
        let model = p.input("model");
        let images = p.input("images");
        let buildings = p.input("buildings");
        let networks = Networks::new(&p, &model, setup);
        let probabilities = networks.look(&p, "", &images, setup);
        let (second_level, objects) = if setup.name.scoring {
            let candidates = find_candidates(&p, "candidates", &probabilities, setup);
            let second_level = fit_scoring(&p, &candidates, &buildings, setup);
            let objects = choose(&p, &second_level, &candidates, setup);
            (Some(second_level), objects)
        } else {
            (None, find_buildings(&p, &probabilities, setup))
        };
        let metrics = p.step("metrics", Measure, (&buildings, &objects));
        Self {
            pipeline: p,
            model,
            images,
            buildings,
            ensemble: networks.ensemble,
            second_level,
            objects,
            metrics,
        }
    }

    /// `inputs` with the networks of `inference.ensemble`.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn with_ensemble(
        &self,
        inputs: Inputs,
        config: &SolutionConfig,
    ) -> Result<Inputs, BoxError> {
        with_ensemble(inputs, self.ensemble.as_ref(), config)
    }
}

/// What looks at images.
struct Networks {
    model: Handle<TrainedUnet>,
    ensemble: Option<Handle<Ensemble>>,
}

impl Networks {
    fn new(p: &Pipeline, model: &Handle<TrainedUnet>, setup: &Setup<'_>) -> Self {
        let several = !setup.config.inference.ensemble.is_empty();
        Self {
            model: model.clone(),
            ensemble: several.then(|| p.input("ensemble")),
        }
    }

    /// The networks at work on images; `prefix` stands before the names of the steps.
    fn look(
        &self,
        p: &Pipeline,
        prefix: &str,
        images: &Handle<Items<TileImage>>,
        setup: &Setup<'_>,
    ) -> Handle<Items<ProbabilityMap>> {
        let (name, device) = (format!("{prefix}probabilities"), setup.device.clone());
        let config = setup.config;
        let look = setup.name.look(&config.inference, config.training.loader);
        let precision = config.inference.precision;
        let probabilities = match &self.ensemble {
            None => {
                let network = PredictProbabilities {
                    look,
                    precision,
                    device,
                };
                p.each(&name, network, (whole(&self.model), images))
            }
            Some(ensemble) => {
                let networks = PredictTogether {
                    look,
                    precision,
                    aggregate: config.inference.ensemble_aggregate,
                    device,
                };
                let fed = (whole(&self.model), whole(ensemble), images);
                p.each(&name, networks, fed)
            }
        };
        let probabilities = lenient(probabilities.keep_output(), setup.strict);
        let Some(options) = config.postprocess.crf else {
            return probabilities;
        };
        let name = format!("{prefix}refined");
        let refined = p.each(
            &name,
            RefineProbabilities { options },
            (&probabilities, images),
        );
        lenient(refined.keep_output(), setup.strict)
    }
}

fn with_ensemble(
    inputs: Inputs,
    ensemble: Option<&Handle<Ensemble>>,
    config: &SolutionConfig,
) -> Result<Inputs, BoxError> {
    Ok(match ensemble {
        Some(handle) => inputs.with(handle, Ensemble::read(&config.inference.ensemble)?),
        None => inputs,
    })
}

/// The second level, learnt from annotated images.
fn fit_scoring(
    p: &Pipeline,
    candidates: &Handle<Items<TileCandidates>>,
    buildings: &Handle<Items<TileBuildings>>,
    setup: &Setup<'_>,
) -> Handle<SecondLevel> {
    let options = setup.config.scoring.clone();
    p.fit(
        SCORING_STEP,
        FitSecondLevel { options },
        (candidates, buildings),
    )
}

fn find_candidates(
    p: &Pipeline,
    step: &str,
    probabilities: &Handle<Items<ProbabilityMap>>,
    setup: &Setup<'_>,
) -> Handle<Items<TileCandidates>> {
    let candidates = FindCandidates {
        postprocess: setup.config.postprocess.clone(),
        scoring: setup.config.scoring.clone(),
    };
    lenient(p.each(step, candidates, probabilities), setup.strict)
}

/// The best candidates by the second level's scores.
fn choose(
    p: &Pipeline,
    second_level: &Handle<SecondLevel>,
    candidates: &Handle<Items<TileCandidates>>,
    setup: &Setup<'_>,
) -> Handle<Items<TileObjects>> {
    let options = setup.config.scoring.clone();
    let choose = ChooseCandidates { options };
    let objects = p.each("objects", choose, (whole(second_level), candidates));
    lenient(objects, setup.strict)
}

/// From probabilities to buildings without a second level.
fn find_buildings(
    p: &Pipeline,
    probabilities: &Handle<Items<ProbabilityMap>>,
    setup: &Setup<'_>,
) -> Handle<Items<TileObjects>> {
    let options = setup.config.postprocess.clone();
    let objects = p.each("objects", FindObjects { options }, probabilities);
    lenient(objects, setup.strict)
}

/// One bad tile does not stop the others, unless asked to.
fn lenient<T>(items: Handle<Items<T>>, strict: bool) -> Handle<Items<T>> {
    if strict { items } else { items.skip_failures() }
}
