//! ARCHITECTURE.md lists every crate of the workspace, and no other.

use std::collections::BTreeSet;
use std::path::Path;

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
