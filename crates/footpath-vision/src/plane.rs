//! Single-channel rasters and their size.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Height and width of a raster in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Size {
    /// A size of `height` rows and `width` columns.
    #[must_use]
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// The size of an image.
    #[must_use]
    pub fn of(image: &image::RgbImage) -> Self {
        Self::new(image.height() as usize, image.width() as usize)
    }

    /// Number of pixels.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

/// Width and height in the order in which the crate `image` names them.
impl From<(u32, u32)> for Size {
    fn from((width, height): (u32, u32)) -> Self {
        Self::new(height as usize, width as usize)
    }
}

/// One value a pixel, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane<T> {
    size: Size,
    values: Vec<T>,
}

impl<T> Plane<T> {
    /// A plane of `values`, row by row.
    ///
    /// # Panics
    /// If the number of values is not the number of pixels.
    #[must_use]
    pub fn new(size: impl Into<Size>, values: Vec<T>) -> Self {
        let size = size.into();
        assert_eq!(
            values.len(),
            size.pixels(),
            "a plane of {size} px was given another number of values"
        );
        Self { size, values }
    }

    /// A plane with a value computed from each `(row, column)`.
    pub fn from_fn(size: Size, mut value: impl FnMut(usize, usize) -> T) -> Self {
        let mut values = Vec::with_capacity(size.pixels());
        for row in 0..size.height {
            values.extend((0..size.width).map(|column| value(row, column)));
        }
        Self { size, values }
    }

    /// Height and width.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Width, px, as images count it.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.size.width as u32
    }

    /// Height, px, as images count it.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.size.height as u32
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

    /// The rows from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[T]> {
        // A plane without columns has no rows to show; `chunks_exact(0)` would panic.
        self.values.chunks_exact(self.size.width.max(1))
    }
}

impl<T: Copy> Plane<T> {
    /// A plane of one value.
    #[must_use]
    pub fn filled(size: impl Into<Size>, value: T) -> Self {
        let size = size.into();
        Self {
            size,
            values: vec![value; size.pixels()],
        }
    }

    /// The value at a row and column.
    ///
    /// # Panics
    /// If the place is outside.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> T {
        assert!(
            row < self.size.height && column < self.size.width,
            "row {row}, column {column} of a plane of {} px",
            self.size
        );
        self.values[row * self.size.width + column]
    }

    /// The same plane with `f` applied to each value.
    #[must_use]
    pub fn map<U>(&self, f: impl FnMut(T) -> U) -> Plane<U> {
        Plane {
            size: self.size,
            values: self.values.iter().copied().map(f).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_row_major() {
        let plane = Plane::new((3, 2), vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(plane.size(), Size::new(2, 3));
        assert_eq!((plane.width(), plane.height()), (3, 2));
        assert_eq!(plane.at(0, 2), 3);
        assert_eq!(plane.at(1, 0), 4);
        assert_eq!(plane.rows().collect::<Vec<_>>(), [&[1, 2, 3], &[4, 5, 6]]);
        assert_eq!(plane.map(|v| v * 2).values(), [2, 4, 6, 8, 10, 12]);
        assert_eq!(Plane::filled((3, 0), 1).rows().count(), 0);
    }

    #[test]
    #[should_panic(expected = "a plane of 2x3 px was given another number of values")]
    fn a_wrong_number_of_values_is_a_bug() {
        let _ = Plane::new((3, 2), vec![0; 5]);
    }
}
