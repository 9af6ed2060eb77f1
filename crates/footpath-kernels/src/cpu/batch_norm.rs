//! Batch norm with residual and rectifier, a channel at a time so that its pixels are read from memory once.

use rayon::prelude::*;

use super::{shared::SharedSlice, simd::vectorised};

/// Values summed in single precision before they join a double-precision total.
const CHUNK: usize = 4096;

/// `[N, C, H, W]` with the pixels of a plane as one axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planes {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    pub(crate) pixels: usize,
}

impl Planes {
    pub(crate) fn new([images, channels, height, width]: [usize; 4]) -> Self {
        Self {
            images,
            channels,
            pixels: height * width,
        }
    }

    pub(crate) fn len(self) -> usize {
        self.images * self.channels * self.pixels
    }

    fn values_a_channel(self) -> f64 {
        (self.images * self.pixels) as f64
    }

    /// Where the planes of one channel start.
    fn starts(self, channel: usize) -> impl Iterator<Item = usize> {
        (0..self.images).map(move |image| (image * self.channels + channel) * self.pixels)
    }
}

/// What the forward pass learns of each channel.
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f32>,
    /// Biased variance.
    pub(crate) variance: Vec<f32>,
}

/// The operands of the forward pass.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gamma: &'a [f32],
    pub(crate) beta: &'a [f32],
    pub(crate) residual: Option<&'a [f32]>,
    pub(crate) epsilon: f64,
    pub(crate) relu: bool,
}

/// Normalises by the batch's own statistics, which it returns.
pub(crate) fn normalise_batch(planes: Planes, operands: Operands, y: &mut [f32]) -> Statistics {
    assert_eq!(y.len(), planes.len());
    let y = SharedSlice::new(y);
    let (mean, variance) = (0..planes.channels)
        .into_par_iter()
        .map(|channel| {
            vectorised(|| {
                let (mean, variance) = moments(planes, operands.x, channel);
                normalise_channel(planes, operands, channel, mean, variance, &y);
                (mean as f32, variance as f32)
            })
        })
        .unzip();
    Statistics { mean, variance }
}

/// Normalises by given statistics.
pub(crate) fn normalise(
    planes: Planes,
    operands: Operands,
    mean: &[f32],
    variance: &[f32],
    y: &mut [f32],
) {
    assert_eq!(y.len(), planes.len());
    let y = SharedSlice::new(y);
    (0..planes.channels).into_par_iter().for_each(|channel| {
        let (mean, variance) = (f64::from(mean[channel]), f64::from(variance[channel]));
        vectorised(|| normalise_channel(planes, operands, channel, mean, variance, &y));
    });
}

/// Mean and biased variance of one channel.
#[inline(always)]
fn moments(planes: Planes, x: &[f32], channel: usize) -> (f64, f64) {
    // Sums of distances from any value of the channel do not cancel when the mean is far from zero.
    let shift = planes.starts(channel).next().map_or(0.0, |start| x[start]);
    let (mut sum, mut squares) = (0.0, 0.0);
    for start in planes.starts(channel) {
        for chunk in x[start..start + planes.pixels].chunks(CHUNK) {
            let [s, q] = lane_sums(chunk.len(), |i| {
                let distance = chunk[i] - shift;
                [distance, distance * distance]
            });
            sum += s;
            squares += q;
        }
    }
    let count = planes.values_a_channel();
    let mean = sum / count;
    (
        mean + f64::from(shift),
        (squares / count - mean * mean).max(0.0),
    )
}

#[inline(always)]
fn normalise_channel(
    planes: Planes,
    operands: Operands,
    channel: usize,
    mean: f64,
    variance: f64,
    y: &SharedSlice,
) {
    let scale = f64::from(operands.gamma[channel]) / (variance + operands.epsilon).sqrt();
    let shift = (f64::from(operands.beta[channel]) - mean * scale) as f32;
    let scale = scale as f32;
    let floor = if operands.relu {
        0.0
    } else {
        f32::NEG_INFINITY
    };
    for start in planes.starts(channel) {
        let x = &operands.x[start..start + planes.pixels];
        // SAFETY: each plane belongs to one task.
        let y = unsafe { y.part(start, planes.pixels) };
        match operands.residual {
            None => {
                for (y, x) in y.iter_mut().zip(x) {
                    let value = x * scale + shift;
                    *y = if value < floor { floor } else { value };
                }
            }
            Some(residual) => {
                let residual = &residual[start..start + planes.pixels];
                for ((y, x), residual) in y.iter_mut().zip(x).zip(residual) {
                    let value = x * scale + shift + residual;
                    *y = if value < floor { floor } else { value };
                }
            }
        }
    }
}

