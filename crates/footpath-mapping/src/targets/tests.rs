use super::*;
use crate::dataset::{Parts, Shape};

/// Outline of an axis-parallel square.
pub(crate) fn square(left: f64, top: f64, side: f64) -> Vec<f64> {
    let (right, bottom) = (left + side, top + side);
    vec![left, top, right, top, right, bottom, left, bottom]
}

pub(crate) fn annotation(outline: Vec<f64>) -> AnnotationRecord {
    AnnotationRecord {
        id: 1,
        image_id: 1,
        category_id: 100,
        shape: Shape::Polygon(Parts::new(&[outline])),
        area: None,
        crowd: false,
    }
}

fn planes(outlines: &[Vec<f64>], options: &TargetOptions) -> Targets {
    let annotations: Vec<_> = outlines.iter().cloned().map(annotation).collect();
    prepare(&annotations, 20, 12, options)
        .expect("drawable")
        .planes()
}

fn with(compat: TargetCompat) -> TargetOptions {
    TargetOptions {
        compat,
        ..TargetOptions::default()
    }
}

/// Columns 3..6 and 10..14, rows 4..7 and 4..8.
fn two() -> [Vec<f64>; 2] {
    [square(3., 4., 3.), square(10., 4., 4.)]
}

#[test]
fn two_buildings_by_hand() {
    let targets = planes(&two(), &TargetOptions::default());
    assert_eq!(targets.labels.at(4, 3), BUILDING);
    assert_eq!(targets.labels.at(4, 6), BACKGROUND);
    assert_eq!(targets.sizes.at(6, 5), 9.0);
    assert_eq!(targets.sizes.at(7, 13), 16.0);
    assert_eq!(targets.sizes.at(0, 0), 1.0);
    assert_eq!(targets.distances.at(5, 4), 0.0);
    // (7, 5): 2 px to column 5, 3 px to column 10.
    assert_eq!(targets.distances.at(5, 7), 5.0);
    // (0, 0): to (3, 4) 5 px, to (10, 4) sqrt(116).
    assert_eq!(targets.distances.at(0, 0), 5.0 + 116f32.sqrt());
}

#[test]
fn fewer_than_two_buildings_weigh_nothing_unless_compat() {
    let one = [square(3., 4., 3.)];
    assert_eq!(
        planes(&one, &TargetOptions::default()).distances.at(5, 7),
        0.0
    );
    let ring = with(TargetCompat {
        single_building_ring: true,
        ..TargetCompat::default()
    });
    assert_eq!(planes(&one, &ring).distances.at(5, 7), 4.0);
    assert_eq!(planes(&one, &ring).distances.at(5, 4), 0.0);
    assert_eq!(planes(&[], &ring).distances.at(5, 7), 0.0);
}

#[test]
fn touching_buildings_keep_their_own_size_unless_compat() {
    // 3x3 and 4x4, sharing a side.
    let touching = [square(3., 4., 3.), square(6., 4., 4.)];
    let ours = planes(&touching, &TargetOptions::default());
    assert_eq!((ours.sizes.at(5, 5), ours.sizes.at(5, 6)), (9.0, 16.0));
    let union = planes(
        &touching,
        &with(TargetCompat {
            union_sizes: true,
            ..TargetCompat::default()
        }),
    );
    assert_eq!((union.sizes.at(5, 5), union.sizes.at(5, 6)), (25.0, 25.0));
}

#[test]
fn where_buildings_overlap_the_smaller_counts() {
    for outlines in [
        [square(3., 3., 6.), square(5., 5., 2.)],
        [square(5., 5., 2.), square(3., 3., 6.)],
    ] {
        let targets = planes(&outlines, &TargetOptions::default());
        assert_eq!(
            (targets.sizes.at(5, 5), targets.sizes.at(4, 4)),
            (4.0, 36.0)
        );
    }
}

#[test]
fn buildings_along_the_border_are_ignored_unless_compat() {
    // Columns 0..2: wholly within 2 px of the border; columns 0..3 are not.
    let edge = [square(0., 4., 2.), square(0., 8., 3.)];
    let ours = planes(&edge, &TargetOptions::default());
    assert_eq!(
        (ours.labels.at(4, 1), ours.labels.at(8, 1)),
        (IGNORE, BUILDING)
    );
    assert_eq!(ours.distances.at(4, 10), 0.0, "only one building counts");
    let dropped = planes(
        &edge,
        &with(TargetCompat {
            drop_edge_buildings: true,
            ..TargetCompat::default()
        }),
    );
    assert_eq!(
        (dropped.labels.at(4, 1), dropped.labels.at(8, 1)),
        (BACKGROUND, BUILDING)
    );
}

