//! ResNet encoders (He et al. 2016, arXiv 1512.03385) as torchvision lays them out.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::layers::{Activation, BatchNorm, Conv2d, conv_norm, fold, halve};

/// How a ResNet is built: its block and how many of them each stage has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResNetPlan {
    /// Blocks of the four stages.
    pub blocks: [usize; 4],
    /// Three convolutions a block, 4 times wider outside (50, 101, 152), or two (18, 34).
    pub bottleneck: bool,
}

impl ResNetPlan {
    /// Channels of a stage's output over those inside its blocks.
    fn expansion(self) -> usize {
        if self.bottleneck { 4 } else { 1 }
    }

    /// Channels of the four stages' outputs, c2 to c5.
    #[must_use]
    pub fn channels(self) -> [usize; 4] {
        [64, 128, 256, 512].map(|width| width * self.expansion())
    }
}

/// A residual block: two 3x3 convolutions, or 1x1, 3x3 (with the stride), 1x1.
///
/// Names follow torchvision; `conv3` and `bn3` exist in a bottleneck only. A folded block has no
/// batch norms.
#[derive(Module, Debug)]
pub struct Block {
    conv1: Conv2d,
    bn1: Option<BatchNorm>,
    conv2: Conv2d,
    bn2: Option<BatchNorm>,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    downsample: Option<(Conv2d, Option<BatchNorm>)>,
}

impl Block {
    fn new(input: usize, width: usize, stride: usize, plan: ResNetPlan, device: &Device) -> Self {
        let conv = |channels, kernel, stride| Conv2d::before_norm(channels, kernel, stride, device);
        let norm = |channels| Some(BatchNorm::new(channels, device));
        let output = width * plan.expansion();
        let downsample = (stride != 1 || input != output)
            .then(|| (conv([input, output], 1, stride), norm(output)));
        if plan.bottleneck {
            Self {
                conv1: conv([input, width], 1, 1),
                bn1: norm(width),
                conv2: conv([width, width], 3, stride),
                bn2: norm(width),
                conv3: Some(conv([width, output], 1, 1)),
                bn3: norm(output),
                downsample,
            }
        } else {
            Self {
                conv1: conv([input, width], 3, stride),
                bn1: norm(width),
                conv2: conv([width, width], 3, 1),
                bn2: norm(width),
                conv3: None,
                bn3: None,
                downsample,
            }
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let identity = match &self.downsample {
            Some((conv, norm)) => conv_norm(conv, norm.as_ref(), x.clone(), Activation::None),
            None => x.clone(),
        };
        let x = conv_norm(&self.conv1, self.bn1.as_ref(), x, Activation::Relu);
        match &self.conv3 {
            None => conv_norm_add(&self.conv2, self.bn2.as_ref(), x, identity),
            Some(conv3) => {
                let x = conv_norm(&self.conv2, self.bn2.as_ref(), x, Activation::Relu);
                conv_norm_add(conv3, self.bn3.as_ref(), x, identity)
            }
        }
    }

    /// The batch norms with their names.
    fn norms(&mut self) -> impl Iterator<Item = (&'static str, &mut BatchNorm)> {
        let downsample = self.downsample.as_mut().and_then(|(_, norm)| norm.as_mut());
        [
            ("bn1", self.bn1.as_mut()),
            ("bn2", self.bn2.as_mut()),
            ("bn3", self.bn3.as_mut()),
            ("downsample.1", downsample),
        ]
        .into_iter()
        .filter_map(|(name, norm)| Some((name, norm?)))
    }

    fn fold(self) -> Self {
        Self {
            conv1: fold(self.conv1, self.bn1),
            bn1: None,
            conv2: fold(self.conv2, self.bn2),
            bn2: None,
            conv3: self.conv3.map(|conv| fold(conv, self.bn3)),
            bn3: None,
            downsample: self.downsample.map(|(conv, norm)| (fold(conv, norm), None)),
        }
    }
}

/// A block's last convolution and batch norm, with the shortcut added before its ReLU.
fn conv_norm_add(
    conv: &Conv2d,
    norm: Option<&BatchNorm>,
    x: Tensor<4>,
    identity: Tensor<4>,
) -> Tensor<4> {
    match norm {
        Some(norm) => {
            let x = conv.forward(x, Activation::None);
            norm.forward(x, Some(identity), Activation::Relu)
        }
        None => conv.forward_add(x, identity, Activation::Relu),
    }
}

/// A ResNet without its classifier, its stem's 3x3 max pool replaced by a 2x2 one.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: Option<BatchNorm>,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
}

impl ResNet {
    /// A network by `plan`, all parameters zero.
    #[must_use]
    pub fn new(plan: ResNetPlan, device: &Device) -> Self {
        let [c2, c3, c4, _] = plan.channels();
        let stage = |input, stage: usize| {
            let (width, stride) = (64 << stage, if stage == 0 { 1 } else { 2 });
            let first = Block::new(input, width, stride, plan, device);
            let later = (1..plan.blocks[stage])
                .map(|_| Block::new(width * plan.expansion(), width, 1, plan, device));
            std::iter::once(first).chain(later).collect()
        };
        Self {
            conv1: Conv2d::before_norm([3, 64], 7, 2, device),
            bn1: Some(BatchNorm::new(64, device)),
            layer1: stage(64, 0),
            layer2: stage(c2, 1),
            layer3: stage(c3, 2),
            layer4: stage(c4, 3),
        }
    }

    /// `[N, 3, H, W]` → the outputs of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the size.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> [Tensor<4>; 4] {
        let stage = |blocks: &[Block], x| blocks.iter().fold(x, |x, block| block.forward(x));
        let stem = conv_norm(&self.conv1, self.bn1.as_ref(), x, Activation::Relu);
        let c2 = stage(&self.layer1, halve(stem));
        let c3 = stage(&self.layer2, c2.clone());
        let c4 = stage(&self.layer3, c3.clone());
        let c5 = stage(&self.layer4, c4.clone());
        [c2, c3, c4, c5]
    }

    /// Freezes the batch norms whose names within the encoder (`layer1.0.bn2`) are chosen.
    pub fn freeze_batch_norms(&mut self, is_frozen: &dyn Fn(&str) -> bool) {
        if let Some(norm) = &mut self.bn1 {
            norm.frozen = is_frozen("bn1");
        }
        let stages = [
            &mut self.layer1,
            &mut self.layer2,
            &mut self.layer3,
            &mut self.layer4,
        ];
        for (stage, blocks) in (1..).zip(stages) {
            for (index, block) in blocks.iter_mut().enumerate() {
                for (name, norm) in block.norms() {
                    norm.frozen = is_frozen(&format!("layer{stage}.{index}.{name}"));
                }
            }
        }
    }

    /// The same function in inference, each batch norm folded into the convolution before it.
    #[must_use]
    pub fn fold(self) -> Self {
        let fold_stage = |blocks: Vec<Block>| blocks.into_iter().map(Block::fold).collect();
        Self {
            conv1: fold(self.conv1, self.bn1),
            bn1: None,
            layer1: fold_stage(self.layer1),
            layer2: fold_stage(self.layer2),
            layer3: fold_stage(self.layer3),
            layer4: fold_stage(self.layer4),
        }
    }
}
