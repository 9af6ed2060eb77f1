//! Adam as one pass over a parameter.

use rayon::prelude::*;

use super::simd::vectorised;
use crate::{AdamSettings, WeightDecay};

/// Values of a task.
const CHUNK: usize = 16 * 1024;

/// Updates the parameter and both moments in place.
pub(crate) fn step(
    param: &mut [f32],
    grad: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    settings: &AdamSettings,
) {
    assert!(param.len() == grad.len() && first.len() == grad.len() && second.len() == grad.len());
    let step = settings.step as f64;
    let correction1 = 1.0 - settings.beta1.powf(step);
    let correction2 = 1.0 - settings.beta2.powf(step);
    let step_size = (settings.learning_rate / correction1) as f32;
    let root_scale = (1.0 / correction2.sqrt()) as f32;
    let (beta1, beta2) = (settings.beta1 as f32, settings.beta2 as f32);
    let (rest1, rest2) = ((1.0 - settings.beta1) as f32, (1.0 - settings.beta2) as f32);
    let epsilon = settings.epsilon as f32;
    let (l2, shrink) = match settings.decay {
        WeightDecay::L2 => (settings.weight_decay as f32, 1.0),
        WeightDecay::Decoupled => (
            0.0,
            (1.0 - settings.learning_rate * settings.weight_decay) as f32,
        ),
    };
    let chunks = param.par_chunks_mut(CHUNK).zip(grad.par_chunks(CHUNK));
    let moments = first
        .par_chunks_mut(CHUNK)
        .zip(second.par_chunks_mut(CHUNK));
    chunks
        .zip(moments)
        .for_each(|((param, grad), (first, second))| {
            vectorised(|| {
                for (((p, g), m), v) in param.iter_mut().zip(grad).zip(first).zip(second) {
                    let g = g + l2 * *p;
                    *m = beta1 * *m + rest1 * g;
                    *v = beta2 * *v + rest2 * g * g;
                    *p = shrink * *p - step_size * *m / (v.sqrt() * root_scale + epsilon);
                }
            });
        });
}
