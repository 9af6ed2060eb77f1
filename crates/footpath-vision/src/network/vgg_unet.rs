//! U-Nets with a VGG encoder (Simonyan and Zisserman 2014, arXiv 1409.1556): TernausNet with
//! VGG11 (arXiv 1801.05746) and its wider relative with VGG16.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use footpath_kernels::concat_channels;

use super::UnetConfig;
use super::context::{Context, in_context};
use super::dropout::Noise;
use super::layers::{Activation, Conv2d, ConvRelu, UpBlock, halve};
use crate::tensor_map::{floats, sum_of_squares};

/// How a VGG U-Net is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VggPlan {
    /// 3x3 convolutions in each of the five blocks.
    pub convolutions: [usize; 5],
    /// Decoder widths over `nf`: output of the centre, of dec5, dec4, dec3, dec2.
    decoder: [usize; 5],
    /// Kernel of the transposed convolutions.
    deconv_kernel: usize,
}

impl VggPlan {
    /// VGG11.
    pub const VGG11: Self = Self {
        convolutions: [1, 1, 2, 2, 2],
        decoder: [8, 8, 4, 2, 1],
        deconv_kernel: 3,
    };
    /// VGG16.
    pub const VGG16: Self = Self {
        convolutions: [2, 2, 3, 3, 3],
        decoder: [8, 8, 8, 2, 1],
        deconv_kernel: 4,
    };
}

/// Channels of the five blocks.
const BLOCKS: [usize; 5] = [64, 128, 256, 512, 512];

/// VGG encoder, centre, five decoder blocks, 1x1 output.
#[derive(Module, Debug)]
pub struct VggUnet {
    /// torchvision's `features`: a convolution, or the place of a ReLU or a pool.
    encoder: Vec<Option<Conv2d>>,
    center: UpBlock,
    dec5: UpBlock,
    context: Option<Context>,
    dec4: UpBlock,
    dec3: UpBlock,
    dec2: UpBlock,
    dec1: ConvRelu,
    r#final: Conv2d,
    #[module(skip)]
    convolutions: [usize; 5],
    #[module(skip)]
    dropout: f64,
}

impl VggUnet {
    /// A network with the encoder of `plan`, all parameters zero.
    #[must_use]
    pub fn new(plan: VggPlan, config: &UnetConfig, device: &Device) -> Self {
        let (nf, classes) = (config.decoder_filters, config.classes);
        let mut encoder = Vec::new();
        let mut input = 3;
        for (count, output) in plan.convolutions.into_iter().zip(BLOCKS) {
            for _ in 0..count {
                encoder.push(Some(Conv2d::same([input, output], 3, device)));
                encoder.push(None); // ReLU
                input = output;
            }
            encoder.push(None); // max pool
        }
        let up = |channels| UpBlock::new(channels, plan.deconv_kernel, config.upsampling, device);
        let [center, dec5, dec4, dec3, dec2] = plan.decoder.map(|width| width * nf);
        let [c1, c2, c3, c4, c5] = BLOCKS;
        Self {
            encoder,
            center: up([c5, 16 * nf, center]),
            dec5: up([center + c5, 16 * nf, dec5]),
            context: Context::new(config.context, dec5, device),
            dec4: up([dec5 + c4, 16 * nf, dec4]),
            dec3: up([dec4 + c3, 8 * nf, dec3]),
            dec2: up([dec3 + c2, 4 * nf, dec2]),
            dec1: ConvRelu::new([dec2 + c1, nf], device),
            r#final: Conv2d::same([nf, classes], 1, device),
            convolutions: plan.convolutions,
            dropout: config.dropout,
        }
    }

