//! Trees that LightGBM grows (Ke et al. 2017), in builds with the feature `lightgbm`.
//!
//! The library only learns: the model it gives is read from its text, and predicting is ours. So a
//! kept model is read by any build, and any number of threads may use it.

use super::features::{FEATURES, Features};
use super::lightgbm_text::TreeSum;
use footpath_steps::BoxError;
use lightgbm3::{Booster, Dataset};
use serde_json::json;

/// How trees are grown.
pub(super) struct LightGbm {
    pub(super) trees: usize,
    pub(super) learning_rate: f64,
    pub(super) leaves: usize,
    pub(super) depth: usize,
    pub(super) least_rows: usize,
    pub(super) patience: usize,
}

impl LightGbm {
    /// Learns from `rows`; with `stop_rows`, stops where the error on them no longer falls.
    pub(super) fn fit(
        &self,
        (features, targets): (&[Features], &[f64]),
        rows: &[u32],
        stop_rows: &[u32],
        seed: u64,
    ) -> Result<TreeSum, BoxError> {
        let table = |rows: &[u32], reference: Option<&Dataset>| {
            let row = |&row: &u32| features[row as usize];
            let flat: Vec<f64> = rows.iter().flat_map(row).collect();
            let labels: Vec<f32> = rows
                .iter()
                .map(|&row| targets[row as usize] as f32)
                .collect();
            let width = FEATURES.len() as i32;
            Dataset::from_slice_with_reference(&flat, &labels, width, true, reference)
        };
        let learn = table(rows, None)?;
        let stop = match stop_rows {
            [] => None,
            rows => Some(table(rows, Some(&learn))?),
        };
        let mut options = json!({
            "objective": "regression",
            "metric": "l2",
            "num_iterations": self.trees,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "max_depth": self.depth,
            "min_data_in_leaf": self.least_rows,
            "seed": seed % (1 << 31),
            // The same trees for any number of threads.
            "deterministic": true,
            "force_row_wise": true,
            "num_threads": 1,
            "verbosity": -1,
        });
        if stop.is_some() {
            options["early_stopping_rounds"] = json!(self.patience);
        }
        let booster = Booster::train_with_valid(learn, stop, &options)?;
        Ok(TreeSum::from_text(&booster.save_string()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> (Vec<Features>, Vec<f64>) {
        let scatter = |n: u32| {
            let mixed = n.wrapping_mul(0x9e37_79b1);
            let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
            f64::from(mixed >> 16) / 65536.0
        };
        let row = |i: u32| std::array::from_fn(|feature| scatter(11 * i + feature as u32));
        let rows: Vec<Features> = (0..600).map(row).collect();
        // With what no feature tells: without it each tree helps a little, and none is the last.
        let target = |(i, row): (u32, &Features)| {
            row[2] * row[2] + 0.1 * row[5] + 0.2 * (scatter(11 * i + 10) - 0.5)
        };
        let targets = (0..).zip(&rows).map(target).collect();
        (rows, targets)
    }

    #[test]
    fn it_learns_stops_and_answers_as_the_library_does() {
        let (features, targets) = rows();
        let (learn, stop): (Vec<u32>, Vec<u32>) = (0..600).partition(|row| row % 4 > 0);
        let options = LightGbm {
            trees: 400,
            learning_rate: 0.2,
            leaves: 8,
            depth: 5,
            least_rows: 10,
            patience: 5,
        };
        let model = options
            .fit((&features, &targets), &learn, &stop, 1)
            .unwrap();
        assert!(model.trees() < 400, "{}", model.trees());
        let error =
            |row: &u32| (model.predict(&features[*row as usize]) - targets[*row as usize]).abs();
        let mean = stop.iter().map(error).sum::<f64>() / stop.len() as f64;
        assert!(mean < 0.08, "{mean}");
        let gains = &model.importance;
        for other in (0..10).filter(|&other| other != 2) {
            assert!(gains[2] > 3.0 * gains[other], "{gains:?}");
        }
        let library = Booster::from_string(&model.to_text()).unwrap();
        let flat: Vec<f64> = features.concat();
        let told = library.predict(&flat, 10, true).unwrap();
        for (row, told) in features.iter().zip(told) {
            assert!((model.predict(row) - told).abs() < 1e-9);
        }
        assert_eq!(
            model,
            options
                .fit((&features, &targets), &learn, &stop, 1)
                .unwrap()
        );
    }
}
