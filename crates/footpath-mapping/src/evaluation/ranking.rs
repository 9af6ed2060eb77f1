//! Precision and recall of any sample of the images: what intervals and breakdowns are made of.

use vernier_core::evaluate::EvalGrid;
use vernier_core::parity::recall_thresholds;

/// The detections of all images from the best score to the worst, each with what it hit.
///
/// One category and one range of areas of a matched grid; COCO's order where scores tie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranking {
    detections: Vec<Ranked>,
    /// Truths that count, image by image.
    pub(super) truths: Vec<u32>,
}

/// A detection. Bit `t` of a set stands for COCO's `t`-th `IoU` threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranked {
    image: u32,
    hit: u16,
    /// Counts neither way.
    ignored: u16,
}

/// Average precision and recall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Average {
    pub(super) precision: f64,
    pub(super) recall: f64,
}

/// Added to the number of detections, as pycocotools does.
const EPSILON: f64 = f64::EPSILON;

impl Ranking {
    /// The first category of a grid, in its `area`-th range of areas.
    pub(super) fn new(grid: &EvalGrid, area: usize) -> Self {
        let mut truths = vec![0; grid.n_images()];
        let mut scored = Vec::new();
        for (image, cell) in grid.category_cells(0, area) {
            truths[image] = cell.gt_ignore.iter().filter(|ignore| !**ignore).count() as u32;
            for (detection, &score) in cell.dt_scores.iter().enumerate() {
                let bits = |of: &dyn Fn(usize) -> bool| {
                    (0..cell.dt_matched.nrows())
                        .filter(|&t| of(t))
                        .fold(0_u16, |set, t| set | 1 << t)
                };
                let ranked = Ranked {
                    image: image as u32,
                    hit: bits(&|t| cell.dt_matched[[t, detection]]),
                    ignored: bits(&|t| cell.dt_ignore[[t, detection]]),
                };
                scored.push((score, ranked));
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self {
            detections: scored.into_iter().map(|(_, ranked)| ranked).collect(),
            truths,
        }
    }

    /// Average precision and recall at one threshold where image `i` is there `times[i]` times;
    /// none if no truth counts.
    pub(super) fn average(&self, times: &[u32], threshold: usize) -> Option<Average> {
        let truths: u64 = self
            .truths
            .iter()
            .zip(times)
            .map(|(&truths, &times)| u64::from(truths) * u64::from(times))
            .sum();
        if truths == 0 {
            return None;
        }
        let bit = 1 << threshold;
        let (mut hits, mut all) = (0_u64, 0_u64);
        let mut curve: Vec<(f64, f64)> = Vec::with_capacity(self.detections.len());
        for detection in &self.detections {
            let times = u64::from(times[detection.image as usize]);
            if times == 0 || detection.ignored & bit != 0 {
                continue;
            }
            all += times;
            if detection.hit & bit != 0 {
                hits += times;
            }
            curve.push((
                hits as f64 / truths as f64,
                hits as f64 / (all as f64 + EPSILON),
            ));
        }
        let mut best = 0.0_f64;
        for (_, precision) in curve.iter_mut().rev() {
            best = best.max(*precision);
            *precision = best;
        }
        let levels = recall_thresholds();
        let (mut sum, mut at) = (0.0, 0);
        for &level in levels {
            while at < curve.len() && curve[at].0 < level {
                at += 1;
            }
            let Some((_, precision)) = curve.get(at) else {
                break;
            };
            sum += precision;
        }
        Some(Average {
            precision: sum / levels.len() as f64,
            recall: hits as f64 / truths as f64,
        })
    }

    /// [`Self::average`] over all ten thresholds.
    pub(super) fn average_over_thresholds(&self, times: &[u32]) -> Option<Average> {
        const COUNT: usize = 10;
        let mut sum = Average {
            precision: 0.0,
            recall: 0.0,
        };
        for threshold in 0..COUNT {
            let one = self.average(times, threshold)?;
            sum.precision += one.precision;
            sum.recall += one.recall;
        }
        Some(Average {
            precision: sum.precision / COUNT as f64,
            recall: sum.recall / COUNT as f64,
        })
    }

    /// Each image's detections alone: their number, how many hit at the first threshold (`IoU`
    /// 0.5), and average precision and recall there.
    pub(super) fn by_image(&self) -> Vec<(usize, usize, Option<Average>)> {
        let mut of_image: Vec<Vec<Ranked>> = vec![Vec::new(); self.truths.len()];
        for detection in &self.detections {
            of_image[detection.image as usize].push(Ranked {
                image: 0,
                ..*detection
            });
        }
        of_image
            .into_iter()
            .zip(&self.truths)
            .map(|(detections, &truths)| {
                let counted: Vec<&Ranked> =
                    detections.iter().filter(|d| d.ignored & 1 == 0).collect();
                let hits = counted.iter().filter(|d| d.hit & 1 != 0).count();
                let found = counted.len();
                let alone = Self {
                    detections,
                    truths: vec![truths],
                };
                (found, hits, alone.average(&[1], 0))
            })
            .collect()
    }
}
