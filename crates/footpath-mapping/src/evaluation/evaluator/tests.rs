use proptest::prelude::*;

use super::*;
use crate::plane::Plane;
use crate::rle::from_plane;

/// A rectangle in an image of 40 x 30 px.
fn rectangle(left: u32, top: u32, width: u32, height: u32) -> Rle {
    let mut plane = Plane::filled((40, 30), 0u8);
    for y in top..top + height {
        for x in left..left + width {
            plane.values_mut()[(y * 40 + x) as usize] = 1;
        }
    }
    from_plane(&plane)
}

fn images(count: u64) -> Vec<TruthImage> {
    (1..=count)
        .map(|id| TruthImage {
            id,
            width: 40,
            height: 30,
        })
        .collect()
}

fn truth(image_id: u64, mask: Rle) -> Truth {
    let area_px = mask.area() as f64;
    Truth {
        image_id,
        category_id: BUILDING_CATEGORY,
        mask,
        area_px,
        crowd: false,
    }
}

fn evaluate(truths: &[Truth], predictions: &[Prediction]) -> Metrics {
    Evaluator::new(&images(2), &[BUILDING_CATEGORY], truths)
        .expect("sound")
        .evaluate(predictions)
        .expect("sound")
}

#[test]
fn one_hit_one_miss_one_false_alarm_by_hand() {
    let truths = [
        truth(1, rectangle(0, 0, 10, 10)),
        truth(2, rectangle(0, 0, 20, 20)),
    ];
    let predictions = [
        Prediction::building(1, rectangle(0, 0, 10, 8), 0.9), // IoU 0.8
        Prediction::building(2, rectangle(25, 10, 10, 10), 0.8),
    ];
    let metrics = evaluate(&truths, &predictions);
    // Recall 1/2 with precision 1 at IoU 0.5: 51 of 101 recall levels (0.00..0.50).
    assert!((metrics.ap50 - 51.0 / 101.0).abs() < 1e-12);
    assert!((metrics.ar50 - 0.5).abs() < 1e-12);
    assert!((metrics.ap75 - 51.0 / 101.0).abs() < 1e-12);
    // Found at the thresholds 0.50 … 0.80, seven of ten.
    assert!((metrics.ar_100 - 0.5 * 0.7).abs() < 1e-12);
    assert!((metrics.ar50_small - 1.0).abs() < 1e-12);
    assert!((metrics.ar50_large - 0.0).abs() < 1e-12);
    assert_eq!((metrics.ap_medium, metrics.ap_large), (-1.0, -1.0));
    // 80 common px of 100 + 400 + 100.
    assert!((metrics.iou - 80.0 / 600.0).abs() < 1e-12);
    assert_eq!(
        (metrics.images, metrics.truths, metrics.detections),
        (2, 2, 2)
    );
}

#[test]
fn nothing_predicted_scores_zero_and_nothing_to_find_is_undefined() {
    let truths = [truth(1, rectangle(0, 0, 10, 10))];
    let metrics = evaluate(&truths, &[]);
    assert_eq!((metrics.ap50, metrics.ar50, metrics.iou), (0.0, 0.0, 0.0));
    let metrics = evaluate(&[], &[Prediction::building(1, rectangle(0, 0, 5, 5), 0.5)]);
    assert_eq!((metrics.ap50, metrics.ar50, metrics.iou), (-1.0, -1.0, 0.0));
    let metrics = evaluate(&[], &[]);
    assert_eq!(
        (metrics.ap50, metrics.iou, metrics.detections),
        (-1.0, -1.0, 0)
    );
}

#[test]
fn predictions_within_a_crowd_count_neither_way() {
    let crowd = Truth {
        crowd: true,
        ..truth(1, rectangle(20, 0, 20, 20))
    };
    let truths = [truth(1, rectangle(0, 0, 10, 10)), crowd];
    let predictions = [
        Prediction::building(1, rectangle(22, 2, 5, 5), 0.9),
        Prediction::building(1, rectangle(0, 0, 10, 10), 0.5),
    ];
    let metrics = evaluate(&truths, &predictions);
    assert!((metrics.ap50 - 1.0).abs() < 1e-12);
    assert_eq!((metrics.iou, metrics.truths), (1.0, 1));
}

#[test]
fn the_json_is_flat_with_the_promised_keys() {
    let value = serde_json::to_value(evaluate(&[], &[])).expect("plain data");
    let mut keys: Vec<_> = value
        .as_object()
        .expect("flat")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "ap",
            "ap50",
            "ap50_large",
            "ap50_small",
            "ap75",
            "ap_large",
            "ap_medium",
            "ap_small",
            "ar50",
            "ar50_large",
            "ar50_small",
            "ar_1",
            "ar_10",
            "ar_100",
            "ar_large",
            "ar_medium",
            "ar_small",
            "detections",
            "images",
            "iou",
            "truths",
        ]
    );
    assert_eq!(value["ap50"], -1.0);
}

#[test]
fn a_mask_of_another_size_is_refused() {
    let truths = [truth(1, rectangle(0, 0, 10, 10))];
    let evaluator = Evaluator::new(&images(1), &[BUILDING_CATEGORY], &truths).expect("sound");
    let small = Prediction::building(1, Rle::from_counts(2, 2, vec![1, 3]), 0.5);
    assert!(evaluator.evaluate(&[small]).is_err());
}

type Box4 = (u32, u32, u32, u32);

fn boxes() -> impl Strategy<Value = Vec<(u64, Box4)>> {
    prop::collection::vec((1u64..4, (0u32..25, 0u32..15, 2u32..15, 2u32..15)), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_order_of_images_and_predictions_does_not_matter(
        truths in boxes(),
        predictions in boxes(),
        seed: u64,
    ) {
        let draw = |(l, t, w, h): Box4| rectangle(l, t, w, h);
        let truths: Vec<Truth> = truths.into_iter().map(|(image, b)| truth(image, draw(b))).collect();
        // Distinct scores: among equal ones the order is part of COCO's definition.
        let mut predictions: Vec<Prediction> = (0..)
            .zip(predictions)
            .map(|(i, (image, b))| Prediction::building(image, draw(b), f64::from(i * 7 % 13) + 0.5))
            .collect();
        let mut images = images(3);
        let evaluate = |images: &[TruthImage]| {
            Evaluator::new(images, &[BUILDING_CATEGORY], &truths).expect("sound").evaluate(&predictions).expect("sound")
        };
        let before = evaluate(&images);
        images.rotate_left((seed % 3) as usize);
        predictions.sort_by_key(|p| (p.score as u64).wrapping_mul(seed | 1));
        let after = Evaluator::new(&images, &[BUILDING_CATEGORY], &truths).expect("sound").evaluate(&predictions).expect("sound");
        prop_assert_eq!(before, after);
    }
}
