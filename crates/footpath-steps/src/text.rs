//! Times, sizes and tables for people.

use std::fmt;

use crate::explain::Plan;
use crate::reason::Reason;
use crate::report::{Outcome, RunReport};

/// A time with two or three digits, such as `1.24 s`, `87 ms`, `3 min 20 s`.
pub(crate) fn seconds_text(seconds: f64) -> String {
    match seconds {
        s if s < 0.5e-6 => "< 1 µs".to_owned(),
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.2} s"),
        s if s < 3600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
        s => format!(
            "{:.0} h {:.0} min",
            (s / 3600.0).floor(),
            (s % 3600.0 / 60.0).floor()
        ),
    }
}

/// A size in decimal units, such as `1.2 MB`.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Writes rows under their titles, in columns as wide as needed; the last column is not padded.
pub(crate) fn table(f: &mut impl fmt::Write, titles: &[&str], rows: &[Vec<String>]) -> fmt::Result {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([titles[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Reasons on one line.
pub(crate) fn reasons_text(reasons: &[Reason]) -> String {
    reasons
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self
            .steps
            .iter()
            .map(|step| {
                let size = step.bytes.map(bytes_text).unwrap_or_default();
                vec![
                    step.name.clone(),
                    step.action.to_string(),
                    size,
                    reasons_text(&step.reasons),
                ]
            })
            .collect();
        table(f, &["step", "plan", "size", "why"], &rows)
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self
            .steps
            .iter()
            .map(|step| {
                let worked = matches!(step.outcome, Outcome::Computed | Outcome::Hit);
                let time = if worked {
                    seconds_text(step.elapsed_secs)
                } else {
                    String::new()
                };
                let items = step.items.map(|items| {
                    let failed = if items.failed > 0 {
                        format!(", {} failed", items.failed)
                    } else {
                        String::new()
                    };
                    format!("{} ({} reused{failed})", items.total, items.reused)
                });
                vec![
                    step.name.clone(),
                    step.outcome.to_string(),
                    time,
                    step.bytes.map(bytes_text).unwrap_or_default(),
                    items.unwrap_or_default(),
                    reasons_text(&step.reasons),
                ]
            })
            .collect();
        table(
            f,
            &["step", "outcome", "time", "size", "items", "why"],
            &rows,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_well() {
        assert_eq!(seconds_text(0.000_000_4), "< 1 µs");
        assert_eq!(seconds_text(0.000_004), "4 µs");
        assert_eq!(seconds_text(0.0871), "87 ms");
        assert_eq!(seconds_text(200.4), "3 min 20 s");
        assert_eq!(seconds_text(7320.0), "2 h 2 min");
        assert_eq!(bytes_text(999), "999 B");
        assert_eq!(bytes_text(1_234_567), "1.2 MB");
        assert_eq!(bytes_text(999_960), "1.0 MB");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut text = String::new();
        table(
            &mut text,
            &["a", "b"],
            &[
                vec!["long".into(), "x".into()],
                vec!["é".into(), String::new()],
            ],
        )
        .unwrap();
        assert_eq!(text, "a     b\nlong  x\né\n");
    }
}
