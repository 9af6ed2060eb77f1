//! Gaussian filtering of points in many dimensions on the permutohedral lattice (Adams, Baek and
//! Davis 2010, DOI 10.1111/j.1467-8659.2009.01645.x).
//!
//! A point gives its value to the corners of the lattice simplex around it, the corners blur along
//! the lattice's axes, and the point takes back what its corners then hold: time in proportion to
//! the number of points, where the sum over all pairs takes its square.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Where points of `D` dimensions lie on the lattice.
pub(super) struct Lattice<const D: usize> {
    /// Corners of each point's simplex and the point's share in them, `D + 1` each.
    shares: Vec<(u32, f32)>,
    /// Neighbours of each corner, axis after axis: `(before, behind)`.
    neighbours: Vec<Vec<(u32, u32)>>,
    corners: usize,
}

/// No corner: its value counts as 0.
const NONE: u32 = u32::MAX;

impl<const D: usize> Lattice<D> {
    /// The lattice of points whose coordinates are in standard deviations of the Gaussian.
    ///
    /// # Panics
    /// If a coordinate is not finite.
    pub(super) fn new(points: impl Iterator<Item = [f32; D]>) -> Self {
        let mut numbers: HashMap<[i32; D], u32, BuildHasherDefault<KeyHasher>> = HashMap::default();
        let mut keys: Vec<[i32; D]> = Vec::new();
        let mut shares = Vec::new();
        for point in points {
            assert!(
                point.iter().all(|c| c.is_finite()),
                "a point has finite coordinates"
            );
            let simplex = Simplex::around(&point);
            for corner in 0..=D {
                let key = simplex.corner(corner);
                let number = *numbers.entry(key).or_insert_with(|| {
                    keys.push(key);
                    keys.len() as u32 - 1
                });
                shares.push((number, simplex.shares[corner]));
            }
        }
        let number = |key: &[i32; D]| numbers.get(key).copied().unwrap_or(NONE);
        let along = |axis: usize| {
            let beside = |key: &[i32; D]| {
                // Along an axis all coordinates change by one and the axis' own by -D; the last
                // coordinate is what makes their sum 0, and so is not written down.
                let step = |sign: i32| {
                    let mut key = key.map(|c| c + sign);
                    if axis < D {
                        key[axis] -= sign * (D as i32 + 1);
                    }
                    key
                };
                (number(&step(-1)), number(&step(1)))
            };
            keys.iter().map(beside).collect()
        };
        Self {
            shares,
            neighbours: (0..=D).map(along).collect(),
            corners: keys.len(),
        }
    }

    /// The Gaussian sum of `values` at each point, up to a constant factor.
    pub(super) fn filter(&self, values: &[f32]) -> Vec<f32> {
        let mut held = vec![0.0_f32; self.corners];
        for (shares, value) in self.shares.chunks_exact(D + 1).zip(values) {
            for &(corner, share) in shares {
                held[corner as usize] += share * value;
            }
        }
        let mut blurred = vec![0.0_f32; self.corners];
        for neighbours in &self.neighbours {
            let at = |corner: u32| held.get(corner as usize).copied().unwrap_or(0.0);
            for ((out, here), &(before, behind)) in blurred.iter_mut().zip(&held).zip(neighbours) {
                *out = here + 0.5 * (at(before) + at(behind));
            }
            std::mem::swap(&mut held, &mut blurred);
        }
        let taken = |shares: &[(u32, f32)]| {
            let of = |&(corner, share): &(u32, f32)| share * held[corner as usize];
            shares.iter().map(of).sum()
        };
        self.shares.chunks_exact(D + 1).map(taken).collect()
    }
}

/// The simplex around a point: its corner of colour 0, the order of the coordinates, the shares.
struct Simplex<const D: usize> {
    /// The first `D` coordinates of the corner of colour 0.
    origin: [i32; D],
    /// Place of each coordinate, the one that rises most above the corner first.
    rank: [i32; D],
    /// The point's share in the corner of each colour; `D + 1` of them.
    shares: Vec<f32>,
}

