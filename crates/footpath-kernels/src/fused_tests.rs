//! The fused operations and their gradients against Burn's own.

use burn::tensor::{Device, Tensor, TensorData};

/// Reproducible values in [-1, 1).
pub(crate) fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// A leaf tensor on the tracked `flex` device.
pub(crate) fn leaf<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let data = TensorData::new(values(shape.iter().product(), seed), shape);
    Tensor::<D>::from_data(data, &Device::flex().autodiff()).require_grad()
}

/// A tensor on the untracked `flex` device.
pub(crate) fn constant<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let data = TensorData::new(values(shape.iter().product(), seed), shape);
    Tensor::<D>::from_data(data, &Device::flex())
}

/// The values of a tensor.
pub(crate) fn list<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().try_to_vec::<f32>().expect("32-bit floats")
}

/// Checks two tensors to agree within 1e-4 of the largest value.
pub(crate) fn assert_agree<const D: usize>(fused: &Tensor<D>, composed: &Tensor<D>, what: &str) {
    assert_eq!(fused.dims(), composed.dims(), "{what}");
    let (fused, composed) = (list(fused), list(composed));
    let scale = composed
        .iter()
        .fold(1e-3_f32, |scale, value| scale.max(value.abs()));
    for (i, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
        let error = (fused - composed).abs();
        assert!(
            error <= 1e-4 * scale,
            "{what}[{i}]: fused {fused}, composed {composed}"
        );
    }
}

/// Checks that both results agree, and the gradients of all `leaves` of a weighted sum of them.
pub(crate) fn assert_same_gradients<const D: usize, const L: usize>(
    fused: Tensor<D>,
    composed: Tensor<D>,
    leaves: [&Tensor<L>; 2],
    vectors: &[&Tensor<1>],
) {
    assert_agree(&fused, &composed, "result");
    let weights = constant(fused.dims(), 99);
    let weights = Tensor::from_inner(weights);
    let fused = (fused * weights.clone()).sum().backward();
    let composed = (composed * weights).sum().backward();
    for (i, leaf) in leaves.into_iter().enumerate() {
        let (fused, composed) = (leaf.grad(&fused), leaf.grad(&composed));
        assert_agree(
            &fused.expect("a gradient"),
            &composed.expect("a gradient"),
            &format!("gradient {i}"),
        );
    }
    for (i, leaf) in vectors.iter().enumerate() {
        let (fused, composed) = (leaf.grad(&fused), leaf.grad(&composed));
        assert_agree(
            &fused.expect("a gradient"),
            &composed.expect("a gradient"),
            &format!("vector gradient {i}"),
        );
    }
}