    /// `[N, 3, H, W]` → logits `[N, classes, H, W]`; H and W are multiples of 32.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
        let [c1, c2, c3, c4, c5] = self.encode(x);
        let x = self.center.forward(halve(c5.clone()));
        let x = self.dec5.forward_with_skip(x, c5);
        let x = in_context(self.context.as_ref(), x);
        let x = self.dec4.forward_with_skip(x, c4);
        let x = self.dec3.forward_with_skip(x, c3);
        let x = self.dec2.forward_with_skip(x, c2);
        let x = self.dec1.forward(concat_channels(vec![x, c1]));
        let x = noise.drop_channels(x, self.dropout);
        self.r#final.forward(x, Activation::None)
    }

    /// What each block gives before it is halved.
    fn encode(&self, mut x: Tensor<4>) -> [Tensor<4>; 5] {
        let mut layers = self.encoder.iter().flatten();
        let mut is_first = true;
        self.convolutions.map(|count| {
            if !is_first {
                x = halve(x.clone());
            }
            is_first = false;
            for conv in layers.by_ref().take(count) {
                x = conv.forward(x.clone(), Activation::Relu);
            }
            x.clone()
        })
    }

    /// The network with each convolution of the encoder divided by the root mean square of what it
    /// gives, after ReLU, for `images`, `[N, 3, H, W]`; see
    /// [`Network::with_unit_activations`](super::Network::with_unit_activations).
    #[must_use]
    pub fn with_unit_activations(mut self, images: Tensor<4>) -> Self {
        let mut x = images;
        // What comes into a convolution is divided by this, so its bias has to be too.
        let mut divisor = 1.0;
        let mut layers = self.encoder.iter_mut().flatten();
        for count in self.convolutions {
            for conv in layers.by_ref().take(count) {
                conv.bias = conv.bias.take().map(|bias| divide(bias, divisor));
                let y = conv.forward(x, Activation::Relu);
                let size = root_mean_square(&y);
                // A layer that is silent says nothing about its scale.
                if size > 0.0 {
                    conv.weight = divide(conv.weight.clone(), size);
                    conv.bias = conv.bias.take().map(|bias| divide(bias, size));
                    divisor *= size;
                    x = y / size;
                } else {
                    x = y;
                }
            }
            x = halve(x);
        }
        self
    }
}

fn divide<const D: usize>(values: Param<Tensor<D>>, by: f64) -> Param<Tensor<D>> {
    values.map(|values| values / by)
}

fn root_mean_square(values: &Tensor<4>) -> f64 {
    let data = values.to_data();
    let values = floats(&data);
    (sum_of_squares(values) / values.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use crate::network::{Encoder, Network};
    use crate::state_dict::StateDict;
    use burn::tensor::TensorData;

    /// A VGG11 whose encoder gives numbers in the thousands, and images for it.
    fn loud() -> (VggUnet, Tensor<4>) {
        let device = Device::flex();
        let config = UnetConfig {
            encoder: Encoder::Vgg11,
            decoder_filters: 1,
            ..UnetConfig::default()
        };
        let mut state = StateDict::of(&Network::new(&config, 3, &device));
        for (layer, factor) in [("0", 300.0), ("6", 0.2), ("16", 40.0)] {
            let name = format!("encoder.{layer}.weight");
            let shape = state.shape(&name).unwrap().to_vec();
            let louder = state.values(&name).iter().map(|w| w * factor).collect();
            state.insert(&name, &shape, louder);
            let name = format!("encoder.{layer}.bias");
            let shape = state.shape(&name).unwrap().to_vec();
            let biases = (0..shape[0]).map(|i| (i % 7) as f32 * factor).collect();
            state.insert(&name, &shape, biases);
        }
        let Network::Vgg(network) = Network::from_state_dict(&config, state, &device).unwrap()
        else {
            unreachable!()
        };
        let images: Vec<f32> = golden::stream(7, 2 * 3 * 64 * 64)
            .map(|u| u as f32)
            .collect();
        let images = TensorData::new(images, [2, 3, 64, 64]);
        (network, Tensor::from_data(images, &device))
    }

    #[test]
    fn unit_activations_are_what_the_encoder_gave_but_for_a_factor() {
        let (network, images) = loud();
        let before = network.encode(images.clone());
        let after = network
            .clone()
            .with_unit_activations(images.clone())
            .encode(images);
        for (block, (before, after)) in before.into_iter().zip(after).enumerate() {
            assert!(
                (root_mean_square(&after) - 1.0).abs() < 1e-5,
                "block {block}"
            );
            let size = root_mean_square(&before);
            assert!(
                !(0.5..2.0).contains(&size),
                "block {block}: {size} shows nothing"
            );
            let difference = root_mean_square(&(before / size - after));
            assert!(difference < 1e-5, "block {block}: {difference}");
        }
    }

    #[test]
    fn a_silent_layer_keeps_its_weights() {
        let (network, images) = loud();
        let silent = images.zeros_like();
        let mut quiet = network;
        for conv in quiet.encoder.iter_mut().flatten() {
            conv.bias = conv.bias.take().map(|bias| bias.map(|b| b.zeros_like()));
        }
        let before = StateDict::of(&quiet);
        let after = StateDict::of(&quiet.with_unit_activations(silent));
        assert_eq!(before, after);
    }
}
