//! Pictures, as a program tells them.

/// A picture: layers of one size, shown side by side or over each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// What it is of, the same in every run, such as an image's file name; empty for nothing.
    pub sample: String,
    /// How good the prediction on it is.
    pub score: Option<f64>,
    /// A line of text below it.
    pub caption: String,
    /// Its layers.
    pub layers: Vec<Layer>,
}

/// One layer of a [`Picture`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it is: `input`, `truth`, `prediction`, `mask:building`, …
    pub role: String,
    /// The media type of the bytes, such as `image/png`.
    pub media_type: String,
    /// Its width in pixels.
    pub width_px: u32,
    /// Its height in pixels.
    pub height_px: u32,
    /// The encoded image.
    pub bytes: Vec<u8>,
}
