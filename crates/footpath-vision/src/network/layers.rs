//! The layers the networks are made of, named as in PyTorch's state dict.
//!
//! Each holds its parameters and calls one operation of `footpath-kernels`, with the activation
//! fused into it. Parameters start at zero; [`super::Network::new`] fills them by name.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
pub use footpath_kernels::Activation;
use footpath_kernels::{self as kernels, InferenceOptions, KeptFilters};
use serde::{Deserialize, Serialize};

use super::buffer::Buffer;
use super::dilation::dilate;

/// Batch norm's ε and momentum, PyTorch's defaults, which every pretrained encoder assumes.
const EPSILON: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::zeros(shape, device))
}

/// A 2-D convolution with square kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[C_out, C_in, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[C_out]`; absent before a batch norm.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    padding: usize,
    /// Distance of the pixels that neighbouring weights see, px.
    #[module(skip)]
    dilation: usize,
    /// What inference makes of the weight.
    #[module(skip)]
    filters: KeptFilters,
}

impl Conv2d {
    /// A convolution with bias that keeps the size: stride 1, padding `(kernel - 1) / 2`.
    #[must_use]
    pub fn same(channels: [usize; 2], kernel: usize, device: &Device) -> Self {
        Self {
            bias: Some(zeros([channels[1]], device)),
            ..Self::before_norm(channels, kernel, 1, device)
        }
    }

    /// The same convolution looking at pixels `dilation` px apart; of stride 1 only.
    #[must_use]
    pub fn dilated(self, dilation: usize) -> Self {
        Self { dilation, ..self }
    }

    /// A convolution without bias, padding `(kernel - 1) / 2`, to be followed by a batch norm.
    ///
    /// `channels` are `[C_in, C_out]`.
    #[must_use]
    pub fn before_norm(
        [input, output]: [usize; 2],
        kernel: usize,
        stride: usize,
        device: &Device,
    ) -> Self {
        Self {
            weight: zeros([output, input, kernel, kernel], device),
            bias: None,
            stride,
            padding: (kernel - 1) / 2,
            dilation: 1,
            filters: KeptFilters::default(),
        }
    }

    /// `[N, C_in, H, W]` → `[N, C_out, H / stride, W / stride]` (rounded up).
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        dilate(x, self.dilation, |x| self.convolve(x, activation))
    }

    fn convolve(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let (weight, bias) = (self.weight.val(), self.bias.as_ref().map(Param::val));
        if x.is_autodiff() {
            return kernels::conv2d(x, weight, bias, stride, padding, activation);
        }
        let options = InferenceOptions {
            residual: None,
            activation,
            filters: Some(&self.filters),
        };
        kernels::conv2d_inference(x, weight, bias, stride, padding, options)
    }

    /// [`forward`](Self::forward) in inference with `residual`, of the result's shape, added before the activation.
    #[must_use]
    pub fn forward_add(
        &self,
        x: Tensor<4>,
        residual: Tensor<4>,
        activation: Activation,
    ) -> Tensor<4> {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let (weight, bias) = (self.weight.val(), self.bias.as_ref().map(Param::val));
        let options = InferenceOptions {
            residual: Some(residual),
            activation,
            filters: Some(&self.filters),
        };
        kernels::conv2d_inference(x, weight, bias, stride, padding, options)
    }
}

/// A transposed 2-D convolution that doubles the size, with ReLU.
#[derive(Module, Debug)]
pub struct Deconv {
    /// `[C_in, C_out, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[C_out]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    output_padding: usize,
    /// What inference makes of the weight.
    #[module(skip)]
    filters: KeptFilters,
}

impl Deconv {
    /// Kernel 4 needs no output padding to double the size, kernel 3 needs 1.
    ///
    /// `channels` are `[C_in, C_out]`.
    #[must_use]
    pub fn doubling([input, output]: [usize; 2], kernel: usize, device: &Device) -> Self {
        Self {
            weight: zeros([input, output, kernel, kernel], device),
            bias: zeros([output], device),
            output_padding: kernel % 2,
            filters: KeptFilters::default(),
        }
    }

