//! Fifty steps of training on one, two and four threads: the same bits.

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};

use crate::{
    Activation, AdamSettings, AdamState, SegmentationLoss, WeightDecay, adam_step,
    batch_norm_train, concat_channels, conv_transpose2d, conv2d,
    fused_tests::{constant, leaf},
    max_pool2d, segmentation_loss,
};

/// A small U-Net with every kind of layer; the wide ones are convolved by minimal filtering.
struct UNet {
    weights: Vec<Tensor<4>>,
    vectors: Vec<Tensor<1>>,
}

impl UNet {
    fn new() -> Self {
        let shapes = [
            [16, 3, 7, 7],
            [32, 16, 3, 3],
            [32, 32, 3, 3],
            [32, 16, 4, 4],
            [16, 32, 3, 3],
            [2, 16, 1, 1],
        ];
        let weights = shapes.iter().zip(1..);
        let weight = |(shape, seed): (&[usize; 4], u64)| {
            let fan_in = (shape[1] * shape[2] * shape[3]) as f32;
            leaf(*shape, seed).inner() * (3.0 / fan_in).sqrt()
        };
        let vectors = [16, 32, 32, 16, 16, 2].map(|channels| constant([channels], 9) * 0.1);
        Self {
            weights: weights.map(weight).map(track).collect(),
            vectors: vectors.into_iter().map(track).collect(),
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let weight = |i: usize| self.weights[i].clone();
        let bias = |i: usize| Some(self.vectors[i].clone());
        let relu = Activation::Relu;
        let top = conv2d(images, weight(0), bias(0), [1, 1], [3, 3], relu);
        let x = max_pool2d(top.clone(), [2, 2], [2, 2], [0, 0]);
        let skip = conv2d(x, weight(1), bias(1), [1, 1], [1, 1], relu);
        let x = conv2d(
            skip.clone(),
            weight(2),
            None,
            [1, 1],
            [1, 1],
            Activation::None,
        );
        let gamma = self.vectors[1].clone() + 1.0;
        let (x, _) = batch_norm_train(x, gamma, self.vectors[2].clone(), 1e-5, Some(skip), relu);
        let x = conv_transpose2d(x, weight(3), bias(3), [2, 2], [1, 1], [0, 0], relu);
        let x = conv2d(
            concat_channels(vec![x, top]),
            weight(4),
            bias(4),
            [1, 1],
            [1, 1],
            relu,
        );
        conv2d(x, weight(5), bias(5), [1, 1], [0, 0], Activation::None)
    }
}

fn track<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    Tensor::from_inner(tensor).require_grad()
}

fn step<const D: usize>(
    parameters: &mut Vec<Tensor<D>>,
    states: &mut Vec<AdamState<D>>,
    gradients: &mut Gradients,
    settings: &AdamSettings,
) {
    (*parameters, *states) = parameters
        .drain(..)
        .zip(states.drain(..))
        .map(|(parameter, state)| {
            let gradient = parameter
                .grad_remove(gradients)
                .expect("every parameter is used");
            let (parameter, state) = adam_step(parameter.inner(), gradient, state, settings);
            (track(parameter), state)
        })
        .unzip();
}

/// The losses of fifty steps, as bits.
fn losses() -> Vec<u32> {
    let device = Device::flex().autodiff();
    let images = Tensor::from_inner(constant([2, 3, 48, 64], 7));
    let labels: Vec<i64> = (0..2 * 48 * 64)
        .map(|i| i64::from(i / 16 % 3 == 0))
        .collect();
    let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, [2, 48, 64]), &device);
    let pixel_weights = Tensor::<3>::ones([2, 48, 64], &device);
    let mut network = UNet::new();
    let mut weight_states = network.weights.iter().map(AdamState::zeros_like).collect();
    let mut vector_states = network.vectors.iter().map(AdamState::zeros_like).collect();
    (1..=50)
        .map(|number| {
            let logits = network.forward(images.clone());
            let loss = segmentation_loss(
                logits,
                labels.clone(),
                pixel_weights.clone(),
                &SegmentationLoss::default(),
            );
            let mut gradients = loss.total.backward();
            let settings = AdamSettings {
                learning_rate: 1e-3,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-8,
                weight_decay: 1e-4,
                decay: WeightDecay::L2,
                step: number,
            };
            let value = loss.total.into_scalar::<f32>();
            step(
                &mut network.weights,
                &mut weight_states,
                &mut gradients,
                &settings,
            );
            step(
                &mut network.vectors,
                &mut vector_states,
                &mut gradients,
                &settings,
            );
            value.to_bits()
        })
        .collect()
}

#[test]
fn a_loss_curve_is_the_same_bits_for_any_number_of_threads() {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool");
        pool.install(losses)
    };
    let one = with_threads(1);
    let (first, last) = (f32::from_bits(one[0]), f32::from_bits(one[49]));
    assert!(last < 0.9 * first, "it learns: {first} to {last}");
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(4));
}
