//! Sizes of a convolution.

/// The sizes of a convolution from `[N, C_in, H, W]` to `[N, C_out, OH, OW]`, pairs as `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConvGeometry {
    pub(crate) images: usize,
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
}

impl ConvGeometry {
    /// The convolution of `x` with `weight` (`[C_out, C_in, K_h, K_w]`).
    ///
    /// # Panics
    /// If the channels differ, a stride is zero, or the padded image is smaller than the kernel.
    pub(crate) fn new(
        x: [usize; 4],
        weight: [usize; 4],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Self {
        let [images, channels_in, height, width] = x;
        let [channels_out, weight_channels, kernel_height, kernel_width] = weight;
        assert_eq!(
            channels_in, weight_channels,
            "convolution of {channels_in} channels with a weight for {weight_channels}"
        );
        let output_side = |side: usize, kernel: usize, stride: usize, padding: usize| {
            assert!(stride > 0, "convolution with stride 0");
            assert!(
                side + 2 * padding >= kernel && kernel > 0,
                "convolution of {side} pixels, padding {padding}, with a kernel of {kernel}"
            );
            (side + 2 * padding - kernel) / stride + 1
        };
        Self {
            images,
            channels_in,
            channels_out,
            input: [height, width],
            output: [
                output_side(height, kernel_height, stride[0], padding[0]),
                output_side(width, kernel_width, stride[1], padding[1]),
            ],
            kernel: [kernel_height, kernel_width],
            stride,
            padding,
        }
    }

    /// The convolution whose data gradient is the transposed convolution of `x` with `weight`
    /// (`[C_in, C_out, K_h, K_w]`): its *output* has the shape of `x`.
    ///
    /// # Panics
    /// If the channels differ, a stride is zero, or the result would be empty.
    pub(crate) fn of_transposed(
        x: [usize; 4],
        weight: [usize; 4],
        stride: [usize; 2],
        padding: [usize; 2],
        output_padding: [usize; 2],
    ) -> Self {
        let [images, channels, height, width] = x;
        let [
            weight_channels,
            result_channels,
            kernel_height,
            kernel_width,
        ] = weight;
        assert_eq!(
            channels, weight_channels,
            "transposed convolution of {channels} channels with a weight for {weight_channels}"
        );
        let kernel = [kernel_height, kernel_width];
        let side = |axis: usize, side: usize| {
            assert!(stride[axis] > 0, "transposed convolution with stride 0");
            let full = side.saturating_sub(1) * stride[axis] + kernel[axis] + output_padding[axis];
            assert!(
                side > 0 && full > 2 * padding[axis],
                "transposed convolution of {side} pixels with padding {} gives no pixel",
                padding[axis]
            );
            full - 2 * padding[axis]
        };
        Self {
            images,
            channels_in: result_channels,
            channels_out: channels,
            input: [side(0, height), side(1, width)],
            output: [height, width],
            kernel,
            stride,
            padding,
        }
    }

    pub(crate) fn input_pixels(&self) -> usize {
        self.input[0] * self.input[1]
    }

    pub(crate) fn output_pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    pub(crate) fn input_len(&self) -> usize {
        self.images * self.channels_in * self.input_pixels()
    }

    pub(crate) fn output_len(&self) -> usize {
        self.images * self.channels_out * self.output_pixels()
    }

    pub(crate) fn weight_len(&self) -> usize {
        self.channels_out * self.channels_in * self.taps()
    }
}
