//! The Lovász-softmax loss (Berman et al. 2018, arXiv 1705.08790).
//!
//! The Jaccard loss of a set of wrong pixels is a submodular function; its Lovász extension makes
//! it a function of how wrong each pixel is. With the errors sorted by falling size, the loss is
//! their sum weighted by how much each pixel raises the Jaccard loss when it joins those before it.

use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor, TensorData};
use rayon::prelude::*;

/// The mean over the classes that the batch has, but for class 0.
///
/// `logits` are `[N, C, H, W]`, labels and weights `[N, H, W]`; pixels of weight 0 are left out. 0
/// where there is no other class.
pub(crate) fn lovasz_softmax(
    logits: Tensor<4>,
    labels: &Tensor<3, Int>,
    weights: &Tensor<3>,
) -> Tensor<1> {
    let [_, classes, _, _] = logits.dims();
    let device = logits.device();
    let probabilities = softmax(logits, 1);
    let counted: Vec<f32> = values(weights.clone());
    let mut losses = Vec::new();
    for class in 1..classes {
        let truth = labels.clone().equal_elem(class as i64).float();
        let is_class: Vec<f32> = values(truth.clone());
        let pixels = is_class.iter().zip(&counted);
        if !pixels.clone().any(|(&y, &w)| y > 0.0 && w > 0.0) {
            continue;
        }
        let p = probabilities
            .clone()
            .narrow(1, class, 1)
            .squeeze_dim::<3>(1);
        // 1 - p where the class is true, p elsewhere.
        let errors = p * (truth.clone() * -2.0 + 1.0) + truth;
        let slopes = slopes(&values(errors.clone()), &is_class, &counted);
        let slopes = TensorData::new(slopes, labels.dims());
        losses.push((errors * Tensor::<3>::from_data(slopes, &device)).sum());
    }
    let count = losses.len() as f64;
    match losses.into_iter().reduce(|sum, loss| sum + loss) {
        Some(sum) => sum / count,
        None => probabilities.sum() * 0.0,
    }
}

/// The values of a tensor, off its graph.
fn values(tensor: Tensor<3>) -> Vec<f32> {
    match tensor.into_data().try_to_vec() {
        Ok(values) => values,
        Err(error) => panic!("the device did not give back the errors: {error}"),
    }
}

/// By how much each pixel raises the Jaccard loss when it joins those of greater errors; 0 where
/// the weight is.
fn slopes(errors: &[f32], is_class: &[f32], weights: &[f32]) -> Vec<f32> {
    let mut order: Vec<u32> = (0..errors.len() as u32)
        .filter(|&i| weights[i as usize] > 0.0)
        .collect();
    // Equal errors in the pixels' order, so that the sum is the same for any number of threads.
    order.par_sort_unstable_by(|&a, &b| {
        let (x, y) = (errors[a as usize], errors[b as usize]);
        y.total_cmp(&x).then(a.cmp(&b))
    });
    let all = order
        .iter()
        .filter(|&&i| is_class[i as usize] > 0.0)
        .count();
    let mut slopes = vec![0.0; errors.len()];
    let (mut missed, mut added, mut before) = (0_usize, 0_usize, 0.0);
    for i in order {
        if is_class[i as usize] > 0.0 {
            missed += 1;
        } else {
            added += 1;
        }
        let jaccard = 1.0 - (all - missed) as f64 / (all + added) as f64;
        slopes[i as usize] = (jaccard - before) as f32;
        before = jaccard;
    }
    slopes
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use proptest::prelude::*;

    use super::*;

    /// The loss of two classes where the second one's odds are e^logit.
    fn loss(logits: &[f32], truth: &[u8], weights: &[f32]) -> f64 {
        let device = Device::flex();
        let count = logits.len();
        let all = [vec![0.0; count], logits.to_vec()].concat();
        let logits = Tensor::from_data(TensorData::new(all, [1, 2, 1, count]), &device);
        let labels: Vec<i64> = truth.iter().map(|&y| i64::from(y)).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [1, 1, count]), &device);
        let weights = TensorData::new(weights.to_vec(), [1, 1, count]);
        let weights = Tensor::from_data(weights, &device);
        lovasz_softmax(logits, &labels, &weights).into_scalar()
    }

    proptest! {
        /// What defines a Lovász extension.
        #[test]
        fn of_sure_predictions_it_is_the_jaccard_loss(
            pixels in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 1..60),
        ) {
            let logits: Vec<f32> = pixels.iter().map(|p| if p.0 { 40.0 } else { -40.0 }).collect();
            let truth: Vec<u8> = pixels.iter().map(|p| u8::from(p.1)).collect();
            let weights: Vec<f32> = pixels.iter().map(|p| f32::from(u8::from(p.2))).collect();
            let count = |is: &dyn Fn(bool, bool) -> bool| {
                pixels.iter().filter(|p| p.2 && is(p.0, p.1)).count() as f64
            };
            let (overlap, union) = (count(&|a, b| a && b), count(&|a, b| a || b));
            let has_class = count(&|_, b| b) > 0.0;
            let expected = if has_class { 1.0 - overlap / union } else { 0.0 };
            let found = loss(&logits, &truth, &weights);
            prop_assert!((found - expected).abs() < 1e-6, "{} {}", found, expected);
        }
    }

    #[test]
    fn three_pixels_by_hand() {
        // Probabilities of 0.8 (true), 0.4 (true), 0.5 (false): errors 0.6, 0.5, 0.2 in the order
        // second, third, first; Jaccard losses 1/2, 2/3, 1.
        let logits = [4.0_f32, 2.0 / 3.0, 1.0].map(f32::ln);
        let found = loss(&logits, &[1, 1, 0], &[1.0; 3]);
        let expected = 0.6 / 2.0 + 0.5 * (2.0 / 3.0 - 0.5) + 0.2 * (1.0 - 2.0 / 3.0);
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    }
}
