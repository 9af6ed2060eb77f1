//! Random forest.

use super::tree::{Growth, Table, Tree, bootstrap};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Trees that are averaged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Forest {
    trees: Vec<Tree>,
    pub(super) importance: Vec<f64>,
}

impl Forest {
    /// Grows each tree on a bootstrap of `rows`; the same for any number of threads.
    pub(super) fn fit(
        table: &Table,
        targets: &[f64],
        rows: &[u32],
        trees: usize,
        growth: Growth,
        seed: u64,
    ) -> Self {
        let grown: Vec<(Tree, Vec<f64>)> = (0..trees as u64)
            .into_par_iter()
            .map(|number| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(number);
                let mut importance = vec![0.0; table.features()];
                let drawn = bootstrap(rows, &mut rng);
                let tree = Tree::grow(table, targets, drawn, growth, &mut rng, &mut importance);
                (tree, importance)
            })
            .collect();
        let mut importance = vec![0.0; table.features()];
        let mut trees = Vec::with_capacity(grown.len());
        for (tree, gains) in grown {
            importance
                .iter_mut()
                .zip(gains)
                .for_each(|(sum, gain)| *sum += gain);
            trees.push(tree);
        }
        Self { trees, importance }
    }

    pub(super) fn predict(&self, features: &[f64]) -> f64 {
        let sum: f64 = self.trees.iter().map(|tree| tree.predict(features)).sum();
        sum / self.trees.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_learnt_alike_on_any_number_of_threads() {
        let rows: Vec<[f64; 2]> = (0..300).map(|i| [f64::from(i), f64::from(i % 7)]).collect();
        let targets: Vec<f64> = (0..300).map(|i| f64::from(u8::from(i >= 150))).collect();
        let all: Vec<u32> = (0..300).collect();
        let growth = Growth {
            depth: 4,
            least_rows: 5,
            features: 1,
        };
        let table = Table::new(&rows);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap()
                .install(|| Forest::fit(&table, &targets, &all, 30, growth, 3))
        };
        let forest = fit(1);
        assert_eq!(forest, fit(4));
        assert!(forest.predict(&[20.0, 3.0]) < 0.2);
        assert!(forest.predict(&[280.0, 3.0]) > 0.8);
        assert!(forest.importance[0] > forest.importance[1]);
    }
}
