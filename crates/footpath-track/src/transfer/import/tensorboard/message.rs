//! The messages of event files, as far as they are read (`event.proto`, `summary.proto`,
//! `tensor.proto` of TensorFlow and `hparams/plugin_data.proto` of TensorBoard).

use std::collections::BTreeMap;

use prost::Message;

use super::super::histogram::Histogram;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(message, optional, tag = "5")]
    pub(super) summary: Option<Summary>,
}

impl Event {
    pub(super) fn time_ms(&self) -> i64 {
        (self.wall_time * 1000.0).round() as i64
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SummaryValue {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "5")]
    histogram: Option<HistogramProto>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded: Vec<u8>,
}

/// A histogram as TensorFlow 1 and PyTorch write it. A bin ends at its limit, and begins at that of
/// the bin before; the outermost limits are infinite, nearly.
#[derive(Clone, PartialEq, Message)]
struct HistogramProto {
    #[prost(double, tag = "1")]
    min: f64,
    #[prost(double, tag = "2")]
    max: f64,
    #[prost(double, tag = "3")]
    count: f64,
    #[prost(double, tag = "4")]
    sum: f64,
    #[prost(double, tag = "5")]
    sum_squares: f64,
    #[prost(double, repeated, tag = "6")]
    limits: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    counts: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(bytes = "vec", tag = "4")]
    content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    floats: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    doubles: Vec<f64>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    strings: Vec<Vec<u8>>,
}

/// `DT_FLOAT` and `DT_DOUBLE`.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 2;

impl SummaryValue {
    /// The plugin that shows the value; empty if none is told.
    pub(super) fn plugin(&self) -> &str {
        self.metadata
            .as_ref()
            .and_then(|metadata| metadata.plugin_data.as_ref())
            .map_or("", |data| data.plugin_name.as_str())
    }

    /// What a plugin keeps beside the value.
    pub(super) fn plugin_content(&self, plugin: &str) -> Option<&[u8]> {
        let data = self.metadata.as_ref()?.plugin_data.as_ref()?;
        (data.plugin_name == plugin).then_some(&data.content[..])
    }

    /// The number, if it is one.
    pub(super) fn scalar(&self) -> Option<f64> {
        if let Some(value) = self.simple_value {
            return Some(f64::from(value));
        }
        let plugin = self.plugin();
        let tensor = self.tensor.as_ref()?;
        if !(plugin.is_empty() || plugin == "scalars") {
            return None;
        }
        match tensor.dtype {
            FLOAT => match (&tensor.floats[..], tensor.content.as_array()) {
                ([value], _) => Some(f64::from(*value)),
                ([], Some(bytes)) => Some(f64::from(f32::from_le_bytes(*bytes))),
                _ => None,
            },
            DOUBLE => match (&tensor.doubles[..], tensor.content.as_array()) {
                ([value], _) => Some(*value),
                ([], Some(bytes)) => Some(f64::from_le_bytes(*bytes)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The histogram, if it is one. Its outermost bins end at the least and the greatest value.
    pub(super) fn histogram(&self) -> Option<Histogram> {
        if let Some(told) = &self.histogram {
            return told.histogram();
        }
        if self.plugin() != "histograms" {
            return None;
        }
        // From, to and how many, bin by bin.
        let numbers = self.tensor.as_ref()?.numbers()?;
        let (bins, []) = numbers.as_chunks::<3>() else {
            return None;
        };
        let bins = bins.to_vec();
        let finite = numbers.iter().all(|number| number.is_finite());
        finite.then_some(Histogram {
            bins,
            moments: None,
        })
    }

    /// The texts of a text value.
    pub(super) fn texts(&self) -> Vec<String> {
        let strings = self.tensor.as_ref().map(|tensor| &tensor.strings[..]);
        strings
            .unwrap_or_default()
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    /// The encoded images with width and height in pixels.
    pub(super) fn images(&self) -> Vec<(u32, u32, &[u8])> {
        let side = |number: i32| u32::try_from(number).unwrap_or(0);
        if let Some(image) = &self.image {
            return vec![(side(image.width), side(image.height), &image.encoded)];
        }
        // Width and height as texts, then the images.
        match self.tensor.as_ref().map(|tensor| &tensor.strings[..]) {
            Some([width, height, images @ ..]) if self.plugin() == "images" => {
                let side = |text: &[u8]| {
                    std::str::from_utf8(text)
                        .ok()
                        .and_then(|text| text.parse().ok())
                        .unwrap_or(0)
                };
                images
                    .iter()
                    .map(|image| (side(width), side(height), &image[..]))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

impl HistogramProto {
    fn histogram(&self) -> Option<Histogram> {
        let last = self.limits.len().checked_sub(1)?;
        if self.counts.len() != self.limits.len() {
            return None;
        }
        let mut from = self.min;
        let mut bins = Vec::with_capacity(self.limits.len());
        for (place, (limit, count)) in self.limits.iter().zip(&self.counts).enumerate() {
            // Bins below the least value and above the greatest are empty.
            let to = if place == last { self.max } else { *limit };
            let to = to.clamp(self.min, self.max.max(self.min));
            bins.push([from, to, *count]);
            from = to;
        }
        let finite = bins.iter().flatten().all(|number| number.is_finite());
        let mean = self.sum / self.count;
        let variance = (self.sum_squares / self.count - mean * mean).max(0.0);
        finite.then_some(Histogram {
            bins,
            moments: (self.count > 0.0).then_some((mean, variance.sqrt())),
        })
    }
}

impl Tensor {
    /// The numbers of a tensor of floats, in either form.
    fn numbers(&self) -> Option<Vec<f64>> {
        let content = &self.content;
        match self.dtype {
            FLOAT if content.is_empty() => {
                Some(self.floats.iter().copied().map(f64::from).collect())
            }
            FLOAT => {
                let (numbers, []) = content.as_chunks::<4>() else {
                    return None;
                };
                let number = |bytes: &[u8; 4]| f64::from(f32::from_le_bytes(*bytes));
                Some(numbers.iter().map(number).collect())
            }
            DOUBLE if content.is_empty() => Some(self.doubles.clone()),
            DOUBLE => {
                let (numbers, []) = content.as_chunks::<8>() else {
                    return None;
                };
                let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
                Some(numbers.iter().map(number).collect())
            }
            _ => None,
        }
    }
}

/// What the plugin `hparams` keeps.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HparamsData {
    #[prost(message, optional, tag = "3")]
    session_start: Option<SessionStart>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionStart {
    #[prost(btree_map = "string, message", tag = "1")]
    hparams: BTreeMap<String, HparamValue>,
}

/// `google.protobuf.Value`, as far as it is plain.
#[derive(Clone, PartialEq, Message)]
struct HparamValue {
    #[prost(double, optional, tag = "2")]
    number: Option<f64>,
    #[prost(string, optional, tag = "3")]
    text: Option<String>,
    #[prost(bool, optional, tag = "4")]
    truth: Option<bool>,
}

impl HparamsData {
    /// The hyperparameters as texts.
    pub(super) fn parameters(self) -> Vec<(String, String)> {
        let values = self.session_start.map(|start| start.hparams);
        values
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(key, value)| {
                let text = match value {
                    HparamValue {
                        number: Some(number),
                        ..
                    } => number.to_string(),
                    HparamValue {
                        truth: Some(truth), ..
                    } => truth.to_string(),
                    HparamValue { text, .. } => text?,
                };
                Some((key, text))
            })
            .collect()
    }
}
