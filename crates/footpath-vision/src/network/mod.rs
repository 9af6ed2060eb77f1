//! Segmentation networks: U-Nets with ResNet and VGG encoders.

pub mod buffer;
mod initialise;
pub mod layers;
pub mod resnet;
pub mod resnet_unet;
pub mod vgg_unet;

use std::path::PathBuf;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use footpath_kernels::Precision;
use serde::{Deserialize, Serialize};

use crate::plane::Size;
use crate::sample::IGNORE;
use crate::setting::{SettingError, require};
use crate::state_dict::{StateDict, StateDictError};
use resnet::ResNetPlan;
use resnet_unet::ResNetUnet;
use vgg_unet::{VggPlan, VggUnet};

/// The contracting half of a U-Net.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoder {
    /// ResNet 18: 27.5 million parameters with the decoder at `decoder_filters` 32.
    ResNet18,
    /// ResNet 34: 37.6 million.
    #[default]
    ResNet34,
    /// ResNet 50: 58.6 million.
    ResNet50,
    /// ResNet 101: 77.6 million; the challenge's best.
    ResNet101,
    /// ResNet 152: 93.3 million.
    ResNet152,
    /// VGG 11: 22.9 million.
    Vgg11,
    /// VGG 16: 32.2 million.
    Vgg16,
}

impl Encoder {
    /// All encoders, for help texts and tests.
    pub const ALL: [Self; 7] = [
        Self::ResNet18,
        Self::ResNet34,
        Self::ResNet50,
        Self::ResNet101,
        Self::ResNet152,
        Self::Vgg11,
        Self::Vgg16,
    ];

    /// The height and width of an input must be multiples of this, in pixels.
    #[must_use]
    pub fn stride(self) -> usize {
        match self {
            Self::Vgg11 | Self::Vgg16 => 32,
            _ => 64,
        }
    }

    fn plan(self) -> Plan {
        let resnet = |blocks, bottleneck| Plan::ResNet(ResNetPlan { blocks, bottleneck });
        match self {
            Self::ResNet18 => resnet([2, 2, 2, 2], false),
            Self::ResNet34 => resnet([3, 4, 6, 3], false),
            Self::ResNet50 => resnet([3, 4, 6, 3], true),
            Self::ResNet101 => resnet([3, 4, 23, 3], true),
            Self::ResNet152 => resnet([3, 8, 36, 3], true),
            Self::Vgg11 => Plan::Vgg(VggPlan::VGG11),
            Self::Vgg16 => Plan::Vgg(VggPlan::VGG16),
        }
    }
}

enum Plan {
    ResNet(ResNetPlan),
    Vgg(VggPlan),
}

/// What network to build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnetConfig {
    /// The encoder; ResNet 34 unless told.
    pub encoder: Encoder,
    /// Channels of the last decoder block; the others are multiples of it. 32 unless told; at
    /// least 1.
    pub decoder_filters: usize,
    /// Output channels: background, building. 2 unless told; at least 2.
    pub classes: usize,
    /// A file with the encoder's weights to start from: torchvision's `.pth`, or `.safetensors`.
    pub pretrained: Option<PathBuf>,
}

impl Default for UnetConfig {
    fn default() -> Self {
        Self {
            encoder: Encoder::default(),
            decoder_filters: 32,
            classes: 2,
            pretrained: None,
        }
    }
}

impl UnetConfig {
    /// Refuses settings no network can be built with.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> Result<(), SettingError> {
        let filters = self.decoder_filters;
        require("decoder_filters", filters, filters >= 1, "at least 1")?;
        let range = 2..usize::from(IGNORE);
        require(
            "classes",
            self.classes,
            range.contains(&self.classes),
            "2 to 254",
        )
    }

    /// Refuses a size the encoder cannot halve down to its last level and back.
    ///
    /// # Errors
    /// Says which size was given and the nearest ones that fit.
    pub fn check_size(&self, size: Size) -> Result<(), SizeError> {
        let stride = self.encoder.stride();
        let fits = |side: usize| side > 0 && side.is_multiple_of(stride);
        if fits(size.height) && fits(size.width) {
            return Ok(());
        }
        let nearest = |side: usize| (side + stride / 2).max(stride) / stride * stride;
        Err(SizeError {
            size,
            stride,
            nearest: Size::new(nearest(size.height), nearest(size.width)),
        })
    }
}

/// A network size its encoder does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the network's input size {size} does not fit its encoder: height and width must be \
     multiples of {stride} px, for example {nearest}"
)]
pub struct SizeError {
    size: Size,
    stride: usize,
    nearest: Size,
}

/// A U-Net.
///
/// Its parameters and running statistics go by the names of the PyTorch state dict. On a plain
/// device it infers; [`Module::train`] puts it on an autodiff device, where it trains.
#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one network lives at a time, and derived modules cannot be boxed"
)]
pub enum Network {
    /// A ResNet encoder.
    ResNet(ResNetUnet),
    /// A VGG encoder.
    Vgg(VggUnet),
}

impl Network {
    /// A network initialised from `seed`, as torchvision initialises encoders and PyTorch its
    /// layers, the same for any number of threads.
    ///
    /// `config.pretrained` is the caller's to load, see [`crate::pretrained`].
    #[must_use]
    pub fn new(config: &UnetConfig, seed: u64, device: &Device) -> Self {
        initialise::initialise(Self::zeros(config, device), seed)
    }

    /// A network with the weights of a state dict.
    ///
    /// # Errors
    /// Lists by name each tensor that is missing, unexpected or of another shape.
    pub fn from_state_dict(
        config: &UnetConfig,
        state: StateDict,
        device: &Device,
    ) -> Result<Self, StateDictError> {
        state.load_into(Self::zeros(config, device))
    }

    /// The network's shape with every parameter 0.
    fn zeros(config: &UnetConfig, device: &Device) -> Self {
        let (nf, classes) = (config.decoder_filters, config.classes);
        match config.encoder.plan() {
            Plan::ResNet(plan) => Self::ResNet(ResNetUnet::new(plan, nf, classes, device)),
            Plan::Vgg(plan) => Self::Vgg(VggUnet::new(plan, nf, classes, device)),
        }
    }

    /// Normalised images `[N, 3, H, W]` → logits `[N, classes, H, W]`.
    ///
    /// H and W are multiples of [`Encoder::stride`].
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        match self {
            Self::ResNet(network) => network.forward(images),
            Self::Vgg(network) => network.forward(images),
        }
    }

    /// Freezes the batch norms whose names (`encoder.layer1.0.bn2`) are chosen: in training they
    /// normalise by their running statistics, which stay as they are.
    pub fn freeze_batch_norms(&mut self, is_frozen: &dyn Fn(&str) -> bool) {
        match self {
            Self::ResNet(network) => network.freeze_batch_norms(is_frozen),
            Self::Vgg(_) => {} // It has none.
        }
    }

    /// The network for inference: off autodiff, batch norms folded into the convolutions.
    #[must_use]
    pub fn for_inference(&self) -> Self {
        match self.valid() {
            Self::ResNet(network) => Self::ResNet(network.fold()),
            network @ Self::Vgg(_) => network,
        }
    }

    /// The network, to infer with alone, with the weights of its convolutions in `precision`.
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        struct Caster(Precision);
        impl ModuleMapper for Caster {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let is_convolution = D == 4;
                if is_convolution {
                    param.map(|weight| self.0.of_weight(weight))
                } else {
                    param
                }
            }
        }
        self.map(&mut Caster(precision))
    }
}

#[cfg(test)]
pub(crate) mod tests;
