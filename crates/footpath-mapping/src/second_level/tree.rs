//! A regression tree over binned features.
//!
//! Features are cut into at most 255 bins of about equal numbers of rows, so that a split is
//! found by adding up a histogram instead of sorting (Ke et al. 2017, `LightGBM`).

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

const BINS: usize = 255;

/// Rows of features, binned.
pub(super) struct Table {
    /// Upper edge of each bin of each feature, rising; the last bin has none.
    edges: Vec<Vec<f64>>,
    /// Bin of each row, feature by feature.
    bins: Vec<Vec<u8>>,
}

impl Table {
    pub(super) fn new<const N: usize>(rows: &[[f64; N]]) -> Self {
        let edges: Vec<Vec<f64>> = (0..N)
            .map(|feature| {
                let mut values: Vec<f64> = rows.iter().map(|row| row[feature]).collect();
                values.sort_by(f64::total_cmp);
                let mut edges: Vec<f64> = (1..BINS)
                    .filter_map(|i| values.get(i * values.len() / BINS).copied())
                    .collect();
                edges.dedup();
                // Nothing lies above the greatest value.
                if edges.last() == values.last() {
                    edges.pop();
                }
                edges
            })
            .collect();
        let bin =
            |feature: usize, value: f64| edges[feature].partition_point(|&edge| edge < value) as u8;
        let bins = (0..N)
            .map(|feature| rows.iter().map(|row| bin(feature, row[feature])).collect())
            .collect();
        Self { edges, bins }
    }

    pub(super) fn features(&self) -> usize {
        self.edges.len()
    }
}

/// How far a tree grows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    pub(super) depth: usize,
    pub(super) least_rows: usize,
    /// Features looked at for each split; all where it is their number.
    pub(super) features: usize,
}

/// A regression tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Node {
    Leaf(f64),
    /// Rows whose feature is at most the threshold go left.
    Split {
        feature: u8,
        threshold: f64,
        left: u32,
        right: u32,
    },
}

impl Tree {
    /// Grows a tree on `rows` of the table (a row may come more than once); adds what each
    /// feature lowers the sum of squares by to `importance`.
    pub(super) fn grow(
        table: &Table,
        targets: &[f64],
        rows: Vec<u32>,
        growth: Growth,
        rng: &mut ChaCha8Rng,
        importance: &mut [f64],
    ) -> Self {
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut open = vec![(0, rows, 0)];
        while let Some((at, rows, depth)) = open.pop() {
            let sum: f64 = rows.iter().map(|&row| targets[row as usize]).sum();
            let mean = if rows.is_empty() {
                0.0
            } else {
                sum / rows.len() as f64
            };
            nodes[at] = Node::Leaf(mean);
            if depth == growth.depth || rows.len() < 2 * growth.least_rows {
                continue;
            }
            let Some(cut) = best_cut(table, targets, &rows, sum, growth, rng) else {
                continue;
            };
            importance[cut.feature] += cut.gain;
            let bins = &table.bins[cut.feature];
            let (left, right) = rows
                .into_iter()
                .partition(|&row| bins[row as usize] <= cut.bin);
            let next = nodes.len();
            nodes[at] = Node::Split {
                feature: cut.feature as u8,
                threshold: table.edges[cut.feature][usize::from(cut.bin)],
                left: next as u32,
                right: next as u32 + 1,
            };
            nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
            open.push((next, left, depth + 1));
            open.push((next + 1, right, depth + 1));
        }
        Self { nodes }
    }

    /// The mean target of the leaf that these features lead to.
    pub(super) fn predict(&self, features: &[f64]) -> f64 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(value) => return *value,
                Node::Split {
                    feature,
                    threshold,
                    left,
                    right,
                } => {
                    let side = if features[usize::from(*feature)] <= *threshold {
                        left
                    } else {
                        right
                    };
                    at = *side as usize;
                }
            }
        }
    }
}

struct Cut {
    feature: usize,
    bin: u8,
    gain: f64,
}

