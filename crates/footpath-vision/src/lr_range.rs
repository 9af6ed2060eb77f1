//! The learning-rate range test: which rates a network can be trained with.
//!
//! A short training whose rate rises step by step from far too low to far too high (Smith 2017,
//! arXiv 1506.01186). The loss first stays, then falls, then rises beyond all bounds; a rate
//! where it falls the fastest is a good one to start with.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::line_chart::{Panel, Series, svg};
use crate::setting::{SettingError, require};
use crate::train::{BatchReport, TrainError, TrainEvent, Training};

/// How rates are tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LrRangeConfig {
    /// The first rate. 1e-7 unless told.
    pub lowest: f64,
    /// The last rate. 1 unless told.
    pub highest: f64,
    /// Steps from the one to the other; at least 2. 100 unless told.
    pub steps: usize,
    /// Ends when the smoothed loss is so many times its lowest. 4 unless told; above 1.
    pub stop_at: f64,
}

impl Default for LrRangeConfig {
    fn default() -> Self {
        Self {
            lowest: 1e-7,
            highest: 1.0,
            steps: 100,
            stop_at: 4.0,
        }
    }
}

/// What is kept of the mean loss each step.
const SMOOTHING: f64 = 0.9;

impl LrRangeConfig {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let (lowest, highest) = (self.lowest, self.highest);
        let valid = lowest > 0.0 && lowest < highest;
        require("lowest", lowest, valid, "above 0 and below highest")?;
        require("highest", highest, highest.is_finite(), "a finite number")?;
        require("steps", self.steps, self.steps >= 2, "at least 2")?;
        require("stop_at", self.stop_at, self.stop_at > 1.0, "above 1")
    }

    /// The rate of a step, from 0.
    fn rate(&self, step: usize) -> f64 {
        let way = step as f64 / (self.steps - 1) as f64;
        self.lowest * (self.highest / self.lowest).powf(way)
    }
}

/// The losses at rising rates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LrRange {
    /// The steps taken.
    pub points: Vec<LrPoint>,
    /// The rate at which the loss fell the fastest, if it fell at all.
    pub suggestion: Option<f64>,
}

/// A step of the test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LrPoint {
    /// The learning rate.
    pub learning_rate: f64,
    /// The batch's loss before the step.
    pub loss: f64,
    /// The mean loss so far, later steps weighing more.
    pub smoothed: f64,
}

impl LrRange {
    /// The curve, the rate suggested marked.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let series = |name: &str, value: &dyn Fn(&LrPoint) -> f64| Series {
            name: name.into(),
            points: self
                .points
                .iter()
                .map(|point| (point.learning_rate, value(point)))
                .collect(),
        };
        svg(&[Panel {
            title: "Loss at rising learning rates".into(),
            x_label: "learning rate".into(),
            log_x: true,
            series: vec![
                series("smoothed", &|point| point.smoothed),
                series("batches", &|point| point.loss),
            ],
            mark: self
                .suggestion
                .map(|rate| (rate, format!("steepest at {rate:.1e}"))),
        }])
    }

    /// Adds a step; false when the loss has risen too far to go on.
    fn add(&mut self, learning_rate: f64, loss: f64, stop_at: f64) -> bool {
        let mean = |last: &LrPoint| last.smoothed * SMOOTHING + loss * (1.0 - SMOOTHING);
        let smoothed = self.points.last().map_or(loss, mean);
        self.points.push(LrPoint {
            learning_rate,
            loss,
            smoothed,
        });
        let losses = self.points.iter().map(|point| point.smoothed);
        smoothed <= stop_at * losses.fold(f64::INFINITY, f64::min)
    }

    /// The rate in the middle of the steepest fall over a tenth of the steps.
    fn suggest(&mut self) {
        let window = (self.points.len() / 10).max(1);
        let falls = self.points.windows(window + 1).map(|points| {
            let fall = points[0].smoothed - points[window].smoothed;
            (fall, points[window / 2].learning_rate)
        });
        let steepest = falls.max_by(|a, b| a.0.total_cmp(&b.0));
        self.suggestion = steepest
            .filter(|(fall, _)| *fall > 0.0)
            .map(|(_, rate)| rate);
    }
}

