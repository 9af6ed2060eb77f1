//! What every command on a solution needs: configuration, data, store, runner.

use crate::args::{DeviceName, PipelineChoice, PrecisionName, RunArgs};
use crate::commands::WrongUsage;
use crate::commands::score::strictness;
use crate::environment::run_reports;
use crate::interrupt::cancel_on_signals;
use crate::output::report_problems;
use crate::progress::StepBars;
use anyhow::{Context, Result, anyhow};
use footpath_mapping::dataset::{Categories, Dataset, Split};
use footpath_mapping::inference::WeightPrecision;
use footpath_mapping::solution::{
    Imagery, PipelineKind, PipelineName, Ranks, RunReports, Setup, SolutionConfig, TrainOptions,
    TrainingGraph, stages,
};
use footpath_steps::{CancelToken, Inputs, Runner, Store};
use footpath_vision::device::Device;
use std::path::PathBuf;

/// A solution, ready to run.
pub(crate) struct Session {
    pub(crate) config: SolutionConfig,
    pub(crate) strict: bool,
    pub(crate) device: Device,
    pub(crate) store: Store,
    pub(crate) bars: StepBars,
    pub(crate) cancel: CancelToken,
    /// How the ranks of a training come to be.
    pub(crate) ranks: Ranks,
    /// The device of each rank that is a thread of this process.
    pub(crate) devices: Vec<Device>,
    /// Starts an interrupted training anew.
    pub(crate) restart: bool,
    /// Says nothing about the data: another process does.
    pub(crate) quiet: bool,
    device_name: DeviceName,
}

impl Session {
    /// Reads the configuration and opens the store.
    pub(crate) fn open(args: &RunArgs) -> Result<Self> {
        let mut config =
            SolutionConfig::load(args.source.config.as_deref(), &args.source.overrides)?;
        match args.precision {
            Some(PrecisionName::F32) => config.inference.precision = WeightPrecision::F32,
            Some(PrecisionName::Bf16) => config.inference.precision = WeightPrecision::Bf16,
            None => {}
        }
        Self::of(config, args.strict, args.device)
    }

    /// A session of a configuration already read.
    pub(crate) fn of(config: SolutionConfig, strict: bool, device: DeviceName) -> Result<Self> {
        let store = Store::open(&config.work).with_context(|| {
            format!(
                "cannot open the store {} (key `work`; --set work=DIR puts it elsewhere)",
                config.work.display()
            )
        })?;
        let mut session = Self {
            config,
            strict,
            device: device.open(0),
            store,
            bars: StepBars::default(),
            cancel: cancel_on_signals(),
            ranks: Ranks::default(),
            devices: Vec::new(),
            restart: false,
            quiet: false,
            device_name: device,
        };
        session.train_on(session.config.training.ranks);
        Ok(session)
    }

    /// Trains on so many devices, each a thread of this process.
    pub(crate) fn train_on(&mut self, ranks: usize) {
        self.config.training.ranks = ranks;
        self.devices = (0..ranks).map(|rank| self.device_name.open(rank)).collect();
    }

    /// Takes the device of this number, where there are several, for this process.
    #[cfg(feature = "mpi")]
    pub(crate) fn take_device(&mut self, index: usize) {
        self.device = self.device_name.open(index);
        self.devices.clear();
    }

    /// A session of another configuration on the same store.
    pub(crate) fn reconfigured(&self, config: SolutionConfig) -> Self {
        Self {
            config,
            strict: self.strict,
            device: self.device.clone(),
            store: self.store.clone(),
            bars: self.bars.clone(),
            cancel: self.cancel.clone(),
            ranks: self.ranks.clone(),
            devices: self.devices.clone(),
            restart: self.restart,
            quiet: self.quiet,
            device_name: self.device_name,
        }
    }

    /// Refuses a configuration that a pipeline cannot follow, before anything is trained.
    pub(crate) fn check(&self, name: PipelineName) -> Result<()> {
        name.check(&self.config)
            .map_err(|cause| WrongUsage(cause.to_string()).into())
    }

    /// The tiles of a split, problems told.
    pub(crate) fn read(&self, split: Split) -> Result<Imagery> {
        let config = &self.config;
        if config.data.is_empty() {
            let hint = "no data set is named: write `data: DIR` into the configuration, or give \
                        --set data=DIR (DIR/{train,val}/images/* and annotation.json)";
            return Err(WrongUsage(hint.to_owned()).into());
        }
        let strictness = strictness(self.strict);
        let categories = Categories {
            building: config.building_category,
            further: config.categories.clone(),
        };
        let (dataset, report) =
            Dataset::read_categories(&config.data, split, &categories, strictness)
                .with_context(|| format!("cannot use the {} tiles", split.folder()))?;
        if !self.quiet {
            report_problems(&report);
        }
        Imagery::of_dataset(&dataset, &self.store).map_err(|cause| anyhow!(cause))
    }