/// Gradients of the per-channel parameters.
pub(crate) struct ParameterGradients {
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
}

/// The backward pass of [`normalise_batch`].
///
/// `gradient` (of the result) loses its values where the rectified result `y` is 0: it becomes the gradient of the
/// residual. `x` (the operand) becomes its own gradient.
pub(crate) fn backward(
    planes: Planes,
    gamma: &[f32],
    statistics: &Statistics,
    epsilon: f64,
    y: Option<&[f32]>,
    gradient: &mut [f32],
    x: &mut [f32],
) -> ParameterGradients {
    assert_eq!(gradient.len(), planes.len());
    assert_eq!(x.len(), planes.len());
    let (gradient, x) = (SharedSlice::new(gradient), SharedSlice::new(x));
    let (gamma, beta) = (0..planes.channels)
        .into_par_iter()
        .map(|channel| {
            vectorised(|| {
                let mean = statistics.mean[channel];
                let deviation = (f64::from(statistics.variance[channel]) + epsilon).sqrt();
                let (mut sum, mut product) = (0.0, 0.0);
                for start in planes.starts(channel) {
                    // SAFETY: each plane belongs to one task.
                    let (g, x) = unsafe {
                        (
                            gradient.part(start, planes.pixels),
                            &*x.part(start, planes.pixels),
                        )
                    };
                    if let Some(y) = y {
                        for (g, y) in g.iter_mut().zip(&y[start..start + planes.pixels]) {
                            *g = if *y > 0.0 { *g } else { 0.0 };
                        }
                    }
                    for (g, x) in g.chunks(CHUNK).zip(x.chunks(CHUNK)) {
                        let [s, p] = lane_sums(g.len(), |i| [g[i], g[i] * (x[i] - mean)]);
                        sum += s;
                        product += p;
                    }
                }
                let count = planes.values_a_channel();
                let scale = f64::from(gamma[channel]) / deviation;
                // dx = scale·(g - Σg/m - (x - mean)·Σ(g·(x - mean))/(m·deviation²))
                let slope = -scale * product / (count * deviation * deviation);
                let offset = (-scale * sum / count - slope * f64::from(mean)) as f32;
                let (scale, slope) = (scale as f32, slope as f32);
                for start in planes.starts(channel) {
                    // SAFETY: each plane belongs to one task.
                    let (g, x) = unsafe {
                        (
                            &*gradient.part(start, planes.pixels),
                            x.part(start, planes.pixels),
                        )
                    };
                    for (x, g) in x.iter_mut().zip(g) {
                        *x = g * scale + (*x * slope + offset);
                    }
                }
                ((product / deviation) as f32, sum as f32)
            })
        })
        .unzip();
    ParameterGradients { gamma, beta }
}

/// Sums `values(0..len)` in sixteen lanes.
#[inline(always)]
pub(crate) fn lane_sums<const N: usize>(
    len: usize,
    values: impl Fn(usize) -> [f32; N],
) -> [f64; N] {
    const LANES: usize = 16;
    let mut lanes = [[0.0_f32; LANES]; N];
    let whole = len - len % LANES;
    for start in (0..whole).step_by(LANES) {
        for lane in 0..LANES {
            for (sums, value) in lanes.iter_mut().zip(values(start + lane)) {
                sums[lane] += value;
            }
        }
    }
    for (lane, i) in (whole..len).enumerate() {
        for (sums, value) in lanes.iter_mut().zip(values(i)) {
            sums[lane] += value;
        }
    }
    lanes.map(|lanes| lanes.iter().map(|lane| f64::from(*lane)).sum())
}
