//! The transforms of tiles and filters, for sixteen channels at a time.

use super::{
    super::{bf16::pair_neighbours, packing::Run, simd::Vector},
    LANES, STRIP, TILE,
};
use crate::Precision;

const ROOT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
const ROOT_TWO: f32 = std::f32::consts::SQRT_2;

/// Pixels across the input of a strip.
const WIDTH: usize = TILE * STRIP + 2;

/// An image's every `step`-th row and column, from `phase` on.
#[derive(Clone, Copy)]
pub(super) struct Phases {
    pub(super) plane: [usize; 2],
    pub(super) step: usize,
    pub(super) phase: [usize; 2],
}

/// The pixels of a strip of tiles, `[row][column][LANES]`.
pub(super) struct Strip {
    values: [f32; 6 * WIDTH * LANES],
}

impl Strip {
    pub(super) fn new() -> Self {
        Self {
            values: [0.0; 6 * WIDTH * LANES],
        }
    }

    /// Reads `ROWS` rows of the strip's tiles, whose first pixel lies `padding` before its tile's, of [`LANES`]
    /// channels; `base` starts with the image's plane of the first channel. Pixels outside the image are zero.
    #[inline(always)]
    pub(super) unsafe fn read<V: Vector, const ROWS: usize>(
        &mut self,
        base: &[f32],
        phases: Phases,
        run: &Run,
        padding: [isize; 2],
    ) {
        let Phases { plane, step, phase } = phases;
        let pixels = plane[0] * plane[1];
        assert!(base.len() >= LANES * pixels);
        let side = |axis: usize| (plane[axis] + step - 1 - phase[axis]) / step;
        let (height, width) = (side(0), side(1));
        let columns = TILE * run.len + ROWS - TILE;
        let x = (run.column * TILE) as isize - padding[1];
        let clamp = |x: isize| x.clamp(0, width as isize) as usize;
        // The image's columns that are seen, and the strip's before them.
        let (from, to) = (clamp(x), clamp(x + columns as isize));
        let before = (from as isize - x).clamp(0, columns as isize) as usize;
        let mut block = [0.0_f32; LANES * LANES];
        for row in 0..ROWS {
            let target = &mut self.values[row * WIDTH * LANES..][..columns * LANES];
            let y = (run.row * TILE + row) as isize - padding[0];
            if y < 0 || y >= height as isize || from >= to {
                target.fill(0.0);
                continue;
            }
            let seen = to - from;
            target[..before * LANES].fill(0.0);
            target[(before + seen) * LANES..].fill(0.0);
            let target = &mut target[before * LANES..];
            let source =
                &base[(y as usize * step + phase[0]) * plane[1] + from * step + phase[1]..];
            let mut column = 0;
            if step == 1 {
                while column + LANES <= seen || seen - column > 4 && seen >= LANES {
                    // The last block overlaps the one before.
                    column = column.min(seen - LANES);
                    // SAFETY: 16 columns from `column` lie in the rows of all 16 planes and in the strip.
                    unsafe {
                        V::transpose16(
                            (source[column..].as_ptr(), pixels),
                            (target[column * LANES..].as_mut_ptr(), LANES),
                        );
                    }
                    column += LANES;
                }
            } else {
                while seen - column > 2
                    && source.len() >= (LANES - 1) * pixels + column * step + LANES
                {
                    let len = LANES.div_ceil(step).min(seen - column);
                    // SAFETY: 16 values from each channel's first lie in the image stack.
                    unsafe {
                        V::transpose16(
                            (source[column * step..].as_ptr(), pixels),
                            (block.as_mut_ptr(), LANES),
                        );
                    }
                    let target = target[column * LANES..].as_chunks_mut::<LANES>().0;
                    let block = block.as_chunks::<LANES>().0.iter().step_by(step);
                    for (target, pixel) in target.iter_mut().zip(block).take(len) {
                        *target = *pixel;
                    }
                    column += len;
                }
            }
            for column in column..seen {
                for lane in 0..LANES {
                    target[column * LANES + lane] = source[lane * pixels + column * step];
                }
            }
        }
    }

