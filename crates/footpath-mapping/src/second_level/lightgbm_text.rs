//! LightGBM's model text, read and written: the sum of regression trees over numbers.
//!
//! The format is that of `Booster.save_model` (LightGBM 3 and 4): a head, then for each tree arrays
//! of features, thresholds and children, where a child below 0 is a leaf. Read are trees that split
//! numbers; categories and linear leaves, which the second level has no use for, are refused.

use super::features::FEATURES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Trees whose answers are added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TreeSum {
    trees: Vec<TextTree>,
    /// Part that each feature has in lowering the error: its splits' gains added.
    pub importance: Vec<f64>,
}

/// One tree. A child below 0 is the leaf `-child - 1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TextTree {
    pub(super) features: Vec<usize>,
    /// Rows whose feature is at most the threshold go left.
    pub(super) thresholds: Vec<f64>,
    pub(super) left: Vec<i32>,
    pub(super) right: Vec<i32>,
    pub(super) leaves: Vec<f64>,
    pub(super) gains: Vec<f64>,
}

/// A text that is no model of the second level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the LightGBM model text cannot be used: {reason} (tree {tree})")]
pub struct ModelTextError {
    tree: usize,
    reason: String,
}

impl TreeSum {
    pub(super) fn new(trees: Vec<TextTree>) -> Self {
        let mut importance = vec![0.0; FEATURES.len()];
        for tree in &trees {
            for (&feature, gain) in tree.features.iter().zip(&tree.gains) {
                importance[feature] += gain;
            }
        }
        Self { trees, importance }
    }

    /// Reads a model whose features are the second level's, in their order.
    ///
    /// # Errors
    /// What is missing or not as expected, and in which tree.
    pub fn from_text(text: &str) -> Result<Self, ModelTextError> {
        let head = text.split("\nTree=").next().unwrap_or_default();
        let refuse = |tree, reason: String| Err(ModelTextError { tree, reason });
        if !head.trim_start().starts_with("tree") {
            return refuse(0, "it does not begin with `tree`".to_owned());
        }
        let head = fields(head);
        let told = head.get("max_feature_idx").copied().unwrap_or("none");
        let expected = (FEATURES.len() - 1).to_string();
        if told != expected {
            return refuse(0, format!("max_feature_idx is {told}, expected {expected}"));
        }
        let objective = head.get("objective").copied().unwrap_or("regression");
        if !objective.starts_with("regression") {
            return refuse(
                0,
                format!("the objective is {objective}, expected regression"),
            );
        }
        let end = text.find("\nend of trees").unwrap_or(text.len());
        let parts = text[..end].split("\nTree=").skip(1);
        let read = |(tree, part): (usize, &str)| {
            TextTree::from_fields(&fields(part)).map_err(|reason| ModelTextError { tree, reason })
        };
        let trees = parts.enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        if trees.is_empty() {
            return refuse(0, "it has no tree".to_owned());
        }
        Ok(Self::new(trees))
    }

    /// The model as LightGBM reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let trees: Vec<String> = self
            .trees
            .iter()
            .enumerate()
            .map(|(number, tree)| tree.to_text(number))
            .collect();
        let sizes: Vec<usize> = trees.iter().map(String::len).collect();
        let infos = vec!["[-inf:inf]"; FEATURES.len()].join(" ");
        format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n\
             max_feature_idx={}\nobjective=regression\nfeature_names={}\nfeature_infos={infos}\n\
             tree_sizes={}\n\n{}end of trees\n\npandas_categorical:null\n",
            FEATURES.len() - 1,
            FEATURES.join(" "),
            spaced(&sizes),
            trees.concat(),
        )
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// The sum of the leaves that these features lead to.
    #[must_use]
    pub fn predict(&self, features: &[f64]) -> f64 {
        self.trees.iter().map(|tree| tree.predict(features)).sum()
    }
}

/// The lines `name=value` of a part of the text.
fn fields(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .collect()
}

fn spaced<T: ToString>(values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    words.join(" ")
}

impl TextTree {
    fn from_fields(fields: &BTreeMap<&str, &str>) -> Result<Self, String> {
        fn list<T: std::str::FromStr<Err: std::fmt::Display>>(
            fields: &BTreeMap<&str, &str>,
            name: &str,
            expected: usize,
        ) -> Result<Vec<T>, String> {
            let text = fields.get(name).copied().unwrap_or_default();
            let numbers: Result<Vec<T>, _> = text.split_whitespace().map(str::parse).collect();
            let numbers =
                numbers.map_err(|cause| format!("{name} is no list of numbers: {cause}"))?;
            if numbers.len() == expected {
                Ok(numbers)
            } else {
                let found = numbers.len();
                Err(format!("{name} has {found} numbers, expected {expected}"))
            }
        }
        let number = |name: &str| {
            let text = fields.get(name).copied().unwrap_or("0");
            text.parse::<usize>()
                .map_err(|cause| format!("{name} is {text}: {cause}"))
        };
        if number("num_cat")? > 0 {
            return Err("it splits categories (num_cat above 0)".to_owned());
        }
        if number("is_linear")? > 0 {
            return Err("its leaves are linear (is_linear=1)".to_owned());
        }
        let leaves = number("num_leaves")?;
        let splits = leaves.checked_sub(1).ok_or("num_leaves is missing or 0")?;
        let tree = Self {
            features: list(fields, "split_feature", splits)?,
            thresholds: list(fields, "threshold", splits)?,
            left: list(fields, "left_child", splits)?,
            right: list(fields, "right_child", splits)?,
            leaves: list(fields, "leaf_value", leaves)?,
            gains: list(fields, "split_gain", splits)?,
        };
        let mut decisions = list::<u8>(fields, "decision_type", splits)?.into_iter();
        // Bit 0: categories; bits 2 and 3: how missing values are told, which we have none of.
        if let Some(decision) = decisions.find(|decision| decision & 1 != 0) {
            return Err(format!("decision_type {decision} splits categories"));
        }
        if let Some(feature) = tree.features.iter().find(|f| **f >= FEATURES.len()) {
            return Err(format!(
                "split_feature {feature} is not one of {}",
                FEATURES.len()
            ));
        }
        tree.check_children()?;
        Ok(tree)
    }

