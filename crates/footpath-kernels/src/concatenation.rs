use burn::{backend::Dispatch, tensor::Tensor};

use crate::extension::{Kernels, supports};

/// Concatenates feature maps along channels: `[N, C_i, H, W]` each, in order, to `[N, ΣC_i, H, W]`.
///
/// # Panics
/// If there is no part, or the parts differ in more than the number of channels.
#[must_use]
pub fn concat_channels(parts: Vec<Tensor<4>>) -> Tensor<4> {
    assert!(!parts.is_empty(), "concatenation of no part");
    if !parts.iter().all(supports) {
        return Tensor::cat(parts, 1);
    }
    parts.into_iter().reduce(pair).expect("there is a part")
}

fn pair(left: Tensor<4>, right: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::concatenation(
        left.into_dispatch(),
        right.into_dispatch(),
    ))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::concat_channels;
    use crate::fused_tests::{assert_same_gradients, leaf};

    #[test]
    fn equals_cat() {
        let parts: Vec<Tensor<4>> = (1..4)
            .map(|channels| leaf([2, channels, 3, 5], channels as u64))
            .collect();
        let fused = concat_channels(parts.clone());
        let composed = Tensor::cat(parts.clone(), 1);
        assert_same_gradients::<4, 4>(fused.clone(), composed.clone(), [&parts[0], &parts[1]], &[]);
        let (fused, composed) = (
            concat_channels(parts.clone()),
            Tensor::cat(parts.clone(), 1),
        );
        assert_same_gradients::<4, 4>(fused, composed, [&parts[2], &parts[1]], &[]);
    }
}
