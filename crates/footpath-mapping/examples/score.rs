//! Scores a results file against a COCO ground truth:
//! `cargo run --example score -- TRUTH.json RESULTS.json [--json OUT.json]`

use std::io::Write;
use std::path::PathBuf;

use footpath_mapping::evaluation::score;
use footpath_mapping::problem::Strictness;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (truth, results, out) = match arguments.as_slice() {
        [truth, results] => (truth, results, None),
        [truth, results, flag, out] if flag.as_os_str() == "--json" => (truth, results, Some(out)),
        _ => return Err("usage: score TRUTH.json RESULTS.json [--json OUT.json]".into()),
    };
    let (metrics, report) = score(truth, results, Strictness::SkipBad)?;
    write!(std::io::stderr(), "{report}")?;
    let json = serde_json::to_string_pretty(&metrics)?;
    match out {
        Some(path) => std::fs::write(path, json)?,
        None => writeln!(std::io::stdout(), "{json}")?,
    }
    Ok(())
}
