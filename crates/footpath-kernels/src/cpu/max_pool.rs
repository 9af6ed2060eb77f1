//! Maximum pooling. The backward pass finds the maxima again, which is cheaper than storing where they were.

use rayon::prelude::*;

/// Sizes of a pooling of planes, pairs as `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolGeometry {
    pub(crate) planes: usize,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
}

impl PoolGeometry {
    /// The pooling of `x`, `[N, C, H, W]`.
    ///
    /// # Panics
    /// If a stride is zero, the kernel is empty or larger than the padded image, or the padding reaches half of it.
    pub(crate) fn new(
        [images, channels, height, width]: [usize; 4],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Self {
        let input = [height, width];
        let output = std::array::from_fn(|axis| {
            assert!(stride[axis] > 0, "max pooling with stride 0");
            assert!(
                kernel[axis] > 0 && 2 * padding[axis] <= kernel[axis],
                "max pooling with kernel {} and padding {}",
                kernel[axis],
                padding[axis]
            );
            let padded = input[axis] + 2 * padding[axis];
            assert!(
                padded >= kernel[axis],
                "max pooling of {padded} padded pixels with a kernel of {}",
                kernel[axis]
            );
            (padded - kernel[axis]) / stride[axis] + 1
        });
        Self {
            planes: images * channels,
            input,
            output,
            kernel,
            stride,
            padding,
        }
    }

    fn input_pixels(&self) -> usize {
        self.input[0] * self.input[1]
    }

    pub(crate) fn output_pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// The pixels along `axis` that window `index` covers.
    fn window(&self, axis: usize, index: usize) -> std::ops::Range<usize> {
        let start = index * self.stride[axis];
        start.saturating_sub(self.padding[axis])
            ..(start + self.kernel[axis])
                .saturating_sub(self.padding[axis])
                .min(self.input[axis])
    }

    fn halves(&self) -> bool {
        self.kernel == [2, 2] && self.stride == [2, 2] && self.padding == [0, 0]
    }
}

/// `y` = the maximum of each window of `x`.
pub(crate) fn forward(geometry: &PoolGeometry, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), geometry.planes * geometry.input_pixels());
    assert_eq!(y.len(), geometry.planes * geometry.output_pixels());
    let width = geometry.input[1];
    let planes = y.par_chunks_exact_mut(geometry.output_pixels());
    planes
        .zip(x.par_chunks_exact(geometry.input_pixels()))
        .for_each(|(y, x)| {
            for (row, y) in y.chunks_exact_mut(geometry.output[1]).enumerate() {
                if geometry.halves() {
                    let (top, bottom) = x[2 * row * width..][..2 * width].split_at(width);
                    let pairs = top.chunks_exact(2).zip(bottom.chunks_exact(2));
                    for (y, (top, bottom)) in y.iter_mut().zip(pairs) {
                        *y = larger(larger(top[0], top[1]), larger(bottom[0], bottom[1]));
                    }
                } else {
                    for (column, y) in y.iter_mut().enumerate() {
                        *y = x[first_maximum(geometry, x, row, column)];
                    }
                }
            }
        });
}

/// `dx` = the gradient of `x`, given the result's gradient `dy`.
pub(crate) fn backward(geometry: &PoolGeometry, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert_eq!(x.len(), geometry.planes * geometry.input_pixels());
    assert_eq!(dx.len(), x.len());
    assert_eq!(dy.len(), geometry.planes * geometry.output_pixels());
    let width = geometry.input[1];
    let planes = dx.par_chunks_exact_mut(geometry.input_pixels());
    let planes = planes.zip(x.par_chunks_exact(geometry.input_pixels()));
    planes
        .zip(dy.par_chunks_exact(geometry.output_pixels()))
        .for_each(|((dx, x), dy)| {
            dx.fill(0.0);
            for (row, dy) in dy.chunks_exact(geometry.output[1]).enumerate() {
                if geometry.halves() {
                    let (top, bottom) = x[2 * row * width..][..2 * width].split_at(width);
                    let (dtop, dbottom) = dx[2 * row * width..][..2 * width].split_at_mut(width);
                    for (column, dy) in dy.iter().enumerate() {
                        let i = 2 * column;
                        let upper = larger(top[i], top[i + 1]);
                        let lower = larger(bottom[i], bottom[i + 1]);
                        // The first maximum in row-major order.
                        let (values, target, best) =
                            if upper >= lower || lower.is_nan() && upper.is_nan() {
                                (&top, &mut *dtop, upper)
                            } else {
                                (&bottom, &mut *dbottom, lower)
                            };
                        let right = usize::from(values[i] < best);
                        target[i + right] = *dy;
                    }
                } else {
                    for (column, dy) in dy.iter().enumerate() {
                        dx[first_maximum(geometry, x, row, column)] += dy;
                    }
                }
            }
        });
}

/// The larger value, or NaN if there is one.
fn larger(a: f32, b: f32) -> f32 {
    if a >= b || a.is_nan() { a } else { b }
}

/// The index of a window's maximum in a plane; a NaN counts as the largest.
fn first_maximum(geometry: &PoolGeometry, x: &[f32], row: usize, column: usize) -> usize {
    let columns = geometry.window(1, column);
    let mut best: Option<usize> = None;
    for y in geometry.window(0, row) {
        for index in y * geometry.input[1] + columns.start..y * geometry.input[1] + columns.end {
            match best {
                Some(best) if x[index] <= x[best] || x[best].is_nan() => {}
                _ => best = Some(index),
            }
        }
    }
    best.unwrap_or_default()
}
