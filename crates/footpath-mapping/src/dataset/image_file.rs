//! Reads one image file as 8-bit RGB.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};

use crate::problem::{Problem, ProblemKind};

/// File name extensions of the images that are read.
pub const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "tif", "tiff"];

/// Whether the name is that of an image that can be read.
#[must_use]
pub fn is_image_name(path: &Path) -> bool {
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase);
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

/// Reads a PNG, JPEG or TIFF of any size as RGB, 8 bits a channel.
///
/// Grey is repeated in all three channels, transparency is dropped. The
/// format is told by the file's first bytes, not by its name.
///
/// # Errors
/// A [`Problem`] if the file is missing, truncated or damaged, or if a
/// channel has more than 8 bits (how to scale it is not ours to guess).
pub fn read_rgb(path: &Path) -> Result<RgbImage, Problem> {
    let bytes = fs::read(path).map_err(|e| missing_or_unreadable(path, &e))?;
    decode_rgb(&bytes).map_err(|kind| Problem::of_file(path, kind))
}

/// Width and height of an image in px, from the first bytes of its file.
///
/// # Errors
/// A [`Problem`] if the file is missing or no image.
pub fn read_size(path: &Path) -> Result<[u32; 2], Problem> {
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| missing_or_unreadable(path, &e))?;
    let (width, height) = reader
        .into_dimensions()
        .map_err(|e| Problem::of_file(path, unreadable(&e)))?;
    Ok([width, height])
}

fn missing_or_unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let kind = if error.kind() == std::io::ErrorKind::NotFound {
        ProblemKind::MissingImageFile {
            path: path.to_owned(),
        }
    } else {
        unreadable(error)
    };
    Problem::of_file(path, kind)
}

fn unreadable(error: &impl std::fmt::Display) -> ProblemKind {
    ProblemKind::UnreadableImage {
        detail: error.to_string(),
    }
}

fn decode_rgb(bytes: &[u8]) -> Result<RgbImage, ProblemKind> {
    let reader = ImageReader::new(std::io::Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| unreadable(&e))?;
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg_is_whole(bytes) {
        let detail = format!(
            "the JPEG is cut off after {} bytes (no end-of-image marker)",
            bytes.len()
        );
        return Err(ProblemKind::UnreadableImage { detail });
    }
    let decoder = reader.into_decoder().map_err(|e| unreadable(&e))?;
    let found = decoder.original_color_type();
    match DynamicImage::from_decoder(decoder).map_err(|e| unreadable(&e))? {
        DynamicImage::ImageRgb8(rgb) => Ok(rgb),
        image @ (DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgba8(_)) => Ok(image.into_rgb8()),
        _ => Err(ProblemKind::UnsupportedPixels {
            found: format!("{found:?}"),
        }),
    }
}

/// Whether a JPEG reaches its end-of-image marker. Decoders fill the missing
/// part of a cut file with grey and say nothing.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xDA;
    const FILL: u8 = 0xFF;
    let mut at = 2;
    // Segments before the picture may hold a preview with its own end marker.
    while let Some(&[0xFF, marker, high, low]) = bytes.get(at..at + 4).and_then(|s| s.as_array()) {
        if marker == START_OF_SCAN {
            return bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
        }
        at += if marker == FILL {
            1
        } else {
            2 + usize::from(u16::from_be_bytes([high, low]))
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageBuffer, Luma, Rgb, Rgba};

    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).expect("encodable");
        bytes.into_inner()
    }

    fn rgb() -> DynamicImage {
        ImageBuffer::from_fn(20, 10, |x, y| Rgb([x as u8 * 10, y as u8 * 20, 77])).into()
    }

    #[test]
    fn rgb_comes_through_unchanged() {
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let read = decode_rgb(&encoded(&rgb(), format)).expect("sound");
            assert_eq!(read, rgb().into_rgb8(), "{format:?}");
        }
        let read = decode_rgb(&encoded(&rgb(), ImageFormat::Jpeg)).expect("sound");
        assert_eq!(read.dimensions(), (20, 10));
    }

    #[test]
    fn grey_is_repeated_and_transparency_dropped() {
        let grey: ImageBuffer<Luma<u8>, _> = ImageBuffer::from_pixel(2, 2, Luma([9]));
        let read = decode_rgb(&encoded(&grey.into(), ImageFormat::Png)).expect("sound");
        assert_eq!(read.get_pixel(1, 1), &Rgb([9, 9, 9]));
        let rgba: ImageBuffer<Rgba<u8>, _> = ImageBuffer::from_pixel(2, 2, Rgba([1, 2, 3, 0]));
        let read = decode_rgb(&encoded(&rgba.into(), ImageFormat::Png)).expect("sound");
        assert_eq!(read.get_pixel(0, 0), &Rgb([1, 2, 3]));
    }

    #[test]
    fn sixteen_bits_are_refused() {
        let deep: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_pixel(2, 2, Rgb([1, 2, 3]));
        assert_eq!(
            decode_rgb(&encoded(&deep.into(), ImageFormat::Png)),
            Err(ProblemKind::UnsupportedPixels {
                found: "Rgb16".into()
            })
        );
    }

    #[test]
    fn any_cut_of_any_format_is_noticed() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff] {
            let whole = encoded(&rgb(), format);
            for part in 1..8 {
                let cut = &whole[..whole.len() * part / 8];
                assert!(
                    matches!(decode_rgb(cut), Err(ProblemKind::UnreadableImage { .. })),
                    "{format:?} cut to {part}/8"
                );
            }
        }
    }
}
