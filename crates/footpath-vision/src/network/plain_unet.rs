//! The U-Net from scratch, of any depth and width (after Ronneberger et al. 2015, arXiv
//! 1505.04597, as the 2018 solution parametrised it).

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use footpath_kernels::{concat_channels, max_pool2d};
use serde::{Deserialize, Serialize};

use super::UnetConfig;
use super::context::{Context, in_context};
use super::double_conv::{BlockPlan, DoubleConv};
use super::dropout::Noise;
use super::layers::{Activation, Conv2d, Doubling};
use crate::setting::{SettingError, require};

/// Kernel of the transposed convolutions.
const DECONV_KERNEL: usize = 3;

/// Depth and width of the U-Net from scratch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlainConfig {
    /// Channels at the image's size; each level down has twice as many. 16 unless told; at least
    /// 1.
    pub filters: usize,
    /// Levels down: the deepest has 1/2^levels of the image's size. 4 unless told; 1 to 6.
    pub repeat_blocks: usize,
    /// Side of the convolutions' kernels, px; odd. 3 unless told.
    pub conv_kernel: usize,
    /// Whether batch norms follow the convolutions. On unless told.
    pub batch_norm: bool,
}

impl Default for PlainConfig {
    fn default() -> Self {
        Self {
            filters: 16,
            repeat_blocks: 4,
            conv_kernel: 3,
            batch_norm: true,
        }
    }
}

impl PlainConfig {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        let (filters, blocks, kernel) = (self.filters, self.repeat_blocks, self.conv_kernel);
        require("unet.plain.filters", filters, filters >= 1, "at least 1")?;
        let fits = (1..=6).contains(&blocks);
        require("unet.plain.repeat_blocks", blocks, fits, "1 to 6")?;
        let odd = kernel % 2 == 1;
        require("unet.plain.conv_kernel", kernel, odd, "an odd number")
    }
}

/// Input block, blocks down with 3x3 pools of stride 2, floor, blocks up, classification block,
/// 1x1 output.
#[derive(Module, Debug)]
pub struct PlainUnet {
    input: DoubleConv,
    /// By rising depth.
    down: Vec<DoubleConv>,
    floor: DoubleConv,
    context: Option<Context>,
    /// Which double the size, by rising depth of their result.
    doubling: Vec<Doubling>,
    /// By rising depth.
    up: Vec<DoubleConv>,
    classification: DoubleConv,
    r#final: Conv2d,
    #[module(skip)]
    dropout: f64,
}

impl PlainUnet {
    /// A network by `config`, all parameters zero.
    #[must_use]
    pub fn new(config: &UnetConfig, device: &Device) -> Self {
        let plain = &config.plain;
        let plan = BlockPlan {
            kernel: plain.conv_kernel,
            dilation: 1,
            batch_norm: plain.batch_norm,
        };
        let block = |input, output| DoubleConv::new([input, output], plan, device);
        let width = |level: usize| plain.filters << level;
        let levels = 0..plain.repeat_blocks;
        let deepest = width(plain.repeat_blocks);
        Self {
            input: block(3, plain.filters),
            down: levels
                .clone()
                .map(|i| block(width(i), width(i + 1)))
                .collect(),
            floor: block(deepest, 2 * deepest),
            context: Context::new(config.context, 2 * deepest, device),
            doubling: levels
                .clone()
                .map(|i| {
                    let channels = [width(i + 2), width(i + 1)];
                    Doubling::new(channels, DECONV_KERNEL, config.upsampling, device)
                })
                .collect(),
            up: levels.map(|i| block(width(i + 2), width(i + 1))).collect(),
            classification: block(2 * plain.filters, plain.filters),
            r#final: Conv2d::same([plain.filters, config.classes], 1, device),
            dropout: config.dropout,
        }
    }

    /// `[N, 3, H, W]` → logits `[N, classes, H, W]`; H and W are multiples of 2^`repeat_blocks`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
        let mut x = noise.drop_channels(self.input.forward(x), self.dropout);
        let mut skips = Vec::with_capacity(self.down.len());
        for block in &self.down {
            let skip = block.forward(x);
            x = max_pool2d(skip.clone(), [3, 3], [2, 2], [1, 1]);
            skips.push(skip);
        }
        let mut x = in_context(self.context.as_ref(), self.floor.forward(x));
        let levels = self.doubling.iter().zip(&self.up).zip(skips);
        for ((doubling, block), skip) in levels.rev() {
            x = block.forward(concat_channels(vec![doubling.forward(x), skip]));
        }
        let x = noise.drop_channels(self.classification.forward(x), self.dropout);
        self.r#final.forward(x, Activation::None)
    }

    /// Freezes the batch norms whose names (`down.0.first.bn`) are chosen.
    pub fn freeze_batch_norms(&mut self, is_frozen: &dyn Fn(&str) -> bool) {
        for (name, blocks) in [("down", &mut self.down), ("up", &mut self.up)] {
            for (index, block) in blocks.iter_mut().enumerate() {
                block.freeze_batch_norms(&format!("{name}.{index}"), is_frozen);
            }
        }
        for (name, block) in [
            ("input", &mut self.input),
            ("floor", &mut self.floor),
            ("classification", &mut self.classification),
        ] {
            block.freeze_batch_norms(name, is_frozen);
        }
    }

    /// The same function in inference, without batch norms.
    #[must_use]
    pub fn fold(self) -> Self {
        let all = |blocks: Vec<DoubleConv>| blocks.into_iter().map(DoubleConv::fold).collect();
        Self {
            input: self.input.fold(),
            down: all(self.down),
            floor: self.floor.fold(),
            up: all(self.up),
            classification: self.classification.fold(),
            ..self
        }
    }
}
