//! Histograms over steps, which the run model has no series of: what they tell becomes curves, and
//! the whole of each a text.

use super::sender::Sender;
use crate::model::{Point, TextRecord, check_text};

/// How many values lie where.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// From, to, and how many; in order.
    pub(super) bins: Vec<[f64; 3]>,
    /// The values' mean and standard deviation, if the source tells them.
    pub(super) moments: Option<(f64, f64)>,
}

/// What is drawn of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Curves {
    min: f64,
    max: f64,
    mean: f64,
    deviation: f64,
}

impl Histogram {
    /// Where the values lie; `None` if there are none. Without moments, the values of a bin count
    /// as its middle.
    fn curves(&self) -> Option<Curves> {
        let mut filled = self.bins.iter().filter(|[_, _, count]| *count > 0.0);
        let first = filled.next()?;
        let last = filled.next_back().unwrap_or(first);
        let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
            let parts = self.bins.iter().filter(|[_, _, count]| *count > 0.0);
            parts
                .map(|[from, to, count]| count * of(f64::midpoint(*from, *to)))
                .sum()
        };
        let count = sum(&|_| 1.0);
        let (mean, deviation) = self.moments.unwrap_or_else(|| {
            let mean = sum(&|value| value) / count;
            let variance = sum(&|value| (value - mean).powi(2)) / count;
            (mean, variance.sqrt())
        });
        Some(Curves {
            min: first[0],
            max: last[1],
            mean,
            deviation,
        })
    }

    /// Adds it to a run: the curves `key/min`, `/max`, `/mean` and `/deviation`, and a text of
    /// `key`, `{"bins": [[from, to, count], …]}`.
    pub(super) fn send(&self, key: &str, step: i64, time_ms: i64, sender: &mut Sender<'_>) {
        if let Some(curves) = self.curves() {
            for (name, value) in [
                ("min", curves.min),
                ("max", curves.max),
                ("mean", curves.mean),
                ("deviation", curves.deviation),
            ] {
                sender.point(&format!("{key}/{name}"), Point::new(step, time_ms, value));
            }
        }
        let text = serde_json::json!({ "bins": self.bins }).to_string();
        match check_text("text series", key, &text) {
            Ok(()) => sender.batch().texts.push(TextRecord {
                key: key.to_owned(),
                step,
                time_ms,
                text,
            }),
            Err(error) => sender.leave_out("the bins of a histogram", error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_tell_where_the_values_lie() {
        let bins = vec![
            [-9.0, 0.0, 0.0],
            [0.0, 2.0, 1.0],
            [2.0, 4.0, 3.0],
            [4.0, 9.0, 0.0],
        ];
        let histogram = Histogram {
            bins,
            moments: None,
        };
        // One value counts as 1 and three as 3: mean 2.5, variance (2.25 + 3 · 0.25) / 4.
        let curves = histogram.curves().unwrap();
        assert_eq!((curves.min, curves.max, curves.mean), (0.0, 4.0, 2.5));
        assert_eq!(curves.deviation, 0.75_f64.sqrt());
        let told = Histogram {
            moments: Some((2.25, 1.0)),
            ..histogram
        };
        let curves = told.curves().unwrap();
        assert_eq!((curves.mean, curves.deviation), (2.25, 1.0));
        let single = Histogram {
            bins: vec![[1.0, 1.0, 5.0]],
            moments: None,
        };
        let curves = single.curves().unwrap();
        assert_eq!((curves.min, curves.max, curves.deviation), (1.0, 1.0, 0.0));
        assert_eq!(Histogram::default().curves(), None);
    }
}
