//! Context modules: what a pixel's surroundings say, far beyond a 3x3 window.
//!
//! Each keeps the shape of its input, a tensor of the decoder at 1/16 (VGG: 1/8) of the image's
//! size. Rates and bins are those of the papers, scaled from their 512-px images to our 256.

use burn::module::Module;
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor};
use footpath_kernels::{concat_channels, upsample_bilinear};
use serde::{Deserialize, Serialize};

use super::layers::{Activation, Conv2d};

/// Which context module the decoder has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextKind {
    /// None.
    #[default]
    None,
    /// Means over a grid of 1, 2, 3 and 6 cells a side (Zhao et al. 2017, arXiv 1612.01105).
    Pyramid,
    /// Convolutions dilated by 1, 3, 6 and 9 side by side, and the mean of the image (Chen et al.
    /// 2017, arXiv 1706.05587).
    Aspp,
    /// Convolutions dilated by 1, 2, 4 and 8 one after the other, all their results summed (Zhou
    /// et al. 2018, DOI 10.1109/CVPRW.2018.00034).
    Cascade,
}

const BINS: [usize; 4] = [1, 2, 3, 6];
const RATES: [usize; 3] = [3, 6, 9];
const CASCADE: [usize; 4] = [1, 2, 4, 8];

/// A context module.
#[derive(Module, Debug)]
pub enum Context {
    /// [`ContextKind::Pyramid`].
    Pyramid(Pyramid),
    /// [`ContextKind::Aspp`].
    Aspp(Aspp),
    /// [`ContextKind::Cascade`].
    Cascade(Cascade),
}

impl Context {
    /// A module for tensors of `channels` channels, at least 4; all parameters zero.
    #[must_use]
    pub fn new(kind: ContextKind, channels: usize, device: &Device) -> Option<Self> {
        match kind {
            ContextKind::None => None,
            ContextKind::Pyramid => Some(Self::Pyramid(Pyramid::new(channels, device))),
            ContextKind::Aspp => Some(Self::Aspp(Aspp::new(channels, device))),
            ContextKind::Cascade => Some(Self::Cascade(Cascade::new(channels, device))),
        }
    }

    /// `[N, C, H, W]` → the same shape.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Pyramid(module) => module.forward(x),
            Self::Aspp(module) => module.forward(x),
            Self::Cascade(module) => module.forward(x),
        }
    }
}

/// `x` looked at in context, if there is a module.
pub(super) fn in_context(context: Option<&Context>, x: Tensor<4>) -> Tensor<4> {
    match context {
        Some(context) => context.forward(x),
        None => x,
    }
}

/// Means of `x` over a grid of `side` x `side` cells, through `conv`, at the size of `x`.
fn pooled(x: &Tensor<4>, side: usize, conv: &Conv2d) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let means = conv.forward(adaptive_avg_pool2d(x.clone(), [side; 2]), Activation::Relu);
    upsample_bilinear(means, [height, width])
}

/// Pyramid pooling.
#[derive(Module, Debug)]
pub struct Pyramid {
    branches: Vec<Conv2d>,
    project: Conv2d,
}

impl Pyramid {
    fn new(channels: usize, device: &Device) -> Self {
        let narrow = channels / BINS.len();
        let branch = |_| Conv2d::same([channels, narrow], 1, device);
        Self {
            branches: BINS.map(branch).into(),
            project: Conv2d::same([channels + BINS.len() * narrow, channels], 1, device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let branches = self.branches.iter().zip(BINS);
        let mut parts: Vec<_> = branches
            .map(|(conv, side)| pooled(&x, side, conv))
            .collect();
        parts.insert(0, x);
        self.project
            .forward(concat_channels(parts), Activation::Relu)
    }
}

/// Atrous spatial pyramid pooling.
#[derive(Module, Debug)]
pub struct Aspp {
    point: Conv2d,
    branches: Vec<Conv2d>,
    image: Conv2d,
    project: Conv2d,
}

impl Aspp {
    fn new(channels: usize, device: &Device) -> Self {
        let narrow = channels / 4;
        let conv = |kernel| Conv2d::same([channels, narrow], kernel, device);
        Self {
            point: conv(1),
            branches: RATES.map(|rate| conv(3).dilated(rate)).into(),
            image: conv(1),
            project: Conv2d::same([(2 + RATES.len()) * narrow, channels], 1, device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut parts = vec![self.point.forward(x.clone(), Activation::Relu)];
        let branches = self.branches.iter();
        parts.extend(branches.map(|conv| conv.forward(x.clone(), Activation::Relu)));
        parts.push(pooled(&x, 1, &self.image));
        self.project
            .forward(concat_channels(parts), Activation::Relu)
    }
}

/// A cascade of ever more dilated convolutions.
#[derive(Module, Debug)]
pub struct Cascade {
    convolutions: Vec<Conv2d>,
}

impl Cascade {
    fn new(channels: usize, device: &Device) -> Self {
        let conv = |rate| Conv2d::same([channels; 2], 3, device).dilated(rate);
        Self {
            convolutions: CASCADE.map(conv).into(),
        }
    }

    fn forward(&self, mut x: Tensor<4>) -> Tensor<4> {
        let mut sum = x.clone();
        for conv in &self.convolutions {
            x = conv.forward(x, Activation::Relu);
            sum = sum + x.clone();
        }
        sum
    }
}
