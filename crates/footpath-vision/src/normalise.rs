//! From 8-bit RGB to what the encoders were pretrained on.

use image::RgbImage;

/// Mean of ImageNet's red, green and blue, over 255.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their standard deviation.
const STANDARD_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// The values `[3, H, W]` of an image: over 255, minus the mean, over the standard deviation.
pub(crate) fn normalise(image: &RgbImage) -> impl Iterator<Item = f32> {
    (0..3).flat_map(move |channel| {
        let (mean, deviation) = (MEAN[channel], STANDARD_DEVIATION[channel]);
        let values = image.as_raw().iter().skip(channel).step_by(3);
        values.map(move |&value| (f32::from(value) / 255.0 - mean) / deviation)
    })
}

#[test]
fn channels_are_split_and_scaled() {
    let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([0, 255, 51 * x as u8]));
    let values: Vec<f32> = normalise(&image).collect();
    let expected = [
        -0.485 / 0.229,
        -0.485 / 0.229,
        (1.0 - 0.456) / 0.224,
        (1.0 - 0.456) / 0.224,
        -0.406 / 0.225,
        (0.2 - 0.406) / 0.225,
    ];
    for (value, expected) in values.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-6, "{value}, not {expected}");
    }
    assert_eq!(values.len(), 6);
}
