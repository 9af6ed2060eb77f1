//! The store: damage, memory, moving, explaining.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and its floats are exact"
)]

use std::sync::Arc;

use footpath_steps::*;
use serde::Serialize;

fn on_disk() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

#[test]
fn kept_items_are_read_at_random_from_many_threads() {
    let (_folder, store) = on_disk();
    let p = Pipeline::new("random access");
    let numbers = p.input::<Vec<u64>>("numbers");
    let squares = p
        .map_each("squares", Version(1), &numbers, |n| n * n)
        .keep_output();
    let run = p
        .run(
            &squares,
            Inputs::new().with(&numbers, (0..100).collect()),
            &store,
        )
        .unwrap();
    let items = run.output;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let items = Arc::clone(&items);
            scope.spawn(move || {
                for step in 0..100 {
                    let index = (step * 37 + thread * 11) % 100;
                    assert_eq!(*items.get(index).unwrap(), (index * index) as u64);
                }
            });
        }
    });
    // Reading lazily counts as using the store.
    assert!(matches!(
        store.gc(GcOptions::default()),
        Err(StoreError::InUse { .. })
    ));
    drop(items);
    store.gc(GcOptions::default()).unwrap();
}

/// Every object file of a store.
fn objects(store: &Store) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for shard in std::fs::read_dir(store.folder().unwrap().join("objects")).unwrap() {
        files.extend(
            std::fs::read_dir(shard.unwrap().path())
                .unwrap()
                .map(|entry| entry.unwrap().path()),
        );
    }
    files.sort();
    files
}

#[test]
fn damaged_output_is_noticed_and_computed_again() {
    let (_folder, store) = on_disk();
    let run = || {
        let p = Pipeline::new("damaged");
        let text = p.input::<String>("text");
        let loud = p
            .map("loud", Version(1), &text, |text| text.to_uppercase())
            .keep_output();
        let run = p
            .run(&loud, Inputs::new().with(&text, "quiet".to_owned()), &store)
            .unwrap();
        (run.output, run.report.step("loud").unwrap().outcome)
    };
    assert_eq!(run().1, Outcome::Computed);
    assert_eq!(run().1, Outcome::Hit);
    let object = objects(&store).pop().unwrap();
    let mut bytes = std::fs::read(&object).unwrap();
    // Same length, other content: only the digest can tell.
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&object, bytes).unwrap();
    let (output, outcome) = run();
    assert_eq!((output.as_str(), outcome), ("QUIET", Outcome::Computed));
    assert_eq!(run().1, Outcome::Hit);
}

#[test]
fn a_damaged_item_is_named_and_alone_computed_again() {
    let (_folder, store) = on_disk();
    let p = Pipeline::new("damaged item");
    let words = p.input::<Vec<String>>("words");
    let loud = p
        .map_each("loud", Version(1), &words, |word| word.to_uppercase())
        .keep_output();
    let run = || {
        let words_in = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
        p.run(&loud, Inputs::new().with(&words, words_in), &store)
            .unwrap()
    };
    run();
    let three = objects(&store)
        .into_iter()
        .find(|path| std::fs::read(path).unwrap().ends_with(b"THREE"))
        .unwrap();
    std::fs::write(&three, std::fs::read(&three).unwrap().to_ascii_lowercase()).unwrap();
    let error = run().output.get(2).unwrap_err().to_string();
    assert!(
        error.starts_with("item 2 of `loud`: object ") && error.contains("is damaged"),
        "{error}"
    );
    let again = run();
    let items = again.report.step("loud").unwrap().items.unwrap();
    assert_eq!((items.computed, items.reused), (1, 2));
    assert_eq!(*again.output.get(2).unwrap(), "THREE");
}

#[test]
fn a_damaged_item_that_another_step_reads_is_computed_again_in_the_same_run() {
    let (_folder, store) = on_disk();
    let run = |version: u32| {
        let p = Pipeline::new("repaired");
        let words = p.input::<Vec<String>>("words");
        let loud = p
            .map_each("loud", Version(1), &words, |word| word.to_uppercase())
            .keep_output()
            .skip_failures();
        let twice = p.map_each("twice", Version(1), &loud, |word| format!("{word}{word}"));
        let all = p.step("all", Join { version }, &twice).keep_output();
        let words_in = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
        p.run(&all, Inputs::new().with(&words, words_in), &store)
            .unwrap()
    };
    assert_eq!(*run(1).output, "1 ONEONE TWOTWO THREETHREE");
    let two = objects(&store)
        .into_iter()
        .find(|path| std::fs::read(path).unwrap().ends_with(b"TWO"))
        .unwrap();
    std::fs::write(&two, std::fs::read(&two).unwrap().to_ascii_lowercase()).unwrap();
    // Another parameter, so that `all` reads the items again.
    let again = run(2);
    assert_eq!(*again.output, "2 ONEONE TWOTWO THREETHREE");
    let items = again.report.step("loud").unwrap().items.unwrap();
    assert_eq!((items.computed, items.reused, items.failed), (1, 2, 0));
}

/// Joins words behind a number.
#[derive(Serialize)]
struct Join {
    version: u32,
}

impl Transformer for Join {
    type Input = Items<String>;
    type Output = String;
    const NAME: &'static str = "join";
    const VERSION: u32 = 1;

