//! `footpath runs diff`

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use footpath_track::access::{Access, find_run};
use footpath_track::compare::{Comparison, Side, compare};

use super::rows::{Table, number, plain};
use crate::output::result_line;

/// So many characters of a value are shown.
const SHOWN: usize = 60;

/// `footpath runs diff`
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The run to compare with: its id, the beginning or end of its id, or its name
    #[arg(value_name = "LEFT")]
    left: String,

    /// The run to compare
    #[arg(value_name = "RIGHT")]
    right: String,

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(access: &dyn Access, args: &DiffArgs) -> Result<()> {
    let side = |name: &str| -> Result<Side> {
        let run = find_run(access, name)?;
        Ok(Side::read(access, run)?)
    };
    let (left, right) = (side(&args.left)?, side(&args.right)?);
    let found = compare(&left, &right);
    if args.json {
        return result_line(&serde_json::to_string_pretty(&found)?);
    }
    let mut text = format!(
        "{} {}\n{} {}\n",
        left.run.info.id,
        plain(&left.run.info.name),
        right.run.info.id,
        plain(&right.run.info.name)
    );
    // Writing to a text does not fail.
    let _ = writeln!(text, "\n{}", verdict(&found));
    for cause in &found.causes {
        let head = [
            cause.kind.name().to_uppercase(),
            "LEFT".into(),
            "RIGHT".into(),
            String::new(),
        ];
        let mut table = Table::new(head.map(|name| (name, false)));
        for difference in &cause.differences {
            table.row(vec![
                plain(&difference.name),
                value(difference.left.as_deref()),
                value(difference.right.as_deref()),
                plain(difference.note.as_deref().unwrap_or_default()),
            ]);
        }
        let _ = writeln!(text, "\n{}", table.text());
    }
    if !found.results.is_empty() {
        let head = [
            ("RESULTS (BEST)", false),
            ("LEFT", true),
            ("RIGHT", true),
            ("CHANGE", true),
            ("", false),
        ];
        let mut table = Table::new(head.map(|(name, right)| (name.to_owned(), right)));
        for result in &found.results {
            let told = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
            let change = result.difference.map_or_else(String::new, |change| {
                let sign = if change > 0.0 { "+" } else { "" };
                format!("{sign}{}", number(change))
            });
            let word = match result.better {
                Some(true) => "better",
                Some(false) => "worse",
                None => "",
            };
            table.row(vec![
                plain(&result.metric),
                told(result.left),
                told(result.right),
                change,
                word.to_owned(),
            ]);
        }
        let _ = writeln!(text, "\n{}", table.text());
    }
    result_line(text.trim_end())
}

/// What is most likely to make the difference, in a sentence.
fn verdict(found: &Comparison) -> String {
    if found.causes.is_empty() {
        return "Nothing that is known of them differs: what differs in the results is chance, or was not told."
            .to_owned();
    }
    if found.only_seeds {
        return "Only seeds differ: the results differ by chance.".to_owned();
    }
    let names: Vec<&str> = found.causes.iter().map(|cause| cause.kind.name()).collect();
    let mut told = format!(
        "What differs, the likeliest cause first: {}.",
        names.join(", ")
    );
    if let [step] = &found.first_steps[..] {
        // Writing to a text does not fail.
        let _ = write!(told, " The pipelines part at `{}`.", plain(step));
    }
    told
}

fn value(text: Option<&str>) -> String {
    let Some(text) = text else {
        return "–".to_owned();
    };
    let text = plain(text);
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}
