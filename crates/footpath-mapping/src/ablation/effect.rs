//! Effects with their intervals.

use crate::evaluation::{Bootstrap, MEASURES, Measures, Outcomes, draw};
use serde::Serialize;
use std::collections::BTreeMap;

/// A configuration's outcomes under one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedRun {
    /// The training's seed.
    pub seed: u64,
    /// What was found.
    pub outcomes: Outcomes,
}

/// What an interval says of a metric that is better when greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is above 0.
    Helps,
    /// The whole interval is below 0.
    Hurts,
    /// The interval holds 0, or there is none.
    NoEvidence,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Helps => "helps",
            Self::Hurts => "hurts",
            Self::NoEvidence => "no evidence",
        })
    }
}

/// One metric of a variant beside the base's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effect {
    /// The base's value, mean over seeds.
    pub base: f64,
    /// The variant's value, mean over seeds.
    pub value: f64,
    /// Mean difference.
    pub difference: f64,
    /// Where it lies in 95 % of the samples of images and seeds.
    pub interval: Option<[f64; 2]>,
    /// What that says.
    pub verdict: Verdict,
}

/// Effects by the names of [`MEASURES`]; a metric that cannot be measured is left out.
pub type Effects = BTreeMap<&'static str, Effect>;

/// Runs that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AblationError {
    /// Other seeds.
    #[error(
        "the base ran with seeds {base:?}, the variant with {variant:?}: compare runs of the same seeds"
    )]
    Seeds {
        /// Of the base.
        base: Vec<u64>,
        /// Of the variant.
        variant: Vec<u64>,
    },
    /// No image in common.
    #[error("no image could be used by the base and the variant under every seed")]
    NoImages,
}

/// Compares a variant with the base, seed by seed on the images that all runs have.
///
/// # Errors
/// [`AblationError`] if the seeds differ or no image is left.
pub fn effects(
    base: &[SeedRun],
    variant: &[SeedRun],
    bootstrap: &Bootstrap,
) -> Result<Effects, AblationError> {
    let seeds = |runs: &[SeedRun]| runs.iter().map(|run| run.seed).collect::<Vec<u64>>();
    if seeds(base) != seeds(variant) || base.is_empty() {
        return Err(AblationError::Seeds {
            base: seeds(base),
            variant: seeds(variant),
        });
    }
    let images = common_images(base.iter().chain(variant));
    if images.is_empty() {
        return Err(AblationError::NoImages);
    }
    // The base's and the variant's value, each a mean over the seeds drawn.
    let measure = |image_times: &[u32], seed_times: &[u32]| {
        let mean = |runs: &[SeedRun]| mean_of(runs, &images, image_times, seed_times);
        let (base, variant) = (mean(base), mean(variant));
        std::array::from_fn::<_, 5, _>(|i| Some((base[i]?, variant[i]?)))
    };
    let whole = measure(&vec![1; images.len()], &vec![1; base.len()]);
    let intervals = bootstrap.intervals(|rng| {
        let image_times = draw(images.len(), rng);
        let seed_times = draw(base.len(), rng);
        measure(&image_times, &seed_times).map(|pair| pair.map(|(base, variant)| variant - base))
    });
    let names = MEASURES.into_iter().zip(whole).zip(intervals);
    let effect = |((name, pair), interval): ((_, Option<(f64, f64)>), _)| {
        let (base, value) = pair?;
        let effect = Effect {
            base,
            value,
            difference: value - base,
            interval,
            verdict: verdict(interval),
        };
        Some((name, effect))
    };
    Ok(names.filter_map(effect).collect())
}

fn verdict(interval: Option<[f64; 2]>) -> Verdict {
    match interval {
        Some([low, _]) if low > 0.0 => Verdict::Helps,
        Some([_, high]) if high < 0.0 => Verdict::Hurts,
        _ => Verdict::NoEvidence,
    }
}

fn common_images<'a>(mut runs: impl Iterator<Item = &'a SeedRun>) -> Vec<u64> {
    let Some(first) = runs.next() else {
        return Vec::new();
    };
    let mut images = first.outcomes.images().to_vec();
    for run in runs {
        let here = run.outcomes.images();
        images.retain(|image| here.binary_search(image).is_ok());
    }
    images
}

