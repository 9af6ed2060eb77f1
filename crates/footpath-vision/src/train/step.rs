//! One step of the optimizer: from batches to moved weights.

use burn::tensor::{Device, Tensor};
use footpath_kernels::LossValue;

use super::{TrainError, TrainEvent, Training};
use crate::batch::{Batch, SkippedSample};
use crate::checkpoint::TrainingState;
use crate::collective::LostRank;
use crate::network::Network;
use crate::progress::Losses;
use crate::tensor_map::{NamedTensor, TensorMap, Which, floats, is_statistic};
use crate::train_config::NotFinite;

/// Steps in a row that are left out before training ends after all.
const MOST_LEFT_OUT: usize = 10;

/// A step that was taken or left out.
pub(crate) struct Step {
    /// Mean losses of the step's images.
    pub(crate) losses: Losses,
    /// Before clipping.
    pub(crate) gradient_norm: f64,
    pub(crate) images: usize,
    /// The names of the samples of this rank's share.
    pub(crate) samples: Vec<String>,
    /// Nothing was learnt: a loss or gradient was not finite.
    pub(crate) left_out: bool,
}

/// What this rank learns from its share of a step's batches.
#[derive(Default)]
struct Share {
    /// Mean over the images, once there are any.
    gradients: TensorMap,
    /// Losses summed over the images.
    sums: Losses,
    images: usize,
    batches: usize,
    samples: Vec<String>,
    /// A loss that is not finite.
    broken: Option<f64>,
}

