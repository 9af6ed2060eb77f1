//! The commands and their options.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// One command. Embed it in a program's own clap parser as a subcommand.
#[derive(Debug, Clone, Subcommand)]
#[command(about = "Run a pipeline, tell what a run does and why, and look after its store", long_about = None)]
pub enum Command {
    /// Run the pipeline and tell what happened to each step
    Run {
        /// Threads for steps and items together [default: one for each core]
        #[arg(long)]
        threads: Option<usize>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Draw the pipeline, with what a run would do
    Graph {
        /// The format
        #[arg(long, value_enum, default_value_t = Format::Mermaid)]
        format: Format,
        /// The file to write [default: standard output]
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Leave out what a run would do; no input is looked at
        #[arg(long)]
        bare: bool,
    },
    /// Tell what a run would do
    Plan {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell why each step would hit or be computed
    Explain {
        /// Only this step
        step: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// List kept outputs, the newest first
    Ls {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of a kept output
    Show {
        /// A step's name, or the start of a key
        what: String,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what no remembered run can reach
    Gc {
        /// Only tell what would be removed
        #[arg(long)]
        dry_run: bool,
        /// Keep the outputs of this many of each pipeline's newest runs
        #[arg(long, default_value_t = 1)]
        keep_runs: usize,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Read every object and remove those that are damaged
    Verify {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the pipeline's newest kept outputs and models to one file
    Export {
        /// The file
        file: PathBuf,
    },
    /// Add what `export` wrote
    Import {
        /// The file
        file: PathBuf,
    },
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Mermaid, for Markdown
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture
    Svg,
    /// The structure
    Json,
}

#[derive(Parser)]
pub(super) struct Arguments {
    /// The store's folder
    #[arg(long, global = true)]
    pub(super) store: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}
