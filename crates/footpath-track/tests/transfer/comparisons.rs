use footpath_track::access::{Access, Place, find_run, find_scope};
use footpath_track::compare::{CauseKind, Side, compare};

use super::{open, runs, track};

fn side(access: &dyn Access, name: &str) -> Side {
    Side::read(access, find_run(access, name).unwrap()).unwrap()
}

#[test]
fn causes_are_told_by_weight() {
    let folder = tempfile::tempdir().unwrap();
    track(folder.path(), "one", 0.5, 1);
    track(folder.path(), "two", 0.25, 1);
    track(folder.path(), "three", 0.5, 2);
    let access = open(folder.path());
    let found = compare(&side(&*access, "one"), &side(&*access, "two"));
    let kinds: Vec<CauseKind> = found.causes.iter().map(|cause| cause.kind).collect();
    assert_eq!(kinds, [CauseKind::Parameters, CauseKind::Steps]);
    let changed = &found.causes[0].differences;
    assert_eq!(changed.len(), 1);
    assert_eq!(
        (
            changed[0].name.as_str(),
            changed[0].left.as_deref(),
            changed[0].right.as_deref()
        ),
        ("lr", Some("0.5"), Some("0.25"))
    );
    assert_eq!(found.first_steps, ["unet/loader"]);
    assert!(!found.only_seeds);
    let results: Vec<_> = found
        .results
        .iter()
        .map(|result| (result.metric.as_str(), result.better))
        .collect();
    assert_eq!(results, [("ap50", Some(false)), ("train/loss", Some(true))]);

    let found = compare(&side(&*access, "one"), &side(&*access, "three"));
    assert!(found.only_seeds && found.results.is_empty(), "{found:?}");
    let same = compare(&side(&*access, "one"), &side(&*access, "one"));
    assert!(same.causes.is_empty() && !same.only_seeds);
}

#[test]
fn runs_and_scopes_are_found_by_what_people_call_them() {
    let folder = tempfile::tempdir().unwrap();
    let id = track(folder.path(), "it's one", 0.5, 1);
    track(folder.path(), "twice", 0.5, 1);
    track(folder.path(), "twice", 0.5, 1);
    // Another process has it open: it can be read all the same.
    let owner = open(folder.path());
    let place = Place::new(folder.path().display().to_string());
    let access = place.open_to_read().unwrap();
    let text = id.as_str();
    for name in [text, &text[..20], &text[text.len() - 10..], "it's one"] {
        assert_eq!(find_run(&*access, name).unwrap().info.id, id, "{name}");
    }
    let told = |name: &str| find_run(&*access, name).unwrap_err().to_string();
    assert!(
        told("twice").contains("it may be any of"),
        "{}",
        told("twice")
    );
    for absent in ["none", "", "abc", "a\u{0}b", "%"] {
        assert!(told(absent).contains("there is none"), "{}", told(absent));
    }
    let count = |text: Option<&str>| {
        let mut search = find_scope(&*access, text).unwrap();
        search.limit = 10;
        access.search(&search).unwrap().items.len()
    };
    assert_eq!(
        [count(None), count(Some("maps")), count(Some("maps/unet"))],
        [3, 3, 3]
    );
    assert_eq!(count(Some("default")), 0);
    let told = |text: &str| find_scope(&*access, Some(text)).unwrap_err().to_string();
    assert!(
        told("map").contains("there are default, maps"),
        "{}",
        told("map")
    );
    assert!(
        told("maps/none").contains("there are unet"),
        "{}",
        told("maps/none")
    );
    assert_eq!(runs(&*owner).len(), 3);
}
