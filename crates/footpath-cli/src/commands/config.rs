//! `footpath config show`

use crate::args::{ConfigArgs, ConfigCommand};
use crate::output::result_line;
use anyhow::{Context, Result};
use footpath_mapping::solution::SolutionConfig;

pub(crate) fn run(args: &ConfigArgs) -> Result<()> {
    let ConfigCommand::Show { source, json } = &args.command;
    let config = SolutionConfig::load(source.config.as_deref(), &source.overrides)?;
    let text = if *json {
        serde_json::to_string_pretty(&config).context("cannot write the configuration as JSON")?
    } else {
        serde_saphyr::to_string(&config).context("cannot write the configuration as YAML")?
    };
    result_line(text.trim_end())
}