    /// `[N, C_in, H, W]` → `[N, C_out, 2 H, 2 W]`, non-negative.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), Some(self.bias.val()));
        let (stride, padding, extra) = ([2, 2], [1, 1], [self.output_padding; 2]);
        let activation = Activation::Relu;
        if x.is_autodiff() {
            return kernels::conv_transpose2d(x, weight, bias, stride, padding, extra, activation);
        }
        let options = InferenceOptions {
            residual: None,
            activation,
            filters: Some(&self.filters),
        };
        kernels::conv_transpose2d_inference(x, weight, bias, stride, padding, extra, options)
    }
}

/// Batch norm over `[N, H, W]` for each channel (Ioffe and Szegedy 2015, arXiv 1502.03167).
///
/// A tensor on an autodiff device is normalised by its own batch's statistics, which also move
/// the running ones, unless the batch norm is frozen; any other tensor by the running statistics.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// γ, `[C]`.
    pub weight: Param<Tensor<1>>,
    /// β, `[C]`.
    pub bias: Param<Tensor<1>>,
    /// Running mean, `[C]`.
    pub running_mean: Buffer,
    /// Running variance (unbiased), `[C]`.
    pub running_var: Buffer,
    /// Normalises by the running statistics in training too, and leaves them as they are.
    #[module(skip)]
    pub frozen: bool,
}

impl BatchNorm {
    /// A batch norm of `channels` channels.
    #[must_use]
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            weight: zeros([channels], device),
            bias: zeros([channels], device),
            running_mean: Buffer::new(Tensor::zeros([channels], device)),
            running_var: Buffer::new(Tensor::zeros([channels], device)),
            frozen: false,
        }
    }

    /// Normalises `x`, adds `residual`, applies the activation; all `[N, C, H, W]`.
    #[must_use]
    pub fn forward(
        &self,
        x: Tensor<4>,
        residual: Option<Tensor<4>>,
        activation: Activation,
    ) -> Tensor<4> {
        let (gamma, beta) = (self.weight.val(), self.bias.val());
        if self.frozen || !x.is_autodiff() {
            let (mut mean, mut variance) = (self.running_mean.get(), self.running_var.get());
            if x.is_autodiff() {
                (mean, variance) = (Tensor::from_inner(mean), Tensor::from_inner(variance));
            }
            return kernels::batch_norm_eval(
                x, gamma, beta, mean, variance, EPSILON, residual, activation,
            );
        }
        let (y, batch) = kernels::batch_norm_train(x, gamma, beta, EPSILON, residual, activation);
        let follow = |running: &Buffer, batch: Tensor<1>| {
            running.set(running.get() * (1.0 - MOMENTUM) + batch.inner() * MOMENTUM);
        };
        follow(&self.running_mean, batch.mean);
        follow(&self.running_var, batch.unbiased_variance);
        y
    }

    /// `conv` followed by this batch norm in inference, as one convolution with bias.
    ///
    /// w' = w · γ / √(σ² + ε) for each output channel, b' = β − μ · γ / √(σ² + ε).
    #[must_use]
    pub fn fold_into(self, conv: &Conv2d) -> Conv2d {
        let scale = self.weight.val().inner() / (self.running_var.get() + EPSILON).sqrt();
        let bias = self.bias.val().inner() - self.running_mean.get() * scale.clone();
        let [channels] = scale.dims();
        let weight = conv.weight.val().inner() * scale.reshape([channels, 1, 1, 1]);
        Conv2d {
            weight: Param::from_tensor(weight),
            bias: Some(Param::from_tensor(bias)),
            stride: conv.stride,
            padding: conv.padding,
            dilation: conv.dilation,
            filters: KeptFilters::default(),
        }
    }
}

