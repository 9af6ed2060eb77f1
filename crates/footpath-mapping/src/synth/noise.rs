//! Noise over the tile: what makes grass, soil and roofs uneven.

use super::canvas::Grid;

/// A 32-bit mix of a key and two integer coordinates (the finaliser of `MurmurHash3`).
pub(crate) fn hash(key: u32, x: u32, y: u32) -> u32 {
    let mut h = key ^ x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77).rotate_left(15);
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// [`hash`] as a number in `[-1, 1)`.
pub(crate) fn hash_signed(key: u32, x: u32, y: u32) -> f32 {
    (hash(key, x, y) >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Value noise: random values on a square lattice, smoothly interpolated, several octaves summed.
///
/// `wavelength_m` is the coarsest lattice spacing; each further octave halves it and weighs
/// `gain` times as much. The sum has a standard deviation near 1.
pub(crate) fn octaves(
    grid: &Grid,
    key: u32,
    wavelength_m: f32,
    count: usize,
    gain: f32,
) -> Vec<f32> {
    let mut field = vec![0.0_f32; grid.len()];
    let mut weight = 1.0;
    let mut power = 0.0;
    for octave in 0..count {
        let spacing = wavelength_m / grid.step_m / (1 << octave) as f32;
        add_octave(
            &mut field,
            grid,
            key.wrapping_add(octave as u32),
            spacing.max(1.0),
            weight,
        );
        power += weight * weight;
        weight *= gain;
    }
    // A uniform in [-1, 1) has variance 1/3; smooth interpolation leaves about half of it.
    let scale = 1.0 / (power / 6.0).sqrt();
    for value in &mut field {
        *value *= scale;
    }
    field
}

/// Adds one octave with the lattice `spacing` in samples.
fn add_octave(field: &mut [f32], grid: &Grid, key: u32, spacing: f32, weight: f32) {
    let offset = [
        hash_signed(key, 91, 17).abs() * spacing,
        hash_signed(key, 23, 57).abs() * spacing,
    ];
    let cells = ((grid.width as f32 + offset[0]) / spacing) as usize + 2;
    let taps: Vec<(usize, f32)> = (0..grid.width)
        .map(|x| tap((x as f32 + offset[0]) / spacing))
        .collect();
    let mut row = vec![0.0_f32; cells];
    for (y, line) in field.chunks_exact_mut(grid.width).enumerate() {
        let (cell, blend) = tap((y as f32 + offset[1]) / spacing);
        for (x, value) in row.iter_mut().enumerate() {
            let above = hash_signed(key, x as u32, cell as u32);
            let below = hash_signed(key, x as u32, cell as u32 + 1);
            *value = (above + (below - above) * blend) * weight;
        }
        for (value, &(cell, blend)) in line.iter_mut().zip(&taps) {
            *value += row[cell] + (row[cell + 1] - row[cell]) * blend;
        }
    }
}

/// The lattice cell and the smoothed position within it.
fn tap(position: f32) -> (usize, f32) {
    let cell = position as usize;
    let t = position - cell as f32;
    (cell, t * t * (3.0 - 2.0 * t))
}

/// The noise fields every material of a tile draws on, one value a sample each.
pub(crate) struct Noise {
    /// Tens of metres: moisture, wear, lighting.
    pub(crate) broad: Vec<f32>,
    /// Metres: tufts, stains, patches.
    pub(crate) patch: Vec<f32>,
    /// Decimetres: leaves, clods.
    pub(crate) fine: Vec<f32>,
    /// The hash key of everything that is random by cell (roof sheets, leaves).
    pub(crate) key: u32,
}

impl Noise {
    pub(crate) fn new(grid: &Grid, key: u32) -> Self {
        Self {
            broad: octaves(grid, key, 28.0, 3, 0.6),
            patch: octaves(grid, key ^ 0x5bd1, 5.0, 3, 0.7),
            fine: octaves(grid, key ^ 0x77f3, 0.9, 3, 0.9),
            key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octaves_are_centred_with_unit_spread_and_smooth() {
        let grid = Grid::new(64, 0.0);
        let field = octaves(&grid, 5, 4.0, 3, 0.6);
        let n = field.len() as f32;
        let mean = field.iter().sum::<f32>() / n;
        let spread = (field.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
        assert!(mean.abs() < 0.35, "{mean}");
        assert!((0.6..1.5).contains(&spread), "{spread}");
        let step = field.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f32>() / n;
        assert!(step < 0.4 * spread, "neighbours differ by {step}");
    }
}