impl<const D: usize> Simplex<D> {
    fn around(point: &[f32; D]) -> Self {
        let size = D as i32 + 1;
        let elevated = elevate(point);
        // The nearest point whose coordinates are multiples of D + 1 ...
        let mut origin: Vec<i32> = elevated
            .iter()
            .map(|e| (e / size as f32).round() as i32 * size)
            .collect();
        let rise = |origin: &[i32], i: usize| elevated[i] - origin[i] as f32;
        let mut rank = vec![0_i32; D + 1];
        for i in 0..D {
            for j in i + 1..=D {
                let lower = if rise(&origin, i) < rise(&origin, j) {
                    i
                } else {
                    j
                };
                rank[lower] += 1;
            }
        }
        // ... brought back to the plane where coordinates sum to 0.
        let excess = origin.iter().sum::<i32>() / size;
        for (rank, origin) in rank.iter_mut().zip(&mut origin) {
            *rank += excess;
            if *rank < 0 {
                *rank += size;
                *origin += size;
            } else if *rank >= size {
                *rank -= size;
                *origin -= size;
            }
        }
        let mut shares = vec![0.0; D + 2];
        for (i, &rank) in rank.iter().enumerate() {
            let part = rise(&origin, i) / size as f32;
            let place = D - rank as usize;
            shares[place] += part;
            shares[place + 1] -= part;
        }
        shares[0] += 1.0 + shares[D + 1];
        shares.truncate(D + 1);
        Self {
            origin: std::array::from_fn(|i| origin[i]),
            rank: std::array::from_fn(|i| rank[i]),
            shares,
        }
    }

    /// The first `D` coordinates of the corner of a colour.
    fn corner(&self, colour: usize) -> [i32; D] {
        std::array::from_fn(|i| {
            let wraps = self.rank[i] as usize > D - colour;
            self.origin[i] + colour as i32 - if wraps { D as i32 + 1 } else { 0 }
        })
    }
}

/// The point in the plane of `D + 1` dimensions whose coordinates sum to 0, scaled so that the blur
/// is a Gaussian of standard deviation 1.
fn elevate<const D: usize>(point: &[f32; D]) -> Vec<f32> {
    let spread = (D as f32 + 1.0) * (2.0_f32 / 3.0).sqrt();
    let mut elevated = vec![0.0; D + 1];
    let mut sum = 0.0;
    for i in (1..=D).rev() {
        let scaled = point[i - 1] * spread / ((i * (i + 1)) as f32).sqrt();
        elevated[i] = sum - i as f32 * scaled;
        sum += scaled;
    }
    elevated[0] = sum;
    elevated
}

/// Multiplies and adds: keys are small and ours, no one wants them to collide.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            self.0 ^= self.0 >> 32;
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn points<const D: usize>(count: usize, spread: f32, seed: u64) -> Vec<[f32; D]> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut coordinate = || rng.random_range(0.0..spread);
        (0..count)
            .map(|_| std::array::from_fn(|_| coordinate()))
            .collect()
    }

    #[test]
    fn shares_are_those_of_a_point_in_its_simplex() {
        for point in points::<5>(200, 9.0, 1) {
            let simplex = Simplex::around(&point);
            let sum: f32 = simplex.shares.iter().sum();
            assert!((sum - 1.0).abs() < 1e-4, "{sum}");
            assert!(simplex.shares.iter().all(|&share| share > -1e-4));
            // The shares bring the corners together at the point.
            let elevated = elevate(&point);
            for (i, coordinate) in elevated.iter().enumerate().take(5) {
                let corners = (0..=5).zip(&simplex.shares);
                let met: f32 = corners.map(|(c, s)| s * simplex.corner(c)[i] as f32).sum();
                assert!((met - coordinate).abs() < 1e-3, "{met} for {coordinate}");
            }
        }
    }

    /// Means, as the field uses them, beside the sum over all pairs.
    fn greatest_error<const D: usize>(points: &[[f32; D]], values: &[f32]) -> f32 {
        let lattice = Lattice::new(points.iter().copied());
        let (sums, weights) = (
            lattice.filter(values),
            lattice.filter(&vec![1.0; values.len()]),
        );
        let exact = points.iter().map(|a| {
            let weight = |b: &[f32; D]| {
                let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
                (-0.5 * squares.sum::<f32>()).exp()
            };
            let pairs = points.iter().zip(values);
            let sum: f32 = pairs.map(|(b, value)| weight(b) * value).sum();
            sum / points.iter().map(weight).sum::<f32>()
        });
        let found = sums.iter().zip(&weights).map(|(sum, weight)| sum / weight);
        found
            .zip(exact)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn means_are_near_the_gaussian_ones() {
        let plane = points::<2>(600, 6.0, 2);
        let halves: Vec<f32> = plane
            .iter()
            .map(|p| f32::from(u8::from(p[0] > 3.0)))
            .collect();
        assert!(
            greatest_error(&plane, &halves) < 0.08,
            "{}",
            greatest_error(&plane, &halves)
        );
        let space = points::<5>(600, 3.0, 3);
        let halves: Vec<f32> = space
            .iter()
            .map(|p| f32::from(u8::from(p[0] > 1.5)))
            .collect();
        assert!(
            greatest_error(&space, &halves) < 0.12,
            "{}",
            greatest_error(&space, &halves)
        );
    }
}