/// Convolution, then batch norm unless it was folded into the convolution, then activation.
#[must_use]
pub fn conv_norm(
    conv: &Conv2d,
    norm: Option<&BatchNorm>,
    x: Tensor<4>,
    activation: Activation,
) -> Tensor<4> {
    match norm {
        Some(norm) => norm.forward(conv.forward(x, Activation::None), None, activation),
        None => conv.forward(x, activation),
    }
}

/// Folds a batch norm that follows `conv`, if there still is one.
#[must_use]
pub fn fold(conv: Conv2d, norm: Option<BatchNorm>) -> Conv2d {
    match norm {
        Some(norm) => norm.fold_into(&conv),
        None => conv,
    }
}

/// 2x2 max pool with stride 2: `[N, C, H, W]` → `[N, C, H / 2, W / 2]`.
#[must_use]
pub fn halve(x: Tensor<4>) -> Tensor<4> {
    kernels::max_pool2d(x, [2, 2], [2, 2], [0, 0])
}

/// 3x3 convolution and ReLU.
#[derive(Module, Debug)]
pub struct ConvRelu {
    conv: Conv2d,
}

impl ConvRelu {
    /// `channels` are `[C_in, C_out]`.
    #[must_use]
    pub fn new(channels: [usize; 2], device: &Device) -> Self {
        Self {
            conv: Conv2d::same(channels, 3, device),
        }
    }

    /// `[N, C_in, H, W]` → `[N, C_out, H, W]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(x, Activation::Relu)
    }
}

/// How the decoder doubles the size of its tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upsampling {
    /// A transposed convolution of stride 2.
    #[default]
    Transposed,
    /// Bilinear interpolation, then a 3x3 convolution: no checkerboard (Odena et al. 2016, DOI
    /// 10.23915/distill.00003).
    Bilinear,
}

/// Doubles height and width, with ReLU.
#[derive(Module, Debug)]
pub enum Doubling {
    /// [`Upsampling::Transposed`].
    Transposed(Deconv),
    /// [`Upsampling::Bilinear`].
    Bilinear(ConvRelu),
}

impl Doubling {
    /// `channels` are `[C_in, C_out]`; `kernel` is the transposed convolution's.
    #[must_use]
    pub fn new(channels: [usize; 2], kernel: usize, how: Upsampling, device: &Device) -> Self {
        match how {
            Upsampling::Transposed => Self::Transposed(Deconv::doubling(channels, kernel, device)),
            Upsampling::Bilinear => Self::Bilinear(ConvRelu::new(channels, device)),
        }
    }

    /// `[N, C_in, H, W]` → `[N, C_out, 2 H, 2 W]`, non-negative.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Transposed(deconv) => deconv.forward(x),
            Self::Bilinear(conv) => {
                let [_, _, height, width] = x.dims();
                conv.forward(kernels::upsample_bilinear(x, [2 * height, 2 * width]))
            }
        }
    }
}

/// One step up the decoder: 3x3 convolution and ReLU, then a [`Doubling`].
#[derive(Module, Debug)]
pub struct UpBlock {
    conv: ConvRelu,
    deconv: Doubling,
}

impl UpBlock {
    /// `channels` are `[C_in, C_middle, C_out]`; `kernel` is the transposed convolution's.
    #[must_use]
    pub fn new(
        [input, middle, output]: [usize; 3],
        kernel: usize,
        how: Upsampling,
        device: &Device,
    ) -> Self {
        Self {
            conv: ConvRelu::new([input, middle], device),
            deconv: Doubling::new([middle, output], kernel, how, device),
        }
    }

    /// `[N, C_in, H, W]` → `[N, C_out, 2 H, 2 W]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.deconv.forward(self.conv.forward(x))
    }

    /// [`forward`](Self::forward) on the decoder's tensor joined with the encoder's.
    #[must_use]
    pub fn forward_with_skip(&self, decoder: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        self.forward(kernels::concat_channels(vec![decoder, skip]))
    }
}
