//! How well probabilities fit the truth, a pixel at a time: what validation has beside the training loss.

use crate::rle::{Rle, to_plane};
use footpath_vision::plane::Plane;
use footpath_vision::resample::resize_plane;

/// The cross entropy of the pixels of all tiles, nats a pixel, every pixel alike: without the weights of the training
/// loss, so that it can be compared between trainings.
#[derive(Default)]
pub(super) struct PixelLoss {
    sum: f64,
    pixels: usize,
}

impl PixelLoss {
    /// Adds a tile: the probability of building, and where the buildings are. The probabilities are
    /// brought to the tile's size.
    pub(super) fn add(&mut self, probabilities: &Plane<f32>, truth: &Rle) {
        let truth = to_plane(truth);
        let at_size = resize_plane(probabilities, truth.size());
        for (&probability, &building) in at_size.values().iter().zip(truth.values()) {
            let of_truth = match building {
                0 => 1.0 - probability,
                _ => probability,
            };
            // The least that single precision tells from certainty.
            self.sum -= f64::from(of_truth.max(f32::EPSILON)).ln();
        }
        self.pixels += truth.values().len();
    }

    /// The mean over all pixels; NaN without any.
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.pixels as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rle::from_plane;
    use footpath_vision::plane::Size;

    #[test]
    fn is_the_mean_of_the_logarithms() {
        let mut loss = PixelLoss::default();
        let truth = from_plane(&Plane::new(Size::new(1, 4), vec![1_u8, 0, 1, 0]));
        loss.add(
            &Plane::new(Size::new(1, 4), vec![0.5, 0.5, 1.0, 1.0]),
            &truth,
        );
        let expected = (2.0 * 2.0_f64.ln() - f64::from(f32::EPSILON).ln()) / 4.0;
        assert!((loss.mean() - expected).abs() < 1e-12, "{}", loss.mean());
    }

    #[test]
    fn probabilities_come_to_the_size_of_the_tile() {
        let mut loss = PixelLoss::default();
        let truth = from_plane(&Plane::new(Size::new(6, 4), vec![1_u8; 24]));
        loss.add(&Plane::new(Size::new(3, 2), vec![0.25; 6]), &truth);
        assert!((loss.mean() - 4.0_f64.ln()).abs() < 1e-6, "{}", loss.mean());
    }
}
