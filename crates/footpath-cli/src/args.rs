//! The command line: what each command takes, and the words that `--help` prints.

use crate::commands::runs::RunsArgs;
use crate::commands::serve::{ServeArgs, UiArgs};
use crate::tracking::TrackArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use footpath_vision::lr_range::LrRangeConfig;
use std::path::PathBuf;

/// Aerial images into building footprints, through experiments that can be retraced.
///
/// Results go to stdout, talk to stderr (`RUST_LOG=footpath=debug` for more of it).
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (what was finished is kept).
#[derive(Debug, Parser)]
#[command(name = "footpath", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Threads to compute with [default: all cores]. Results do not depend on it.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole journey in one go: make a synthetic suburb, train on it, evaluate, predict
    Demo(DemoArgs),
    /// Make a synthetic aerial suburb with exact annotations
    Synth(SynthArgs),
    /// Compute the training targets: masks, distances, sizes
    Prepare(PrepareArgs),
    /// Train a pipeline's network
    Train(TrainArgs),
    /// Try rising learning rates, to find one to train with
    LrRange(LrRangeArgs),
    /// Evaluate a pipeline on the validation tiles (trains it first where that was not done)
    Evaluate(EvaluateArgs),
    /// Measure what settings do: run variants of a configuration and compare them with it
    Ablate(AblateArgs),
    /// Find the buildings in a folder of images
    Predict(PredictArgs),
    /// Score a results file against a ground truth (COCO AP and AR)
    Score(ScoreArgs),
    /// Look into a pipeline and what is kept of it
    Steps(StepsArgs),
    /// Show the configuration
    Config(ConfigArgs),
    /// Look at tracked runs: list, compare, export, import, clean up
    Runs(RunsArgs),
    /// Look at the runs of this machine in the browser
    Ui(UiArgs),
    /// Serve the tracker to a team, and to MLflow clients
    Serve(ServeArgs),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigSource {
    /// The solution's configuration (YAML)
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// Override one key, e.g. --set training.epochs=3 (may be repeated; the value is YAML)
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub(crate) overrides: Vec<String>,
}

/// Options of every command that runs a pipeline.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) source: ConfigSource,

    /// Stop at the first bad image or record instead of leaving it out
    #[arg(long)]
    pub(crate) strict: bool,

    /// Where networks run
    #[arg(long, value_enum, default_value_t = DeviceName::Cpu)]
    pub(crate) device: DeviceName,

    /// How precisely a trained network multiplies [default: inference.precision, which is f32]
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionName>,
}

/// The precisions of inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    /// Single precision
    F32,
    /// bfloat16, on processors with AVX-512 BF16
    Bf16,
}

/// The devices that this binary was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceName {
    /// The processor
    Cpu,
    /// An NVIDIA card
    #[cfg(feature = "cuda")]
    Cuda,
    /// A card through Vulkan
    #[cfg(feature = "vulkan")]
    Vulkan,
    /// An AMD card
    #[cfg(feature = "rocm")]
    Rocm,
    /// An Apple card
    #[cfg(feature = "metal")]
    Metal,
}

/// The pipelines of the solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum PipelineChoice {
    /// U-Net with plain cross entropy and dice
    Unet,
    /// U-Net whose cross entropy weighs pixels by distance to and size of buildings
    UnetWeighted,
    /// The weighted U-Net on images that are padded instead of resized
    UnetPadded,
    /// The weighted U-Net with test-time augmentation
    UnetTta,
    /// `unet`, whose buildings a second-level model scores
    UnetScoringModel,
    /// `unet_weighted`, whose buildings a second-level model scores (short: `scoring_model`)
    #[value(alias = "scoring_model")]
    UnetWeightedScoringModel,
    /// `unet_padded`, whose buildings a second-level model scores
    UnetPaddedScoringModel,
    /// `unet_tta`, whose buildings a second-level model scores
    UnetTtaScoringModel,
}

