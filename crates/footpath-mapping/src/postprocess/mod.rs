//! From a probability map to scored buildings: lean on the image's colours, resize to the image,
//! threshold, close, fill, open, erode, label (4-connected), split, dilate, score, encode.

mod crf;
mod detect;
mod gauss;
mod grow;
mod label;
mod resize;
mod split;
mod threshold;

use serde::{Deserialize, Serialize};

pub use crf::{CrfError, CrfOptions};
pub use detect::{Detection, ResultRecord, detect};
pub use grow::{grow_labels, overwrite_labels};
pub use label::{Labels, label_components};
pub use resize::resize_bilinear;
pub use split::{Split, SplitError};
pub use threshold::{even_thresholds, threshold};

use crate::morphology::{close, erode, fill_holes, open};
use crate::plane::Plane;

/// How probability maps become buildings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostprocessOptions {
    /// A pixel is building where its probability exceeds this, in 0..1.
    pub threshold: f32,
    /// Lean the probabilities on the image's colours first; not unless told. Done where the image is
    /// at hand, not by [`Postprocess`].
    pub crf: Option<CrfOptions>,
    /// Fill gaps of the mask that a square of this odd side does not fit in, px; 0 or 1 for none.
    pub close_side_px: u32,
    /// Fill holes of the mask of at most this many pixels.
    pub fill_holes_px: u32,
    /// Leave out what a square of this odd side does not fit in, px; 0 or 1 for none.
    pub open_side_px: u32,
    /// Erode the mask by a square of this odd side, px; 0 or 1 for none.
    /// Objects that would vanish are put back.
    pub erode_side_px: u32,
    /// How a region becomes several buildings where they touch.
    pub split: Split,
    /// Leave out buildings of fewer pixels than this.
    pub least_area_px: u32,
    /// Let labelled objects grow by a square of this odd side, px; 0 or 1 for none.
    pub dilate_side_px: u32,
    /// Behaviours of the 2018 solution to compare with.
    pub compat: PostprocessCompat,
}

impl Default for PostprocessOptions {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            crf: None,
            close_side_px: 0,
            fill_holes_px: 0,
            open_side_px: 0,
            erode_side_px: 0,
            split: Split::None,
            least_area_px: 0,
            dilate_side_px: 0,
            compat: PostprocessCompat::default(),
        }
    }
}

/// Old behaviours, each off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostprocessCompat {
    /// Zero the outermost ring of pixels of each resized probability map.
    pub resize_border: bool,
    /// Dilation overwrites neighbours; even squares are allowed.
    pub dilate_overwrite: bool,
}

/// Why options are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PostprocessError {
    /// An even square would move the objects by half a pixel.
    #[error(
        "postprocess.{option} is {side_px} px, expected an odd number (or 0 for none): an even square moves objects by half a pixel"
    )]
    EvenSide {
        /// The option's name.
        option: &'static str,
        /// Its value.
        side_px: u32,
    },
    /// A setting of [`PostprocessOptions::split`] out of its range.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A setting of [`PostprocessOptions::crf`] out of its range.
    #[error(transparent)]
    Crf(#[from] CrfError),
    /// A threshold that every probability is above, or none.
    #[error("postprocess.threshold is {threshold}, expected a probability above 0 and below 1")]
    Threshold {
        /// Its value.
        threshold: f32,
    },
}

/// Finds the buildings in a probability map. Checked options; see [`PostprocessOptions`].
#[derive(Debug, Clone, PartialEq)]
pub struct Postprocess(PostprocessOptions);

