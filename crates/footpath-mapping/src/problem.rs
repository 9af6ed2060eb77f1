//! What is wrong with the data, one typed record at a time.
//!
//! Real data sets are dirty. A reader never stops at the first bad record: it
//! writes a [`Problem`] into a [`Report`], leaves out what cannot be used
//! and goes on. Whoever wants the opposite asks [`Report::enforce`].

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where in a file a problem sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The file as a whole.
    File,
    /// An entry of `images`, counted from 0, with its id where it could be read.
    Image {
        /// Position in the list, from 0.
        index: usize,
        /// The entry's `id`.
        id: Option<u64>,
    },
    /// An entry of `annotations`, counted from 0, with its id where it could be read.
    Annotation {
        /// Position in the list, from 0.
        index: usize,
        /// The entry's `id`.
        id: Option<u64>,
    },
    /// An entry of `categories`, counted from 0.
    Category {
        /// Position in the list, from 0.
        index: usize,
    },
    /// A predicted object of a results file, counted from 0.
    Prediction {
        /// Position in the list, from 0.
        index: usize,
    },
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Image { index, id: None } => write!(f, "images[{index}]"),
            Self::Image {
                index,
                id: Some(id),
            } => write!(f, "images[{index}] (id {id})"),
            Self::Annotation { index, id: None } => write!(f, "annotations[{index}]"),
            Self::Annotation {
                index,
                id: Some(id),
            } => write!(f, "annotations[{index}] (id {id})"),
            Self::Category { index } => write!(f, "categories[{index}]"),
            Self::Prediction { index } => write!(f, "prediction [{index}]"),
        }
    }
}

/// What was done about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The record is left out; the others go on.
    Skipped,
    /// The record is used, as the message says.
    Kept,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skipped => "skipped",
            Self::Kept => "kept",
        })
    }
}

/// What is wrong: found and expected values, in the words of the field.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProblemKind {
    /// The record is not what COCO prescribes.
    #[error("the record cannot be read: {detail}")]
    Malformed {
        /// The parser's words.
        detail: String,
    },
    /// A number is `NaN` or infinite.
    #[error("`{literal}` where a finite number is expected")]
    NotFinite {
        /// As written in the file.
        literal: String,
    },
    /// A polygon part with fewer than three points.
    #[error("polygon part {part} has {points} points, expected at least 3")]
    TooFewPoints {
        /// Part of the polygon, from 0.
        part: usize,
        /// Number of points found.
        points: usize,
    },
    /// A polygon part whose list of numbers does not split into x, y pairs.
    #[error("polygon part {part} has {numbers} numbers, expected x, y pairs")]
    OddCoordinates {
        /// Part of the polygon, from 0.
        part: usize,
        /// How many numbers were found.
        numbers: usize,
    },
    /// The annotation draws nothing.
    #[error("the segmentation is empty: no polygon part, no pixel")]
    EmptySegmentation,
    /// A polygon that lies wholly outside its image.
    #[error("the polygon lies outside its image of {width}x{height} px (x {}..{}, y {}..{})", .bounds[0], .bounds[2], .bounds[1], .bounds[3])]
    OutsideImage {
        /// Image width, px.
        width: u32,
        /// Image height, px.
        height: u32,
        /// Least x, least y, greatest x, greatest y of the polygon, px.
        bounds: [f64; 4],
    },
    /// A polygon that reaches more than a pixel beyond the border.
    #[error("the polygon reaches {beyond_px:.1} px beyond its image of {width}x{height} px")]
    ReachesOutside {
        /// Farthest reach beyond the border, px.
        beyond_px: f64,
        /// Image width, px.
        width: u32,
        /// Image height, px.
        height: u32,
    },
    /// A polygon part whose outline crosses itself.
    #[error("the outline of polygon part {part} crosses itself")]
    SelfCrossing {
        /// Part of the polygon, from 0.
        part: usize,
    },
    /// An RLE whose `size` is not the image's.
    #[error(
        "the RLE's size is [{}, {}] (height, width), expected the image's [{}, {}]",
        .found[0], .found[1], .expected[0], .expected[1]
    )]
    RleWrongSize {
        /// Height and width of the image, px.
        expected: [u32; 2],
        /// Height and width the RLE states, px.
        found: [u32; 2],
    },
    /// An RLE whose runs do not add up to the image.
    #[error("the RLE's runs cover {found} px, expected {expected} px (height times width)")]
    RleWrongLength {
        /// Pixels of the image.
        expected: u64,
        /// Pixels the runs cover.
        found: u64,
    },
    /// RLE counts that cannot be decoded.
    #[error("the RLE cannot be decoded: {detail}")]
    RleMalformed {
        /// The decoder's words.
        detail: String,
    },
    /// A record of an image that is not in the ground truth's list.
    #[error("image {image_id} is not in the list of images")]
    UnknownImage {
        /// The id the record names.
        image_id: u64,
    },
    /// A record of a category that is not in the ground truth's list.
    #[error("category {category_id} is not in the list of categories {known:?}")]
    UnknownCategory {
        /// The id the record names.
        category_id: u64,
        /// The ids of the list.
        known: Vec<u64>,
    },
    /// A second image record with the id of an earlier one.
    #[error("id {id} was given to images[{first}] already")]
    DuplicateImageId {
        /// The id.
        id: u64,
        /// Position of the first record with it, from 0.
        first: usize,
    },
    /// A second image record of the same file.
    #[error("file {file_name} was listed as images[{first}] already")]
    DuplicateFileName {
        /// The file's name.
        file_name: String,
        /// Position of the first record of it, from 0.
        first: usize,
    },
    /// The same building twice: same id, image and segmentation.
    #[error("a copy of annotations[{first}]: same id {id}, image and segmentation")]
    DuplicateAnnotation {
        /// The id.
        id: u64,
        /// Position of the first record with it, from 0.
        first: usize,
    },
    /// Two buildings with one id.
    #[error("id {id} was given to annotations[{first}] already, which is another building")]
    DuplicateAnnotationId {
        /// The id.
        id: u64,
        /// Position of the first record with it, from 0.
        first: usize,
    },
    /// A listed image whose file does not exist.
    #[error("no such image file: {}", path.display())]
    MissingImageFile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file in `images/` that the annotations do not list.
    #[error("the image is not listed in {}", annotation.display())]
    ImageWithoutAnnotation {
        /// The annotation file.
        annotation: PathBuf,
    },
    /// An image whose pixels are not as many as the record says.
    #[error(
        "the image has {}x{} px, expected {}x{} px as in its record",
        .found[0], .found[1], .expected[0], .expected[1]
    )]
    WrongImageSize {
        /// Width and height in the record, px.
        expected: [u32; 2],
        /// Width and height of the file, px.
        found: [u32; 2],
    },
    /// An image file that cannot be decoded, for instance a truncated JPEG.
    #[error("the image cannot be decoded: {detail}")]
    UnreadableImage {
        /// The decoder's words.
        detail: String,
    },
    /// An image whose pixels are not 8 bits a channel.
    #[error("the image has {found} pixels, expected 8 bits a channel")]
    UnsupportedPixels {
        /// The type of pixel found.
        found: String,
    },
    /// A folder of images without any.
    #[error("the folder holds no image (PNG, JPEG or TIFF)")]
    EmptyFolder,
    /// A results file without a single prediction.
    #[error("there is no prediction")]
    NoPredictions,
    /// A predicted object without score.
    #[error("the score is {found}, expected a finite number")]
    BadScore {
        /// As written in the file.
        found: String,
    },
}

