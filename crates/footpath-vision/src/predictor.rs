//! Probabilities from images.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
pub use footpath_kernels::{Precision, UnsupportedPrecision};
use image::RgbImage;
use rayon::prelude::*;

use crate::device::cpu;
use crate::network::Network;
use crate::normalise::normalise;
use crate::plane::{Plane, Size};
use crate::resample::{resize_image, resize_plane};
use crate::sample::BUILDING;

/// A precision that a predictor cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecisionError {
    /// Another device than the CPU.
    #[error("the precision bf16 is for the CPU; on other devices use f32")]
    Device,
    /// The CPU lacks the instructions.
    #[error(transparent)]
    Processor(#[from] UnsupportedPrecision),
}

/// A network ready for inference: off autodiff, batch norms folded into the convolutions.
#[derive(Clone, Debug)]
pub struct Predictor {
    network: Network,
    size: Size,
    device: Device,
}

impl Predictor {
    /// A predictor of `network` as it is now, for inputs of `size` on `device`.
    #[must_use]
    pub fn new(network: &Network, size: Size, device: &Device) -> Self {
        Self {
            network: network.for_inference(),
            size,
            device: device.clone().inner(),
        }
    }

    /// The same predictor with the weights of its convolutions in `precision`; single precision unless told.
    ///
    /// bfloat16 takes less memory and moves probabilities by about a hundredth; the README of `footpath-kernels` tells
    /// where it is no faster. Rounded weights do not come back: ask for it once.
    ///
    /// # Errors
    /// If the predictor's device is not the CPU, or this processor has no instructions for the precision.
    pub fn with_precision(self, precision: Precision) -> Result<Self, PrecisionError> {
        if precision != Precision::F32 && self.device != cpu() {
            return Err(PrecisionError::Device);
        }
        precision.check()?;
        Ok(Self {
            network: self.network.in_precision(precision),
            ..self
        })
    }

    /// The same predictor for inputs of another size, whose sides the encoder's stride must divide.
    #[must_use]
    pub fn resized(&self, size: Size) -> Self {
        Self {
            size,
            ..self.clone()
        }
    }

    /// The network's input size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The probability of building in each pixel of each image, in [0, 1], at the image's size.
    ///
    /// The images are one batch. Each is resized to the network's size and its probabilities
    /// back, both bilinear with clamped edges.
    ///
    /// # Panics
    /// If the device fails.
    #[must_use]
    pub fn predict(&self, images: &[RgbImage]) -> Vec<Plane<f32>> {
        let planes = self.predict_at_network_size(images);
        let sizes = images.par_iter().map(Size::of);
        let back = |(plane, size): (&Plane<f32>, Size)| resize_plane(plane, size);
        planes.par_iter().zip(sizes).map(back).collect()
    }

    /// The probability of building in each pixel of each image resized to the network's size.
    ///
    /// # Panics
    /// If the device fails.
    #[must_use]
    pub fn predict_at_network_size(&self, images: &[RgbImage]) -> Vec<Plane<f32>> {
        if images.is_empty() {
            return Vec::new();
        }
        let ready: Vec<Vec<f32>> = images
            .par_iter()
            .map(|image| normalise(&resize_image(image, self.size)).collect())
            .collect();
        let shape = [images.len(), 3, self.size.height, self.size.width];
        let batch = Tensor::from_data(TensorData::new(ready.concat(), shape), &self.device);
        let probabilities = softmax(self.network.forward(batch), 1);
        let building = probabilities.narrow(1, usize::from(BUILDING), 1);
        let values = match building.try_into_vec_as::<f32>() {
            Ok(values) => values,
            Err(error) => panic!("the device did not give back the probabilities: {error}"),
        };
        let planes = values.chunks_exact(self.size.pixels());
        planes
            .map(|plane| Plane::new(self.size, plane.to_vec()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Encoder, UnetConfig};

    fn predictor() -> Predictor {
        let device = Device::flex();
        let config = UnetConfig {
            encoder: Encoder::ResNet18,
            decoder_filters: 1,
            ..UnetConfig::default()
        };
        Predictor::new(
            &Network::new(&config, 3, &device),
            Size::new(64, 64),
            &device,
        )
    }

    fn image(width: u32, height: u32, seed: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let value = x
                .wrapping_mul(31)
                .wrapping_add(y.wrapping_mul(17))
                .wrapping_mul(seed);
            image::Rgb([value as u8, (value >> 2) as u8, (value >> 4) as u8])
        })
    }

    #[test]
    fn each_image_gets_probabilities_at_its_own_size_whatever_its_batch() {
        let predictor = predictor();
        let images = [image(64, 64, 3), image(100, 70, 5), image(9, 130, 7)];
        let together = predictor.predict(&images);
        for (image, plane) in images.iter().zip(&together) {
            assert_eq!(plane.size(), Size::of(image));
            assert!(plane.values().iter().all(|p| (0.0..=1.0).contains(p)));
            let alone = &predictor.predict(std::slice::from_ref(image))[0];
            for (a, b) in alone.values().iter().zip(plane.values()) {
                assert!((a - b).abs() < 1e-5);
            }
        }
        assert!(predictor.predict(&[]).is_empty());
    }

    #[test]
    fn bfloat16_moves_probabilities_little() {
        let exact = predictor();
        let rounded = match exact.clone().with_precision(Precision::Bf16) {
            Ok(predictor) => predictor,
            Err(error) => {
                let advice =
                    "this processor has no AVX-512 BF16 instructions; use the precision f32";
                assert_eq!(error.to_string(), advice);
                return;
            }
        };
        let images = [image(64, 64, 3), image(64, 64, 7)];
        let pairs = exact
            .predict(&images)
            .into_iter()
            .zip(rounded.predict(&images));
        let mut largest = 0.0_f32;
        for (exact, rounded) in pairs {
            for (a, b) in exact.values().iter().zip(rounded.values()) {
                largest = largest.max((a - b).abs());
            }
        }
        assert!(largest > 0.0 && largest < 0.05, "{largest}");
    }

    #[test]
    fn a_training_network_predicts_off_autodiff() {
        use burn::module::Module;
        let device = Device::flex().autodiff();
        let config = UnetConfig {
            encoder: Encoder::ResNet18,
            decoder_filters: 1,
            ..UnetConfig::default()
        };
        let network = Network::new(&config, 3, &Device::flex()).train();
        let images = [image(64, 64, 3)];
        let from_training = Predictor::new(&network, Size::new(64, 64), &device).predict(&images);
        assert_eq!(from_training, predictor().predict(&images));
    }
}