/// `footpath demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where everything is written
    #[arg(long, value_name = "DIR", default_value = "footpath-demo")]
    pub(crate) out: PathBuf,

    /// Override one key of the demo's configuration (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Training tiles to make
    #[arg(long, default_value_t = 720, value_name = "N")]
    pub(crate) train: usize,

    /// Validation tiles to make
    #[arg(long, default_value_t = 56, value_name = "N")]
    pub(crate) val: usize,
}

/// `footpath synth`
#[derive(Debug, Args)]
pub(crate) struct SynthArgs {
    /// Where the data set is written (CrowdAI layout)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Training tiles
    #[arg(long, value_name = "N", default_value_t = 240)]
    pub(crate) train: usize,

    /// Validation tiles
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) val: usize,

    /// Side of a tile, px of 0.3 m
    #[arg(long, value_name = "PX", default_value_t = 300)]
    pub(crate) size: u32,

    /// The same seed makes the same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Replace what is in DIR
    #[arg(long)]
    pub(crate) force: bool,

    /// Print a JSON summary to stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `footpath prepare`
#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// Also write each tile's mask (PNG), distances and sizes (16-bit PNG) here, to look at
    #[arg(long, value_name = "DIR")]
    pub(crate) export: Option<PathBuf>,

    /// Print a JSON summary to stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `footpath train`
///
/// A training that was interrupted or killed goes on where it was, to the same bytes. Under
/// `mpirun` the processes train together (feature `mpi`).
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    #[command(flatten)]
    pub(crate) track: TrackArgs,

    /// Start an interrupted training anew (stages that are done stay done)
    #[arg(long)]
    pub(crate) restart: bool,

    /// Devices that train together, each on `training.batch_size` tiles of every batch, which so
    /// grows with them; short for --set training.ranks=N
    #[arg(long, value_name = "N")]
    pub(crate) devices: Option<usize>,

    /// The pipeline whose network is trained
    #[arg(long, value_enum)]
    pub(crate) pipeline: PipelineChoice,

    /// Where the best network is copied when training ends (safetensors)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Also write the second level that LightGBM learnt (scoring.learner.kind: lightgbm) as its
    /// model text, which LightGBM in any language reads
    #[arg(long, value_name = "FILE")]
    pub(crate) second_level: Option<PathBuf>,

    /// Print events as JSON lines to stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `footpath lr-range`
#[derive(Debug, Args)]
pub(crate) struct LrRangeArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// The pipeline whose network is tried (its first stage, on one device)
    #[arg(long, value_enum, default_value_t = PipelineChoice::UnetWeighted)]
    pub(crate) pipeline: PipelineChoice,

    /// The first rate
    #[arg(long, value_name = "RATE", default_value_t = LrRangeConfig::default().lowest)]
    pub(crate) lowest: f64,

    /// The last rate
    #[arg(long, value_name = "RATE", default_value_t = LrRangeConfig::default().highest)]
    pub(crate) highest: f64,

    /// Steps from the one to the other
    #[arg(long, value_name = "N", default_value_t = LrRangeConfig::default().steps)]
    pub(crate) steps: usize,

    /// End when the smoothed loss is so many times its lowest
    #[arg(long, value_name = "FACTOR", default_value_t = LrRangeConfig::default().stop_at)]
    pub(crate) stop_at: f64,

    /// The plot to write
    #[arg(short, long, value_name = "FILE.svg", default_value = "lr-range.svg")]
    pub(crate) out: PathBuf,

    /// Write the losses as JSON to OUT, or to stdout without OUT
    #[arg(long, value_name = "OUT", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}

