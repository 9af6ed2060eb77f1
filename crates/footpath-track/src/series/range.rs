//! Which points of a series are asked for.

use serde::{Deserialize, Serialize};

use crate::model::Point;

/// Points in a range of steps, read from the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointRange {
    /// The least step.
    pub from_step: i64,
    /// The greatest step.
    pub to_step: i64,
    /// Only points greater than this one: the last of the page before.
    pub after: Option<Point>,
    /// At most how many.
    pub limit: usize,
}

impl Default for PointRange {
    /// All points.
    fn default() -> Self {
        Self {
            from_step: i64::MIN,
            to_step: i64::MAX,
            after: None,
            limit: usize::MAX,
        }
    }
}

/// What a plot shows of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zoom {
    /// The step at the left edge.
    pub from_step: i64,
    /// The step at the right edge.
    pub to_step: i64,
    /// The width in pixels; at least 1.
    pub width_px: u32,
    /// How steps map to pixels.
    pub scale: Scale,
}

impl Zoom {
    /// All of a series, linear, in this many pixels: the range shrinks to the series' own.
    #[must_use]
    pub fn whole(width_px: u32) -> Self {
        Self {
            from_step: i64::MIN,
            to_step: i64::MAX,
            width_px,
            scale: Scale::Linear,
        }
    }
}

/// How steps map to a plot's pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal steps, equal widths.
    #[default]
    Linear,
    /// Equal ratios, equal widths; steps below 1 fall on the left edge.
    Log,
}
