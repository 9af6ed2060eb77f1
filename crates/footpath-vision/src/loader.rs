//! How a training image of any size comes to the network's size.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::plane::Size;
use crate::sample::Sample;

/// How images of other sizes than the network's are made to fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Loader {
    /// Resized, whatever that does to the scale.
    #[default]
    Resize,
    /// At their own scale: cut where they are larger than the network's size, padded where they
    /// are smaller.
    CropAndPad {
        /// Which part is cut out. A random one unless told.
        #[serde(default)]
        crop: Crop,
        /// What a margin shows. The edge replicated unless told.
        #[serde(default)]
        pad: PadMode,
    },
}

/// Which part of an image is cut out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crop {
    /// Another one each time.
    #[default]
    Random,
    /// Its middle.
    Centre,
}

/// What a margin around an image shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// The outermost pixel again and again. Its labels are ignored.
    #[default]
    Replicate,
    /// The image mirrored at its outermost pixel, which is not repeated; with its labels.
    Reflect,
}

impl PadMode {
    /// The pixel of `0..length` that position `at` shows; `length` is at least 1.
    #[must_use]
    pub fn source(self, at: isize, length: usize) -> usize {
        let last = length as isize - 1;
        match self {
            Self::Replicate => at.clamp(0, last) as usize,
            Self::Reflect if last == 0 => 0,
            Self::Reflect => {
                let period = 2 * last;
                let at = at.rem_euclid(period);
                at.min(period - at) as usize
            }
        }
    }
}

/// Old behaviours of loading and weighing, each off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainCompat {
    /// Labels, distances and sizes are resized bilinearly, which invents distances and sizes on
    /// every outline. Ours: each pixel takes those of the nearest.
    pub bilinear_targets: bool,
    /// Distances and sizes stay in pixels of the original image, while the size weight's C is in
    /// pixels of the network's input. Ours: all in the latter.
    pub weight_units: bool,
}

impl Loader {
    /// The sample at the network's size.
    #[must_use]
    pub fn fit(
        self,
        sample: &Sample,
        size: Size,
        compat: TrainCompat,
        rng: &mut ChaCha8Rng,
    ) -> Sample {
        match self {
            Self::Resize => sample.resized_as(size, compat),
            Self::CropAndPad { crop, pad } => {
                let from = sample.size();
                let mut first = |from: usize, to: usize| match (crop, from.checked_sub(to)) {
                    (Crop::Random, Some(spare)) => rng.random_range(0..=spare) as isize,
                    _ => (from as isize - to as isize).div_euclid(2),
                };
                let top = first(from.height, size.height);
                let left = first(from.width, size.width);
                sample.window([top, left], size, pad)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::plane::Plane;
    use crate::random::stream_at;
    use crate::sample::IGNORE;

    /// Pixels numbered row by row: label and red channel.
    fn sample(height: usize, width: usize) -> Sample {
        let size = Size::new(height, width);
        let id = |y: usize, x: usize| (y * width + x) as u8;
        let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
            image::Rgb([id(y as usize, x as usize), 0, 0])
        });
        let plane = Plane::from_fn(size, |y, x| f32::from(id(y, x)));
        let labels = Plane::from_fn(size, id);
        Sample::new("a", image, labels, plane.clone(), plane).unwrap()
    }

    fn fit(loader: Loader, sample: &Sample, size: Size, draw: usize) -> Sample {
        let mut rng = stream_at(1, "crop", 0, draw);
        loader.fit(sample, size, TrainCompat::default(), &mut rng)
    }

    fn red(sample: &Sample) -> Vec<u8> {
        sample.image().pixels().map(|pixel| pixel.0[0]).collect()
    }

    #[test]
    fn margins_replicate_or_reflect() {
        let row = |mode: PadMode| (-3..6).map(|at| mode.source(at, 3)).collect::<Vec<_>>();
        assert_eq!(row(PadMode::Replicate), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(row(PadMode::Reflect), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(PadMode::Reflect.source(5, 1), 0);
    }

    #[test]
    fn what_is_too_small_is_padded_evenly() {
        let small = sample(1, 3);
        let with = |pad| {
            let crop = Crop::Random;
            fit(Loader::CropAndPad { crop, pad }, &small, Size::new(1, 6), 0)
        };
        let replicated = with(PadMode::Replicate);
        assert_eq!(red(&replicated), [0, 0, 0, 1, 2, 2]);
        let labels = [IGNORE, IGNORE, 0, 1, 2, IGNORE];
        assert_eq!(replicated.labels().values(), labels);
        let reflected = with(PadMode::Reflect);
        assert_eq!(red(&reflected), [2, 1, 0, 1, 2, 1]);
        assert_eq!(reflected.labels().values(), [2, 1, 0, 1, 2, 1]);
        assert_eq!(
            reflected.distances().values(),
            [2.0, 1.0, 0.0, 1.0, 2.0, 1.0]
        );
    }

    #[test]
    fn what_is_too_large_is_cut_at_its_own_scale() {
        let large = sample(4, 5);
        let (pad, size) = (PadMode::Replicate, Size::new(2, 3));
        let loader = |crop| Loader::CropAndPad { crop, pad };
        let centre = fit(loader(Crop::Centre), &large, size, 0);
        assert_eq!(red(&centre), [6, 7, 8, 11, 12, 13]);
        assert_eq!(centre.labels().values(), [6, 7, 8, 11, 12, 13]);
        let mut corners: Vec<u8> = (0..200)
            .map(|draw| {
                let cut = fit(loader(Crop::Random), &large, size, draw);
                let first = red(&cut)[0];
                let expected = [0, 1, 2, 5, 6, 7].map(|step| first + step);
                assert_eq!(red(&cut), expected);
                assert_eq!(cut.labels().values(), expected);
                first
            })
            .collect();
        corners.sort_unstable();
        corners.dedup();
        // Every place where the window fits.
        assert_eq!(corners, [0, 1, 2, 5, 6, 7, 10, 11, 12]);
        let again = fit(loader(Crop::Random), &large, size, 7);
        assert_eq!(again, fit(loader(Crop::Random), &large, size, 7));
    }

    #[test]
    fn one_key_chooses_the_loader() {
        let read = |text| serde_json::from_str::<Loader>(text).unwrap();
        assert_eq!(read(r#"{"kind": "resize"}"#), Loader::Resize);
        let loader = Loader::CropAndPad {
            crop: Crop::Random,
            pad: PadMode::Replicate,
        };
        assert_eq!(read(r#"{"kind": "crop_and_pad"}"#), loader);
    }
}
