//! Whether a metric should fall or rise.

use crate::model::Tags;

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Less is better.
    Minimize,
    /// More is better.
    Maximize,
}

/// The tag of an experiment that sets the goal of the metric named behind it: `min` or `max`.
pub const GOAL_TAG_PREFIX: &str = "footpath.goal.";

impl Goal {
    /// The goal of a metric: what the experiment's tag [`GOAL_TAG_PREFIX`]`<metric>` says, or
    /// else [`Minimize`](Self::Minimize) for names that speak of losses, cross entropies, errors,
    /// times or distances, and [`Maximize`](Self::Maximize) for all others.
    #[must_use]
    pub fn of(metric: &str, experiment_tags: &Tags) -> Self {
        const LESS_IS_BETTER: [&str; 18] = [
            "loss",
            "error",
            "err",
            "mse",
            "rmse",
            "mae",
            "nll",
            "perplexity",
            "distance",
            "time",
            "seconds",
            "latency",
            "bce",
            "divergence",
            "crossentropy",
            "duration",
            "s",
            "ms",
        ];
        match experiment_tags
            .get(&format!("{GOAL_TAG_PREFIX}{metric}"))
            .map(String::as_str)
        {
            Some("min") => return Self::Minimize,
            Some("max") => return Self::Maximize,
            _ => {}
        }
        let name = metric.to_lowercase();
        let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
        let crossed = words.windows(2).any(|pair| pair == ["cross", "entropy"]);
        if crossed || words.iter().any(|word| LESS_IS_BETTER.contains(word)) {
            Self::Minimize
        } else {
            Self::Maximize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_outweighs_the_name() {
        let none = Tags::new();
        assert_eq!(Goal::of("valid/loss", &none), Goal::Minimize);
        assert_eq!(Goal::of("val_MSE", &none), Goal::Minimize);
        assert_eq!(Goal::of("valid/ap", &none), Goal::Maximize);
        assert_eq!(Goal::of("batch/cross_entropy", &none), Goal::Minimize);
        assert_eq!(Goal::of("epoch/training_s", &none), Goal::Minimize);
        assert_eq!(Goal::of("policy/entropy", &none), Goal::Maximize);
        assert_eq!(Goal::of("lossless", &none), Goal::Maximize);
        let tags = Tags::from([("footpath.goal.valid/ap".into(), "min".into())]);
        assert_eq!(Goal::of("valid/ap", &tags), Goal::Minimize);
    }
}
