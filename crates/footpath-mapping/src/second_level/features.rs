//! What a candidate looks like, in ten numbers.

use crate::plane::Plane;
use crate::postprocess::Labels;

/// Names of the features, in the order of [`Features`].
pub const FEATURES: [&str; 10] = [
    "threshold",
    "area_px",
    "mean_probability",
    "max_probability",
    "aspect_ratio",
    "box_area_px",
    "box_fill",
    "least_border_distance_px",
    "greatest_border_distance_px",
    "contour_px",
];

/// Threshold of its layer; pixels; mean and greatest probability; width over height of its box; area
/// of the box; part of the box it fills; least and greatest distance of its pixels to the image's
/// border (0 for the outermost); pixel sides between it and anything else.
pub type Features = [f64; 10];

/// The features of each object that has pixels, in the order of labels.
///
/// # Panics
/// If `probabilities` has another size than the labels.
#[must_use]
pub fn measure(labels: &Labels, probabilities: &Plane<f32>, threshold: f32) -> Vec<Features> {
    let plane = labels.plane();
    assert_eq!(
        plane.size(),
        probabilities.size(),
        "size of labels and of probabilities"
    );
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let values = plane.values();
    let mut objects = vec![Object::new(); labels.count() as usize];
    for y in 0..height {
        for x in 0..width {
            let at = y * width + x;
            let label = values[at];
            if label == 0 {
                continue;
            }
            let object = &mut objects[label as usize - 1];
            object.area += 1;
            let probability = f64::from(probabilities.values()[at]);
            object.sum += probability;
            object.max = object.max.max(probability);
            object.left = object.left.min(x);
            object.right = object.right.max(x);
            object.top = object.top.min(y);
            object.bottom = object.bottom.max(y);
            let border = x.min(y).min(width - 1 - x).min(height - 1 - y);
            object.near = object.near.min(border);
            object.far = object.far.max(border);
            let foreign = |inside: bool, other: usize| !inside || values[other] != label;
            object.contour += usize::from(foreign(x > 0, at.wrapping_sub(1)))
                + usize::from(foreign(x + 1 < width, at + 1))
                + usize::from(foreign(y > 0, at.wrapping_sub(width)))
                + usize::from(foreign(y + 1 < height, at + width));
        }
    }
    objects
        .into_iter()
        .filter(|object| object.area > 0)
        .map(|object| object.features(threshold))
        .collect()
}

/// Sums over an object's pixels.
#[derive(Clone)]
struct Object {
    area: usize,
    sum: f64,
    max: f64,
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
    near: usize,
    far: usize,
    contour: usize,
}

impl Object {
    fn new() -> Self {
        Self {
            area: 0,
            sum: 0.0,
            max: 0.0,
            left: usize::MAX,
            right: 0,
            top: usize::MAX,
            bottom: 0,
            near: usize::MAX,
            far: 0,
            contour: 0,
        }
    }

    fn features(&self, threshold: f32) -> Features {
        let area = self.area as f64;
        let width = (self.right - self.left + 1) as f64;
        let height = (self.bottom - self.top + 1) as f64;
        [
            f64::from(threshold),
            area,
            self.sum / area,
            self.max,
            width / height,
            width * height,
            area / (width * height),
            self.near as f64,
            self.far as f64,
            self.contour as f64,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postprocess::label_components;
    use proptest::prelude::*;

    #[test]
    fn an_angle_by_hand() {
        #[rustfmt::skip]
        let mask = Plane::new((4, 3), vec![
            0, 0, 0, 0,
            0, 1, 0, 0,
            0, 1, 1, 0,
        ]);
        let probabilities = Plane::from_fn((4, 3).into(), |y, x| (y * 4 + x) as f32 / 16.0);
        let found = measure(&label_components(&mask), &probabilities, 0.25);
        let mean = (5.0 + 9.0 + 10.0) / 48.0;
        assert_eq!(
            found,
            [[0.25, 3.0, mean, 10.0 / 16.0, 1.0, 4.0, 0.75, 0.0, 1.0, 8.0]]
        );
    }

    proptest! {
        #[test]
        fn features_equal_those_of_each_object_alone(
            (w, h, bits) in (1u32..14, 1u32..14).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.6), (w * h) as usize))
            })
        ) {
            let mask = Plane::new((w, h), bits.iter().map(|&b| u8::from(b)).collect());
            let probabilities = Plane::from_fn(mask.size(), |y, x| ((y * 31 + x * 17) % 64) as f32 / 64.0);
            let labels = label_components(&mask);
            let found = measure(&labels, &probabilities, 0.5);
            prop_assert_eq!(found.len(), labels.count() as usize);
            let (w, h) = (w as usize, h as usize);
            for (label, found) in (1..).zip(found) {
                let pixels: Vec<(usize, usize)> = (0..h).flat_map(|y| (0..w).map(move |x| (y, x)))
                    .filter(|&(y, x)| labels.plane().at(y, x) == label).collect();
                let area = pixels.len() as f64;
                let least = |of: &dyn Fn(&(usize, usize)) -> usize| pixels.iter().map(of).min().unwrap() as f64;
                let most = |of: &dyn Fn(&(usize, usize)) -> usize| pixels.iter().map(of).max().unwrap() as f64;
                let p = |&(y, x): &(usize, usize)| f64::from(probabilities.at(y, x));
                let box_width = most(&|p| p.1) - least(&|p| p.1) + 1.0;
                let box_height = most(&|p| p.0) - least(&|p| p.0) + 1.0;
                let border = |&(y, x): &(usize, usize)| [x, y, w - 1 - x, h - 1 - y].into_iter().min().unwrap();
                let contour: usize = pixels.iter().map(|&(y, x)| {
                    let mut sides = 4;
                    for &(v, u) in &pixels {
                        sides -= usize::from(y.abs_diff(v) + x.abs_diff(u) == 1);
                    }
                    sides
                }).sum();
                prop_assert_eq!(found, [
                    0.5, area, pixels.iter().map(p).sum::<f64>() / area, pixels.iter().map(p).fold(0.0, f64::max),
                    box_width / box_height, box_width * box_height, area / (box_width * box_height),
                    least(&border), most(&border), contour as f64,
                ]);
            }
        }
    }
}