    fn transform(&self, words: &Items<String>, _: &Context) -> Result<String, BoxError> {
        let mut text = self.version.to_string();
        for word in words {
            text.push(' ');
            text.push_str(&word?);
        }
        Ok(text)
    }
}

#[test]
fn outputs_move_between_stores_as_one_file() {
    let (folder, store) = on_disk();
    let p = Pipeline::new("moved");
    let numbers = p.input::<Vec<u64>>("numbers");
    let squares = p
        .map_each("squares", Version(1), &numbers, |n| n * n)
        .keep_output();
    let total = p.map("total", Version(1), &squares, |items| {
        items.iter().map(|n| *n.unwrap()).sum::<u64>()
    });
    let total = total.keep_output();
    let inputs = || Inputs::new().with(&numbers, vec![1, 2, 3]);
    p.run(&total, inputs(), &store).unwrap();
    let file = folder.path().join("moved.footpath");
    let exported = store.export("moved", &file).unwrap();
    assert_eq!(exported.steps, ["squares", "total"]);

    let (_other_folder, other) = on_disk();
    assert_eq!(other.import(&file).unwrap(), exported);
    let run = p.run((&squares, &total), inputs(), &other).unwrap();
    assert_eq!(*run.output.1, 14);
    assert_eq!(run.report.with_outcome(Outcome::Hit), ["squares", "total"]);
    let more = p
        .run(
            &squares,
            Inputs::new().with(&numbers, vec![1, 2, 3, 4]),
            &other,
        )
        .unwrap();
    assert_eq!(
        more.report.step("squares").unwrap().items.unwrap().reused,
        3
    );

    let mut bytes = std::fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&file, bytes).unwrap();
    let error = on_disk().1.import(&file).unwrap_err().to_string();
    assert!(
        error.ends_with("cannot be imported: an object is cut off or damaged"),
        "{error}"
    );
}

#[test]
fn changed_files_are_counted_by_explain() {
    let (folder, store) = on_disk();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for name in ["a.txt", "b.txt", "c.txt", "d.txt"] {
        std::fs::write(data.join(name), name).unwrap();
    }
    let p = Pipeline::new("files");
    let files = p.input::<Vec<DataFile>>("tiles");
    let lengths = p
        .map_each("lengths", Version(1), &files, |file| file.bytes)
        .keep_output();
    let inputs = || Inputs::new().with(&files, store.data_files(&data, &["txt"]).unwrap());
    p.run(&lengths, inputs(), &store).unwrap();
    for name in ["a.txt", "b.txt", "c.txt"] {
        std::fs::write(data.join(name), "changed").unwrap();
    }
    let plan = p.plan(&lengths, inputs(), &store).unwrap();
    let why: Vec<String> = plan
        .step("lengths")
        .unwrap()
        .reasons
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(why, ["input `tiles`: 3 files changed (`a.txt`, …)"]);
    let run = p.run(&lengths, inputs(), &store).unwrap();
    assert_eq!(run.report.step("lengths").unwrap().items.unwrap().reused, 1);
}

#[test]
fn a_damaged_item_is_computed_again_for_a_closure_that_swallows_or_panics() {
    let (_folder, store) = on_disk();
    let run = |version: u32| {
        let p = Pipeline::new("swallowed");
        let words = p.input::<Vec<String>>("words");
        let loud = p
            .map_each("loud", Version(1), &words, |word| word.to_uppercase())
            .keep_output();
        let swallow = p
            .map("swallow", Version(version), &loud, |words| {
                words.iter().flatten().map(|word| word.len()).sum::<usize>() as u64
            })
            .keep_output();
        let panics = p.map("panics", Version(version), &loud, |words| {
            words.iter().map(|word| word.unwrap().len()).sum::<usize>() as u64
        });
        let words_in = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
        let inputs = Inputs::new().with(&words, words_in);
        let (swallowed, read) = p.run((&swallow, &panics), inputs, &store).unwrap().output;
        (*swallowed, *read)
    };
    assert_eq!(run(1), (11, 11));
    for version in 2..5 {
        let three = objects(&store)
            .into_iter()
            .find(|path| std::fs::read(path).unwrap().ends_with(b"THREE"))
            .unwrap();
        std::fs::write(&three, std::fs::read(&three).unwrap().to_ascii_lowercase()).unwrap();
        assert_eq!(run(version), (11, 11));
    }
}

#[test]
fn nothing_is_garbage_only_because_the_memory_of_it_is_damaged() {
    let (_folder, store) = on_disk();
    let p = Pipeline::new("remembered");
    let word = p.input::<String>("word");
    let loud = p
        .map("loud", Version(1), &word, |word| word.to_uppercase())
        .keep_output();
    let run = || {
        let inputs = Inputs::new().with(&word, "one".to_owned());
        p.run(&loud, inputs, &store).unwrap().report
    };
    run();
    // What a power failure may leave of a file that was not synced.
    let latest = store.folder().unwrap().join("latest/remembered.json");
    std::fs::write(&latest, "").unwrap();
    let error = store.gc(GcOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("latest/remembered.json is damaged, so nothing is removed"),
        "{error}"
    );
    assert_eq!(run().with_outcome(Outcome::Hit), ["loud"]);
    store.gc(GcOptions::default()).unwrap();
    assert_eq!(run().with_outcome(Outcome::Hit), ["loud"]);
}
