//! The learning rate over the epochs.

use serde::{Deserialize, Serialize};

use crate::setting::{SettingError, require};

/// How the learning rate changes from epoch to epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// It does not.
    #[default]
    Constant,
    /// Times `gamma` each epoch (`torch.optim.lr_scheduler.ExponentialLR`).
    Exponential {
        /// Above 0, at most 1.
        gamma: f64,
    },
    /// Times `factor` when the validation score has not risen by 0.01 % for more than `patience`
    /// epochs (`torch.optim.lr_scheduler.ReduceLROnPlateau`, mode "max").
    Plateau {
        /// Between 0 and 1.
        factor: f64,
        /// Epochs without a rise that are still borne.
        patience: usize,
    },
}

/// The least relative rise of the score that counts (PyTorch's default).
const THRESHOLD: f64 = 1e-4;

impl Schedule {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let (name, factor) = match *self {
            Self::Constant => return Ok(()),
            Self::Exponential { gamma } => ("schedule.gamma", gamma),
            Self::Plateau { factor, .. } => ("schedule.factor", factor),
        };
        require(
            name,
            factor,
            factor > 0.0 && factor <= 1.0,
            "above 0, at most 1",
        )
    }

    /// The learning rate of the epoch that follows epochs with these validation scores.
    ///
    /// A pure function: a resumed run needs no scheduler's state.
    #[must_use]
    pub fn learning_rate(&self, initial: f64, scores: &[f64]) -> f64 {
        match *self {
            Self::Constant => initial,
            Self::Exponential { gamma } => scores.iter().fold(initial, |rate, _| rate * gamma),
            Self::Plateau { factor, patience } => {
                let (mut rate, mut best, mut bad) = (initial, f64::NEG_INFINITY, 0);
                for &score in scores {
                    if score > best + best.abs() * THRESHOLD || best == f64::NEG_INFINITY {
                        (best, bad) = (score, 0);
                    } else {
                        bad += 1;
                    }
                    if bad > patience {
                        (rate, bad) = (rate * factor, 0);
                    }
                }
                rate
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_multiplies_each_epoch() {
        let schedule = Schedule::Exponential { gamma: 0.5 };
        assert_eq!(schedule.learning_rate(0.8, &[]), 0.8);
        assert_eq!(schedule.learning_rate(0.8, &[0.1, 0.2]), 0.2);
    }

    #[test]
    fn plateau_waits_longer_than_its_patience() {
        let schedule = Schedule::Plateau {
            factor: 0.5,
            patience: 1,
        };
        let scores = [0.5, 0.6, 0.6, 0.600_01, 0.6, 0.6, 0.7];
        let rates: Vec<f64> = (0..=7)
            .map(|epochs| schedule.learning_rate(1.0, &scores[..epochs]))
            .collect();
        // Epochs 2 and 3 do not rise: halved after the second, counted anew; again after 4 and 5.
        assert_eq!(rates, [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
    }
}
