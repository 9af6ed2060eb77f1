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
    pub fn new(size: Size, values: Vec<T>) -> Self {
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

    /// All values, row-major.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, row-major.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.values
    }
}

impl<T: Copy> Plane<T> {
    /// The value at a row and column.
    ///
    /// # Panics
    /// If the place is outside.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> T {
        self.values[row * self.size.width + column]
    }
}