impl Training<'_> {
    /// Takes a step from the next batches; `None` where there are none.
    ///
    /// The state is changed only by a step that succeeds.
    pub(crate) fn step(
        &self,
        mut state: TrainingState,
        batches: &mut dyn Iterator<Item = Batch>,
        learning_rate: f64,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> (TrainingState, Result<Option<Step>, TrainError>) {
        let statistics = TensorMap::of(&state.network, Which::Statistics);
        let share = match self.share(&state.network, batches, observe) {
            Ok(Some(share)) => share,
            Ok(None) => return (state, Ok(None)),
            Err(error) => return (state, Err(error)),
        };
        let share = match self.sum_of_ranks(share, &state.network) {
            Ok(share) => share,
            Err(cause) => {
                // The forward pass has moved them.
                state.network = statistics.put_into(state.network);
                return (state, Err(self.lost_rank(cause)));
            }
        };
        let (gradients, gradient_norm) = share.gradients.norm();
        let broken = match share.broken {
            Some(loss) => Some(("loss", loss)),
            None if !gradient_norm.is_finite() => Some(("norm of the gradient", gradient_norm)),
            None => None,
        };
        if let Some((what, value)) = broken {
            let (epoch, batch) = (state.progress.epoch, state.progress.batch);
            state.network = statistics.put_into(state.network);
            state.progress.leave_out_step(share.batches);
            let samples = share.samples;
            if self.config.not_finite == NotFinite::Skip && state.progress.left_out < MOST_LEFT_OUT
            {
                let left_out = Step {
                    losses: Losses::default(),
                    gradient_norm,
                    images: 0,
                    samples,
                    left_out: true,
                };
                return (state, Ok(Some(left_out)));
            }
            let error = TrainError::NotFinite {
                what,
                value,
                epoch,
                batch,
                samples,
                saved: self.saved(),
            };
            return (state, Err(error));
        }
        drop(statistics);

        if !gradients.is_empty() {
            let gradients = self.clipped(gradients, gradient_norm);
            let (rates, encoder) = (&self.config.layer_rates, self.network.encoder);
            let rate = |name: &str| learning_rate * rates.factor(encoder, name);
            state.network = state.optimizer.step(state.network, gradients, &rate);
            state.average.add_step(self.config.average, &state.network);
        }
        let progress = &mut state.progress;
        progress.add_step(share.batches, share.images, &share.sums);
        let taken = Step {
            losses: share.sums.divided_by(share.images.max(1) as f64),
            gradient_norm,
            images: share.images,
            samples: share.samples,
            left_out: false,
        };
        (state, Ok(Some(taken)))
    }

    /// Losses and gradients of the next batches; `None` at the epoch's end.
    fn share(
        &self,
        network: &Network,
        batches: &mut dyn Iterator<Item = Batch>,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<Option<Share>, TrainError> {
        let autodiff = self.device.clone().autodiff();
        let mut share = Share::default();
        for batch in batches.take(self.config.accumulate) {
            share.batches += 1;
            let Some(batch) = self.usable(batch, observe)? else {
                continue;
            };
            share.samples.extend(batch.names.iter().cloned());
            if share.broken.is_none() {
                share.learn(network, batch, &autodiff, self);
            }
        }
        Ok((share.batches > 0).then_some(share))
    }

    /// Reports a batch's unusable samples; `None` if that is all it has.
    fn usable(
        &self,
        mut batch: Batch,
        observe: &mut dyn FnMut(&TrainEvent),
    ) -> Result<Option<Batch>, TrainError> {
        for skipped in batch.skipped.drain(..) {
            if self.config.strict {
                let SkippedSample { index, cause } = skipped;
                return Err(TrainError::Sample { index, cause });
            }
            observe(&TrainEvent::Skipped(&skipped));
        }
        Ok((!batch.names.is_empty()).then_some(batch))
    }

    /// What all ranks learn together, each image counting alike.
    fn sum_of_ranks(&self, share: Share, network: &Network) -> Result<Share, LostRank> {
        if self.collective.ranks() == 1 {
            return Ok(share);
        }
        let own = share.images as f32;
        let broken = share.broken.map_or(0.0, |_| 1.0);
        let Losses {
            total,
            cross_entropy,
            dice,
        } = share.sums;
        let mut values = vec![own, broken, total as f32, cross_entropy as f32, dice as f32];
        let head = values.len();
        // A rank without images has no gradients, but they have their places.
        let mut learnt = TensorMap::of(network, Which::All).into_iter();
        let places: Vec<(String, Vec<usize>)> = learnt
            .by_ref()
            .filter(|(name, _)| !is_statistic(name) && !self.config.freeze.holds(name))
            .map(|(name, tensor)| (name, tensor.shape))
            .collect();
        for (name, shape) in &places {
            match share.gradients.get(name).filter(|_| broken == 0.0) {
                Some(gradient) => {
                    let data = gradient.to_data();
                    values.extend(floats(&data).iter().map(|value| value * own));
                }
                None => values.resize(values.len() + shape.iter().product::<usize>(), 0.0),
            }
        }
        self.collective.sum(&mut values)?;

        let images = values[0];
        let mut gradients = TensorMap::default();
        let mut rest = &values[head..];
        for (name, shape) in places {
            let (own, others) = rest.split_at(shape.iter().product());
            rest = others;
            if images > 0.0 {
                let mean: Vec<f32> = own.iter().map(|value| value / images).collect();
                let flat = Tensor::from_data(mean.as_slice(), self.device);
                gradients.insert(name, NamedTensor { shape, flat });
            }
        }
        Ok(Share {
            gradients,
            sums: Losses {
                total: f64::from(values[2]),
                cross_entropy: f64::from(values[3]),
                dice: f64::from(values[4]),
            },
            images: images as usize,
            broken: share.broken.or((values[1] > 0.0).then_some(f64::NAN)),
            samples: if values[1] > 0.0 && share.broken.is_none() {
                Vec::new()
            } else {
                share.samples
            },
            ..share
        })
    }

    /// The gradients, shortened to the greatest norm allowed (as `torch.nn.utils.clip_grad_norm_`).
    fn clipped(&self, gradients: TensorMap, norm: f64) -> TensorMap {
        match self.config.clip_norm {
            Some(most) if norm > most => {
                let factor = most / (norm + 1e-6);
                gradients.map(|_, gradient| gradient * factor)
            }
            _ => gradients,
        }
    }
}

impl Share {
    /// Adds what a batch teaches.
    fn learn(&mut self, network: &Network, batch: Batch, device: &Device, training: &Training) {
        let images = batch.names.len();
        let batch = batch.to_device(device);
        let logits = network.forward_in_training(batch.images, batch.noise);
        let loss = &training.config.loss;
        let loss = loss.evaluate(logits, &batch.labels, &batch.weights);
        let losses = read(&loss);
        if !losses.total.is_finite() {
            self.broken = Some(losses.total);
            return;
        }
        let mut new = TensorMap::of_gradients(network, loss.total.backward());
        drop(loss);
        if self.images == 0 {
            self.gradients = new;
        } else {
            // The mean over all images so far: batches may differ in their number.
            let weight = images as f64 / (self.images + images) as f64;
            self.gradients =
                std::mem::take(&mut self.gradients).map(|name, mean| match new.remove(name) {
                    Some(gradient) => mean * (1.0 - weight) + gradient.flat * weight,
                    None => mean,
                });
        }
        self.sums.add(&losses, images as f64);
        self.images += images;
    }
}

fn read(loss: &LossValue) -> Losses {
    let number = |tensor: &Tensor<1>| tensor.clone().into_scalar::<f64>();
    Losses {
        total: number(&loss.total),
        cross_entropy: number(&loss.cross_entropy),
        dice: number(&loss.dice),
    }
}
