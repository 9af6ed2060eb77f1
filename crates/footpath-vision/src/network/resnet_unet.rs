//! U-Net with a ResNet encoder and the decoder of TernausNet (arXiv 1801.05746).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::UnetConfig;
use super::context::{Context, in_context};
use super::dropout::Noise;
use super::layers::{Activation, Conv2d, ConvRelu, UpBlock, halve};
use super::resnet::{ResNet, ResNetPlan};

/// Kernel of the decoder's transposed convolutions.
const DECONV_KERNEL: usize = 4;

/// ResNet encoder, centre, six decoder blocks, 1x1 output.
#[derive(Module, Debug)]
pub struct ResNetUnet {
    encoder: ResNet,
    center: UpBlock,
    dec5: UpBlock,
    context: Option<Context>,
    dec4: UpBlock,
    dec3: UpBlock,
    dec2: UpBlock,
    dec1: UpBlock,
    dec0: ConvRelu,
    r#final: Conv2d,
    #[module(skip)]
    dropout: f64,
}

impl ResNetUnet {
    /// A network with the encoder of `plan`, all parameters zero.
    #[must_use]
    pub fn new(plan: ResNetPlan, config: &UnetConfig, device: &Device) -> Self {
        let (nf, classes) = (config.decoder_filters, config.classes);
        let [c2, c3, c4, c5] = plan.channels();
        let up = |channels| UpBlock::new(channels, DECONV_KERNEL, config.upsampling, device);
        Self {
            encoder: ResNet::new(plan, device),
            center: up([c5, 16 * nf, 8 * nf]),
            dec5: up([8 * nf + c5, 16 * nf, 8 * nf]),
            context: Context::new(config.context, 8 * nf, device),
            dec4: up([8 * nf + c4, 16 * nf, 8 * nf]),
            dec3: up([8 * nf + c3, 8 * nf, 2 * nf]),
            dec2: up([2 * nf + c2, 4 * nf, 4 * nf]),
            dec1: up([4 * nf, 4 * nf, nf]),
            dec0: ConvRelu::new([nf, nf], device),
            r#final: Conv2d::same([nf, classes], 1, device),
            dropout: config.dropout,
        }
    }

    /// `[N, 3, H, W]` → logits `[N, classes, H, W]`; H and W are multiples of 64.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
        let [c2, c3, c4, c5] = self.encoder.forward(x);
        let x = self.center.forward(halve(c5.clone()));
        let x = self.dec5.forward_with_skip(x, c5);
        let x = in_context(self.context.as_ref(), x);
        let x = self.dec4.forward_with_skip(x, c4);
        let x = self.dec3.forward_with_skip(x, c3);
        let x = self.dec2.forward_with_skip(x, c2);
        let x = self.dec1.forward(x);
        let x = noise.drop_channels(self.dec0.forward(x), self.dropout);
        self.r#final.forward(x, Activation::None)
    }

    /// Freezes the batch norms whose names (`encoder.layer1.0.bn2`) are chosen.
    pub fn freeze_batch_norms(&mut self, is_frozen: &dyn Fn(&str) -> bool) {
        self.encoder
            .freeze_batch_norms(&|name| is_frozen(&format!("encoder.{name}")));
    }

    /// The same function in inference, without batch norms.
    #[must_use]
    pub fn fold(self) -> Self {
        Self {
            encoder: self.encoder.fold(),
            ..self
        }
    }
}