impl ProblemKind {
    /// Whether the record is used all the same.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::OutsideImage { .. }
            | Self::ReachesOutside { .. }
            | Self::SelfCrossing { .. }
            | Self::DuplicateAnnotationId { .. }
            | Self::NoPredictions => Outcome::Kept,
            _ => Outcome::Skipped,
        }
    }

    /// What the reader of the message can do.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "correct the record or take it out of the file",
            Self::NotFinite { .. } => {
                "find what wrote the number (Python's json module writes NaN without complaint) and export again"
            }
            Self::TooFewPoints { .. } | Self::OddCoordinates { .. } => {
                "draw the outline again or take the part out; each part is [x0, y0, x1, y1, x2, y2, …]"
            }
            Self::EmptySegmentation => "draw the building or take the record out",
            Self::OutsideImage { .. } => {
                "it draws no pixel and counts as a building nobody can find; check the tile's offset, then take it out"
            }
            Self::ReachesOutside { .. } => {
                "it is cut at the border; check the tile's offset if many polygons do so"
            }
            Self::SelfCrossing { .. } => {
                "it is filled by the even-odd rule; draw the outline again if the building looks wrong"
            }
            Self::RleWrongSize { .. } | Self::RleWrongLength { .. } => {
                "an RLE is column-major over the whole image, size [height, width]: make it from the mask at the image's size"
            }
            Self::RleMalformed { .. } => "write the mask again with a COCO encoder",
            Self::UnknownImage { .. } => {
                "check that both files belong to the same split, or add the image to `images`"
            }
            Self::UnknownCategory { .. } => {
                "correct `category_id` or add the category to `categories`"
            }
            Self::DuplicateImageId { .. }
            | Self::DuplicateFileName { .. }
            | Self::DuplicateAnnotation { .. } => "the first one counts; take the second out",
            Self::DuplicateAnnotationId { .. } => "both are used; number the annotations anew",
            Self::MissingImageFile { .. } => {
                "copy the file into `images/` or take its record out of the annotations"
            }
            Self::ImageWithoutAnnotation { .. } => {
                "list it under `images` (without annotations if it shows no building) or move the file away"
            }
            Self::WrongImageSize { .. } => {
                "the annotations are in the record's pixels: restore the original image or correct both"
            }
            Self::UnreadableImage { .. } => "fetch or export the image again",
            Self::UnsupportedPixels { .. } => {
                "convert it to 8-bit RGB, for instance with `gdal_translate -ot Byte -scale`"
            }
            Self::EmptyFolder => "check the path: the layout is DIR/{train,val}/images/*",
            Self::NoPredictions => {
                "the score of nothing is computed; lower the threshold if the network should have found something"
            }
            Self::BadScore { .. } => "a score orders the predictions: write a finite number",
        }
    }
}

