use burn::tensor::Tensor;

use crate::extension::{self, supports};

/// What a weight decay does to a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightDecay {
    /// `L2`: the decay times the parameter is added to the gradient, as in `torch.optim.Adam`.
    L2,
    /// Decoupled: the parameter shrinks by learning rate times decay, as in `torch.optim.AdamW` (Loshchilov and
    /// Hutter 2019, <https://arxiv.org/abs/1711.05101>).
    Decoupled,
}

/// Settings of one [`adam_step`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay of the first moment, in `[0, 1)`; commonly 0.9.
    pub beta1: f64,
    /// Decay of the second moment, in `[0, 1)`; commonly 0.999.
    pub beta2: f64,
    /// Added to the root of the bias-corrected second moment; commonly 1e-8.
    pub epsilon: f64,
    /// Weight decay; 0 for none.
    pub weight_decay: f64,
    /// Kind of weight decay.
    pub decay: WeightDecay,
    /// The number of this step, counted from 1: it corrects the moments' bias.
    pub step: u64,
}

/// The moments Adam keeps for one parameter, in its shape.
#[derive(Clone, Debug)]
pub struct AdamState<const D: usize> {
    /// Decayed mean of the gradient.
    pub first_moment: Tensor<D>,
    /// Decayed mean of the squared gradient.
    pub second_moment: Tensor<D>,
}

impl<const D: usize> AdamState<D> {
    /// The state before the first step: both moments zero, in the shape and on the device of `param`.
    #[must_use]
    pub fn zeros_like(param: &Tensor<D>) -> Self {
        let zeros = Tensor::zeros(param.dims(), &param.device().inner());
        Self {
            first_moment: zeros.clone(),
            second_moment: zeros,
        }
    }
}

/// One Adam or `AdamW` step on one parameter (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>), with the bias
/// correction and the place of epsilon of `torch.optim.Adam`.
///
/// All tensors have one shape and are not tracked by autodiff. Buffers that nobody else holds are updated in place.
///
/// # Panics
/// If the shapes differ or `settings.step` is 0.
#[must_use]
pub fn adam_step<const D: usize>(
    param: Tensor<D>,
    grad: Tensor<D>,
    state: AdamState<D>,
    settings: &AdamSettings,
) -> (Tensor<D>, AdamState<D>) {
    assert!(settings.step > 0, "Adam steps are counted from 1");
    let tensors = [&param, &grad, &state.first_moment, &state.second_moment];
    if tensors
        .into_iter()
        .all(|tensor| supports(tensor) && !tensor.device().is_autodiff())
    {
        return extension::adam_step(param, grad, state, settings);
    }
    composed(param, grad, state, settings)
}

/// [`adam_step`] of Burn's operations.
fn composed<const D: usize>(
    param: Tensor<D>,
    grad: Tensor<D>,
    state: AdamState<D>,
    settings: &AdamSettings,
) -> (Tensor<D>, AdamState<D>) {
    let AdamSettings {
        learning_rate,
        beta1,
        beta2,
        epsilon,
        weight_decay,
        decay,
        step,
    } = *settings;
    let (param, grad) = match decay {
        WeightDecay::L2 => (param.clone(), grad + param * weight_decay),
        WeightDecay::Decoupled => (param * (1.0 - learning_rate * weight_decay), grad),
    };
    let first_moment = state.first_moment * beta1 + grad.clone() * (1.0 - beta1);
    let second_moment = state.second_moment * beta2 + grad.clone() * grad * (1.0 - beta2);
    let step = step as f64;
    let root = (second_moment.clone() / (1.0 - beta2.powf(step))).sqrt();
    let step_size = learning_rate / (1.0 - beta1.powf(step));
    let param = param - first_moment.clone() * step_size / (root + epsilon);
    (
        param,
        AdamState {
            first_moment,
            second_moment,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::{AdamSettings, AdamState, WeightDecay, adam_step, composed};
    use crate::fused_tests::{assert_agree, constant};

    #[test]
    fn equals_composition() {
        for decay in [WeightDecay::L2, WeightDecay::Decoupled] {
            let param = constant([40, 1000], 1);
            let (mut fused, mut fused_state) = (param.clone(), AdamState::zeros_like(&param));
            let (mut expected, mut expected_state) = (param.clone(), AdamState::zeros_like(&param));
            for step in 1..4 {
                let grad = constant([40, 1000], step + 1);
                let settings = AdamSettings {
                    learning_rate: 0.01,
                    beta1: 0.9,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: 0.1,
                    decay,
                    step,
                };
                (fused, fused_state) = adam_step(fused, grad.clone(), fused_state, &settings);
                (expected, expected_state) = composed(expected, grad, expected_state, &settings);
            }
            assert_agree(&fused, &expected, "parameter");
            assert_agree(
                &fused_state.first_moment,
                &expected_state.first_moment,
                "first",
            );
            assert_agree(
                &fused_state.second_moment,
                &expected_state.second_moment,
                "second",
            );
            assert_agree(&param, &constant([40, 1000], 1), "the shared original");
        }
    }

    #[test]
    fn first_step_moves_by_the_learning_rate() {
        let param = constant([3], 1);
        let settings = AdamSettings {
            learning_rate: 0.5,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-12,
            weight_decay: 0.0,
            decay: WeightDecay::L2,
            step: 1,
        };
        let grad = constant([3], 2);
        let state = AdamState::zeros_like(&param);
        let (moved, _) = adam_step(param.clone(), grad.clone(), state, &settings);
        assert_agree(&(param - moved), &(grad.sign() * 0.5), "step");
    }
}
