//! Effects as a table: Markdown, CSV, JSON.

use super::effect::{Effect, Effects, Verdict};
use crate::evaluation::MEASURES;
use serde::Serialize;
use std::fmt::Write;

/// The variants of one configuration beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ablation {
    /// The pipeline's name.
    pub pipeline: String,
    /// Seeds of the trainings.
    pub seeds: Vec<u64>,
    /// Number of images measured on.
    pub images: usize,
    /// Samples that the intervals were found by.
    pub samples: usize,
    /// The base's metrics, means over the seeds.
    pub base: std::collections::BTreeMap<&'static str, f64>,
    /// The variants.
    pub rows: Vec<Row>,
}

/// One variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `key=value` for each changed key.
    pub overrides: Vec<String>,
    /// What it does to each metric.
    pub effects: Effects,
}

impl Row {
    /// What it does to AP50, the challenge's metric.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.effects
            .get("ap50")
            .map_or(Verdict::NoEvidence, |effect| effect.verdict)
    }
}

impl Ablation {
    /// A table for people: AP50 and `IoU` with their differences to the base, verdict by AP50.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let Self {
            pipeline,
            seeds,
            images,
            samples,
            ..
        } = self;
        let base = |name| {
            self.base
                .get(name)
                .map_or_else(dash, |value| format!("{value:.3}"))
        };
        let mut text = format!(
            "| `{pipeline}` | AP50 | difference | AR50 | IoU | difference | verdict |\n\
             | --- | ---: | --- | ---: | ---: | --- | --- |\n\
             | as configured | {} | | {} | {} | | |\n",
            base("ap50"),
            base("ar50"),
            base("iou")
        );
        for row in &self.rows {
            let effect = |name| row.effects.get(name);
            let value = |name| effect(name).map_or_else(dash, |e| format!("{:.3}", e.value));
            let change = |name| effect(name).map_or_else(dash, difference);
            let label = row.overrides.join("`, `");
            let _ = writeln!(
                text,
                "| `{label}` | {} | {} | {} | {} | {} | {} |",
                value("ap50"),
                change("ap50"),
                value("ar50"),
                value("iou"),
                change("iou"),
                row.verdict()
            );
        }
        let paired = if seeds.len() == 1 {
            "one seed: nothing is said of the chance in training".to_owned()
        } else {
            format!("{} seeds", seeds.len())
        };
        let _ = write!(
            text,
            "\nDifferences to the first row with 95 % intervals over {samples} samples of {images} images \
             ({paired}). Of {} variants without any effect, about {:.1} would look as if they had one.",
            self.rows.len(),
            0.05 * self.rows.len() as f64
        );
        text
    }

    /// One line for each variant and metric.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = "variant,metric,base,value,difference,low,high,verdict\n".to_owned();
        for row in &self.rows {
            for name in MEASURES {
                let Some(effect) = row.effects.get(name) else {
                    continue;
                };
                let Effect {
                    base,
                    value,
                    difference,
                    interval,
                    verdict,
                } = effect;
                let label = row.overrides.join(" ").replace('"', "\"\"");
                let [low, high] = interval.map_or_else(
                    || [String::new(), String::new()],
                    |ends| ends.map(|end| end.to_string()),
                );
                let _ = writeln!(
                    text,
                    "\"{label}\",{name},{base},{value},{difference},{low},{high},{verdict}"
                );
            }
        }
        text
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn difference(effect: &Effect) -> String {
    match effect.interval {
        Some([low, high]) => format!("{:+.3} [{low:+.3}, {high:+.3}]", effect.difference),
        None => format!("{:+.3}", effect.difference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn ablation() -> Ablation {
        let effect = |base: f64, value: f64, interval, verdict| Effect {
            base,
            value,
            difference: value - base,
            interval,
            verdict,
        };
        Ablation {
            pipeline: "unet".to_owned(),
            seeds: vec![1],
            images: 3,
            samples: 1000,
            base: BTreeMap::from([("ap50", 0.5), ("iou", 0.25)]),
            rows: vec![Row {
                overrides: vec!["a.b={kind: \"x\"}".to_owned()],
                effects: BTreeMap::from([
                    (
                        "ap50",
                        effect(0.5, 0.75, Some([0.125, 0.5]), Verdict::Helps),
                    ),
                    ("iou", effect(0.25, 0.25, None, Verdict::NoEvidence)),
                ]),
            }],
        }
    }

    #[test]
    fn markdown_shows_differences_and_says_what_they_are_worth() {
        let text = ablation().to_markdown();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[2], "| as configured | 0.500 | | – | 0.250 | | |");
        assert_eq!(
            rows[3],
            "| `a.b={kind: \"x\"}` | 0.750 | +0.250 [+0.125, +0.500] | – | 0.250 | +0.000 | helps |"
        );
        assert!(
            text.contains("3 images (one seed: nothing is said"),
            "{text}"
        );
    }

    #[test]
    fn csv_quotes_variants() {
        assert_eq!(
            ablation().to_csv(),
            "variant,metric,base,value,difference,low,high,verdict\n\
             \"a.b={kind: \"\"x\"\"}\",ap50,0.5,0.75,0.25,0.125,0.5,helps\n\
             \"a.b={kind: \"\"x\"\"}\",iou,0.25,0.25,0,,,no evidence\n"
        );
    }
}
