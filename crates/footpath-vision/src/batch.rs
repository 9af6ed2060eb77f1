//! Batches: samples made ready for the network, ahead of it.
//!
//! What a batch holds is a function of the seed, the epoch and the batch's number alone: each
//! sample draws its augmentation from its own stream. So neither the number of threads nor
//! where a run was interrupted can change it.

use std::error::Error;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngCore;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::augment::AugmentConfig;
use crate::loader::{Loader, TrainCompat};
use crate::loss::LossConfig;
use crate::normalise::normalise;
use crate::plane::Size;
use crate::random::{stream, stream_at};
use crate::sample::{IGNORE, Sample, SampleSource};

/// Batches made ready while the network works on an earlier one.
const PREFETCHED: usize = 2;

/// Makes the batches of a run.
#[derive(Clone, Copy)]
pub struct BatchPlan<'a> {
    /// The samples.
    pub samples: &'a dyn SampleSource,
    /// Learns from so many of them, drawn by the seed; from all unless told.
    pub limit: Option<usize>,
    /// Samples in a batch; the last batch of an epoch may have fewer.
    pub batch_size: usize,
    /// Which of the `ranks` shares of each batch is made, from 0. A share has `batch_size`
    /// samples.
    pub rank: usize,
    /// Ranks that a batch is shared among; at least 1.
    pub ranks: usize,
    /// The network's input size.
    pub size: Size,
    /// Labels are below this, or [`IGNORE`].
    pub classes: usize,
    /// How samples come to that size.
    pub loader: Loader,
    /// Old behaviours to compare with.
    pub compat: TrainCompat,
    /// How samples are varied.
    pub augment: &'a AugmentConfig,
    /// How pixels are weighted.
    pub loss: &'a LossConfig,
    /// Seed of order and augmentation.
    pub seed: u64,
}

/// What the network is trained on in one step, still on the host.
#[derive(Debug)]
pub struct Batch {
    /// Names of the samples.
    pub names: Vec<String>,
    /// Samples that could not be used, and why.
    pub skipped: Vec<SkippedSample>,
    noise: u64,
    images: TensorData,
    labels: TensorData,
    weights: TensorData,
}

/// A sample that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("sample {index} is left out: {cause}")]
pub struct SkippedSample {
    /// Its number in the source.
    pub index: usize,
    /// Why.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

/// A batch on the device.
#[derive(Debug)]
pub struct BatchTensors {
    /// Normalised images, `[N, 3, H, W]`.
    pub images: Tensor<4>,
    /// Classes, `[N, H, W]`.
    pub labels: Tensor<3, Int>,
    /// Weights of the cross entropy, `[N, H, W]`; 0 for pixels to ignore.
    pub weights: Tensor<3>,
    /// Seed of the dropout.
    pub noise: u64,
}

impl Batch {
    /// Moves the batch to a device.
    #[must_use]
    pub fn to_device(self, device: &Device) -> BatchTensors {
        BatchTensors {
            images: Tensor::from_data(self.images, device),
            labels: Tensor::from_data(self.labels, device),
            weights: Tensor::from_data(self.weights, device),
            noise: self.noise,
        }
    }
}

impl<'a> BatchPlan<'a> {
    /// Number of batches in an epoch.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.count().div_ceil(self.batch_size * self.ranks)
    }

    /// Number of samples in an epoch.
    #[must_use]
    pub fn count(&self) -> usize {
        let all = self.samples.len();
        self.limit.map_or(all, |limit| limit.min(all))
    }

