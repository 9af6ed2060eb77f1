//! What an earlier version kept is read, and hits: layouts, encodings and keys stay.
//!
//! `golden/format_1.footpath` was written by this very pipeline with version
//! 0.1.0: `FOOTPATH_WRITE_GOLDEN=1 cargo test -p footpath-steps --test upgrade`.
//! A test that fails here tells that users' kept models would be lost: raise
//! `KEY_FORMAT` or a type's version, keep the old file, and add a new one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use footpath_steps::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Scale {
    factor: f64,
    options: Vec<Option<String>>,
}

impl Transformer for Scale {
    type Input = (Arc<f64>, Arc<f64>);
    type Output = f64;
    const NAME: &'static str = "scale";
    const VERSION: u32 = 3;

    fn transform(&self, (x, by): &(Arc<f64>, Arc<f64>), _: &Context) -> Result<f64, BoxError> {
        Ok(**x * **by * self.factor)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Mean {
    mean: f64,
    count: u32,
}

impl Record for Mean {
    const TYPE: &'static str = "mean";
    const VERSION: u32 = 2;
}

#[derive(Serialize)]
struct FitMean;

impl Estimator for FitMean {
    type Input = Items<f64>;
    type Model = Mean;
    const NAME: &'static str = "mean";
    const VERSION: u32 = 1;

    fn fit(&self, items: &Items<f64>, _: &Context) -> Result<Mean, BoxError> {
        let values = items
            .iter()
            .map(|item| item.map(|value| *value))
            .collect::<Result<Vec<f64>, _>>()?;
        let count = values.len() as u32;
        Ok(Mean {
            mean: values.iter().sum::<f64>() / f64::from(count),
            count,
        })
    }
}

#[test]
fn what_format_1_kept_is_read_and_hits() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format_1.footpath");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let writes = std::env::var_os("FOOTPATH_WRITE_GOLDEN").is_some();
    if !writes {
        let found = store.import(&golden).unwrap();
        assert_eq!(found.steps, ["mean", "scaled", "sub/text"]);
    }

    let p = Pipeline::new("upgrade");
    let numbers = p.input::<Vec<f64>>("numbers");
    let by = p.constant("by", 2.0);
    let scale = Scale {
        factor: 0.5,
        options: vec![None, Some("ä".to_owned())],
    };
    let scaled = p
        .each("scaled", scale, (&numbers, whole(&by)))
        .seed(7)
        .keep_output();
    let mean = p.fit("mean", FitMean, &scaled).keep_output();
    let text = p
        .scope("sub")
        .map("text", Version(1), (&mean, &numbers), |(mean, numbers)| {
            format!("{} of {}", mean.mean, numbers.len())
        })
        .keep_output();
    let inputs = Inputs::new().with(&numbers, vec![1.0, -0.0, 5.0]);
    let run = p.run((&scaled, &mean, &text), inputs, &store).unwrap();
    if writes {
        store.export("upgrade", &golden).unwrap();
        return;
    }
    assert_eq!(
        run.report.with_outcome(Outcome::Hit),
        ["scaled", "mean", "sub/text"]
    );
    let (scaled, mean, text) = run.output;
    let scaled: Vec<f64> = scaled.iter().map(|item| *item.unwrap()).collect();
    assert_eq!(scaled, [1.0, 0.0, 5.0]);
    assert_eq!(
        *mean,
        Mean {
            mean: 2.0,
            count: 3
        }
    );
    assert_eq!(*text, "2 of 3");
}
