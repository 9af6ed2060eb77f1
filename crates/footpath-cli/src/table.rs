//! Tables for people.

use footpath_mapping::evaluation::{Detail, Metrics};
use footpath_mapping::second_level::SecondLevel;
use footpath_vision::lr_range::LrRange;
use footpath_vision::progress::EpochRecord;
use std::fmt::Write;

/// The metrics, the challenge's first; `–` where there is no truth to measure by.
pub(crate) fn metrics_table(m: &Metrics) -> String {
    let n = number;
    let mut text = String::new();
    let mut line = |name: &str, values: [(&str, f64); 4]| {
        let _ = write!(text, "{name:<30}");
        for (label, value) in values {
            if !label.is_empty() {
                let _ = write!(text, "  {label} {}", n(value));
            }
        }
        text.push('\n');
    };
    let none = ("", 0.0);
    line(
        "IoU 0.50 (the challenge's)",
        [("AP", m.ap50), ("AR", m.ar50), none, none],
    );
    line(
        "  buildings below 14² px",
        [("AP", m.ap50_small), ("AR", m.ar50_small), none, none],
    );
    line(
        "  buildings from 14² px",
        [("AP", m.ap50_large), ("AR", m.ar50_large), none, none],
    );
    line(
        "IoU 0.50:0.95",
        [
            ("AP", m.ap),
            ("AR", m.ar_100),
            ("AR@10", m.ar_10),
            ("AR@1", m.ar_1),
        ],
    );
    line(
        "  small, below 32² px",
        [("AP", m.ap_small), ("AR", m.ar_small), none, none],
    );
    line(
        "  medium, to 96² px",
        [("AP", m.ap_medium), ("AR", m.ar_medium), none, none],
    );
    line(
        "  large, from 96² px",
        [("AP", m.ap_large), ("AR", m.ar_large), none, none],
    );
    line("IoU 0.75", [("AP", m.ap75), none, none, none]);
    line("pixels", [("IoU", m.iou), none, none, none]);
    let (images, truths, found) = (m.images, m.truths, m.detections);
    let _ = write!(text, "{images} images, {truths} buildings, {found} found");
    text
}

/// What the metrics do not say: intervals, borders, outlines, sizes.
pub(crate) fn detail_table(detail: &Detail) -> String {
    let mut text = String::new();
    if !detail.intervals.is_empty() {
        let names = [
            ("ap50", "AP50"),
            ("ar50", "AR50"),
            ("ap", "AP"),
            ("iou", "IoU"),
        ];
        let _ = write!(text, "{:<30}", "95 % intervals over images");
        for (key, name) in names {
            if let Some([low, high]) = detail.intervals.get(key) {
                let _ = write!(text, "  {name} {low:.3} to {high:.3}");
            }
        }
        text.push('\n');
    }
    let n = number;
    let _ = write!(
        text,
        "{:<30}  AP {}  AP50 {}\n{:<30}  mean IoU {}  C-IoU {}\n{:<30}  objects {}  corners {}\n{:<30}",
        "borders",
        n(detail.boundary_ap),
        n(detail.boundary_ap50),
        "images",
        n(detail.iou_mean),
        n(detail.c_iou),
        "found for each annotated",
        n(detail.object_ratio),
        n(detail.corner_ratio),
        "area in px² (buildings)",
    );
    for size in &detail.by_size {
        let range = match size.to_px2 {
            Some(to) => format!("{} to {to}", size.from_px2),
            None => format!("from {}", size.from_px2),
        };
        let label = format!("  {range} ({})", size.truths);
        let (ap50, ar50, ap) = (n(size.ap50), n(size.ar50), n(size.ap));
        let _ = write!(text, "\n{label:<30}  AP50 {ap50}  AR50 {ar50}  AP {ap}");
    }
    text
}

fn number(value: f64) -> String {
    if value < 0.0 {
        "    –".to_owned()
    } else {
        format!("{value:.3}")
    }
}

/// What the second level learnt: its error out of fold, and what part each feature has in it.
pub(crate) fn second_level_table(model: &SecondLevel) -> String {
    let mut text = format!(
        "second level: {} candidates; error of the IoU out of fold {:.3} (of their mean {:.3}); \
         error of the probabilities {:.3}; importance:",
        model.candidates, model.out_of_fold_error, model.constant_error, model.calibration_error
    );
    for (feature, part) in model.importance() {
        let _ = write!(text, "\n  {feature:<28} {part:.3}");
    }
    if model.out_of_fold_error >= model.constant_error {
        text.push_str(
            "\nit tells buildings no better than their mean would: give it more tiles, or fewer \
             candidates in a leaf (scoring.learner.least_rows)",
        );
    }
    text
}

/// The losses at rising rates, in some twenty rows, and the rate to try first.
pub(crate) fn learning_rate_table(found: &LrRange) -> String {
    const ROWS: usize = 20;
    let every = found.points.len().div_ceil(ROWS).max(1);
    let mut text = "      lr     loss   smoothed\n".to_owned();
    for point in found.points.iter().step_by(every) {
        let (rate, loss, smoothed) = (point.learning_rate, point.loss, point.smoothed);
        let _ = writeln!(text, "{rate:>8.1e} {loss:>8.3} {smoothed:>10.3}");
    }
    let _ = match found.suggestion {
        Some(rate) => write!(
            text,
            "the loss falls the fastest at a learning rate of {rate:.1e}"
        ),
        None => write!(
            text,
            "the loss never fell; try other rates (--lowest, --highest)"
        ),
    };
    text
}

/// Head of the table that [`epoch_row`] fills.
pub(crate) const EPOCH_HEAD: &str =
    "epoch       lr     loss       ce     dice     AP50     AR50      IoU   images/s   best";

/// A row of the training table.
pub(crate) fn epoch_row(
    record: &EpochRecord,
    images_per_second: Option<f64>,
    is_best: bool,
) -> String {
    let metric = |name| {
        record
            .metrics
            .get(name)
            .copied()
            .map_or_else(String::new, number)
    };
    let EpochRecord {
        epoch,
        learning_rate,
        losses,
        ..
    } = record;
    let speed = images_per_second.map_or_else(String::new, |speed| format!("{speed:.1}"));
    format!(
        "{:>5} {learning_rate:>8.1e} {:>8.3} {:>8.3} {:>8.3} {:>8} {:>8} {:>8} {speed:>10}   {}",
        epoch + 1,
        losses.total,
        losses.cross_entropy,
        losses.dice,
        metric("ap50"),
        metric("ar50"),
        metric("iou"),
        if is_best { "*" } else { "" },
    )
    .trim_end()
    .to_owned()
}