#[test]
fn compat_numbers_wrap_at_256() {
    let large = vec![
        annotation(square(10., 10., 20.)),
        annotation(square(390., 10., 16.)),
    ];
    let wrap = with(TargetCompat {
        distance_wrap: true,
        ..TargetCompat::default()
    });
    let planes = prepare(&large, 420, 40, &wrap).expect("drawable").planes();
    assert_eq!(planes.sizes.at(10, 10), (400 % 256) as f32);
    assert_eq!(
        planes.sizes.at(10, 390),
        1.0,
        "256 wraps to 0, which weighs like 1"
    );
    // (40, 15): 11 px to column 29, 350 px to column 390.
    assert_eq!(planes.distances.at(15, 40), (361 % 256) as f32);
    let ours = prepare(&large, 420, 40, &TargetOptions::default())
        .expect("drawable")
        .planes();
    assert_eq!(
        (ours.sizes.at(10, 10), ours.distances.at(15, 40)),
        (400.0, 361.0)
    );
}

#[test]
fn large_buildings_are_eroded_and_small_ones_dilated() {
    let options = TargetOptions {
        erode_radius_px: 1,
        dilate_radius_px: 1,
        small_annotation_size_px: 3,
        ..TargetOptions::default()
    };
    let targets = planes(&two(), &options);
    // 3x3 is small and becomes 5x5, 4x4 becomes 2x2; sizes stay those of the annotations.
    assert_eq!(
        (targets.labels.at(3, 2), targets.sizes.at(3, 2)),
        (BUILDING, 9.0)
    );
    assert_eq!(
        (targets.labels.at(4, 10), targets.labels.at(5, 11)),
        (BACKGROUND, BUILDING)
    );
    assert_eq!(targets.sizes.at(5, 11), 16.0);
    // What would vanish stays.
    let options = TargetOptions {
        erode_radius_px: 5,
        small_annotation_size_px: 1,
        ..TargetOptions::default()
    };
    assert_eq!(
        planes(&two(), &options).labels,
        planes(&two(), &TargetOptions::default()).labels
    );
}

#[test]
fn the_border_class_lies_between_close_buildings() {
    let options = TargetOptions {
        border_width_px: 4.0,
        ..TargetOptions::default()
    };
    let targets = planes(&two(), &options);
    // Second nearest building at column 10: 3 px from column 7, 4 px from column 6.
    assert_eq!(
        (targets.labels.at(5, 7), targets.labels.at(5, 6)),
        (FURTHER, BACKGROUND)
    );
    assert_eq!(targets.labels.at(5, 5), BUILDING);
}

#[test]
fn crowds_are_ignored_and_empty_tiles_are_all_background() {
    let mut crowd = annotation(square(5., 5., 3.));
    crowd.crowd = true;
    let targets = prepare(&[crowd], 20, 12, &TargetOptions::default())
        .expect("drawable")
        .planes();
    assert_eq!(
        (targets.labels.at(5, 5), targets.sizes.at(5, 5)),
        (IGNORE, 1.0)
    );
    let empty = planes(&[], &TargetOptions::default());
    assert!(
        empty
            .labels
            .values()
            .iter()
            .all(|&label| label == BACKGROUND)
    );
    assert!(
        empty
            .distances
            .values()
            .iter()
            .all(|&distance| distance == 0.0)
    );
}

#[test]
fn touching_buildings_get_a_border_when_they_are_eroded() {
    // 6x6 each, sharing a side: columns 2..8 and 8..14.
    let touching = [square(2., 2., 6.), square(8., 2., 6.)];
    let border = TargetOptions {
        border_width_px: 3.0,
        small_annotation_size_px: 0,
        ..TargetOptions::default()
    };
    let row =
        |options: &TargetOptions| planes(&touching, options).labels.values()[100..120].to_vec();
    assert!(
        !row(&border).contains(&FURTHER),
        "there is nothing between them"
    );
    let eroded = TargetOptions {
        erode_radius_px: 1,
        ..border
    };
    assert_eq!(
        row(&eroded)[..16],
        [0, 0, 0, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 0, 0, 0]
    );
}

