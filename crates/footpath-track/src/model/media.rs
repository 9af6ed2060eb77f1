//! Texts and images that a run logs over its steps.

use serde::{Deserialize, Serialize};

use super::Digest;

/// One text of a text series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRecord {
    /// The series' key.
    pub key: String,
    /// The step.
    pub step: i64,
    /// When it was logged, Unix milliseconds.
    pub time_ms: i64,
    /// The text.
    pub text: String,
}

/// One picture of an image series: layers of one size that a page shows side by side or over
/// each other (input, truth, prediction, masks).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// The series' key, such as `valid/pictures`.
    pub key: String,
    /// The step.
    pub step: i64,
    /// When it was logged, Unix milliseconds.
    pub time_ms: i64,
    /// What the picture is of (an image's file name or id), the same in every run, so that
    /// runs are compared sample by sample. Empty if it stands for no sample.
    #[serde(default)]
    pub sample: String,
    /// How good the prediction on this sample is, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// A line of text below the picture.
    #[serde(default)]
    pub caption: String,
    /// The layers, in the order they are shown.
    pub layers: Vec<ImageLayer>,
}

/// One layer of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageLayer {
    /// What it is: `input`, `truth`, `prediction`, `mask:building`, …
    pub role: String,
    /// The encoded image's content.
    pub digest: Digest,
    /// Its media type, such as `image/png`.
    pub media_type: String,
    /// Its width in pixels.
    pub width_px: u32,
    /// Its height in pixels.
    pub height_px: u32,
}

/// A text or image series, and how much it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaSeries {
    /// The series' key.
    pub key: String,
    /// Texts or images.
    pub kind: MediaKind,
    /// How many records.
    pub count: u64,
    /// The least step.
    pub first_step: i64,
    /// The greatest step.
    pub last_step: i64,
}

/// What a [`MediaSeries`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// [`TextRecord`]s.
    Text,
    /// [`ImageRecord`]s.
    Image,
}