    /// Whether every split leads down: children come after their parents, as LightGBM writes them.
    fn check_children(&self) -> Result<(), String> {
        for (at, children) in self.left.iter().zip(&self.right).enumerate() {
            for child in [*children.0, *children.1] {
                let (splits, leaves) = (self.features.len(), self.leaves.len());
                let sound = if child >= 0 {
                    (at + 1..splits).contains(&(child as usize))
                } else {
                    (child.unsigned_abs() as usize) <= leaves
                };
                if !sound {
                    return Err(format!(
                        "child {child} of split {at} of {splits} leads nowhere"
                    ));
                }
            }
        }
        Ok(())
    }

    fn to_text(&self, number: usize) -> String {
        let mut text = format!("Tree={number}\n");
        let splits = self.features.len();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name}={value}");
        };
        line("num_leaves", self.leaves.len().to_string());
        line("num_cat", "0".to_owned());
        line("split_feature", spaced(&self.features));
        line("split_gain", spaced(&self.gains));
        line("threshold", spaced(&self.thresholds));
        // Numbers, missing values told by none.
        line("decision_type", spaced(&vec![0; splits]));
        line("left_child", spaced(&self.left));
        line("right_child", spaced(&self.right));
        line("leaf_value", spaced(&self.leaves));
        line("leaf_weight", spaced(&vec![0; splits + 1]));
        line("leaf_count", spaced(&vec![0; splits + 1]));
        line("internal_value", spaced(&vec![0; splits]));
        line("internal_weight", spaced(&vec![0; splits]));
        line("internal_count", spaced(&vec![0; splits]));
        line("is_linear", "0".to_owned());
        line("shrinkage", "1".to_owned());
        text.push_str("\n\n");
        text
    }

    fn predict(&self, features: &[f64]) -> f64 {
        let mut at = if self.features.is_empty() { -1 } else { 0 };
        while at >= 0 {
            let split = at as usize;
            at = if features[self.features[split]] <= self.thresholds[split] {
                self.left[split]
            } else {
                self.right[split]
            };
        }
        self.leaves[at.unsigned_abs() as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x₁ ≤ 2.5 ? (x₀ ≤ 0.5 ? 1 : 2) : 4, and a leaf of 0.25.
    fn two() -> TreeSum {
        TreeSum::new(vec![
            TextTree {
                features: vec![1, 0],
                thresholds: vec![2.5, 0.5],
                left: vec![1, -1],
                right: vec![-3, -2],
                leaves: vec![1.0, 2.0, 4.0],
                gains: vec![3.0, 1.0],
            },
            TextTree {
                features: vec![],
                thresholds: vec![],
                left: vec![],
                right: vec![],
                leaves: vec![0.25],
                gains: vec![],
            },
        ])
    }

    fn at(x: f64, y: f64) -> [f64; 10] {
        let mut features = [0.0; 10];
        (features[0], features[1]) = (x, y);
        features
    }

    #[test]
    fn trees_add_up_and_come_back_from_their_text() {
        let model = two();
        let again = TreeSum::from_text(&model.to_text()).unwrap();
        assert_eq!(again, model);
        for (features, expected) in [
            (at(0.5, 2.5), 1.25),
            (at(0.6, 0.0), 2.25),
            (at(0.0, 3.0), 4.25),
        ] {
            assert_eq!(again.predict(&features), expected);
        }
        assert_eq!(again.importance[..2], [1.0, 3.0]);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let text = two().to_text();
        for (from, to, says) in [
            (
                "tree\nversion",
                "model\nversion",
                "does not begin with `tree`",
            ),
            (
                "max_feature_idx=9",
                "max_feature_idx=4",
                "max_feature_idx is 4, expected 9",
            ),
            (
                "objective=regression",
                "objective=binary",
                "the objective is binary",
            ),
            ("num_cat=0", "num_cat=1", "splits categories"),
            ("left_child=1 -1", "left_child=0 -1", "child 0 of split 0"),
            ("left_child=1 -1", "left_child=1 -9", "child -9 of split 1"),
            (
                "threshold=2.5 0.5",
                "threshold=2.5",
                "threshold has 1 numbers, expected 2",
            ),
            ("threshold=2.5 0.5", "threshold=2.5 x", "no list of numbers"),
            (
                "split_feature=1 0",
                "split_feature=1 10",
                "split_feature 10",
            ),
        ] {
            let error = TreeSum::from_text(&text.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(TreeSum::from_text("tree\nmax_feature_idx=9\n").is_err());
    }

    /// LightGBM 4.7 fitted this and said what it answers: `golden/lightgbm/make.py`.
    #[test]
    fn a_model_that_lightgbm_wrote_answers_as_it_does() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/lightgbm");
        let text = std::fs::read_to_string(golden.join("model.txt")).unwrap();
        let model = TreeSum::from_text(&text).unwrap();
        let answers = std::fs::read_to_string(golden.join("answers.json")).unwrap();
        let answers: Vec<(Vec<f64>, f64)> = serde_json::from_str(&answers).unwrap();
        assert!(answers.len() > 20);
        for (features, expected) in answers {
            let found = model.predict(&features);
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
    }
}
