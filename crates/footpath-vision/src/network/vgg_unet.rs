//! U-Nets with a VGG encoder (Simonyan and Zisserman 2014, arXiv 1409.1556): TernausNet with
//! VGG11 (arXiv 1801.05746) and its wider relative with VGG16.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use footpath_kernels::concat_channels;

use super::UnetConfig;
use super::context::{Context, in_context};
use super::dropout::Noise;
use super::layers::{Activation, Conv2d, ConvRelu, UpBlock, halve};

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
    pub fn forward(&self, mut x: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
        let mut layers = self.encoder.iter().flatten();
        let [c1, c2, c3, c4, c5] = self.convolutions.map(|count| {
            for conv in layers.by_ref().take(count) {
                x = conv.forward(x.clone(), Activation::Relu);
            }
            let skip = x.clone();
            x = halve(x.clone());
            skip
        });
        let x = self.center.forward(x);
        let x = self.dec5.forward_with_skip(x, c5);
        let x = in_context(self.context.as_ref(), x);
        let x = self.dec4.forward_with_skip(x, c4);
        let x = self.dec3.forward_with_skip(x, c3);
        let x = self.dec2.forward_with_skip(x, c2);
        let x = self.dec1.forward(concat_channels(vec![x, c1]));
        let x = noise.drop_channels(x, self.dropout);
        self.r#final.forward(x, Activation::None)
    }
}
