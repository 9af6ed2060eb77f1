//! Dropout of whole channels (Tompson et al. 2015, arXiv 1411.4280).
//!
//! What is dropped is a function of a seed that the training batch carries, not of a generator
//! that passes share: a resumed run drops what the uninterrupted one does.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::random::stream;

/// What dropout draws from in one forward pass.
#[derive(Debug)]
pub struct Noise(Option<ChaCha8Rng>);

impl Noise {
    /// No dropout, as in inference.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// The draws of a training step's pass over a batch.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(Some(stream(seed, "dropout", &[])))
    }

    /// `x` (`[N, C, H, W]`) with each channel of each image set to 0 with probability `rate`, and
    /// the others divided by `1 - rate`, so that the mean stays.
    #[must_use]
    pub fn drop_channels(&mut self, x: Tensor<4>, rate: f64) -> Tensor<4> {
        let Some(rng) = self.0.as_mut().filter(|_| rate > 0.0) else {
            return x;
        };
        let [images, channels, _, _] = x.dims();
        let kept = (1.0 / (1.0 - rate)) as f32;
        let factors: Vec<f32> = (0..images * channels)
            .map(|_| {
                if rng.random::<f64>() < rate {
                    0.0
                } else {
                    kept
                }
            })
            .collect();
        let factors = TensorData::new(factors, [images, channels, 1, 1]);
        let factors = Tensor::<4>::from_data(factors, &x.device());
        x * factors
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn means(noise: &mut Noise, rate: f64) -> Vec<f32> {
        let x = Tensor::ones([4, 250, 2, 3], &Device::flex());
        let y = noise.drop_channels(x, rate);
        let values: Vec<f32> = y.into_data().try_to_vec().unwrap();
        values
            .chunks_exact(6)
            .map(|channel| {
                assert!(channel.iter().all(|v| *v == channel[0]), "{channel:?}");
                channel[0]
            })
            .collect()
    }

    #[test]
    fn channels_go_as_a_whole_and_the_mean_stays() {
        let channels = means(&mut Noise::of(1), 0.2);
        assert!(channels.iter().all(|v| [0.0, 1.25].contains(v)));
        let mean = channels.iter().sum::<f32>() / 1000.0;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
    }

    #[test]
    fn the_seed_alone_decides_and_inference_drops_nothing() {
        let draw = |seed| means(&mut Noise::of(seed), 0.5);
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        let mut noise = Noise::of(3);
        assert_ne!(means(&mut noise, 0.5), means(&mut noise, 0.5));
        assert_eq!(means(&mut Noise::none(), 0.5), [1.0; 1000]);
        assert_eq!(means(&mut Noise::of(3), 0.0), [1.0; 1000]);
    }
}
