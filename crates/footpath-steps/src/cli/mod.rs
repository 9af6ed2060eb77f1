//! The `steps` command line over any pipeline (feature `cli`).
//!
//! A program gives its pipeline, the outputs it is for and the inputs of a run,
//! and has `run`, `graph`, `plan`, `explain`, `ls`, `show`, `gc`, `verify`,
//! `export` and `import`:
//!
//! ```no_run
//! use footpath_steps::cli::App;
//! use footpath_steps::{Inputs, Pipeline, Version};
//!
//! fn main() -> std::process::ExitCode {
//!     let p = Pipeline::new("hello");
//!     let name = p.input::<String>("name");
//!     let greeting = p.map("greet", Version(1), &name, |name| format!("Hello, {name}!"));
//!     App::new(&p, &greeting, move || Ok(Inputs::new().with(&name, "world".to_owned()))).main()
//! }
//! ```

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::error::{BoxError, Error};
use crate::explain::Plan;
use crate::graph::NodeRef;
use crate::inputs::Inputs;
use crate::pipeline::Pipeline;
use crate::run::Runner;
use crate::store::disk::at;
use crate::store::{GcOptions, Store};
use crate::text::bytes_text;
use crate::wires::Targets;

mod answer;
mod arguments;
mod error;

use answer::{list, show, write_or_json, write_table};
use arguments::Arguments;
pub use arguments::{Command, Format};
pub use error::CliError;

/// A pipeline with what the command line needs to know of it.
pub struct App {
    pipeline: Pipeline,
    targets: Vec<NodeRef>,
    inputs: Box<dyn Fn() -> Result<Inputs, BoxError>>,
    store: PathBuf,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("pipeline", &self.pipeline)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl App {
    /// The command line of `pipeline`: it runs for `targets`, with the inputs that `inputs` makes.
    pub fn new(
        pipeline: &Pipeline,
        targets: impl Targets,
        inputs: impl Fn() -> Result<Inputs, BoxError> + 'static,
    ) -> Self {
        let mut nodes = Vec::new();
        targets.nodes(&mut nodes);
        Self {
            pipeline: pipeline.clone(),
            targets: nodes,
            inputs: Box::new(inputs),
            store: ".footpath".into(),
        }
    }

    /// The store's folder, unless `--store` names another; `.footpath` by default.
    #[must_use]
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store = folder.into();
        self
    }

