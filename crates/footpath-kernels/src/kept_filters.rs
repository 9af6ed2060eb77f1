use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::tensor::Bytes;
use burn_flex::FlexTensor;

/// The transformed filters of one convolution, kept from one inference to the next: they cost four times the memory
/// of a 3x3 weight and save a tenth of the time of small batches.
///
/// Belongs to a layer, whose stride and padding never change. A changed weight is noticed. A clone starts empty: it may
/// go on to be trained.
#[derive(Debug, Default)]
pub struct KeptFilters(Mutex<Option<Kept>>);

impl Clone for KeptFilters {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[derive(Debug)]
struct Kept {
    /// Of the weight. Held, so that nobody can write into it or reuse its memory: the same buffer is the same weight.
    weight: Arc<Bytes>,
    filters: Arc<OnceLock<Vec<f32>>>,
}

impl KeptFilters {
    /// The place for what is made of this weight.
    pub(crate) fn of(&self, weight: &FlexTensor) -> Arc<OnceLock<Vec<f32>>> {
        let weight = weight.data_arc();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = &*kept
            && Arc::ptr_eq(&kept.weight, &weight)
        {
            return Arc::clone(&kept.filters);
        }
        let filters = Arc::default();
        *kept = Some(Kept {
            weight,
            filters: Arc::clone(&filters),
        });
        filters
    }
}

#[cfg(test)]
mod tests {
    use super::KeptFilters;
    use crate::{
        Activation, InferenceOptions, conv2d, conv2d_inference,
        fused_tests::{assert_agree, constant},
    };

    #[test]
    fn a_changed_weight_is_noticed() {
        let filters = KeptFilters::default();
        let x = constant([2, 16, 12, 12], 1);
        let mut weight = constant([16, 16, 3, 3], 2);
        for step in 0..3 {
            let options = InferenceOptions {
                residual: None,
                activation: Activation::None,
                filters: Some(&filters),
            };
            let kept = conv2d_inference(x.clone(), weight.clone(), None, [1, 1], [1, 1], options);
            let fresh = conv2d(
                x.clone(),
                weight.clone(),
                None,
                [1, 1],
                [1, 1],
                Activation::None,
            );
            assert_agree(&kept, &fresh, "result");
            if step == 1 {
                // In place, where nobody else holds the weight.
                weight = weight * 2.0;
            }
        }
    }
}
