//! Segmentation networks: U-Nets with ResNet and VGG encoders, a U-Net of any depth from scratch,
//! and a network of dilated convolutions without pooling.

pub mod buffer;
pub mod context;
pub mod dilated_net;
mod dilation;
pub mod double_conv;
pub mod dropout;
mod initialise;
pub mod layers;
pub mod plain_unet;
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
use context::ContextKind;
use dilated_net::{DilatedConfig, DilatedNet};
use dropout::Noise;
use layers::Upsampling;
use plain_unet::{PlainConfig, PlainUnet};
use resnet::ResNetPlan;
use resnet_unet::ResNetUnet;
use vgg_unet::{VggPlan, VggUnet};

/// The contracting half of a U-Net, or a network that has no encoder of its own.
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
    /// None: the U-Net from scratch, which [`UnetConfig::plain`] describes. 8.6 million.
    Plain,
    /// None: the dilated network, which [`UnetConfig::dilated`] describes. 0.3 million.
    Dilated,
}

impl Encoder {
    /// All of them, for help texts and tests.
    pub const ALL: [Self; 9] = [
        Self::ResNet18,
        Self::ResNet34,
        Self::ResNet50,
        Self::ResNet101,
        Self::ResNet152,
        Self::Vgg11,
        Self::Vgg16,
        Self::Plain,
        Self::Dilated,
    ];

    /// Whether there is an encoder, which pretrained weights fit.
    #[must_use]
    pub fn has_encoder(self) -> bool {
        !matches!(self, Self::Plain | Self::Dilated)
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
            Self::Plain => Plan::Plain,
            Self::Dilated => Plan::Dilated,
        }
    }
}

enum Plan {
    ResNet(ResNetPlan),
    Vgg(VggPlan),
    Plain,
    Dilated,
}

/// What network to build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnetConfig {
    /// The encoder; ResNet 34 unless told.
    pub encoder: Encoder,
    /// Channels of an encoder's last decoder block; the others are multiples of it. 32 unless
    /// told; at least 1.
    pub decoder_filters: usize,
    /// How the decoder doubles sizes. By transposed convolutions unless told.
    pub upsampling: Upsampling,
    /// A module that looks at surroundings, within the decoder. None unless told.
    pub context: ContextKind,
    /// Chance of a channel of the last layers to be left out in training. 0 unless told.
    pub dropout: f64,
    /// Output channels: background, building, then the further classes of the targets. 2 unless
    /// told; at least 2.
    pub classes: usize,
    /// Depth and width of the encoder `plain`.
    pub plain: PlainConfig,
    /// Width and reach of the encoder `dilated`.
    pub dilated: DilatedConfig,
    /// A file with the encoder's weights to start from: torchvision's `.pth`, or `.safetensors`.
    pub pretrained: Option<PathBuf>,
    /// Divides each convolution of a pretrained VGG encoder so that its activations have a root mean
    /// square of 1 on the first batch: what the original weights give lies in the hundreds, and a
    /// new decoder first has to learn to make it small. Off unless told.
    pub unit_activations: bool,
    /// A file with the whole network's weights to start from: one that training wrote, or a state
    /// dict of these names as `.pth` or `.safetensors`.
    pub weights: Option<PathBuf>,
    /// Layers by the start of their names, such as `final`, that start anew all the same. None
    /// unless told.
    pub weights_except: Vec<String>,
}

impl Default for UnetConfig {
    fn default() -> Self {
        Self {
            encoder: Encoder::default(),
            decoder_filters: 32,
            upsampling: Upsampling::default(),
            context: ContextKind::default(),
            dropout: 0.0,
            classes: 2,
            plain: PlainConfig::default(),
            dilated: DilatedConfig::default(),
            pretrained: None,
            unit_activations: false,
            weights: None,
            weights_except: Vec::new(),
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
        )?;
        let dropout = self.dropout;
        let fits = (0.0..1.0).contains(&dropout);
        require("unet.dropout", dropout, fits, "0 to below 1")?;
        self.plain.check()?;
        self.dilated.check()?;
        let no_context = self.context == ContextKind::None || self.encoder != Encoder::Dilated;
        require(
            "unet.context",
            format!("{:?}", self.context).to_lowercase(),
            no_context,
            "none with the encoder dilated, which is a context module as a whole",
        )?;
        if let Some(path) = &self.pretrained {
            let (path, alone) = (path.display(), self.weights.is_none());
            require(
                "unet.pretrained",
                &path,
                self.encoder.has_encoder(),
                "nothing, since this network has no encoder: use unet.weights for a whole network",
            )?;
            let expected = "nothing beside unet.weights, which holds the encoder too";
            require("unet.pretrained", path, alone, expected)?;
        }
        let is_vgg = matches!(self.encoder, Encoder::Vgg11 | Encoder::Vgg16);
        require(
            "unet.unit_activations",
            self.unit_activations,
            !self.unit_activations || (is_vgg && self.pretrained.is_some()),
            "false but for a VGG encoder with unet.pretrained: other encoders have batch norms, and \
             random weights are drawn to fit",
        )?;
        Ok(())
    }