    /// Reads the program's arguments and does what they say: the whole of a `main` function.
    ///
    /// Exit codes: 0 done, 1 failed, 2 wrong usage.
    #[must_use]
    pub fn main(mut self) -> ExitCode {
        let arguments = match Arguments::try_parse() {
            Ok(arguments) => arguments,
            Err(error) => {
                let usage = error.use_stderr();
                // Nothing is left to be told when even that cannot be printed.
                let _ = error.print();
                return ExitCode::from(if usage { 2 } else { 0 });
            }
        };
        self.store = arguments.store.unwrap_or(self.store);
        match self.run(&arguments.command, &mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever read the output has seen enough.
            Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    /// Does one command and writes its answer to `out`.
    ///
    /// # Errors
    /// See [`CliError`].
    pub fn run(&self, command: &Command, out: &mut dyn Write) -> Result<(), CliError> {
        let store = || Store::open(&self.store);
        match command {
            Command::Run { threads, json } => self.run_pipeline(*threads, *json, out),
            Command::Graph {
                format,
                output,
                bare,
            } => {
                let mut diagram = self.pipeline.diagram()?;
                if !bare {
                    diagram = diagram.with_plan(&self.plan()?);
                }
                let text = match format {
                    Format::Mermaid => diagram.mermaid(),
                    Format::Dot => diagram.dot(),
                    Format::Svg => diagram.svg(),
                    Format::Json => serde_json::to_string_pretty(&diagram)? + "\n",
                };
                match output {
                    Some(file) => std::fs::write(file, text).map_err(at("write", file))?,
                    None => out.write_all(text.as_bytes())?,
                }
                Ok(())
            }
            Command::Plan { json } => write_or_json(&self.plan()?, *json, out, |plan, out| {
                let rows: Vec<_> = plan
                    .steps
                    .iter()
                    .map(|step| {
                        vec![
                            step.name.clone(),
                            step.action.to_string(),
                            step.bytes.map(bytes_text).unwrap_or_default(),
                        ]
                    })
                    .collect();
                write_table(out, &["step", "plan", "size"], &rows)
            }),
            Command::Explain { step, json } => self.explain(step.as_deref(), *json, out),
            Command::Ls { json } => {
                write_or_json(&store()?.kept()?, *json, out, |kept, out| list(kept, out))
            }
            Command::Show { what, json } => {
                let kept = store()?.find_kept(what)?;
                let newest = kept
                    .first()
                    .ok_or_else(|| CliError::NothingKept(what.clone()))?;
                write_or_json(newest, *json, out, show)
            }
            Command::Gc {
                dry_run,
                keep_runs,
                json,
            } => {
                let report = store()?.gc(GcOptions {
                    dry_run: *dry_run,
                    keep_runs: *keep_runs,
                })?;
                write_or_json(&report, *json, out, |report, out| {
                    let (verb, freed) = if *dry_run {
                        ("would remove", "would free")
                    } else {
                        ("removed", "freed")
                    };
                    writeln!(
                        out,
                        "{verb} {} outputs and {} objects, {freed} {}; {} stay",
                        report.outputs,
                        report.objects,
                        bytes_text(report.bytes_freed),
                        bytes_text(report.bytes_kept)
                    )
                })
            }
            Command::Verify { json } => {
                let found = store()?.verify()?;
                write_or_json(&found, *json, out, |found, out| {
                    writeln!(
                        out,
                        "{} objects, {} verified",
                        found.objects,
                        bytes_text(found.bytes)
                    )?;
                    for (step, key) in &found.incomplete {
                        writeln!(
                            out,
                            "step `{step}` ({}) misses objects; it will be computed again",
                            key.short()
                        )?;
                    }
                    Ok(())
                })?;
                if found.damaged.is_empty() {
                    Ok(())
                } else {
                    Err(CliError::Damaged(found.damaged.len()))
                }
            }
            Command::Export { file } => {
                let done = store()?.export(self.pipeline.name(), file)?;
                writeln!(
                    out,
                    "exported {} steps, {}",
                    done.steps.len(),
                    bytes_text(done.bytes)
                )?;
                Ok(())
            }
            Command::Import { file } => {
                let done = store()?.import(file)?;
                writeln!(
                    out,
                    "imported {} steps of `{}`, {}",
                    done.steps.len(),
                    done.pipeline,
                    bytes_text(done.bytes)
                )?;
                Ok(())
            }
        }
    }

    fn plan(&self) -> Result<Plan, CliError> {
        let inputs = (self.inputs)().map_err(CliError::Inputs)?;
        Ok(self
            .pipeline
            .plan_nodes(&self.targets, inputs, &Store::open(&self.store)?)?)
    }

    fn run_pipeline(
        &self,
        threads: Option<usize>,
        json: bool,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let inputs = (self.inputs)().map_err(CliError::Inputs)?;
        let store = Store::open(&self.store)?;
        let mut runner = Runner::new(&store);
        if let Some(threads) = threads {
            runner = runner.threads(threads);
        }
        let (_, report) = runner.run_nodes(&self.pipeline, &self.targets, inputs)?;
        write_or_json(&report, json, out, |report, out| write!(out, "{report}"))
    }

    fn explain(&self, step: Option<&str>, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
        let mut plan = self.plan()?;
        if let Some(name) = step {
            plan.steps.retain(|step| step.name == name);
            if plan.steps.is_empty() {
                let nodes = self.pipeline.graph().nodes().map_err(Error::from)?;
                return Err(self.pipeline.unknown_step(name, &nodes).into());
            }
        }
        write_or_json(&plan, json, out, |plan, out| write!(out, "{plan}"))
    }
}
