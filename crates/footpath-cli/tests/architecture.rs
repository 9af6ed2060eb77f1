//! What the documents say of the workspace as a whole holds.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

#[test]
fn the_map_of_crates_is_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let listed: BTreeSet<String> = map
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("footpath-"))
        .map(str::to_owned)
        .collect();
    let mut present: BTreeSet<String> = std::fs::read_dir(root.join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    present.insert("footpath-benches".to_owned());
    assert_eq!(listed, present);
}

/// The README's first command, `cargo run --release -- demo`, names no binary: with several in the
/// workspace, Cargo starts the one that a single package declares.
#[test]
fn cargo_run_starts_footpath() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let workspace: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let declared: Vec<_> = workspace["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|package| package["default_run"].as_str())
        .collect();
    assert_eq!(declared, ["footpath"]);
}
