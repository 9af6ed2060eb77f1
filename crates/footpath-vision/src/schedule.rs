//! The learning rate over a run, as in `torch.optim.lr_scheduler`.
//!
//! Rates are pure functions of a [`Clock`], so a resumed run needs no scheduler's state.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::setting::{SettingError, require};

/// How the learning rate changes. Its steps are epochs or batches, see [`Unit`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// It does not.
    #[default]
    Constant,
    /// Times `gamma` each step (`ExponentialLR`).
    Exponential {
        /// Above 0, at most 1.
        gamma: f64,
    },
    /// Times `gamma` every `size` steps (`StepLR`).
    Step {
        /// Steps between two changes; at least 1.
        size: u64,
        /// Above 0, at most 1.
        gamma: f64,
    },
    /// Times `factor` when the validation score has not risen by 0.01 % for more than `patience`
    /// epochs (`ReduceLROnPlateau`, mode "max"). Always counts epochs.
    Plateau {
        /// Above 0, at most 1.
        factor: f64,
        /// Epochs without a rise that are still borne.
        patience: usize,
    },
    /// Half a cosine from the initial rate down to `floor` over `steps`, and up again
    /// (`CosineAnnealingLR`; Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts).
    Cosine {
        /// Steps of half a period; the whole run unless told.
        #[serde(default)]
        steps: Option<u64>,
        /// The lowest rate. 0 unless told.
        #[serde(default)]
        floor: f64,
    },
    /// A cosine down to `floor` that starts anew, each time `growth` times longer
    /// (`CosineAnnealingWarmRestarts`; arXiv 1608.03983).
    WarmRestarts {
        /// Steps of the first period; at least 1.
        first: u64,
        /// Factor of a period's length over the one before. 1 unless told; at least 1.
        #[serde(default = "one")]
        growth: u64,
        /// The lowest rate. 0 unless told.
        #[serde(default)]
        floor: f64,
    },
    /// From the initial rate up to `peak` and back in straight lines, over and over (`CyclicLR`;
    /// Smith 2017, arXiv 1506.01186).
    Cyclic {
        /// The highest rate.
        peak: f64,
        /// Steps from the initial rate to the peak, and from there back; at least 1.
        half_period: u64,
        /// How later cycles differ from the first. `triangular` unless told.
        #[serde(default)]
        shape: CycleShape,
    },
    /// From `peak / start_divisor` up to `peak` and down to `peak / start_divisor /
    /// end_divisor`, in two halves of a cosine (`OneCycleLR`; Smith and Topin 2019,
    /// arXiv 1708.07120). The initial rate does not matter; momentum stays as it is.
    OneCycle {
        /// The highest rate.
        peak: f64,
        /// Steps of the cycle; the whole run unless told.
        #[serde(default)]
        steps: Option<u64>,
        /// Share of the steps that rise. 0.3 unless told; between 0 and 1.
        #[serde(default = "rising")]
        rising: f64,
        /// The peak over the first rate. 25 unless told.
        #[serde(default = "start_divisor")]
        start_divisor: f64,
        /// The first rate over the last. 10,000 unless told.
        #[serde(default = "end_divisor")]
        end_divisor: f64,
    },
}

/// How the cycles of a [`Schedule::Cyclic`] change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleShape {
    /// They do not.
    #[default]
    Triangular,
    /// Each is half as high as the one before (`triangular2`).
    Halving,
}

/// What a schedule counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The rate is one for an epoch.
    #[default]
    Epoch,
    /// The rate changes with each step of the optimizer.
    Batch,
}

/// Multiplies the rate by a factor that rises in a straight line from `start` to 1 (`LinearLR`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Warmup {
    /// Steps of the optimizer it lasts. 0, none, unless told.
    pub steps: u64,
    /// The first factor. 1/3 unless told; above 0, at most 1.
    pub start: f64,
}

impl Default for Warmup {
    fn default() -> Self {
        Self {
            steps: 0,
            start: 1.0 / 3.0,
        }
    }
}

/// Where a run is, as schedules see it.
#[derive(Clone, Copy, Debug)]
pub struct Clock<'a> {
    /// Epochs finished.
    pub epoch: u64,
    /// Steps of the optimizer in an epoch.
    pub steps_per_epoch: u64,
    /// Epochs of the whole run.
    pub epochs: u64,
    /// Steps of the optimizer taken in this epoch.
    pub step: u64,
    /// The validation scores of the epochs finished.
    pub scores: &'a [f64],
}

impl Clock<'_> {
    /// Steps of the optimizer taken and planned in all.
    fn batches(&self) -> (u64, u64) {
        let taken = self.epoch * self.steps_per_epoch + self.step;
        (taken, self.epochs * self.steps_per_epoch)
    }
}

/// The least relative rise of the score that counts (PyTorch's default).
const THRESHOLD: f64 = 1e-4;

fn one() -> u64 {
    1
}

fn rising() -> f64 {
    0.3
}

fn start_divisor() -> f64 {
    25.0
}

fn end_divisor() -> f64 {
    1e4
}

