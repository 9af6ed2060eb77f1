use proptest::prelude::*;

use super::super::Bootstrap;
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
        corners: 4,
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

#[test]
fn a_closer_look_by_hand() {
    let truths = [
        truth(1, rectangle(0, 0, 10, 10)),
        truth(1, rectangle(20, 0, 10, 20)),
        truth(2, rectangle(0, 0, 20, 20)),
    ];
    let predictions = [
        Prediction::building(1, rectangle(0, 0, 10, 8), 0.9), // IoU 0.8
        Prediction::building(2, rectangle(25, 10, 10, 10), 0.8),
    ];
    let evaluator = Evaluator::new(&images(3), &[BUILDING_CATEGORY], &truths).expect("sound");
    let examined = evaluator
        .examine(&predictions, &Bootstrap::default())
        .expect("sound");
    let [first, second, third] = &examined.images[..] else {
        panic!("{examined:?}")
    };
    assert_eq!((first.truths, first.detections, first.hits), (2, 1, 1));
    assert_eq!(first.ar50, Some(0.5));
    assert!((first.f1() - 2.0 / 3.0).abs() < 1e-12);
    // 80 of 100 + 200 px; 4 corners found of 8.
    let iou = 80.0 / 300.0;
    assert_eq!(
        (first.iou, first.c_iou),
        (Some(iou), Some(iou * (1.0 - 4.0 / 12.0)))
    );
    assert_eq!(
        (second.hits, second.ap50, second.iou),
        (0, Some(0.0), Some(0.0))
    );
    assert_eq!((third.iou, third.ap50, third.f1()), (None, None, 1.0));
    let detail = &examined.detail;
    assert_eq!(detail.iou_mean, iou / 2.0);
    assert_eq!(detail.object_ratio, 2.0 / 3.0);
    assert_eq!(detail.corner_ratio, 8.0 / 12.0);
    let sizes: Vec<u32> = detail.by_size.iter().map(|size| size.truths).collect();
    assert_eq!(sizes, [1, 2, 0, 0, 0]);
    assert_eq!(detail.by_size[0].ar50, 1.0);
    assert_eq!(detail.by_size[2].ap50, -1.0);
    // One image has it, one has not: any share can be drawn.
    let [low, high] = detail.intervals["ap50"];
    assert!(low == 0.0 && high > examined.metrics.ap50, "{low} {high}");
}

/// The border of these rectangles is 1 px wide: 2 % of a diagonal of 50 px.
#[test]
fn borders_count_in_boundary_ap() {
    let truths = [truth(1, rectangle(2, 2, 20, 20))];
    let evaluate = |mask: Rle| {
        Evaluator::new(&images(1), &[BUILDING_CATEGORY], &truths)
            .expect("sound")
            .examine(&[Prediction::building(1, mask, 0.9)], &Bootstrap::default())
            .expect("sound")
    };
    let exact = evaluate(rectangle(2, 2, 20, 20));
    assert!((exact.detail.boundary_ap - 1.0).abs() < 1e-12);
    // Moved by one pixel each way: masks still share 361 of 439 px, borders few.
    let moved = evaluate(rectangle(3, 3, 20, 20));
    assert!((moved.metrics.ap50 - 1.0).abs() < 1e-12);
    assert_eq!(moved.detail.boundary_ap50, 0.0);
}

#[test]
fn a_sample_leaves_out_images_that_are_not_there() {
    let evaluator = Evaluator::new(&images(3), &[BUILDING_CATEGORY], &[]).expect("sound");
    let outcomes = evaluator.outcomes(&[]).expect("sound");
    assert_eq!(outcomes.images(), [1, 2, 3]);
    assert_eq!(outcomes.times_of(&[0, 2, 3, 9], &[5, 1, 2, 7]), [0, 1, 2]);
    assert_eq!(outcomes.measure(&[0, 1, 2]), [None; 5]);
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

    #[test]
    fn a_sample_of_each_image_once_has_the_metrics_and_a_doubled_one_too(
        truths in boxes(),
        predictions in boxes(),
    ) {
        let draw = |(l, t, w, h): Box4| rectangle(l, t, w, h);
        let truths: Vec<Truth> = truths.into_iter().map(|(image, b)| truth(image, draw(b))).collect();
        let predictions: Vec<Prediction> = (0..)
            .zip(predictions)
            .map(|(i, (image, b))| Prediction::building(image, draw(b), f64::from(i * 7 % 13) + 0.5))
            .collect();
        let evaluator = Evaluator::new(&images(3), &[BUILDING_CATEGORY], &truths).expect("sound");
        let metrics = evaluator.evaluate(&predictions).expect("sound");
        let outcomes = evaluator.outcomes(&predictions).expect("sound");
        for times in [1, 2] {
            let [ap50, ar50, ap, iou, _] = outcomes.measure(&[times; 3]).map(|m| m.unwrap_or(-1.0));
            let pairs = [(ap50, metrics.ap50), (ar50, metrics.ar50), (ap, metrics.ap), (iou, metrics.iou)];
            for (ours, cocos) in pairs {
                prop_assert!((ours - cocos).abs() < 1e-12, "{} for {}", ours, cocos);
            }
        }
    }
}