/// Mean over runs, each as often as drawn, on a sample of images.
fn mean_of(runs: &[SeedRun], images: &[u64], image_times: &[u32], seed_times: &[u32]) -> Measures {
    let mut sums = [Some(0.0); 5];
    let mut count = 0.0;
    for (run, &times) in runs.iter().zip(seed_times) {
        if times == 0 {
            continue;
        }
        let times = f64::from(times);
        let outcomes = &run.outcomes;
        let measured = outcomes.measure(&outcomes.times_of(images, image_times));
        for (sum, value) in sums.iter_mut().zip(measured) {
            *sum = sum.zip(value).map(|(sum, value)| sum + times * value);
        }
        count += times;
    }
    sums.map(|sum| sum.map(|sum| sum / count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::BUILDING_CATEGORY;
    use crate::evaluation::{Evaluator, Prediction, Truth, TruthImage};
    use crate::plane::Plane;
    use crate::rle::{Rle, from_plane};

    fn square(side: usize) -> Rle {
        let inside = move |y: usize, x: usize| u8::from(x < side && y < side);
        from_plane(&Plane::from_fn((20, 20).into(), inside))
    }

    /// A true square on each image, which is found where `found` says so.
    fn outcomes(found: &[bool]) -> Outcomes {
        let images: Vec<TruthImage> = (0..found.len() as u64)
            .map(|id| TruthImage {
                id,
                width: 20,
                height: 20,
            })
            .collect();
        let truth = |image: &TruthImage| Truth {
            image_id: image.id,
            category_id: BUILDING_CATEGORY,
            mask: square(10),
            area_px: 100.0,
            crowd: false,
            corners: 4,
        };
        let truths: Vec<Truth> = images.iter().map(truth).collect();
        let hits = (0..).zip(found).filter(|(_, found)| **found);
        let predictions: Vec<Prediction> = hits
            .map(|(id, _)| Prediction::building(id, square(10), 0.5))
            .collect();
        let evaluator = Evaluator::new(&images, &[BUILDING_CATEGORY], &truths).unwrap();
        evaluator.outcomes(&predictions).unwrap()
    }

    fn runs(found: &[&[bool]]) -> Vec<SeedRun> {
        let run = |(seed, found): (u64, &&[bool])| SeedRun {
            seed,
            outcomes: outcomes(found),
        };
        (0..).zip(found).map(run).collect()
    }

    fn compare(base: &[&[bool]], variant: &[&[bool]]) -> Effects {
        effects(&runs(base), &runs(variant), &Bootstrap::default()).unwrap()
    }

    #[test]
    fn differences_are_means_over_seeds() {
        // Recall: base 1/4 and 2/4, variant 2/4 and 2/4.
        let (t, f) = (true, false);
        let found = compare(
            &[&[t, f, f, f], &[t, t, f, f]],
            &[&[t, t, f, f], &[t, t, f, f]],
        );
        let recall = found["ar50"];
        assert_eq!((recall.base, recall.value), (0.375, 0.5));
        assert_eq!(recall.difference, 0.125);
        assert_eq!(recall.verdict, Verdict::NoEvidence);
        assert_eq!(found["iou"].difference, 0.125);
    }

    #[test]
    fn more_found_on_most_images_helps_and_the_reverse_hurts() {
        let few: Vec<bool> = (0..40).map(|i| i % 4 == 0).collect();
        let many: Vec<bool> = (0..40).map(|i| i % 4 < 2).collect();
        let up = compare(&[&few], &[&many]);
        let down = compare(&[&many], &[&few]);
        assert_eq!(up["ap50"].verdict, Verdict::Helps);
        assert_eq!(down["ap50"].verdict, Verdict::Hurts);
        let [low, high] = up["ar50"].interval.unwrap();
        // A quarter of 40 images differs: standard error sqrt(0.25 · 0.75 / 40) = 0.068.
        assert!((low - (0.25 - 1.96 * 0.068)).abs() < 0.03, "{low}");
        assert!((high - (0.25 + 1.96 * 0.068)).abs() < 0.03, "{high}");
        let same = compare(&[&few], &[&few]);
        assert_eq!(same["ap50"].interval, Some([0.0, 0.0]));
        assert_eq!(same["ap50"].verdict, Verdict::NoEvidence);
    }

    /// What seeds disagree about widens the interval, whatever the images say.
    #[test]
    fn seeds_that_disagree_are_no_evidence() {
        let none = [false; 30];
        let all = [true; 30];
        let found = compare(&[&none, &all, &none], &[&all, &none, &all]);
        assert!((found["ar50"].difference - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(found["ar50"].verdict, Verdict::NoEvidence);
        assert_eq!(found["ar50"].interval, Some([-1.0, 1.0]));
    }

    #[test]
    fn runs_that_do_not_pair_are_refused() {
        let two = runs(&[&[true], &[true]]);
        let error = effects(&two, &two[..1], &Bootstrap::default()).unwrap_err();
        assert!(error.to_string().contains("[0, 1]"), "{error}");
        let none = runs(&[&[]]);
        let error = effects(&none, &none, &Bootstrap::default()).unwrap_err();
        assert_eq!(error, AblationError::NoImages);
    }
}