impl Postprocess {
    /// Checks the options.
    ///
    /// # Errors
    /// [`PostprocessError`] for an even side or a threshold that is not between 0 and 1.
    pub fn new(options: PostprocessOptions) -> Result<Self, PostprocessError> {
        let PostprocessOptions {
            threshold,
            split,
            compat,
            ..
        } = options;
        if !(threshold > 0.0 && threshold < 1.0) {
            return Err(PostprocessError::Threshold { threshold });
        }
        split.check(threshold)?;
        if let Some(crf) = &options.crf {
            crf.check()?;
        }
        let even = |side_px: u32| side_px > 0 && side_px.is_multiple_of(2);
        for (option, side_px, may_be_even) in [
            ("close_side_px", options.close_side_px, false),
            ("open_side_px", options.open_side_px, false),
            ("erode_side_px", options.erode_side_px, false),
            (
                "dilate_side_px",
                options.dilate_side_px,
                compat.dilate_overwrite,
            ),
        ] {
            if even(side_px) && !may_be_even {
                return Err(PostprocessError::EvenSide { option, side_px });
            }
        }
        Ok(Self(options))
    }

    /// The buildings of an image of `width` x `height` px, given the
    /// probabilities of class building, in 0..1, at any size.
    ///
    /// # Panics
    /// If a side is 0.
    #[must_use]
    pub fn run(&self, probabilities: &Plane<f32>, width: u32, height: u32) -> Vec<Detection> {
        let probabilities = self.at_image_size(probabilities, width, height);
        let labels = self.label(&probabilities, self.0.threshold);
        let mut found = detect(&labels, &probabilities);
        found.retain(|detection| detection.mask.area() >= u64::from(self.0.least_area_px));
        found
    }

    /// The probabilities at the image's size.
    ///
    /// # Panics
    /// If a side is 0.
    #[must_use]
    pub fn at_image_size(&self, probabilities: &Plane<f32>, width: u32, height: u32) -> Plane<f32> {
        let mut probabilities = resize_bilinear(probabilities, width, height);
        if self.0.compat.resize_border {
            zero_border(&mut probabilities);
        }
        probabilities
    }

    /// The objects above `threshold`, which takes the place of the option's.
    #[must_use]
    pub fn label(&self, probabilities: &Plane<f32>, threshold: f32) -> Labels {
        let Self(options) = self;
        let mut mask = self::threshold(probabilities, threshold);
        if options.close_side_px > 1 {
            mask = close(&mask, options.close_side_px / 2);
        }
        if options.fill_holes_px > 0 {
            mask = fill_holes(&mask, options.fill_holes_px);
        }
        if options.open_side_px > 1 {
            mask = open(&mask, options.open_side_px / 2);
        }
        if options.erode_side_px > 1 {
            mask = erode_keeping_objects(&mask, options.erode_side_px / 2);
        }
        let labels = options.split.label(&mask, probabilities);
        match options.dilate_side_px {
            0 | 1 => labels,
            side_px if options.compat.dilate_overwrite => overwrite_labels(&labels, side_px),
            side_px => grow_labels(&labels, side_px / 2),
        }
    }
}

/// Erodes, then puts back whole every object of which nothing is left.
#[must_use]
pub fn erode_keeping_objects(mask: &Plane<u8>, radius_px: u32) -> Plane<u8> {
    let labels = label_components(mask);
    let mut eroded = erode(mask, radius_px);
    let mut left = vec![false; labels.count() as usize];
    for (&label, &value) in labels.plane().values().iter().zip(eroded.values()) {
        if value != 0 {
            left[label as usize - 1] = true;
        }
    }
    for (value, &label) in eroded.values_mut().iter_mut().zip(labels.plane().values()) {
        if label > 0 && !left[label as usize - 1] {
            *value = 1;
        }
    }
    eroded
}

