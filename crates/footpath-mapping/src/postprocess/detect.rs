//! Labelled objects become scored masks.

use super::label::Labels;
use crate::dataset::BUILDING_CATEGORY;
use crate::plane::Plane;
use crate::rle::{Rle, RleRecord, coco_box};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A building found in an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Its pixels in the image.
    pub mask: Rle,
    /// How sure: detections of a data set are ranked by it.
    pub score: f64,
    /// How often a building of this score is one (`IoU` at least 0.5), in 0..1; where a second level
    /// learnt that.
    pub probability: Option<f64>,
}

/// A detection as the challenge's results file has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultRecord {
    /// The image's id.
    pub image_id: u64,
    /// Always [`BUILDING_CATEGORY`] in what this project writes.
    pub category_id: u64,
    /// The score.
    pub score: f64,
    /// The mask.
    pub segmentation: RleRecord,
    /// Left, top, width, height, px.
    pub bbox: [f64; 4],
    /// How often a building of this score is one; an addition that other readers pass over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The image's file name; an addition that other readers pass over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The data set the image is of, where there are several; an addition that other readers pass over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_set: Option<PathBuf>,
}

impl Detection {
    /// The detection as a record of a results file.
    #[must_use]
    pub fn to_record(&self, image_id: u64, file_name: Option<&str>) -> ResultRecord {
        ResultRecord {
            image_id,
            category_id: BUILDING_CATEGORY,
            score: self.score,
            segmentation: RleRecord::new(&self.mask),
            bbox: coco_box(&self.mask),
            probability: self.probability,
            file_name: file_name.map(str::to_owned),
            data_set: None,
        }
    }
}

/// One detection for each object that has pixels, in the order of labels;
/// score = mean probability of its pixels × square root of their number.
///
/// # Panics
/// If `probabilities` has another size than the labels.
#[must_use]
pub fn detect(labels: &Labels, probabilities: &Plane<f32>) -> Vec<Detection> {
    let plane = labels.plane();
    let (width, height) = (plane.width(), plane.height());
    assert_eq!(
        (width, height),
        (probabilities.width(), probabilities.height()),
        "size of labels and of probabilities"
    );
    let mut objects = vec![Object::default(); labels.count() as usize];
    for (&label, &probability) in plane.values().iter().zip(probabilities.values()) {
        if label > 0 {
            let object = &mut objects[label as usize - 1];
            object.area += 1;
            object.sum += f64::from(probability);
        }
    }
    column_runs(plane, &mut objects);
    objects
        .into_iter()
        .filter(|object| object.area > 0)
        .map(|object| object.finish(width, height))
        .collect()
}

/// An object on the way to its detection.
#[derive(Clone, Default)]
struct Object {
    area: u32,
    /// Sum of probabilities.
    sum: f64,
    /// Run lengths so far, background first.
    counts: Vec<u32>,
    /// Pixels they cover.
    covered: u32,
}

impl Object {
    /// Adds the pixels `[start, end)`, counted down the columns.
    fn push(&mut self, start: u32, end: u32) {
        match self.counts.last_mut() {
            // Goes on from the foot of one column to the head of the next.
            Some(run) if start == self.covered => *run += end - start,
            _ => self.counts.extend([start - self.covered, end - start]),
        }
        self.covered = end;
    }

    fn finish(mut self, width: u32, height: u32) -> Detection {
        let rest = width * height - self.covered;
        if rest > 0 {
            self.counts.push(rest);
        }
        let area = f64::from(self.area);
        Detection {
            mask: Rle::from_counts(height, width, self.counts),
            score: self.sum / area * area.sqrt(),
            probability: None,
        }
    }
}

/// Gives each object its vertical runs, column after column.
fn column_runs(plane: &Plane<u32>, objects: &mut [Object]) {
    const STRIP: usize = 16;
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let mut strip = vec![0; STRIP * height];
    for left in (0..width).step_by(STRIP) {
        // Turned upright in strips: reading single columns would miss the cache at each pixel.
        let columns = STRIP.min(width - left);
        for (y, row) in plane.rows().enumerate() {
            for (i, &label) in row[left..left + columns].iter().enumerate() {
                strip[i * height + y] = label;
            }
        }
        for (i, column) in strip.chunks_exact(height.max(1)).take(columns).enumerate() {
            let offset = ((left + i) * height) as u32;
            let mut start = 0;
            for run in column.chunk_by(|a, b| a == b) {
                let end = start + run.len() as u32;
                if run[0] > 0 {
                    objects[run[0] as usize - 1].push(offset + start, offset + end);
                }
                start = end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::label::label_components;
    use super::*;
    use crate::rle::from_plane;

    #[test]
    fn score_box_and_record_by_hand() {
        #[rustfmt::skip]
        let mask = Plane::new((3, 3), vec![
            0, 1, 1,
            0, 1, 1,
            0, 0, 0,
        ]);
        #[rustfmt::skip]
        let probabilities = Plane::new((3, 3), vec![
            0.1, 0.5, 0.75,
            0.1, 1.0, 0.75,
            0.1, 0.1, 0.1,
        ]);
        let found = detect(&label_components(&mask), &probabilities);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].score, 0.75 * 2.0);
        assert_eq!(found[0].mask, from_plane(&mask));
        let record =
            serde_json::to_string(&found[0].to_record(7, Some("a.jpg"))).expect("plain data");
        assert_eq!(
            record,
            r#"{"image_id":7,"category_id":100,"score":1.5,"segmentation":{"size":[3,3],"counts":"32100"},"bbox":[1.0,0.0,2.0,2.0],"file_name":"a.jpg"}"#
        );
    }

    proptest! {
        #[test]
        fn detections_cover_each_object_exactly(
            (w, h, bits) in (1u32..40, 1u32..25).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.6), (w * h) as usize))
            })
        ) {
            let mask = Plane::new((w, h), bits.into_iter().map(u8::from).collect());
            let labels = label_components(&mask);
            let found = detect(&labels, &Plane::filled((w, h), 0.5));
            prop_assert_eq!(found.len(), labels.count() as usize);
            for (label, detection) in (1..).zip(&found) {
                let object = labels.plane().map(|l| u8::from(l == label));
                prop_assert_eq!(&detection.mask, &from_plane(&object));
            }
        }
    }
}
