//! A `ResNet` U-Net of the kernels alone: the same layers as the product's network, without its loading and saving.

use burn::tensor::{Device, Gradients, Int, Tensor};
use footpath_kernels::{
    Activation, AdamSettings, AdamState, SegmentationLoss, WeightDecay, adam_step,
    batch_norm_train, concat_channels, conv_transpose2d, conv2d, conv2d_residual, max_pool2d,
    segmentation_loss,
};

use crate::random::uniform;

/// The encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// 3, 4, 6 and 3 blocks of two 3x3 convolutions.
    ResNet34,
    /// 3, 4, 23 and 3 bottlenecks.
    ResNet101,
}

impl Encoder {
    fn blocks(self) -> [usize; 4] {
        match self {
            Self::ResNet34 => [3, 4, 6, 3],
            Self::ResNet101 => [3, 4, 23, 3],
        }
    }

    fn expansion(self) -> usize {
        match self {
            Self::ResNet34 => 1,
            Self::ResNet101 => 4,
        }
    }
}

/// Parameters, created when a forward pass first reaches them and then used in the same order.
struct Parameters {
    matrices: Vec<Tensor<4>>,
    vectors: Vec<Tensor<1>>,
    matrix_states: Vec<AdamState<4>>,
    vector_states: Vec<AdamState<1>>,
    device: Device,
    train: bool,
    next: [usize; 2],
}

/// A network with Adam's moments.
pub struct UNet {
    encoder: Encoder,
    parameters: Parameters,
    steps: u64,
}

impl Parameters {
    fn weight(&mut self, shape: [usize; 4]) -> Tensor<4> {
        let index = self.next[0];
        self.next[0] += 1;
        if index == self.matrices.len() {
            let fan_in = (shape[1] * shape[2] * shape[3]) as f32;
            let weight = uniform(shape, (6.0 / fan_in).sqrt(), index as u64, &self.device);
            self.matrix_states.push(AdamState::zeros_like(&weight));
            self.matrices.push(if self.train {
                weight.require_grad()
            } else {
                weight
            });
        }
        self.matrices[index].clone()
    }

    fn vector(&mut self, channels: usize, value: f32) -> Tensor<1> {
        let index = self.next[1];
        self.next[1] += 1;
        if index == self.vectors.len() {
            let vector = Tensor::full([channels], value, &self.device);
            self.vector_states.push(AdamState::zeros_like(&vector));
            self.vectors.push(if self.train {
                vector.require_grad()
            } else {
                vector
            });
        }
        self.vectors[index].clone()
    }

    /// Convolution and batch norm; in evaluation the batch norm is folded into the convolution.
    fn conv_norm(
        &mut self,
        x: Tensor<4>,
        channels: usize,
        [kernel, stride]: [usize; 2],
        residual: Option<Tensor<4>>,
        activation: Activation,
    ) -> Tensor<4> {
        let weight = self.weight([channels, x.dims()[1], kernel, kernel]);
        let padding = [kernel / 2; 2];
        let (gamma, beta) = (self.vector(channels, 1.0), self.vector(channels, 0.0));
        if self.train {
            let x = conv2d(x, weight, None, [stride; 2], padding, Activation::None);
            return batch_norm_train(x, gamma, beta, 1e-5, residual, activation).0;
        }
        match residual {
            None => conv2d(x, weight, Some(beta), [stride; 2], padding, activation),
            Some(residual) => conv2d_residual(
                x,
                weight,
                Some(beta),
                residual,
                [stride; 2],
                padding,
                activation,
            ),
        }
    }

    fn conv_relu(&mut self, x: Tensor<4>, channels: usize) -> Tensor<4> {
        let weight = self.weight([channels, x.dims()[1], 3, 3]);
        let bias = self.vector(channels, 0.0);
        conv2d(x, weight, Some(bias), [1, 1], [1, 1], Activation::Relu)
    }

    fn up(&mut self, x: Tensor<4>, middle: usize, channels: usize) -> Tensor<4> {
        let x = self.conv_relu(x, middle);
        let weight = self.weight([middle, channels, 4, 4]);
        let bias = self.vector(channels, 0.0);
        conv_transpose2d(
            x,
            weight,
            Some(bias),
            [2, 2],
            [1, 1],
            [0, 0],
            Activation::Relu,
        )
    }
}

