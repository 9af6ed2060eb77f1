//! Gradient boosting of the squared error.

use super::tree::{Growth, Table, Tree};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A sum of trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Boosted {
    base: f64,
    learning_rate: f64,
    trees: Vec<Tree>,
    pub(super) importance: Vec<f64>,
}

/// How trees are added.
pub(super) struct Boosting {
    pub(super) trees: usize,
    pub(super) learning_rate: f64,
    pub(super) growth: Growth,
    pub(super) patience: usize,
}

impl Boosting {
    /// Learns from `rows`; with `stop_rows`, keeps the number of trees that does best on them.
    pub(super) fn fit<const N: usize>(
        &self,
        (features, targets): (&[[f64; N]], &[f64]),
        table: &Table,
        rows: &[u32],
        stop_rows: &[u32],
        seed: u64,
    ) -> Boosted {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = rows.len().max(1) as f64;
        let base = rows.iter().map(|&r| targets[r as usize]).sum::<f64>() / count;
        let mut left: Vec<f64> = targets.iter().map(|target| target - base).collect();
        let mut importance = vec![0.0; N];
        let mut trees = Vec::new();
        let error = |left: &[f64]| -> f64 {
            stop_rows
                .iter()
                .map(|&row| left[row as usize].powi(2))
                .sum()
        };
        let (mut best, mut least) = (0, error(&left));
        for _ in 0..self.trees {
            let tree = Tree::grow(
                table,
                &left,
                rows.to_vec(),
                self.growth,
                &mut rng,
                &mut importance,
            );
            for &row in rows.iter().chain(stop_rows) {
                left[row as usize] -= self.learning_rate * tree.predict(&features[row as usize]);
            }
            trees.push(tree);
            if stop_rows.is_empty() {
                continue;
            }
            let now = error(&left);
            if now < least {
                (best, least) = (trees.len(), now);
            } else if trees.len() >= best + self.patience {
                break;
            }
        }
        if !stop_rows.is_empty() {
            trees.truncate(best);
        }
        Boosted {
            base,
            learning_rate: self.learning_rate,
            trees,
            importance,
        }
    }
}

impl Boosted {
    pub(super) fn trees(&self) -> usize {
        self.trees.len()
    }

    pub(super) fn predict(&self, features: &[f64]) -> f64 {
        let sum: f64 = self.trees.iter().map(|tree| tree.predict(features)).sum();
        self.base + self.learning_rate * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = x₀² on a grid, with a second feature of no use.
    fn parabola() -> (Vec<[f64; 2]>, Vec<f64>) {
        let rows: Vec<[f64; 2]> = (0..400)
            .map(|i| [f64::from(i % 40) / 20.0 - 1.0, f64::from(i / 40)])
            .collect();
        let targets = rows.iter().map(|row| row[0] * row[0]).collect();
        (rows, targets)
    }

    fn boosting() -> Boosting {
        Boosting {
            trees: 200,
            learning_rate: 0.2,
            growth: Growth {
                depth: 3,
                least_rows: 5,
                features: 2,
            },
            patience: 5,
        }
    }

    #[test]
    fn a_curve_is_learnt_from_the_feature_that_makes_it() {
        let (rows, targets) = parabola();
        let all: Vec<u32> = (0..400).collect();
        let model = boosting().fit((&rows, &targets), &Table::new(&rows), &all, &[], 0);
        assert_eq!(model.trees(), 200);
        for (row, target) in rows.iter().zip(&targets) {
            assert!((model.predict(row) - target).abs() < 0.01);
        }
        assert!(model.importance[0] > 1e6 * model.importance[1]);
    }

    #[test]
    fn it_stops_where_held_back_rows_gain_nothing() {
        let (rows, mut targets) = parabola();
        // Noise without pattern: what the first half teaches is wrong for the second.
        for (i, target) in targets.iter_mut().enumerate() {
            *target = if i < 200 { 0.0 } else { 1.0 } + ((i * 7919) % 101) as f64;
        }
        let (learn, stop): (Vec<u32>, Vec<u32>) = (0..400).partition(|row| row % 3 > 0);
        let model = boosting().fit((&rows, &targets), &Table::new(&rows), &learn, &stop, 0);
        assert!(model.trees() < 100, "{}", model.trees());
    }
}
