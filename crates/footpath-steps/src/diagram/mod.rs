//! Pipelines as pictures: Mermaid, DOT and SVG.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::explain::{Action, Plan};
use crate::graph::Kind;
use crate::pipeline::Pipeline;
use crate::report::{Outcome, RunReport};
use crate::text::{bytes_text, seconds_text};

mod layout;
mod svg;

/// The structure of a pipeline, with what a plan or a run says of its steps.
///
/// As JSON (it is serialisable) it is the pipeline's persisted structure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagram {
    /// The pipeline's name.
    pub pipeline: String,
    /// Inputs and steps, each after those that feed it.
    pub nodes: Vec<DiagramNode>,
    /// Who feeds whom: positions in `nodes`.
    pub edges: Vec<(u32, u32)>,
}

/// A step or input in a diagram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagramNode {
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// The name of its transformer or estimator.
    pub code: String,
    /// What a plan or a run says of it.
    pub status: Option<Status>,
}

/// What a plan or a run says of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// One word, such as `hit`.
    pub word: String,
    /// How it looks.
    pub tone: Tone,
    /// Time and size, such as `1.2 s, 45 MB`; may be empty.
    pub detail: String,
}

/// How a status looks; its word says the same to those who do not see colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Nothing to do.
    Saved,
    /// Work.
    Worked,
    /// A failure.
    Failed,
    /// Not looked at.
    Quiet,
}

impl Pipeline {
    /// The pipeline as a diagram, without any run.
    ///
    /// # Errors
    /// When the pipeline was built wrongly.
    pub fn diagram(&self) -> Result<Diagram, Error> {
        let graph = self.graph().nodes()?;
        let mut edges = Vec::new();
        let mut nodes = Vec::with_capacity(graph.len());
        for (index, node) in graph.iter().enumerate() {
            let mut feeding: Vec<u32> =
                node.inputs.iter().map(|(input, _)| *input as u32).collect();
            feeding.sort_unstable();
            feeding.dedup();
            edges.extend(feeding.into_iter().map(|input| (input, index as u32)));
            nodes.push(DiagramNode {
                name: node.name.to_string(),
                kind: node.kind,
                code: node.code.to_owned(),
                status: None,
            });
        }
        Ok(Diagram {
            pipeline: self.name().to_owned(),
            nodes,
            edges,
        })
    }
}

impl Diagram {
    /// The same diagram with hits, misses, times and sizes of a run.
    #[must_use]
    pub fn with_report(mut self, report: &RunReport) -> Self {
        for node in &mut self.nodes {
            node.status = report.step(&node.name).map(|step| {
                let mut details = Vec::new();
                if matches!(step.outcome, Outcome::Computed) {
                    details.push(seconds_text(step.elapsed_secs));
                }
                details.extend(step.bytes.map(bytes_text));
                if let Some(items) = step.items {
                    let plural = if items.total == 1 { "" } else { "s" };
                    details.push(format!("{} item{plural}", items.total));
                    if items.failed > 0 {
                        details.push(format!("{} failed", items.failed));
                    }
                }
                let tone = match step.outcome {
                    Outcome::Hit => Tone::Saved,
                    Outcome::Computed => Tone::Worked,
                    Outcome::Failed => Tone::Failed,
                    Outcome::Given | Outcome::Unneeded | Outcome::NotReached => Tone::Quiet,
                };
                Status {
                    word: step.outcome.to_string(),
                    tone,
                    detail: details.join(", "),
                }
            });
        }
        self
    }

    /// The same diagram with what a plan says.
    #[must_use]
    pub fn with_plan(mut self, plan: &Plan) -> Self {
        for node in &mut self.nodes {
            node.status = plan.step(&node.name).map(|step| {
                let tone = match step.action {
                    Action::Hit => Tone::Saved,
                    Action::Compute => Tone::Worked,
                    Action::Given | Action::Unneeded => Tone::Quiet,
                };
                let detail = step.bytes.map(bytes_text).unwrap_or_default();
                Status {
                    word: step.action.to_string(),
                    tone,
                    detail,
                }
            });
        }
        self
    }

    /// As a [Mermaid](https://mermaid.js.org) flowchart, which GitHub and GitLab draw in Markdown.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n");
        for (index, node) in self.nodes.iter().enumerate() {
            let label = lines(node)
                .iter()
                .map(|line| escape_mermaid(line))
                .collect::<Vec<_>>()
                .join("<br/>");
            let (open, close) = match node.kind {
                kind if kind.is_given() => ("([", "])"),
                Kind::Fit => ("[[", "]]"),
                _ => ("[", "]"),
            };
            // Writing to a `String` cannot fail, here and below.
            let _ = writeln!(text, "    n{index}{open}\"{label}\"{close}");
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} --> n{to}");
        }
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(status) = &node.status {
                let (fill, line) = status.tone.colours();
                let _ = writeln!(
                    text,
                    "    style n{index} fill:{fill},stroke:{line},color:#1b1f24"
                );
            }
        }
        text
    }

    /// As a Graphviz DOT graph.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut text = format!(
            "digraph \"{}\" {{\n    node [fontname=\"sans-serif\"];\n",
            escape_dot(&self.pipeline)
        );
        for (index, node) in self.nodes.iter().enumerate() {
            let label = lines(node)
                .iter()
                .map(|line| escape_dot(line))
                .collect::<Vec<_>>()
                .join("\\n");
            let shape = match node.kind {
                kind if kind.is_given() => "ellipse",
                Kind::Fit => "box3d",
                _ => "box",
            };
            let (fill, line) = node
                .status
                .as_ref()
                .map_or(("#ffffff", "#57606a"), |status| status.tone.colours());
            let _ = writeln!(
                text,
                "    n{index} [label=\"{label}\", shape={shape}, style=filled, fillcolor=\"{fill}\", color=\"{line}\"];"
            );
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} -> n{to};");
        }
        text.push_str("}\n");
        text
    }

    /// As an SVG picture, drawn here: no other program is needed.
    #[must_use]
    pub fn svg(&self) -> String {
        svg::draw(self)
    }
}

impl Tone {
    /// Fill and line.
    fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Saved => ("#dafbe1", "#1a7f37"),
            Self::Worked => ("#ddf4ff", "#0969da"),
            Self::Failed => ("#ffebe9", "#cf222e"),
            Self::Quiet => ("#f6f8fa", "#8c959f"),
        }
    }
}

/// What a node's box says, line by line.
fn lines(node: &DiagramNode) -> Vec<String> {
    let mut lines = vec![node.name.clone()];
    lines.push(match node.kind {
        Kind::Input | Kind::Constant | Kind::Map | Kind::MapEach => {
            node.kind.name().replace('_', " ")
        }
        kind => format!("{} · {}", kind.name().replace('_', " "), node.code),
    });
    if let Some(status) = &node.status {
        lines.push(if status.detail.is_empty() {
            status.word.clone()
        } else {
            format!("{} · {}", status.word, status.detail)
        });
    }
    lines
}

fn escape_mermaid(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn escape_dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