    /// What a run's folder holds besides numbers.
    pub(crate) fn reports(&self) -> Option<RunReports> {
        run_reports(&self.config, self.device_name)
    }

    /// What the graphs are built from; `watched` shows how training goes.
    pub(crate) fn setup(&self, name: PipelineName, watched: bool) -> Setup<'_> {
        Setup {
            name,
            config: &self.config,
            device: self.device.clone(),
            strict: self.strict,
            training: TrainOptions {
                observer: watched.then(|| self.bars.training()),
                devices: self.devices.clone(),
                ranks: self.ranks.clone(),
                restart: self.restart,
                reports: self.reports(),
            },
        }
    }

    /// The graph of a pipeline with its inputs.
    pub(crate) fn training_graph(
        &self,
        setup: &Setup<'_>,
    ) -> Result<(TrainingGraph, Inputs, TrainingData)> {
        let data = self.training_data()?;
        let (graph, inputs) = self.graph_of(setup, &data)?;
        Ok((graph, inputs, data))
    }

    /// The tiles of both splits, problems told.
    pub(crate) fn training_data(&self) -> Result<TrainingData> {
        Ok(TrainingData {
            train: self.read(Split::Train)?,
            val: self.read(Split::Val)?,
        })
    }

    /// The graph of a pipeline with its inputs, of tiles that were read.
    pub(crate) fn graph_of(
        &self,
        setup: &Setup<'_>,
        data: &TrainingData,
    ) -> Result<(TrainingGraph, Inputs)> {
        self.check(setup.name)?;
        let graph = TrainingGraph::new(setup);
        let inputs = graph
            .inputs(&self.config, &data.train, &data.val)
            .map_err(|cause| anyhow!(cause))?;
        Ok((graph, inputs))
    }

    /// Where the trainings of a pipeline, stage by stage, leave what there is to read of them. They
    /// need not be there.
    pub(crate) fn training_folders(
        &self,
        name: PipelineName,
        data: &TrainingData,
    ) -> Result<Vec<PathBuf>> {
        let setup = self.setup(name, false);
        let Some(reports) = &setup.training.reports else {
            return Ok(Vec::new());
        };
        let (graph, inputs) = self.graph_of(&setup, data)?;
        let plan = graph.pipeline.plan(&graph.model, inputs, &self.store)?;
        let stages = stages(&self.config.training)?;
        let steps = stages.iter().filter_map(|stage| plan.step(&stage.step));
        Ok(steps
            .map(|step| reports.folder(&step.name, &step.key))
            .collect())
    }

    /// A runner that shows its progress and stops at Ctrl-C.
    pub(crate) fn runner(&self) -> Runner<'_> {
        let bars = self.bars.clone();
        Runner::new(&self.store)
            .cancel_with(&self.cancel)
            .observe(move |event| bars.show(event))
    }
}

/// The tiles of both splits.
pub(crate) struct TrainingData {
    pub(crate) train: Imagery,
    pub(crate) val: Imagery,
}

impl DeviceName {
    /// The device of this number, from 0, where there are several of the kind.
    #[cfg_attr(
        not(any(feature = "cuda", feature = "rocm")),
        expect(unused_variables, reason = "there is one processor")
    )]
    fn open(self, index: usize) -> Device {
        match self {
            Self::Cpu => footpath_vision::device::cpu(),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::cuda(index),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Device::vulkan(Default::default()),
            #[cfg(feature = "rocm")]
            Self::Rocm => Device::rocm(index),
            #[cfg(feature = "metal")]
            Self::Metal => Device::metal(Default::default()),
        }
    }
}

impl From<PipelineChoice> for PipelineName {
    fn from(choice: PipelineChoice) -> Self {
        use PipelineKind::{Unet, UnetPadded, UnetTta, UnetWeighted};
        let (kind, scoring) = match choice {
            PipelineChoice::Unet => (Unet, false),
            PipelineChoice::UnetWeighted => (UnetWeighted, false),
            PipelineChoice::UnetPadded => (UnetPadded, false),
            PipelineChoice::UnetTta => (UnetTta, false),
            PipelineChoice::UnetScoringModel => (Unet, true),
            PipelineChoice::UnetWeightedScoringModel => (UnetWeighted, true),
            PipelineChoice::UnetPaddedScoringModel => (UnetPadded, true),
            PipelineChoice::UnetTtaScoringModel => (UnetTta, true),
        };
        Self { kind, scoring }
    }
}