    /// The height and width of an input must be multiples of this, in pixels.
    #[must_use]
    pub fn stride(&self) -> usize {
        match self.encoder {
            Encoder::Vgg11 | Encoder::Vgg16 => 32,
            Encoder::Plain => 1 << self.plain.repeat_blocks,
            Encoder::Dilated => 1,
            _ => 64,
        }
    }

    /// The same network but for how it starts.
    #[must_use]
    pub fn without_files(&self) -> Self {
        Self {
            pretrained: None,
            unit_activations: false,
            weights: None,
            weights_except: Vec::new(),
            ..self.clone()
        }
    }

    /// Refuses a size the encoder cannot halve down to its last level and back.
    ///
    /// # Errors
    /// Says which size was given and the nearest ones that fit.
    pub fn check_size(&self, size: Size) -> Result<(), SizeError> {
        let stride = self.stride();
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
    /// A U-Net from scratch.
    Plain(PlainUnet),
    /// Dilated convolutions throughout.
    Dilated(DilatedNet),
}

impl Network {
    /// A network initialised from `seed`, as torchvision initialises encoders and PyTorch its
    /// layers, the same for any number of threads.
    ///
    /// The files of `config` are the caller's to load, see [`crate::pretrained`].
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
        match config.encoder.plan() {
            Plan::ResNet(plan) => Self::ResNet(ResNetUnet::new(plan, config, device)),
            Plan::Vgg(plan) => Self::Vgg(VggUnet::new(plan, config, device)),
            Plan::Plain => Self::Plain(PlainUnet::new(config, device)),
            Plan::Dilated => Self::Dilated(DilatedNet::new(config, device)),
        }
    }

    /// Normalised images `[N, 3, H, W]` → logits `[N, classes, H, W]`, without dropout.
    ///
    /// H and W are multiples of [`UnetConfig::stride`].
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        self.forward_noisy(images, &mut Noise::none())
    }

    /// [`forward`](Self::forward) in training, with dropout drawn from `seed`.
    #[must_use]
    pub fn forward_in_training(&self, images: Tensor<4>, seed: u64) -> Tensor<4> {
        self.forward_noisy(images, &mut Noise::of(seed))
    }

    fn forward_noisy(&self, images: Tensor<4>, noise: &mut Noise) -> Tensor<4> {
        match self {
            Self::ResNet(network) => network.forward(images, noise),
            Self::Vgg(network) => network.forward(images, noise),
            Self::Plain(network) => network.forward(images, noise),
            Self::Dilated(network) => network.forward(images, noise),
        }
    }

    /// The network with a VGG encoder's convolutions divided so that each one's activations have a
    /// root mean square of 1 on `images` (normalised, `[N, 3, H, W]`); of others nothing changes.
    ///
    /// What the encoder gives stays the same but for one factor a layer (as Gatys et al. 2016,
    /// DOI 10.1109/CVPR.2016.265, did it filter by filter).
    #[must_use]
    pub fn with_unit_activations(self, images: Tensor<4>) -> Self {
        match self {
            Self::Vgg(network) => Self::Vgg(network.with_unit_activations(images)),
            other => other,
        }
    }

    /// Freezes the batch norms whose names (`encoder.layer1.0.bn2`) are chosen: in training they
    /// normalise by their running statistics, which stay as they are.
    pub fn freeze_batch_norms(&mut self, is_frozen: &dyn Fn(&str) -> bool) {
        match self {
            Self::ResNet(network) => network.freeze_batch_norms(is_frozen),
            Self::Vgg(_) => {} // It has none.
            Self::Plain(network) => network.freeze_batch_norms(is_frozen),
            Self::Dilated(network) => network.freeze_batch_norms(is_frozen),
        }
    }

    /// The network for inference: off autodiff, batch norms folded into the convolutions.
    #[must_use]
    pub fn for_inference(&self) -> Self {
        match self.valid() {
            Self::ResNet(network) => Self::ResNet(network.fold()),
            network @ Self::Vgg(_) => network,
            Self::Plain(network) => Self::Plain(network.fold()),
            Self::Dilated(network) => Self::Dilated(network.fold()),
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
