//! Diagrams as SVG.

use std::fmt::Write as _;

use super::layout::layout;
use super::{Diagram, DiagramNode, lines};
use crate::graph::Kind;

const LINE_PX: f64 = 18.0;
const PADDING_PX: f64 = 12.0;
const LAYER_GAP_PX: f64 = 48.0;
const MARGIN_PX: f64 = 20.0;
/// A wide estimate of a character's width at 12 px, since fonts differ.
const CHARACTER_PX: f64 = 7.2;
/// The same for a name: bold, at 13 px.
const NAME_CHARACTER_PX: f64 = 8.4;
const LEAST_WIDTH_PX: f64 = 96.0;

/// Draws a diagram.
pub(super) fn draw(diagram: &Diagram) -> String {
    let texts: Vec<Vec<String>> = diagram.nodes.iter().map(lines).collect();
    let widths: Vec<f64> = texts.iter().map(|lines| width(lines)).collect();
    let rows = texts.iter().map(Vec::len).max().unwrap_or(0);
    let box_height = rows as f64 * LINE_PX + 2.0 * PADDING_PX - 6.0;
    let pitch = box_height + LAYER_GAP_PX;
    let layout = layout(&widths, &diagram.edges);
    let width = layout.width + 2.0 * MARGIN_PX;
    let height = (layout.layers as f64 * pitch - LAYER_GAP_PX).max(0.0) + 2.0 * MARGIN_PX;
    let top = |layer: usize| MARGIN_PX + layer as f64 * pitch;

    let mut svg = String::new();
    // Writing to a `String` cannot fail, here and below.
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="pipeline {}">
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#57606a"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>
<g fill="none" stroke="#57606a" stroke-width="1.3">"##,
        escape(&diagram.pipeline)
    );
    for ((from, _), path) in diagram.edges.iter().zip(&layout.edges) {
        let first = layout.nodes[*from as usize].1;
        let _ = write!(
            svg,
            "<path d=\"M{:.1} {:.1}",
            path[0] + MARGIN_PX,
            top(first) + box_height
        );
        for (step, pair) in path.windows(2).enumerate() {
            let (from_y, to_y) = (top(first + step) + box_height, top(first + step + 1));
            let (from_x, to_x, middle) = (
                pair[0] + MARGIN_PX,
                pair[1] + MARGIN_PX,
                f64::midpoint(from_y, to_y),
            );
            let _ = write!(
                svg,
                " C{from_x:.1} {middle:.1} {to_x:.1} {middle:.1} {to_x:.1} {to_y:.1}"
            );
            if step + 2 < path.len() {
                // Straight through the layer the edge crosses.
                let _ = write!(svg, " V{:.1}", to_y + box_height);
            }
        }
        svg.push_str("\" marker-end=\"url(#arrow)\"/>\n");
    }
    svg.push_str("</g>\n<g font-family=\"system-ui, sans-serif\" font-size=\"13\" text-anchor=\"middle\" fill=\"#1b1f24\">\n");
    for (index, node) in diagram.nodes.iter().enumerate() {
        let (x, layer) = layout.nodes[index];
        draw_box(
            &mut svg,
            node,
            &texts[index],
            x + MARGIN_PX,
            top(layer),
            widths[index],
            box_height,
        );
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn draw_box(
    svg: &mut String,
    node: &DiagramNode,
    lines: &[String],
    x: f64,
    top: f64,
    width: f64,
    height: f64,
) {
    let (fill, line) = node
        .status
        .as_ref()
        .map_or(("#f6f8fa", "#57606a"), |status| status.tone.colours());
    let (radius, stroke) = match node.kind {
        kind if kind.is_given() => (height / 2.0, 1.3),
        Kind::Fit => (4.0, 2.6),
        _ => (4.0, 1.3),
    };
    let _ = writeln!(
        svg,
        "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius:.1}\" fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"{stroke}\"/>",
        x - width / 2.0
    );
    let first = top + height / 2.0 - (lines.len() as f64 - 1.0) * LINE_PX / 2.0 + 4.5;
    for (index, text) in lines.iter().enumerate() {
        let y = first + index as f64 * LINE_PX;
        let look = if index == 0 {
            "font-weight=\"600\""
        } else {
            "font-size=\"12\" fill=\"#424a53\""
        };
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" {look}>{}</text>",
            escape(text)
        );
    }
}

fn width(lines: &[String]) -> f64 {
    let widest = lines.iter().enumerate().map(|(index, line)| {
        let character = if index == 0 {
            NAME_CHARACTER_PX
        } else {
            CHARACTER_PX
        };
        line.chars().count() as f64 * character
    });
    (widest.fold(0.0, f64::max) + 2.0 * PADDING_PX).max(LEAST_WIDTH_PX)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