/// `footpath evaluate`
#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    #[command(flatten)]
    pub(crate) track: TrackArgs,

    /// The pipeline to evaluate
    #[arg(long, value_enum)]
    pub(crate) pipeline: PipelineChoice,

    /// Use this network (safetensors) instead of the one that the configuration trained
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,

    /// Also write the predictions (challenge results JSON)
    #[arg(long, value_name = "FILE")]
    pub(crate) predictions: Option<PathBuf>,

    /// Write the metrics as JSON to OUT, or to stdout without OUT: flat keys, and `intervals` and
    /// `by_size`
    #[arg(long, value_name = "OUT", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,

    /// Also write a row for each tile (.csv or .json)
    #[arg(long, value_name = "FILE")]
    pub(crate) per_image: Option<PathBuf>,

    /// Also draw the N worst tiles into DIR, truth in cyan and predictions in orange
    #[arg(long, num_args = 2, value_names = ["N", "DIR"])]
    pub(crate) worst: Vec<String>,

    /// Samples of the tiles that the 95 % intervals come from; 0 for no intervals
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) samples: usize,
}

/// `footpath ablate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  footpath ablate -c town.yaml --over postprocess.threshold=0.3,0.4,0.6
      what is kept of the network is used: nothing is trained
  footpath ablate -c town.yaml --over training.loss.dice=0,1 --seeds 3 --out effects.csv
      trains 3 networks for the configuration and 3 for each value")]
pub(crate) struct AblateArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    #[command(flatten)]
    pub(crate) track: TrackArgs,

    /// The pipeline
    #[arg(long, value_enum, default_value_t = PipelineChoice::UnetWeighted)]
    pub(crate) pipeline: PipelineChoice,

    /// A key and values to try instead of the configuration's; of several keys, every combination
    #[arg(long, value_name = "KEY=V1,V2,…", required = true)]
    pub(crate) over: Vec<String>,

    /// Try the values of several keys one at a time instead of every combination
    #[arg(long)]
    pub(crate) one_at_a_time: bool,

    /// Train each configuration so many times, from training.seed on
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seeds: u64,

    /// Samples of tiles and seeds that the 95 % intervals come from
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) samples: usize,

    /// Print the effects as JSON to stdout
    #[arg(long)]
    pub(crate) json: bool,

    /// Also write the effects (.md, .csv or .json)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `footpath predict`
#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    #[command(flatten)]
    pub(crate) track: TrackArgs,

    /// The pipeline to predict with
    #[arg(long, value_enum)]
    pub(crate) pipeline: PipelineChoice,

    /// A folder of images (PNG, JPEG, TIFF)
    #[arg(value_name = "IMAGES_DIR")]
    pub(crate) images: PathBuf,

    /// The challenge results JSON to write
    #[arg(short, long, value_name = "OUT.json")]
    pub(crate) out: PathBuf,

    /// Also draw the outlines on the images, into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) overlays: Option<PathBuf>,

    /// Use this network (safetensors) instead of the one that the configuration trained
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,

    /// Print a JSON summary to stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// `footpath score`
#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// The ground truth (COCO annotations)
    #[arg(value_name = "GT.json")]
    pub(crate) truth: PathBuf,

    /// The results (challenge results JSON); a record that has the `file_name` of an image of the
    /// ground truth is of that image, whatever its `image_id`
    #[arg(value_name = "PRED.json")]
    pub(crate) predictions: PathBuf,

    /// Stop at the first bad record instead of leaving it out
    #[arg(long)]
    pub(crate) strict: bool,

    /// Write the metrics as flat JSON to OUT, or to stdout without OUT
    #[arg(long, value_name = "OUT", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}

/// `footpath steps`
#[derive(Debug, Args)]
pub(crate) struct StepsArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// The pipeline to look into
    #[arg(long, value_enum, default_value_t = PipelineChoice::UnetWeighted, global = true)]
    pub(crate) pipeline: PipelineChoice,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: footpath_steps::cli::Command,
}

/// `footpath config`
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// What to do with the configuration.
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// `footpath config …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print it resolved: defaults, file and overrides together
    Show {
        #[command(flatten)]
        source: ConfigSource,
        /// As JSON instead of YAML
        #[arg(long)]
        json: bool,
    },
}