/// One thing wrong with the data: where, what, what was done, what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The record in it.
    pub record: Record,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl Problem {
    /// A problem of a whole file.
    #[must_use]
    pub fn of_file(file: &Path, kind: ProblemKind) -> Self {
        Self {
            file: file.to_owned(),
            record: Record::File,
            kind,
        }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    /// `FILE: RECORD: what (skipped); advice`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, record, kind } = self;
        write!(f, "{}: ", file.display())?;
        if *record != Record::File {
            write!(f, "{record}: ")?;
        }
        write!(f, "{kind} ({}); {}", kind.outcome(), kind.advice())
    }
}

/// What to do about bad records and tiles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// Leave them out, say so, go on.
    #[default]
    SkipBad,
    /// Refuse the data when anything is wrong with it.
    Strict,
}

/// How many problems a [`Report`] keeps; the others are counted.
pub const MAX_REPORTED: usize = 1000;

/// The problems met, in the order of the data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    problems: Vec<Problem>,
    omitted: usize,
}

/// The data were refused because of [`Strictness::Strict`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} problem{} in the data, the first: {first}", .report.len(), if .report.len() == 1 { "" } else { "s" })]
pub struct Refused {
    /// The first problem.
    pub first: Box<Problem>,
    /// All of them.
    pub report: Report,
}

impl Report {
    /// Adds a problem; beyond [`MAX_REPORTED`] it is only counted.
    pub fn push(&mut self, problem: Problem) {
        if self.problems.len() < MAX_REPORTED {
            self.problems.push(problem);
        } else {
            self.omitted += 1;
        }
    }

    /// Adds the problems of another report behind these.
    pub fn extend(&mut self, other: Self) {
        self.omitted += other.omitted;
        for problem in other.problems {
            self.push(problem);
        }
    }

    /// The problems kept, at most [`MAX_REPORTED`].
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Number of all problems, those not kept included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.problems.len() + self.omitted
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Passes under [`Strictness::SkipBad`] or when nothing was wrong.
    ///
    /// # Errors
    /// [`Refused`] with all problems under [`Strictness::Strict`].
    pub fn enforce(&self, strictness: Strictness) -> Result<(), Refused> {
        match (strictness, self.problems.first()) {
            (Strictness::Strict, Some(first)) => Err(Refused {
                first: Box::new(first.clone()),
                report: self.clone(),
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    /// One problem a line, then how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if self.omitted > 0 {
            writeln!(f, "… and {} more problems", self.omitted)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem {
            file: "val/annotation.json".into(),
            record: Record::Annotation {
                index: 3,
                id: Some(17),
            },
            kind: ProblemKind::TooFewPoints { part: 1, points: 2 },
        }
    }

    #[test]
    fn a_message_names_file_record_finding_outcome_and_advice() {
        assert_eq!(
            problem().to_string(),
            "val/annotation.json: annotations[3] (id 17): polygon part 1 has 2 points, expected at \
             least 3 (skipped); draw the outline again or take the part out; each part is \
             [x0, y0, x1, y1, x2, y2, …]"
        );
    }

    #[test]
    fn strict_refuses_and_skip_bad_goes_on() {
        let mut report = Report::default();
        assert_eq!(report.enforce(Strictness::Strict), Ok(()));
        report.push(problem());
        assert_eq!(report.enforce(Strictness::SkipBad), Ok(()));
        let refused = report.enforce(Strictness::Strict).expect_err("one problem");
        assert_eq!(refused.report.len(), 1);
        assert!(
            refused
                .to_string()
                .starts_with("1 problem in the data, the first: val/annotation.json")
        );
    }

    #[test]
    fn a_flood_is_counted_not_kept() {
        let mut report = Report::default();
        for _ in 0..MAX_REPORTED + 5 {
            report.push(problem());
        }
        assert_eq!(report.problems().len(), MAX_REPORTED);
        assert_eq!(report.len(), MAX_REPORTED + 5);
        assert!(report.to_string().ends_with("… and 5 more problems\n"));
    }
}