fn zero_border(plane: &mut Plane<f32>) {
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let values = plane.values_mut();
    values[..width].fill(0.0);
    values[(height - 1) * width..].fill(0.0);
    for row in values.chunks_exact_mut(width) {
        row[0] = 0.0;
        row[width - 1] = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 4x4 and a 2x1 object in 12 x 8 pixels.
    fn probabilities() -> Plane<f32> {
        let mut plane = Plane::filled((12, 8), 0.25);
        for y in 2..6 {
            plane.values_mut()[y * 12 + 1..y * 12 + 5].fill(0.75);
        }
        plane.values_mut()[3 * 12 + 7..3 * 12 + 9].fill(1.0);
        plane
    }

    fn run(options: PostprocessOptions) -> Vec<Detection> {
        Postprocess::new(options)
            .expect("valid")
            .run(&probabilities(), 12, 8)
    }

    #[test]
    fn objects_are_found_and_scored() {
        let found = run(PostprocessOptions::default());
        let summary: Vec<_> = found.iter().map(|d| (d.mask.area(), d.score)).collect();
        assert_eq!(summary, [(16, 0.75 * 4.0), (2, 2f64.sqrt())]);
    }

    #[test]
    fn erosion_puts_back_what_vanished_and_dilation_grows() {
        let areas = |options| {
            run(options)
                .iter()
                .map(|d| d.mask.area())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            areas(PostprocessOptions {
                erode_side_px: 3,
                ..Default::default()
            }),
            [4, 2]
        );
        assert_eq!(
            areas(PostprocessOptions {
                dilate_side_px: 3,
                ..Default::default()
            }),
            [36, 12]
        );
        let both = PostprocessOptions {
            erode_side_px: 3,
            dilate_side_px: 3,
            ..Default::default()
        };
        assert_eq!(areas(both), [16, 12]);
    }

    #[test]
    fn nothing_above_the_threshold_gives_nothing() {
        let threshold = PostprocessOptions::default().threshold;
        let plane = Plane::filled((12, 8), threshold);
        let postprocess = Postprocess::new(PostprocessOptions::default()).expect("valid");
        assert_eq!(postprocess.run(&plane, 12, 8), []);
    }

    #[test]
    fn the_old_border_is_zeroed_and_ours_is_kept() {
        let compat = PostprocessCompat {
            resize_border: true,
            ..Default::default()
        };
        let options = PostprocessOptions {
            threshold: 0.1,
            compat,
            ..Default::default()
        };
        let found = run(options);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].mask.area(), 10 * 6);
        let ours = run(PostprocessOptions {
            threshold: 0.1,
            ..Default::default()
        });
        assert_eq!(ours[0].mask.area(), 12 * 8);
    }

    #[test]
    fn opening_closing_and_filling_change_the_mask() {
        let areas = |options| {
            let found = run(options);
            found.iter().map(|d| d.mask.area()).collect::<Vec<_>>()
        };
        let open = PostprocessOptions {
            open_side_px: 3,
            ..Default::default()
        };
        assert_eq!(areas(open), [16]);
        // The two objects lie 2 px apart.
        let close = PostprocessOptions {
            close_side_px: 3,
            ..Default::default()
        };
        assert_eq!(areas(close).len(), 1);
        let mut holed = probabilities();
        holed.values_mut()[3 * 12 + 2] = 0.0;
        let fill = |fill_holes_px| {
            let options = PostprocessOptions {
                fill_holes_px,
                ..Default::default()
            };
            let chain = Postprocess::new(options).expect("valid");
            chain.run(&holed, 12, 8)[0].mask.area()
        };
        assert_eq!((fill(0), fill(1)), (15, 16));
    }

    #[test]
    fn maps_of_another_size_are_brought_to_the_image() {
        let found = Postprocess::new(PostprocessOptions::default())
            .expect("valid")
            .run(&probabilities(), 24, 16);
        assert_eq!((found[0].mask.w, found[0].mask.h), (24, 16));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn even_sides_and_wild_thresholds_are_refused() {
        let error = |options| Postprocess::new(options).expect_err("refused").to_string();
        let even = PostprocessOptions {
            dilate_side_px: 2,
            ..Default::default()
        };
        assert!(
            error(even.clone())
                .starts_with("postprocess.dilate_side_px is 2 px, expected an odd number")
        );
        let compat = PostprocessCompat {
            dilate_overwrite: true,
            ..Default::default()
        };
        assert!(Postprocess::new(PostprocessOptions { compat, ..even }).is_ok());
        for threshold in [f32::NAN, 0.0, 1.0] {
            let wild = PostprocessOptions {
                threshold,
                ..Default::default()
            };
            assert_eq!(
                error(wild),
                format!(
                    "postprocess.threshold is {threshold}, expected a probability above 0 and \
                     below 1"
                )
            );
        }
    }
}
