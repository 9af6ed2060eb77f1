//! `footpath ablate`

use crate::args::AblateArgs;
use crate::commands::WrongUsage;
use crate::output::{result_line, say, write_file, write_json};
use crate::session::Session;
use crate::tracking::{Tracked, tracked};
use anyhow::{Context, Result, anyhow};
use footpath_mapping::ablation::{Ablation, Axis, Row, SeedRun, Variant, effects, variants};
use footpath_mapping::config::ConfigError;
use footpath_mapping::evaluation::{Bootstrap, MEASURES, Outcomes};
use footpath_mapping::solution::{PipelineName, SolutionConfig, measured};
use std::path::Path;

pub(crate) fn run(args: &AblateArgs) -> Result<()> {
    if let Some(out) = &args.out {
        check_extension(out)?;
    }
    if args.seeds == 0 {
        return Err(
            WrongUsage("--seeds 0: each configuration runs at least once".to_owned()).into(),
        );
    }
    let name: PipelineName = args.pipeline.into();
    let axes = args
        .over
        .iter()
        .map(|text| text.parse::<Axis>())
        .collect::<Result<Vec<Axis>, _>>()
        .map_err(|cause| WrongUsage(cause.to_string()))?;
    let variants = variants(&axes, args.one_at_a_time);
    let session = Session::open(&args.run)?;
    let plan = Plan::new(args, &session, &variants, name)?;
    let command = ("ablate", name.as_str());
    tracked(&args.track, &session, command, None, |run| {
        compare(args, &session, &variants, &plan, run)
    })
}

/// Runs every variant and tells what it does.
fn compare(
    args: &AblateArgs,
    session: &Session,
    variants: &[Variant],
    plan: &Plan,
    tracked: &Tracked,
) -> Result<()> {
    let name: PipelineName = args.pipeline.into();
    let base = plan.run(session, name, None)?;
    let bootstrap = Bootstrap {
        samples: args.samples,
        ..Bootstrap::default()
    };
    let mut rows = Vec::new();
    for (i, variant) in variants.iter().enumerate() {
        let found = plan.run(session, name, Some(i))?;
        let effects = effects(&base, &found, &bootstrap).with_context(|| variant.label())?;
        rows.push(Row {
            overrides: variant.overrides.clone(),
            effects,
        });
    }
    let ablation = Ablation {
        pipeline: name.as_str().to_owned(),
        seeds: base.iter().map(|run| run.seed).collect(),
        images: base[0].outcomes.images().len(),
        samples: args.samples,
        base: means(&base),
        rows,
    };
    for (name, mean) in &ablation.base {
        tracked.number(&format!("base/{name}"), *mean);
    }
    tracked.json("ablation.json", &ablation);
    tracked.file(
        "ablation.md",
        format!("{}\n", ablation.to_markdown()).as_bytes(),
    );
    if let Some(out) = &args.out {
        match extension(out) {
            "csv" => write_file(out, ablation.to_csv().as_bytes())?,
            "md" => write_file(out, format!("{}\n", ablation.to_markdown()).as_bytes())?,
            _ => write_json(out, &ablation)?,
        }
    }
    if args.json {
        write_json(Path::new("-"), &ablation)
    } else {
        result_line(&ablation.to_markdown())
    }
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(std::ffi::OsStr::to_str)
        .unwrap_or("")
}

fn check_extension(out: &Path) -> Result<()> {
    match extension(out) {
        "md" | "csv" | "json" => Ok(()),
        _ => {
            let told = format!("--out {}: name a file .md, .csv or .json", out.display());
            Err(WrongUsage(told).into())
        }
    }
}

/// The base's metrics, means over the seeds.
fn means(runs: &[SeedRun]) -> std::collections::BTreeMap<&'static str, f64> {
    let measured = runs.iter().map(|run| {
        let once = vec![1; run.outcomes.images().len()];
        run.outcomes.measure(&once)
    });
    let measured: Vec<_> = measured.collect();
    let mean = |i: usize| {
        let sum: Option<f64> = measured.iter().map(|values| values[i]).sum();
        sum.map(|sum| sum / measured.len() as f64)
    };
    let named = MEASURES.into_iter().enumerate();
    named
        .filter_map(|(i, name)| Some((name, mean(i)?)))
        .collect()
}

/// Every configuration under every seed, read before anything runs.
struct Plan {
    seeds: Vec<u64>,
    /// The base's, then the variants', each under every seed.
    configs: Vec<(String, Vec<SolutionConfig>)>,
}

impl Plan {
    fn new(
        args: &AblateArgs,
        session: &Session,
        variants: &[Variant],
        name: PipelineName,
    ) -> Result<Self> {
        let first = session.config.training.seed;
        let seeds: Vec<u64> = (first..).take(args.seeds as usize).collect();
        let file = args.run.source.config.as_deref();
        let load = |changes: &[String]| {
            let configs = seeds.iter().map(|&seed| {
                let mut overrides = args.run.source.overrides.clone();
                overrides.extend_from_slice(changes);
                let mut config = SolutionConfig::load(file, &overrides)?;
                if seeds.len() > 1 || changes.iter().all(|c| !c.starts_with("training.seed=")) {
                    config.training.seed = seed;
                }
                Ok(config)
            });
            configs.collect::<Result<Vec<SolutionConfig>, ConfigError>>()
        };
        let mut configs = vec![("as configured".to_owned(), load(&[])?)];
        for variant in variants {
            let label = variant.label();
            let loaded = load(&variant.overrides).map_err(|cause| match cause {
                ConfigError::Refused { message } => ConfigError::Refused {
                    message: format!("--over {label}: {message}"),
                },
                other => other,
            })?;
            if loaded[0].work != session.config.work || loaded[0].data != session.config.data {
                let told = format!(
                    "--over {label}: `data` and `work` stay the same in an ablation, which compares on the \
                     same tiles"
                );
                return Err(WrongUsage(told).into());
            }
            session.reconfigured(loaded[0].clone()).check(name)?;
            configs.push((label, loaded));
        }
        Ok(Self { seeds, configs })
    }

    /// Runs the base, or the `variant`-th variant, under every seed.
    fn run(
        &self,
        session: &Session,
        name: PipelineName,
        variant: Option<usize>,
    ) -> Result<Vec<SeedRun>> {
        let place = variant.map_or(0, |variant| variant + 1);
        let (label, configs) = &self.configs[place];
        let mut runs = Vec::new();
        for (&seed, config) in self.seeds.iter().zip(configs) {
            say(&format!(
                "{} of {}: {label}, seed {seed}",
                place * self.seeds.len() + runs.len() + 1,
                self.configs.len() * self.seeds.len()
            ));
            let outcomes = outcomes(&session.reconfigured(config.clone()), name)
                .with_context(|| format!("cannot run `{label}` with seed {seed}"))?;
            runs.push(SeedRun { seed, outcomes });
        }
        Ok(runs)
    }
}

/// Trains and runs a pipeline as far as it is not kept, and gives what it found.
fn outcomes(session: &Session, name: PipelineName) -> Result<Outcomes> {
    let (graph, inputs, data) = session.training_graph(&session.setup(name, true))?;
    let run = session
        .runner()
        .run(&graph.pipeline, &graph.objects, inputs)?;
    let going_on = || Ok::<_, footpath_steps::BoxError>(());
    let (evaluator, predictions) =
        measured(&data.val.buildings, &run.output, going_on).map_err(|cause| anyhow!(cause))?;
    evaluator
        .outcomes(&predictions)
        .context("cannot measure what was found")
}
