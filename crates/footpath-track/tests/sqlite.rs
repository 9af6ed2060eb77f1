//! The conformance suite on SQLite.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]

mod conformance;

use footpath_track::{SqliteOptions, open_sqlite};

conformance::suite!(|test: &dyn Fn(&dyn footpath_track::Store)| {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sqlite(folder.path(), SqliteOptions::default()).unwrap();
    test(&store);
});
