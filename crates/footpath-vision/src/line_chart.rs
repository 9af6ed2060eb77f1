//! Line charts as SVG, for curves that a browser shows without any script.

use std::fmt::Write as _;

/// Width of a chart and height of each panel, px.
const WIDTH: f64 = 860.0;
const PANEL: f64 = 240.0;
/// Room for labels around a panel's plot, px: left, right, top, bottom.
const MARGINS: [f64; 4] = [70.0, 20.0, 30.0, 34.0];
/// Colours that colour-blind people tell apart (Okabe and Ito 2008).
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];
/// Points drawn of one series at most: more than there are pixels show nothing more.
const MOST_POINTS: usize = 1000;

/// One plot.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// What is shown.
    pub title: String,
    /// What runs from left to right.
    pub x_label: String,
    /// Whether that runs in powers of ten.
    pub log_x: bool,
    /// The lines.
    pub series: Vec<Series>,
    /// A place to point at, with a word on it.
    pub mark: Option<(f64, String)>,
}

/// One line; points that are not finite are left out.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Panels one below the other. Equal panels give equal bytes.
#[must_use]
pub fn svg(panels: &[Panel]) -> String {
    let height = PANEL * panels.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let _ = writeln!(
            text,
            "<g transform=\"translate(0 {})\">",
            PANEL * index as f64
        );
        draw(&mut text, panel);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

/// A range of values laid over a range of pixels.
struct Axis {
    low: f64,
    high: f64,
    from_px: f64,
    to_px: f64,
    log: bool,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64>, log: bool, [from_px, to_px]: [f64; 2]) -> Self {
        let scale = |value: f64| if log { value.log10() } else { value };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.map(scale).filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if low == high {
            (low, high) = (low - 0.5, high + 0.5);
        }
        Self {
            low,
            high,
            from_px,
            to_px,
            log,
        }
    }

    fn px(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        self.from_px + share * (self.to_px - self.from_px)
    }

    /// Round values within the range.
    fn ticks(&self) -> Vec<f64> {
        if self.log {
            let powers = self.low.ceil() as i32..=self.high.floor() as i32;
            return powers.map(|power| 10_f64.powi(power)).collect();
        }
        let rough = (self.high - self.low) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let factors = [1.0, 2.0, 5.0, 10.0];
        let step = factors.map(|f| f * power).into_iter().find(|s| *s >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

fn draw(text: &mut String, panel: &Panel) {
    let [left, right, top, bottom] = MARGINS;
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let x = Axis::new(points().map(|p| p.0), panel.log_x, [left, WIDTH - right]);
    let y = Axis::new(points().map(|p| p.1), false, [PANEL - bottom, top]);
    let (floor, end) = (PANEL - bottom, WIDTH - right);
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line(format!(
        "<text x=\"{left}\" y=\"18\" font-weight=\"bold\">{}</text>",
        escape(&panel.title)
    ));
    line(format!(
        "<text x=\"{end}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        floor + 30.0,
        escape(&panel.x_label)
    ));
    for tick in y.ticks() {
        let at = y.px(tick);
        line(format!(
            "<path d=\"M{left} {at:.1}H{end}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            at + 4.0,
            label(tick)
        ));
    }
    for tick in x.ticks() {
        let at = x.px(tick);
        line(format!(
            "<path d=\"M{at:.1} {floor}v5\" stroke=\"black\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            floor + 18.0,
            label(tick)
        ));
    }
    line(format!(
        "<path d=\"M{left} {top}V{floor}H{end}\" fill=\"none\" stroke=\"black\"/>"
    ));
    for (index, series) in panel.series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let every = series.points.len().div_ceil(MOST_POINTS).max(1);
        let drawn = series.points.iter().step_by(every);
        let mut path = String::new();
        for (px, py) in drawn.map(|&(vx, vy)| (x.px(vx), y.px(vy))) {
            if px.is_finite() && py.is_finite() {
                let command = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{command}{px:.1} {py:.1}");
            }
        }
        line(format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" \
             stroke-linecap=\"round\"/>"
        ));
        line(format!(
            "<text x=\"{}\" y=\"18\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
            end - 130.0 * index as f64,
            escape(&series.name)
        ));
    }
    if let Some((value, word)) = &panel.mark {
        let at = x.px(*value);
        line(format!(
            "<path d=\"M{at:.1} {top}V{floor}\" stroke=\"black\" stroke-dasharray=\"4 3\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            at + 4.0,
            top + 12.0,
            escape(word)
        ));
    }
}

/// A number as short as it can be read.
fn label(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_where_the_axes_say() {
        let panel = Panel {
            title: "a < b".into(),
            x_label: "epoch".into(),
            series: vec![Series {
                name: "loss".into(),
                points: vec![(0.0, 2.0), (5.0, f64::NAN), (10.0, 0.0)],
            }],
            ..Panel::default()
        };
        let text = svg(&[panel]);
        assert!(text.contains("a &lt; b"), "{text}");
        // The plot's top left and bottom right corners.
        assert!(text.contains("M70.0 30.0L840.0 206.0"), "{text}");
    }

    #[test]
    fn ticks_are_round() {
        let axis = Axis::new([0.0, 0.93].into_iter(), false, [0.0, 1.0]);
        let labels: Vec<_> = axis.ticks().into_iter().map(label).collect();
        assert_eq!(labels, ["0", "0.2", "0.4", "0.6", "0.8"]);
        let axis = Axis::new([1e-7, 2.0].into_iter(), true, [0.0, 1.0]);
        let labels: Vec<_> = axis.ticks().into_iter().map(label).collect();
        assert_eq!(
            labels,
            ["1e-7", "1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]
        );
    }

    #[test]
    fn nothing_to_show_is_an_empty_plot() {
        let text = svg(&[Panel::default(), Panel::default()]);
        assert_eq!(text.matches("<g ").count(), 2);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