    /// The samples' numbers in the order of an epoch.
    #[must_use]
    pub fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.samples.len()).collect();
        if self.count() < order.len() {
            // The same ones in each epoch.
            order.shuffle(&mut stream(self.seed, "sample subset", &[]));
            order.truncate(self.count());
            order.sort_unstable();
        }
        order.shuffle(&mut stream_at(self.seed, "sample order", epoch, 0));
        order
    }

    /// Batches `first..` of an epoch, made by a thread of `scope` that stays a little ahead.
    ///
    /// Samples are loaded on threads of their own, as many as the caller's pool has: the caller
    /// may be that pool's only thread, and it waits for the batches.
    ///
    /// Dropping the receiver ends the threads.
    #[must_use]
    pub fn prefetch<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
        epoch: usize,
        first: usize,
    ) -> Receiver<Batch>
    where
        'a: 'scope,
    {
        let (sender, receiver) = sync_channel(PREFETCHED);
        let loaders = rayon::ThreadPoolBuilder::new()
            .num_threads(rayon::current_num_threads())
            .thread_name(|index| format!("loader {index}"))
            .build();
        scope.spawn(move || {
            let order = self.order(epoch);
            for index in first..self.batches() {
                let batch = match &loaders {
                    Ok(loaders) => loaders.install(|| self.batch(epoch, &order, index)),
                    Err(cause) => {
                        tracing::warn!("no threads to load samples with: {cause}");
                        self.batch(epoch, &order, index)
                    }
                };
                if sender.send(batch).is_err() {
                    return;
                }
            }
        });
        receiver
    }

    /// Batch `index` of an epoch whose order is given.
    #[must_use]
    pub fn batch(&self, epoch: usize, order: &[usize], index: usize) -> Batch {
        let first = (index * self.ranks + self.rank) * self.batch_size;
        let first = first.min(order.len());
        let last = (first + self.batch_size).min(order.len());
        let examples: Vec<_> = (first..last)
            .into_par_iter()
            .map(|position| self.example(epoch, position, order[position]))
            .collect();

        let pixels = self.size.pixels();
        let (mut names, mut skipped) = (Vec::new(), Vec::new());
        let mut images = Vec::with_capacity(examples.len() * 3 * pixels);
        let mut labels = Vec::with_capacity(examples.len() * pixels);
        let mut weights = Vec::with_capacity(examples.len() * pixels);
        for example in examples {
            match example {
                Ok(sample) => {
                    images.extend(normalise(sample.image()));
                    // An ignored pixel needs some class; its weight of 0 keeps it silent.
                    let class = |&label: &u8| if label == IGNORE { 0 } else { i64::from(label) };
                    labels.extend(sample.labels().values().iter().map(class));
                    weights.extend(self.loss.pixel_weights(
                        sample.labels(),
                        sample.distances(),
                        sample.sizes(),
                    ));
                    names.push(sample.name().to_owned());
                }
                Err(skip) => skipped.push(skip),
            }
        }
        let (count, Size { height, width }) = (names.len(), self.size);
        Batch {
            images: TensorData::new(images, [count, 3, height, width]),
            labels: TensorData::new(labels, [count, height, width]),
            weights: TensorData::new(weights, [count, height, width]),
            noise: stream_at(self.seed, "dropout", epoch, first).next_u64(),
            names,
            skipped,
        }
    }

    /// A sample at the network's size, varied as its place in the epoch says.
    fn example(
        &self,
        epoch: usize,
        position: usize,
        index: usize,
    ) -> Result<Sample, SkippedSample> {
        let skip = |cause| SkippedSample { index, cause };
        let sample = self.samples.load(index).map_err(skip)?;
        let is_foreign = |&label: &u8| label != IGNORE && usize::from(label) >= self.classes;
        if let Some(label) = sample
            .labels()
            .values()
            .iter()
            .copied()
            .find(|l| is_foreign(l))
        {
            let (name, classes) = (sample.name(), self.classes);
            return Err(skip(
                format!("{name}: label {label}, but the network has {classes} classes").into(),
            ));
        }
        let mut rng = stream_at(self.seed, "crop", epoch, position);
        let sample = self.loader.fit(&sample, self.size, self.compat, &mut rng);
        let mut rng = stream_at(self.seed, "augmentation", epoch, position);
        Ok(self.augment.draw(&mut rng).apply(&sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ColourConfig;
    use crate::loader::{Crop, PadMode};
    use crate::plane::Plane;
    use image::RgbImage;

    /// Six samples; the third does not load, the fourth has a class too many.
    struct Source;

    impl SampleSource for Source {
        fn len(&self) -> usize {
            6
        }

        fn load(&self, index: usize) -> Result<Sample, Box<dyn Error + Send + Sync>> {
            if index == 2 {
                return Err("2.jpg: cut short".into());
            }
            let size = Size::new(20, 30);
            let image =
                RgbImage::from_fn(30, 20, |x, y| image::Rgb([x as u8, y as u8, index as u8]));
            let label = if index == 3 { 2 } else { 1 };
            let labels = Plane::from_fn(size, |y, _| if y < 5 { label } else { 0 });
            let distances = Plane::from_fn(size, |y, _| if y < 5 { 0.0 } else { y as f32 });
            let sizes = Plane::from_fn(size, |_, _| 150.0);
            Ok(Sample::new(
                format!("{index}.jpg"),
                image,
                labels,
                distances,
                sizes,
            )?)
        }
    }

    fn with_plan<T>(seed: u64, use_plan: impl FnOnce(BatchPlan) -> T) -> T {
        use_plan(BatchPlan {
            samples: &Source,
            limit: None,
            batch_size: 4,
            rank: 0,
            ranks: 1,
            size: Size::new(16, 16),
            classes: 2,
            loader: Loader::default(),
            compat: TrainCompat::default(),
            augment: &AugmentConfig::default(),
            loss: &LossConfig::default(),
            seed,
        })
    }

    fn all(seed: u64, threads: usize, first: usize) -> Vec<Batch> {
        with_plan(seed, |plan| batches(&plan, threads, first))
    }

    fn batches(plan: &BatchPlan, threads: usize, first: usize) -> Vec<Batch> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let order = plan.order(1);
        pool.install(|| {
            (first..plan.batches())
                .map(|i| plan.batch(1, &order, i))
                .collect()
        })
    }

    fn content(batches: &[Batch]) -> Vec<(&[String], u64, [&TensorData; 3])> {
        let mut content = Vec::new();
        for batch in batches {
            let tensors = [&batch.images, &batch.labels, &batch.weights];
            content.push((batch.names.as_slice(), batch.noise, tensors));
        }
        content
    }

    #[test]
    fn every_kind_of_variation_is_the_same_for_any_number_of_threads() {
        let augment = AugmentConfig {
            scale: 0.2,
            symmetry_probability: 0.5,
            colour: ColourConfig {
                probability: 1.0,
                brightness: 0.2,
                contrast: 0.2,
                saturation: 0.3,
                hue_deg: 20.0,
                noise: 4.0,
                blur_px: 1.0,
            },
            ..AugmentConfig::default()
        };
        let varied = |threads| {
            with_plan(5, |plan| {
                let plan = BatchPlan {
                    loader: Loader::CropAndPad {
                        crop: Crop::Random,
                        pad: PadMode::Reflect,
                    },
                    augment: &augment,
                    ..plan
                };
                batches(&plan, threads, 0)
            })
        };
        let one = varied(1);
        assert_eq!(content(&one), content(&varied(3)));
        // Each batch has its own dropout.
        assert_ne!(one[0].noise, one[1].noise);
        assert_ne!(content(&one), content(&all(5, 1, 0)));
    }

    #[test]
    fn batches_depend_on_neither_threads_nor_where_they_start() {
        let batches = all(7, 1, 0);
        assert_eq!(content(&batches), content(&all(7, 4, 0)));
        assert_eq!(content(&batches[1..]), content(&all(7, 2, 1)));
        assert_ne!(content(&batches), content(&all(8, 1, 0)));
    }

    #[test]
    fn shares_of_ranks_are_a_batch_together() {
        let whole = all(7, 2, 0);
        let share = |rank| {
            with_plan(7, |plan| {
                let plan = BatchPlan {
                    batch_size: 2,
                    rank,
                    ranks: 2,
                    ..plan
                };
                batches(&plan, 2, 0)
            })
        };
        let (first, second) = (share(0), share(1));
        assert_eq!((whole.len(), first.len(), second.len()), (2, 2, 2));
        for (index, batch) in whole.iter().enumerate() {
            let names = [&first[index].names[..], &second[index].names].concat();
            assert_eq!(batch.names, names);
            let images =
                [&first[index], &second[index]].map(|b| b.images.try_to_vec::<f32>().unwrap());
            assert_eq!(batch.images.try_to_vec::<f32>().unwrap(), images.concat());
        }
    }

    #[test]
    fn a_limit_draws_the_same_samples_in_each_epoch() {
        let drawn = |seed, epoch| {
            let limited = |plan: BatchPlan| {
                let plan = BatchPlan {
                    limit: Some(3),
                    ..plan
                };
                assert_eq!((plan.count(), plan.batches()), (3, 1));
                plan.order(epoch)
            };
            let mut order = with_plan(seed, limited);
            order.sort_unstable();
            order
        };
        assert_eq!(drawn(7, 0).len(), 3);
        assert_eq!(drawn(7, 0), drawn(7, 1));
        assert!((0..9).any(|seed| drawn(seed, 0) != drawn(7, 0)));
    }

    #[test]
    fn an_unusable_sample_is_left_out_and_named() {
        let batches = all(7, 2, 0);
        let mut names: Vec<_> = batches.iter().flat_map(|b| b.names.clone()).collect();
        names.sort();
        assert_eq!(names, ["0.jpg", "1.jpg", "4.jpg", "5.jpg"]);
        let mut skipped: Vec<_> = batches
            .iter()
            .flat_map(|b| &b.skipped)
            .map(ToString::to_string)
            .collect();
        skipped.sort();
        assert_eq!(
            skipped,
            [
                "sample 2 is left out: 2.jpg: cut short",
                "sample 3 is left out: 3.jpg: label 2, but the network has 2 classes",
            ]
        );
        for batch in batches {
            let count = batch.names.len();
            let tensors = batch.to_device(&Device::flex());
            assert_eq!(tensors.images.dims(), [count, 3, 16, 16]);
            assert_eq!(tensors.labels.dims(), [count, 16, 16]);
            assert_eq!(tensors.weights.dims(), [count, 16, 16]);
        }
    }

    #[test]
    fn prefetching_gives_the_same_batches_and_ends_with_its_receiver() {
        let (augment, loss) = (AugmentConfig::default(), LossConfig::default());
        let plan = BatchPlan {
            samples: &Source,
            limit: None,
            rank: 0,
            ranks: 1,
            batch_size: 1,
            size: Size::new(16, 16),
            classes: 2,
            loader: Loader::default(),
            compat: TrainCompat::default(),
            augment: &augment,
            loss: &loss,
            seed: 3,
        };
        std::thread::scope(|scope| {
            let prefetched: Vec<_> = plan.prefetch(scope, 2, 0).iter().collect();
            let order = plan.order(2);
            let direct: Vec<_> = (0..6).map(|i| plan.batch(2, &order, i)).collect();
            assert_eq!(content(&prefetched), content(&direct));
            drop(plan.prefetch(scope, 2, 0));
        });
    }
}