#[test]
fn the_overlap_class_lies_along_a_shared_outline() {
    let touching = [square(2., 2., 6.), square(8., 2., 6.)];
    let options = TargetOptions {
        overlap_width_px: 1,
        ..TargetOptions::default()
    };
    let targets = planes(&touching, &options);
    let row = |y: usize| &targets.labels.values()[20 * y..20 * y + 16];
    assert_eq!(row(5), [0, 0, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 0, 0]);
    // Outside of both, within one pixel of both.
    assert_eq!(row(1)[6..10], [0, 2, 2, 0]);
    assert_eq!((options.classes(0), row(0)[7]), (3, BACKGROUND));
    // They weigh as much as a gap: 0 px to their own building, 1 px to the other.
    assert_eq!(
        (targets.distances.at(5, 7), targets.distances.at(5, 6)),
        (1.0, 0.0)
    );
    // Far apart nothing overlaps, and a building alone has no neighbour.
    assert!(!planes(&two(), &options).labels.values().contains(&FURTHER));
    assert!(
        !planes(&two()[..1], &options)
            .labels
            .values()
            .contains(&FURTHER)
    );
}

#[test]
fn further_categories_are_classes_and_buildings_lie_over_them() {
    let of_category = |category_id, outline| AnnotationRecord {
        category_id,
        ..annotation(outline)
    };
    let options = TargetOptions {
        border_width_px: 4.0,
        overlap_width_px: 1,
        ..TargetOptions::default()
    };
    let buildings = two().map(annotation);
    let further = [
        of_category(30, square(0., 0., 3.)),
        of_category(20, square(2., 3., 3.)),
        of_category(99, square(15., 8., 2.)),
    ];
    let masks = prepare(&buildings, 20, 12, &options)
        .and_then(|masks| masks.with_further(&further, &[20, 30]))
        .expect("drawable");
    let labels = masks.planes().labels;
    assert_eq!(
        (labels.at(0, 0), labels.at(3, 2), labels.at(4, 3)),
        (3, 2, BUILDING)
    );
    assert_eq!(labels.at(9, 16), BACKGROUND, "a category nobody asked for");
    assert_eq!(
        labels.at(5, 7),
        4,
        "the border class comes behind the categories"
    );
    assert_eq!(options.classes(2), 6);
    let names = [
        "background",
        "building",
        "category 20",
        "category 30",
        "border",
        "overlap",
    ];
    assert_eq!(options.class_names(&[20, 30]), names);
}

#[test]
fn losses_see_sizes_of_buildings_only() {
    let targets = planes(&two(), &TargetOptions::default());
    let sizes = targets.building_sizes();
    assert_eq!((sizes.at(6, 5), sizes.at(0, 0)), (9.0, 0.0));
}

/// What the border class and erosion are for: a network that had learnt these targets perfectly
/// would find both of two houses that share a wall, where one that had learnt the plain ones finds
/// one.
#[test]
fn learnt_perfectly_the_targets_take_touching_houses_apart() {
    use crate::postprocess::{Postprocess, PostprocessOptions};
    let houses = [square(4., 4., 20.), square(24., 6., 20.)];
    let found = |options: &TargetOptions, dilate_side_px| {
        let annotations = houses.clone().map(annotation);
        let labels = prepare(&annotations, 60, 40, options)
            .expect("drawable")
            .planes()
            .labels;
        let sure = labels.map(|label| if label == BUILDING { 0.99 } else { 0.01 });
        let chain = PostprocessOptions {
            dilate_side_px,
            ..PostprocessOptions::default()
        };
        Postprocess::new(chain).expect("sound").run(&sure, 60, 40)
    };
    assert_eq!(found(&TargetOptions::default(), 0).len(), 1);
    let border = TargetOptions {
        erode_radius_px: 1,
        border_width_px: 5.0,
        ..TargetOptions::default()
    };
    let overlap = TargetOptions {
        overlap_width_px: 1,
        ..TargetOptions::default()
    };
    for options in [border, overlap] {
        let objects = found(&options, 3);
        assert_eq!(objects.len(), 2, "{options:?}");
        for object in objects {
            let area = object.mask.area();
            assert!((380..=480).contains(&area), "{area} px² for 400");
        }
    }
}