impl Training<'_> {
    /// Takes steps at rising rates from the network's first weights. Saves nothing, validates
    /// nothing; schedule and warm-up do not count.
    ///
    /// # Errors
    /// As [`Training::run`], but for losses that are not finite: these end the test.
    pub fn lr_range_test(
        &self,
        range: &LrRangeConfig,
        mut observe: impl FnMut(&TrainEvent),
    ) -> Result<LrRange, TrainError> {
        self.check()?;
        range.check()?;
        let fresh = Self {
            resume: false,
            ..*self
        };
        let mut found = thread::scope(|scope| {
            let plan = fresh.batch_plan();
            let mut state = fresh.start(&mut observe)?;
            let mut found = LrRange::default();
            let batches = (0..).flat_map(|epoch| plan.prefetch(scope, epoch, 0));
            let mut batches = batches.take(range.steps * self.config.accumulate);
            for step in 0..range.steps {
                if self.cancel.load(Ordering::Relaxed) {
                    break;
                }
                let (rate, start) = (range.rate(step), Instant::now());
                let (next, taken) = fresh.step(state, &mut batches, rate, &mut observe);
                state = next;
                match taken {
                    Ok(Some(taken)) if taken.images == 0 => {
                        return Err(TrainError::NoSamples(self.samples.len()));
                    }
                    Ok(Some(taken)) => {
                        observe(&TrainEvent::Batch(BatchReport {
                            epoch: 0,
                            batch: step + 1,
                            batches: range.steps,
                            losses: taken.losses,
                            learning_rate: rate,
                            gradient_norm: taken.gradient_norm,
                            images_per_second: taken.images as f64 / start.elapsed().as_secs_f64(),
                        }));
                        if !found.add(rate, taken.losses.total, range.stop_at) {
                            break;
                        }
                    }
                    Ok(None) | Err(TrainError::NotFinite { .. }) => break,
                    Err(error) => return Err(error),
                }
            }
            Ok::<_, TrainError>(found)
        })?;
        found.suggest();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_by_one_factor() {
        let range = LrRangeConfig {
            lowest: 1e-4,
            highest: 1.0,
            steps: 5,
            ..LrRangeConfig::default()
        };
        let rates: Vec<f64> = (0..5).map(|step| range.rate(step)).collect();
        for (rate, expected) in rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]) {
            assert!((rate / expected - 1.0).abs() < 1e-12, "{rates:?}");
        }
        let range = LrRangeConfig {
            lowest: 2.0,
            ..range
        };
        assert_eq!(
            range.check().unwrap_err().to_string(),
            "lowest is 2; expected above 0 and below highest"
        );
    }

    #[test]
    fn the_steepest_fall_is_suggested_and_a_rise_ends_the_test() {
        let mut range = LrRange::default();
        // Flat, then falling from the tenth step to the twentieth, then rising.
        let loss = |step: i32| match step {
            0..10 => 10.0,
            10..20 => f64::from(20 - step),
            _ => f64::from((step - 19) * (step - 19)),
        };
        let mut taken = 0;
        for step in 0..60 {
            taken += 1;
            if !range.add(10_f64.powi(step), loss(step), 4.0) {
                break;
            }
        }
        assert!((20..50).contains(&taken), "{taken}");
        range.suggest();
        let suggested = range.suggestion.unwrap().log10();
        assert!((12.0..=20.0).contains(&suggested), "{suggested}");
        assert!(range.to_svg().contains("steepest at"));
    }

    #[test]
    fn nothing_is_suggested_where_nothing_falls() {
        let mut range = LrRange::default();
        for step in 0..20 {
            range.add(f64::from(step + 1), f64::from(step), 1e9);
        }
        range.suggest();
        assert_eq!(range.suggestion, None);
    }
}