impl UNet {
    /// A network to train or to evaluate on the CPU.
    #[must_use]
    pub fn new(encoder: Encoder, train: bool) -> Self {
        let device = if train {
            Device::flex().autodiff()
        } else {
            Device::flex()
        };
        let parameters = Parameters {
            matrices: Vec::new(),
            vectors: Vec::new(),
            matrix_states: Vec::new(),
            vector_states: Vec::new(),
            device,
            train,
            next: [0; 2],
        };
        Self {
            encoder,
            parameters,
            steps: 0,
        }
    }

    /// The device that inputs must live on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.parameters.device.clone()
    }

    /// Logits `[N, 2, H, W]` of images `[N, 3, H, W]`; `H` and `W` are multiples of 64.
    ///
    /// # Panics
    /// If they are not.
    pub fn forward(&mut self, x: Tensor<4>) -> Tensor<4> {
        let p = &mut self.parameters;
        p.next = [0; 2];
        let relu = Activation::Relu;
        let x = p.conv_norm(x, 64, [7, 2], None, relu);
        let mut x = max_pool2d(x, [2, 2], [2, 2], [0, 0]);
        let mut skips = Vec::new();
        for (stage, blocks) in self.encoder.blocks().into_iter().enumerate() {
            let width = 64 << stage;
            let channels = width * self.encoder.expansion();
            for block in 0..blocks {
                let stride = if block == 0 && stage > 0 { 2 } else { 1 };
                let shortcut = if stride == 2 || x.dims()[1] != channels {
                    p.conv_norm(x.clone(), channels, [1, stride], None, Activation::None)
                } else {
                    x.clone()
                };
                x = match self.encoder {
                    Encoder::ResNet34 => {
                        let x = p.conv_norm(x, width, [3, stride], None, relu);
                        p.conv_norm(x, width, [3, 1], Some(shortcut), relu)
                    }
                    Encoder::ResNet101 => {
                        let x = p.conv_norm(x, width, [1, 1], None, relu);
                        let x = p.conv_norm(x, width, [3, stride], None, relu);
                        p.conv_norm(x, channels, [1, 1], Some(shortcut), relu)
                    }
                };
            }
            skips.push(x.clone());
        }
        let pooled = max_pool2d(x, [2, 2], [2, 2], [0, 0]);
        let mut x = p.up(pooled, 512, 256);
        let widths = [(512, 256), (512, 256), (256, 64), (128, 128)];
        for (skip, (middle, channels)) in skips.into_iter().rev().zip(widths) {
            x = p.up(concat_channels(vec![x, skip]), middle, channels);
        }
        let x = p.up(x, 128, 32);
        let x = p.conv_relu(x, 32);
        let weight = p.weight([2, 32, 1, 1]);
        let bias = p.vector(2, 0.0);
        conv2d(x, weight, Some(bias), [1, 1], [0, 0], Activation::None)
    }

    /// One optimisation step; returns the loss before it.
    pub fn train_step(&mut self, x: Tensor<4>, labels: Tensor<3, Int>, weights: Tensor<3>) -> f32 {
        let logits = self.forward(x);
        let loss = segmentation_loss(logits, labels, weights, &SegmentationLoss::default());
        let mut gradients = loss.total.backward();
        self.update(&mut gradients);
        loss.total.inner().into_scalar()
    }

    fn update(&mut self, gradients: &mut Gradients) {
        self.steps += 1;
        let settings = AdamSettings {
            learning_rate: 1e-4,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 1e-4,
            decay: WeightDecay::L2,
            step: self.steps,
        };
        let p = &mut self.parameters;
        update_all(&mut p.matrices, &mut p.matrix_states, gradients, &settings);
        update_all(&mut p.vectors, &mut p.vector_states, gradients, &settings);
    }
}

fn update_all<const D: usize>(
    parameters: &mut Vec<Tensor<D>>,
    states: &mut Vec<AdamState<D>>,
    gradients: &mut Gradients,
    settings: &AdamSettings,
) {
    let updated = parameters
        .drain(..)
        .zip(states.drain(..))
        .map(|(parameter, state)| {
            let gradient = parameter
                .grad_remove(gradients)
                .expect("every parameter is used");
            let (parameter, state) = adam_step(parameter.inner(), gradient, state, settings);
            (Tensor::from_inner(parameter).require_grad(), state)
        });
    let (new_parameters, new_states) = updated.unzip();
    *parameters = new_parameters;
    *states = new_states;
}