impl Warmup {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let valid = self.start > 0.0 && self.start <= 1.0;
        require("warmup.start", self.start, valid, "above 0, at most 1")
    }

    /// The factor after `taken` steps of the optimizer.
    fn factor(&self, taken: u64) -> f64 {
        if taken >= self.steps {
            return 1.0;
        }
        self.start + (1.0 - self.start) * taken as f64 / self.steps as f64
    }
}

impl Schedule {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let share = |name, value: f64| {
            require(
                name,
                value,
                value > 0.0 && value <= 1.0,
                "above 0, at most 1",
            )
        };
        let positive = |name, value: f64| {
            let valid = value.is_finite() && value > 0.0;
            require(name, value, valid, "a finite number above 0")
        };
        let not_negative = |name, value: f64| {
            let valid = value.is_finite() && value >= 0.0;
            require(name, value, valid, "a finite number, 0 or above")
        };
        let counted = |name, value: u64| require(name, value, value >= 1, "at least 1");
        match *self {
            Self::Constant => Ok(()),
            Self::Exponential { gamma } => share("schedule.gamma", gamma),
            Self::Step { size, gamma } => {
                counted("schedule.size", size)?;
                share("schedule.gamma", gamma)
            }
            Self::Plateau { factor, .. } => share("schedule.factor", factor),
            Self::Cosine { steps, floor } => {
                counted("schedule.steps", steps.unwrap_or(1))?;
                not_negative("schedule.floor", floor)
            }
            Self::WarmRestarts {
                first,
                growth,
                floor,
            } => {
                counted("schedule.first", first)?;
                counted("schedule.growth", growth)?;
                not_negative("schedule.floor", floor)
            }
            Self::Cyclic {
                peak, half_period, ..
            } => {
                counted("schedule.half_period", half_period)?;
                positive("schedule.peak", peak)
            }
            Self::OneCycle {
                peak,
                steps,
                rising,
                start_divisor,
                end_divisor,
            } => {
                counted("schedule.steps", steps.unwrap_or(1))?;
                positive("schedule.peak", peak)?;
                positive("schedule.start_divisor", start_divisor)?;
                positive("schedule.end_divisor", end_divisor)?;
                let valid = rising > 0.0 && rising < 1.0;
                require("schedule.rising", rising, valid, "between 0 and 1")
            }
        }
    }

    /// The learning rate of the next step of the optimizer, from the run's `initial` rate.
    #[must_use]
    pub fn learning_rate(&self, initial: f64, unit: Unit, warmup: &Warmup, clock: &Clock) -> f64 {
        let (taken, planned) = clock.batches();
        let rate = match (self, unit) {
            (Self::Plateau { factor, patience }, _) => {
                initial * plateau(*factor, *patience, clock.scores)
            }
            (_, Unit::Epoch) => self.at(initial, clock.epoch, clock.epochs),
            (_, Unit::Batch) => self.at(initial, taken, planned),
        };
        rate * warmup.factor(taken)
    }

    /// The rate after `t` of a run's `planned` steps.
    fn at(&self, initial: f64, t: u64, planned: u64) -> f64 {
        let time = t as f64;
        match *self {
            Self::Constant | Self::Plateau { .. } => initial,
            Self::Exponential { gamma } => initial * gamma.powf(time),
            Self::Step { size, gamma } => initial * gamma.powf((t / size) as f64),
            Self::Cosine { steps, floor } => {
                let half = steps.unwrap_or(planned).max(1);
                cosine(initial, floor, time / half as f64)
            }
            Self::WarmRestarts {
                first,
                growth,
                floor,
            } => {
                let (mut since, mut period) = (t, first);
                while since >= period {
                    since -= period;
                    period = period.saturating_mul(growth);
                }
                cosine(initial, floor, since as f64 / period as f64)
            }
            Self::Cyclic {
                peak,
                half_period,
                shape,
            } => {
                let (cycle, place) = (t / (2 * half_period), t % (2 * half_period));
                let height = 1.0 - (place as f64 / half_period as f64 - 1.0).abs();
                let scale = match shape {
                    CycleShape::Triangular => 1.0,
                    CycleShape::Halving => 0.5_f64.powf(cycle as f64),
                };
                initial + (peak - initial) * height * scale
            }
            Self::OneCycle {
                peak,
                steps,
                rising,
                start_divisor,
                end_divisor,
            } => {
                let total = steps.unwrap_or(planned) as f64;
                let (start, end) = (peak / start_divisor, peak / start_divisor / end_divisor);
                // The last step of each part is its end, as PyTorch counts.
                let (top, last) = (rising * total - 1.0, (total - 1.0).max(0.0));
                if time <= top {
                    cosine(start, peak, time / top)
                } else {
                    cosine(peak, end, ((time - top) / (last - top)).min(1.0))
                }
            }
        }
    }
}

/// From `from` (at `way` 0) along half a cosine to `to` (at `way` 1), and back until 2.
fn cosine(from: f64, to: f64, way: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * way).cos()) / 2.0
}

/// What [`Schedule::Plateau`] has multiplied the rate by after these scores.
fn plateau(factor: f64, patience: usize, scores: &[f64]) -> f64 {
    let (mut rate, mut best, mut bad) = (1.0, f64::NEG_INFINITY, 0);
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

#[cfg(test)]
mod tests;
