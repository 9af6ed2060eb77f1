//! The dilated network: no pixel is ever pooled away (after Hamaguchi et al. 2017, arXiv
//! 1709.00179).
//!
//! A front end sees ever farther by growing dilations. Neighbours in its result hardly share a
//! pixel of the image, so the local feature extraction joins them again by shrinking dilations.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::UnetConfig;
use super::double_conv::{BlockPlan, DoubleConv};
use super::dropout::Noise;
use super::layers::{Activation, Conv2d};
use crate::setting::{SettingError, require};

/// Width and reach of the dilated network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DilatedConfig {
    /// Channels of the first block; each further block of the front end has twice as many. 16
    /// unless told; at least 1.
    pub filters: usize,
    /// Dilations of the front end's blocks, px; the local feature extraction has them backwards.
    /// `[1, 2, 3]` unless told; 1 to 5 numbers of at least 1.
    pub dilations: Vec<usize>,
}

impl Default for DilatedConfig {
    fn default() -> Self {
        Self {
            filters: 16,
            dilations: vec![1, 2, 3],
        }
    }
}

impl DilatedConfig {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        let filters = self.filters;
        require("unet.dilated.filters", filters, filters >= 1, "at least 1")?;
        let dilations = &self.dilations;
        let fit = (1..=5).contains(&dilations.len()) && dilations.iter().all(|&d| d >= 1);
        require(
            "unet.dilated.dilations",
            format!("{dilations:?}"),
            fit,
            "1 to 5 numbers of at least 1, for example [1, 2, 3]",
        )
    }
}

/// Front end, local feature extraction, head of two 1x1 convolutions.
#[derive(Module, Debug)]
pub struct DilatedNet {
    front: Vec<DoubleConv>,
    local: Vec<DoubleConv>,
    head: Conv2d,
    r#final: Conv2d,
    #[module(skip)]
    dropout: f64,
}

impl DilatedNet {
    /// A network by `config`, all parameters zero.
    #[must_use]
    pub fn new(config: &UnetConfig, device: &Device) -> Self {
        let DilatedConfig { filters, dilations } = &config.dilated;
        let block = |channels, dilation| {
            let plan = BlockPlan {
                kernel: 3,
                dilation,
                batch_norm: true,
            };
            DoubleConv::new(channels, plan, device)
        };
        let width = |level: usize| filters << level;
        let input = |level: usize| level.checked_sub(1).map_or(3, width);
        let front = dilations.iter().enumerate();
        let last = width(dilations.len() - 1);
        Self {
            front: front
                .map(|(level, &dilation)| block([input(level), width(level)], dilation))
                .collect(),
            local: dilations
                .iter()
                .rev()
                .map(|&dilation| block([last; 2], dilation))
                .collect(),
            head: Conv2d::same([last; 2], 1, device),
            r#final: Conv2d::same([last, config.classes], 1, device),
            dropout: config.dropout,
        }
    }

    /// `[N, 3, H, W]` → logits `[N, classes, H, W]`, of any size.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
        let blocks = self.front.iter().chain(&self.local);
        let x = blocks.fold(x, |x, block| block.forward(x));
        let x = self.head.forward(x, Activation::Relu);
        let x = noise.drop_channels(x, self.dropout);
        self.r#final.forward(x, Activation::None)
    }

    /// Freezes the batch norms whose names (`front.0.first.bn`) are chosen.
    pub fn freeze_batch_norms(&mut self, is_frozen: &dyn Fn(&str) -> bool) {
        for (name, blocks) in [("front", &mut self.front), ("local", &mut self.local)] {
            for (index, block) in blocks.iter_mut().enumerate() {
                block.freeze_batch_norms(&format!("{name}.{index}"), is_frozen);
            }
        }
    }

    /// The same function in inference, without batch norms.
    #[must_use]
    pub fn fold(self) -> Self {
        let all = |blocks: Vec<DoubleConv>| blocks.into_iter().map(DoubleConv::fold).collect();
        Self {
            front: all(self.front),
            local: all(self.local),
            ..self
        }
    }
}
