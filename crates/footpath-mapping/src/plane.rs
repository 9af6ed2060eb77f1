//! One value a pixel, row by row.

/// A picture of one channel: `height` rows of `width` values, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane<T> {
    width: u32,
    height: u32,
    values: Vec<T>,
}

impl<T: Copy> Plane<T> {
    /// A plane of one value.
    #[must_use]
    pub fn filled(width: u32, height: u32, value: T) -> Self {
        Self {
            width,
            height,
            values: vec![value; width as usize * height as usize],
        }
    }

    /// A plane from its row-major values.
    ///
    /// # Panics
    /// If there are not `width * height` values.
    #[must_use]
    pub fn from_values(width: u32, height: u32, values: Vec<T>) -> Self {
        assert_eq!(
            values.len(),
            width as usize * height as usize,
            "number of values of a {width}x{height} plane"
        );
        Self {
            width,
            height,
            values,
        }
    }

    /// Width, px.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height, px.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All values, row-major.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, row-major, to be changed.
    #[must_use]
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// The values themselves, row-major.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    /// The value in column `x` of row `y`.
    ///
    /// # Panics
    /// If the pixel lies outside.
    #[must_use]
    pub fn get(&self, x: u32, y: u32) -> T {
        assert!(
            x < self.width && y < self.height,
            "pixel ({x}, {y}) of a {}x{} plane",
            self.width,
            self.height
        );
        self.values[y as usize * self.width as usize + x as usize]
    }

    /// The rows from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[T]> {
        // A plane without columns has no rows to show; `chunks_exact(0)` would panic.
        self.values.chunks_exact(self.width.max(1) as usize)
    }

    /// The same plane with `f` applied to each value.
    #[must_use]
    pub fn map<U: Copy>(&self, f: impl FnMut(T) -> U) -> Plane<U> {
        Plane {
            width: self.width,
            height: self.height,
            values: self.values.iter().copied().map(f).collect(),
        }
    }
}

/// Rows and columns as the networks count them.
impl<T: Copy> From<Plane<T>> for footpath_vision::plane::Plane<T> {
    fn from(plane: Plane<T>) -> Self {
        let size =
            footpath_vision::plane::Size::new(plane.height() as usize, plane.width() as usize);
        Self::new(size, plane.into_values())
    }
}

impl<T: Copy> From<footpath_vision::plane::Plane<T>> for Plane<T> {
    fn from(plane: footpath_vision::plane::Plane<T>) -> Self {
        let size = plane.size();
        Self::from_values(size.width as u32, size.height as u32, plane.into_values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_row_major() {
        let plane = Plane::from_values(3, 2, vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(plane.get(2, 0), 3);
        assert_eq!(plane.get(0, 1), 4);
        assert_eq!(plane.rows().collect::<Vec<_>>(), [&[1, 2, 3], &[4, 5, 6]]);
        assert_eq!(plane.map(|v| v * 2).values(), [2, 4, 6, 8, 10, 12]);
    }

    #[test]
    #[should_panic(expected = "number of values of a 3x2 plane")]
    fn a_wrong_number_of_values_is_a_bug() {
        let _ = Plane::from_values(3, 2, vec![0; 5]);
    }
}