    /// Transforms 6x6 input tiles to frequencies: `output[frequency · pitch + tile · tile_pitch + lane]`, or half the
    /// lane with pairs of bfloat16.
    #[inline(always)]
    pub(super) unsafe fn transform_inputs<V: Vector>(
        &mut self,
        tiles: usize,
        output: *mut f32,
        frequency_pitch: usize,
        tile_pitch: usize,
        precision: Precision,
    ) {
        let values = self.values.as_mut_ptr();
        // SAFETY: all offsets lie in the strip; the output's extents are the caller's contract.
        unsafe {
            for offset in (0..(TILE * tiles + 2) * LANES).step_by(V::LANES) {
                let column = values.add(offset);
                store(
                    input(load::<V, _>(column, WIDTH * LANES)),
                    column,
                    WIDTH * LANES,
                );
            }
            for tile in 0..tiles {
                for frequency in 0..6 {
                    for lane in (0..LANES).step_by(V::LANES) {
                        let start = values.add((frequency * WIDTH + TILE * tile) * LANES + lane);
                        let values = input(load::<V, _>(start, LANES));
                        let output =
                            output.add(6 * frequency * frequency_pitch + tile * tile_pitch);
                        match precision {
                            Precision::F32 => store(values, output.add(lane), frequency_pitch),
                            Precision::Bf16 => {
                                store_pairs(values, output.add(lane / 2), frequency_pitch);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Transforms 4x4 tiles of a gradient to frequencies, laid out as by [`transform_inputs`](Self::transform_inputs).
    #[inline(always)]
    pub(super) unsafe fn transform_gradients<V: Vector>(
        &mut self,
        tiles: usize,
        output: *mut f32,
        frequency_pitch: usize,
        tile_pitch: usize,
    ) {
        let values = self.values.as_mut_ptr();
        // SAFETY: all offsets lie in the strip; the output's extents are the caller's contract.
        unsafe {
            for offset in (0..TILE * tiles * LANES).step_by(V::LANES) {
                let column = values.add(offset);
                store(
                    gradient(load::<V, _>(column, WIDTH * LANES)),
                    column,
                    WIDTH * LANES,
                );
            }
            for tile in 0..tiles {
                for frequency in 0..6 {
                    for lane in (0..LANES).step_by(V::LANES) {
                        let start = values.add((frequency * WIDTH + TILE * tile) * LANES + lane);
                        let output =
                            output.add(6 * frequency * frequency_pitch + tile * tile_pitch + lane);
                        store(
                            gradient(load::<V, _>(start, LANES)),
                            output,
                            frequency_pitch,
                        );
                    }
                }
            }
        }
    }

    /// Transforms frequencies, laid out as by [`transform_inputs`](Self::transform_inputs), to 4x4 output tiles.
    #[inline(always)]
    pub(super) unsafe fn transform_outputs<V: Vector>(
        &mut self,
        tiles: usize,
        input: *const f32,
        frequency_pitch: usize,
        tile_pitch: usize,
    ) {
        let values = self.values.as_mut_ptr();
        // SAFETY: all offsets lie in the strip; the input's extents are the caller's contract.
        unsafe {
            for tile in 0..tiles {
                for frequency in 0..6 {
                    for lane in (0..LANES).step_by(V::LANES) {
                        let input =
                            input.add(6 * frequency * frequency_pitch + tile * tile_pitch + lane);
                        let target = values.add((frequency * WIDTH + TILE * tile) * LANES + lane);
                        store(output(load::<V, _>(input, frequency_pitch)), target, LANES);
                    }
                }
            }
            for offset in (0..TILE * tiles * LANES).step_by(V::LANES) {
                let column = values.add(offset);
                store(
                    output(load::<V, _>(column, WIDTH * LANES)),
                    column,
                    WIDTH * LANES,
                );
            }
        }
    }

    /// One row of output pixels as `[LANES][TILE · STRIP]`.
    #[inline(always)]
    pub(super) unsafe fn write<V: Vector>(
        &self,
        row: usize,
        tiles: usize,
        line: &mut [f32; LANES * TILE * STRIP],
    ) {
        let values = &self.values[row * WIDTH * LANES..][..WIDTH * LANES];
        for column in (0..TILE * tiles).step_by(LANES) {
            // SAFETY: 16 columns lie in the row, which has room for `STRIP` tiles, and in the line.
            unsafe {
                V::transpose16(
                    (values[column * LANES..].as_ptr(), LANES),
                    (line[column..].as_mut_ptr(), TILE * STRIP),
                );
            }
        }
    }
}

/// Vectors `pitch` values apart.
// Closures would not take the caller's instruction set, so this and its callers have loops.
#[inline(always)]
pub(super) unsafe fn load<V: Vector, const N: usize>(start: *const f32, pitch: usize) -> [V; N] {
    // SAFETY: the extents are the caller's contract.
    unsafe {
        let mut vectors = [V::splat(0.0); N];
        for (i, vector) in vectors.iter_mut().enumerate() {
            *vector = V::load(start.add(i * pitch));
        }
        vectors
    }
}

/// One column of rows of vectors.
#[inline(always)]
pub(super) fn column_of<V: Vector, const M: usize, const N: usize>(
    rows: &[[V; N]; M],
    column: usize,
) -> [V; M] {
    let mut vectors = [rows[0][column]; M];
    for (vector, row) in vectors.iter_mut().zip(rows) {
        *vector = row[column];
    }
    vectors
}

/// Stores vectors `pitch` values apart.
#[inline(always)]
pub(super) unsafe fn store<V: Vector, const N: usize>(
    vectors: [V; N],
    start: *mut f32,
    pitch: usize,
) {
    // SAFETY: the extents are the caller's contract.
    unsafe {
        for (i, vector) in vectors.iter().enumerate() {
            vector.store(start.add(i * pitch));
        }
    }
}

/// Stores vectors as pairs of bfloat16, `pitch` values apart.
#[inline(always)]
unsafe fn store_pairs<V: Vector, const N: usize>(vectors: [V; N], start: *mut f32, pitch: usize) {
    let mut values = [0.0; LANES];
    for (i, vector) in vectors.iter().enumerate() {
        // SAFETY: the extents are the caller's contract.
        let pairs = unsafe {
            vector.store(values.as_mut_ptr());
            std::slice::from_raw_parts_mut(start.add(i * pitch), V::LANES / 2)
        };
        pair_neighbours(&values, pairs);
    }
}

/// The values of a polynomial with coefficients `d` reversed: `Bᵀ d`.
#[inline(always)]
unsafe fn input<V: Vector>(d: [V; 6]) -> [V; 6] {
    // SAFETY: the instruction set is the caller's contract.
    unsafe {
        let minus = |factor: f32, x: V, y: V| V::splat(-factor).mul_add(x, y);
        let (even_half, odd_half) = (minus(2.0, d[2], d[4]), minus(2.0, d[1], d[3]));
        let (even_two, odd_two) = (minus(0.5, d[2], d[4]), minus(0.5, d[1], d[3]));
        let (half, two) = (V::splat(ROOT_HALF), V::splat(ROOT_TWO));
        let (minus_half, minus_two) = (V::splat(-ROOT_HALF), V::splat(-ROOT_TWO));
        [
            minus(2.5, d[2], d[0].add(d[4])),
            half.mul_add(odd_half, even_half),
            minus_half.mul_add(odd_half, even_half),
            two.mul_add(odd_two, even_two),
            minus_two.mul_add(odd_two, even_two),
            minus(2.5, d[3], d[1].add(d[5])),
        ]
    }
}

/// Four outputs from six products: `Aᵀ m`.
#[inline(always)]
unsafe fn output<V: Vector>(m: [V; 6]) -> [V; 4] {
    // SAFETY: the instruction set is the caller's contract.
    unsafe {
        let (half_sum, half_difference) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (two_sum, two_difference) = (m[3].add(m[4]), m[3].sub(m[4]));
        let times = |factor: f32, x: V, y: V| V::splat(factor).mul_add(x, y);
        let zero = V::splat(0.0);
        [
            m[0].add(half_sum).add(two_sum),
            times(
                ROOT_HALF,
                half_difference,
                times(ROOT_TWO, two_difference, zero),
            ),
            times(0.5, half_sum, times(2.0, two_sum, zero)),
            times(
                ROOT_HALF / 2.0,
                half_difference,
                times(2.0 * ROOT_TWO, two_difference, m[5]),
            ),
        ]
    }
}

/// The transpose of [`output`]: `A g`.
#[inline(always)]
unsafe fn gradient<V: Vector>(g: [V; 4]) -> [V; 6] {
    // SAFETY: the instruction set is the caller's contract.
    unsafe {
        let times = |factor: f32, x: V, y: V| V::splat(factor).mul_add(x, y);
        let (even_half, odd_half) = (times(0.5, g[2], g[0]), times(0.5, g[3], g[1]));
        let (even_two, odd_two) = (times(2.0, g[2], g[0]), times(2.0, g[3], g[1]));
        [
            g[0],
            times(ROOT_HALF, odd_half, even_half),
            times(-ROOT_HALF, odd_half, even_half),
            times(ROOT_TWO, odd_two, even_two),
            times(-ROOT_TWO, odd_two, even_two),
            g[3],
        ]
    }
}

/// The six values of a filter's row or column: `G g`.
#[inline(always)]
pub(super) unsafe fn filter<V: Vector>(g: [V; 3]) -> [V; 6] {
    // SAFETY: the instruction set is the caller's contract.
    unsafe {
        let times = |factor: f32, x: V, y: V| V::splat(factor).mul_add(x, y);
        let zero = V::splat(0.0);
        let even_half = times(-2.0 / 3.0, g[0], times(-1.0 / 3.0, g[2], zero));
        let even_two = times(1.0 / 6.0, g[0], times(1.0 / 3.0, g[2], zero));
        [
            g[0],
            times(-2.0 / 3.0 * ROOT_HALF, g[1], even_half),
            times(2.0 / 3.0 * ROOT_HALF, g[1], even_half),
            times(ROOT_TWO / 6.0, g[1], even_two),
            times(-ROOT_TWO / 6.0, g[1], even_two),
            g[2],
        ]
    }
}

/// The transpose of [`filter`]: `Gᵀ u`.
#[inline(always)]
pub(super) unsafe fn filter_gradient<V: Vector>(u: [V; 6]) -> [V; 3] {
    // SAFETY: the instruction set is the caller's contract.
    unsafe {
        let times = |factor: f32, x: V, y: V| V::splat(factor).mul_add(x, y);
        let zero = V::splat(0.0);
        let (half_sum, half_difference) = (u[1].add(u[2]), u[1].sub(u[2]));
        let (two_sum, two_difference) = (u[3].add(u[4]), u[3].sub(u[4]));
        [
            times(-2.0 / 3.0, half_sum, times(1.0 / 6.0, two_sum, u[0])),
            times(
                -2.0 / 3.0 * ROOT_HALF,
                half_difference,
                times(ROOT_TWO / 6.0, two_difference, zero),
            ),
            times(-1.0 / 3.0, half_sum, times(1.0 / 3.0, two_sum, u[5])),
        ]
    }
}
