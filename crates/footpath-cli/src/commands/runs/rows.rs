//! Tables and values as people read them.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

/// A table in columns: the first of a row to the left, numbers to the right.
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// A table of these columns; those that are `true` stand to the right.
    pub(super) fn new(columns: impl IntoIterator<Item = (String, bool)>) -> Self {
        let (head, right) = columns.into_iter().unzip();
        Self {
            head,
            rows: Vec::new(),
            right,
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table's text, without a line's end behind it.
    pub(super) fn text(&self) -> String {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let widths: Vec<usize> = (0..self.head.len())
            .map(|at| {
                lines()
                    .map(|line| line.get(at).map_or(0, |cell| cell.chars().count()))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for line in lines() {
            let mut written = String::new();
            for (at, width) in widths.iter().enumerate() {
                let cell = line.get(at).map_or("", String::as_str);
                let gap = if at == 0 { "" } else { "  " };
                // Writing to a text does not fail.
                let _ = if self.right[at] {
                    write!(written, "{gap}{cell:>width$}")
                } else {
                    write!(written, "{gap}{cell:<width$}")
                };
            }
            text.push_str(written.trim_end());
            text.push('\n');
        }
        text.pop();
        text
    }
}

/// A text that cannot command a terminal: control characters are written as escapes.
pub(super) fn plain(text: &str) -> String {
    if text.chars().any(char::is_control) {
        text.escape_debug().to_string()
    } else {
        text.to_owned()
    }
}

/// A number with enough digits to tell it from its neighbours in a table.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return value.to_string();
    }
    let size = value.abs();
    if (1e-4..1e7).contains(&size) {
        let whole = size.log10().floor() as i32;
        let digits = usize::try_from(5 - whole).unwrap_or(0).min(8);
        let text = format!("{value:.digits$}");
        if text.contains('.') {
            return text.trim_end_matches('0').trim_end_matches('.').to_owned();
        }
        return text;
    }
    format!("{value:.5e}")
}

/// A time in UTC to the second, such as `2026-11-28T17:49:53Z`.
pub(super) fn time(unix_ms: i64) -> String {
    match u64::try_from(unix_ms) {
        Ok(unix_ms) if unix_ms < 253_402_300_800_000 => {
            let time = UNIX_EPOCH + Duration::from_millis(unix_ms);
            humantime::format_rfc3339_seconds(time).to_string()
        }
        _ => format!("{unix_ms} ms"),
    }
}

/// How long something took, in its two greatest units.
pub(super) fn duration(ms: i64) -> String {
    let ms = ms.max(0) as u64;
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let text = humantime::format_duration(Duration::from_secs(ms / 1000)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// A number of bytes.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut size = count as f64;
    let mut unit = "";
    for next in UNITS {
        if size < 999.95 {
            break;
        }
        size /= 1000.0;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new([("ID".into(), false), ("loss".into(), true)]);
        table.row(vec!["größe".into(), "0.25".into()]);
        table.row(vec!["b".into(), "10".into()]);
        assert_eq!(table.text(), "ID     loss\ngröße  0.25\nb        10");
    }

    #[test]
    fn values_are_short_and_exact_enough() {
        let of = number;
        assert_eq!(
            [of(0.1), of(1234.5), of(0.0), of(-2.0)],
            ["0.1", "1234.5", "0", "-2"]
        );
        assert_eq!(
            [of(0.123_456_789), of(1e-9), of(f64::NAN)],
            ["0.123457", "1.00000e-9", "NaN"]
        );
        assert_eq!(of(100.0), "100");
        assert_eq!(
            [bytes(999), bytes(1500), bytes(2_000_000_000)],
            ["999 B", "1.5 kB", "2.0 GB"]
        );
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(
            [duration(500), duration(61_000), duration(90_061_000)],
            ["500ms", "1m 1s", "1day 1h"]
        );
        assert_eq!(time(1_700_000_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(time(-1), "-1 ms");
        assert_eq!(plain("a\u{1b}[2J"), "a\\u{1b}[2J");
    }
}
