//! Two convolutions, each with batch norm and ReLU: the block of the networks without encoder.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::layers::{Activation, BatchNorm, Conv2d, conv_norm, fold};

/// Convolution, batch norm unless left out, ReLU.
#[derive(Module, Debug)]
struct ConvNormRelu {
    conv: Conv2d,
    bn: Option<BatchNorm>,
}

impl ConvNormRelu {
    fn new(channels: [usize; 2], plan: BlockPlan, device: &Device) -> Self {
        let conv = if plan.batch_norm {
            Conv2d::before_norm(channels, plan.kernel, 1, device)
        } else {
            Conv2d::same(channels, plan.kernel, device)
        };
        Self {
            conv: conv.dilated(plan.dilation),
            bn: plan.batch_norm.then(|| BatchNorm::new(channels[1], device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_norm(&self.conv, self.bn.as_ref(), x, Activation::Relu)
    }

    fn fold(self) -> Self {
        Self {
            conv: fold(self.conv, self.bn),
            bn: None,
        }
    }
}

/// What the convolutions of a block are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockPlan {
    /// Side of the kernels, odd, px.
    pub(super) kernel: usize,
    /// Distance of the pixels they see, px.
    pub(super) dilation: usize,
    /// Whether batch norms follow them.
    pub(super) batch_norm: bool,
}

/// Two convolutions, each with batch norm and ReLU.
#[derive(Module, Debug)]
pub struct DoubleConv {
    first: ConvNormRelu,
    second: ConvNormRelu,
}

impl DoubleConv {
    /// `channels` are `[C_in, C_out]`; all parameters zero.
    pub(super) fn new([input, output]: [usize; 2], plan: BlockPlan, device: &Device) -> Self {
        Self {
            first: ConvNormRelu::new([input, output], plan, device),
            second: ConvNormRelu::new([output, output], plan, device),
        }
    }

    /// `[N, C_in, H, W]` → `[N, C_out, H, W]`, non-negative.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.second.forward(self.first.forward(x))
    }

    /// Freezes the batch norms whose names within the network are chosen; `path` is the block's.
    pub(super) fn freeze_batch_norms(&mut self, path: &str, is_frozen: &dyn Fn(&str) -> bool) {
        for (name, layer) in [("first", &mut self.first), ("second", &mut self.second)] {
            if let Some(norm) = &mut layer.bn {
                norm.frozen = is_frozen(&format!("{path}.{name}.bn"));
            }
        }
    }

    /// The same function in inference, without batch norms.
    #[must_use]
    pub fn fold(self) -> Self {
        Self {
            first: self.first.fold(),
            second: self.second.fold(),
        }
    }
}