/// The cut that lowers the sum of squares most.
fn best_cut(
    table: &Table,
    targets: &[f64],
    rows: &[u32],
    sum: f64,
    growth: Growth,
    rng: &mut ChaCha8Rng,
) -> Option<Cut> {
    let mut best: Option<Cut> = None;
    let whole = sum * sum / rows.len() as f64;
    for feature in choose(table.features(), growth.features, rng) {
        let mut histogram = [(0.0, 0_usize); BINS + 1];
        let bins = &table.bins[feature];
        for &row in rows {
            let slot = &mut histogram[usize::from(bins[row as usize])];
            slot.0 += targets[row as usize];
            slot.1 += 1;
        }
        let (mut left_sum, mut left_rows) = (0.0, 0);
        for (bin, slot) in histogram
            .iter()
            .take(table.edges[feature].len())
            .enumerate()
        {
            left_sum += slot.0;
            left_rows += slot.1;
            let right_rows = rows.len() - left_rows;
            if left_rows < growth.least_rows || slot.1 == 0 {
                continue;
            }
            if right_rows < growth.least_rows {
                break;
            }
            let right_sum = sum - left_sum;
            let gain = left_sum * left_sum / left_rows as f64
                + right_sum * right_sum / right_rows as f64
                - whole;
            // What rounding alone could give is no gain.
            if gain > 1e-12 * rows.len() as f64 && best.as_ref().is_none_or(|b| gain > b.gain) {
                best = Some(Cut {
                    feature,
                    bin: bin as u8,
                    gain,
                });
            }
        }
    }
    best
}

/// `chosen` of the numbers below `all`, rising.
fn choose(all: usize, chosen: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    if chosen >= all {
        return (0..all).collect();
    }
    let mut numbers = rand::seq::index::sample(rng, all, chosen).into_vec();
    numbers.sort_unstable();
    numbers
}

/// As many rows as there are, drawn with replacement.
pub(super) fn bootstrap(rows: &[u32], rng: &mut ChaCha8Rng) -> Vec<u32> {
    (0..rows.len())
        .map(|_| rows[rng.random_range(0..rows.len())])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const ALL: Growth = Growth {
        depth: 3,
        least_rows: 1,
        features: 2,
    };

    fn grow(rows: &[[f64; 2]], targets: &[f64], growth: Growth) -> (Tree, Vec<f64>) {
        let mut importance = vec![0.0; 2];
        let all = (0..rows.len() as u32).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let table = Table::new(rows);
        let tree = Tree::grow(&table, targets, all, growth, &mut rng, &mut importance);
        (tree, importance)
    }

    #[test]
    fn a_step_is_learnt_exactly_and_its_feature_is_named() {
        let rows = [[0.0, 7.0], [1.0, 7.0], [2.0, 7.0], [3.0, 7.0]];
        let targets = [1.0, 1.0, 5.0, 5.0];
        let (tree, importance) = grow(&rows, &targets, ALL);
        for (row, target) in rows.iter().zip(targets) {
            assert_eq!(tree.predict(row), target);
        }
        // Sums of squares: 16 about the mean of 3, 0 after the cut.
        assert_eq!(importance, [16.0, 0.0]);
        assert_eq!(tree.nodes.len(), 3);
    }

    #[test]
    fn leaves_keep_their_least_number_of_rows() {
        let rows: Vec<[f64; 2]> = (0..10).map(|i| [f64::from(i), 0.0]).collect();
        let mut targets = [0.0; 10];
        targets[0] = 100.0;
        let (tree, _) = grow(
            &rows,
            &targets,
            Growth {
                least_rows: 4,
                ..ALL
            },
        );
        assert_eq!(tree.predict(&[0.0, 0.0]), 25.0);
    }

    #[test]
    fn no_rows_and_no_difference_give_a_leaf() {
        assert_eq!(grow(&[], &[], ALL).0.predict(&[1.0, 1.0]), 0.0);
        let (tree, _) = grow(&[[1.0, 2.0], [3.0, 4.0]], &[0.5, 0.5], ALL);
        assert_eq!(tree.nodes, [Node::Leaf(0.5)]);
    }
}
